"""Figures as SVG or PNG; the only modules that know matplotlib."""

from evotickets.figures.claims import claims
from evotickets.figures.hybrid import (
    hybrid_churn,
    hybrid_cost,
    hybrid_effects,
    hybrid_overhead,
    hybrid_performance,
)
from evotickets.figures.landscape import barriers, diversity, flatness, interpolation, snr_correlation, transfer
from evotickets.figures.planting import (
    planted_networks,
    planting_collapse,
    planting_quality,
    planting_recovery,
)
from evotickets.figures.strong import strong_boundaries, strong_fronts, strong_leak, strong_progress
from evotickets.figures.subspace import (
    subspace_damage,
    subspace_ensembles,
    subspace_generations,
    subspace_gradients,
    subspace_variance,
)
from evotickets.figures.tickets import (
    layer_densities,
    performance,
    snr_against_magnitude,
    strategies,
    training_curves,
)

__all__ = [
    "barriers",
    "claims",
    "diversity",
    "flatness",
    "hybrid_churn",
    "hybrid_cost",
    "hybrid_effects",
    "hybrid_overhead",
    "hybrid_performance",
    "interpolation",
    "layer_densities",
    "performance",
    "planted_networks",
    "planting_collapse",
    "planting_quality",
    "planting_recovery",
    "snr_against_magnitude",
    "snr_correlation",
    "strategies",
    "strong_boundaries",
    "strong_fronts",
    "strong_leak",
    "strong_progress",
    "subspace_damage",
    "subspace_ensembles",
    "subspace_generations",
    "subspace_gradients",
    "subspace_variance",
    "training_curves",
    "transfer",
]
