"""Planting: hide a known ticket in a random network and see who finds it."""

from evotickets.planting import evolved, seekers

__all__ = ["evolved", "seekers"]
