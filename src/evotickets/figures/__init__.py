"""Figures as SVG or PNG; the only modules that know matplotlib."""

from evotickets.figures.tickets import (
    layer_densities,
    performance,
    snr_against_magnitude,
    strategies,
    training_curves,
)

__all__ = ["layer_densities", "performance", "snr_against_magnitude", "strategies", "training_curves"]
