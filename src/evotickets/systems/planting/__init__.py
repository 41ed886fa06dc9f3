"""Planting: hide a known ticket in a random network and see who finds it."""

from evotickets.parts import Parts

seeker = Parts("seeker", "evotickets.systems.planting.seekers")
"""Who looks for planted tickets: `(instance, count, *, options) -> mask [S, K]` with exactly `count` edges.

Facts: `single_shot`, that it trains nothing before it cuts (where that is no matter of an option `shots`); `cuts_biases`, that
it also finds masks [S, N] where biases are prunable.
"""

DENSE, PLANTED = "dense", "planted"
"""Seekers that seek nothing: they keep every edge, or know the ticket."""

TICKET = "ticket"
"""The density of the planted ticket, where a density is asked for."""
