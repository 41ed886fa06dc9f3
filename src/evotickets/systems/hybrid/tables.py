"""The tables of hybrid training."""

from evotickets.results.tables import FLOAT, INT, STRING, VALUE, register

_SPARSE = {"system": STRING, "task": STRING, "method": STRING, "density": FLOAT}

HYBRID = register("hybrid", _SPARSE | {"step": INT} | VALUE)
"""`density` is what was asked for, 1 where nothing is pruned."""

HYBRID_EFFECTS = register("hybrid_effects", _SPARSE | {"weights": INT, "population": INT, "seed": INT, "value": FLOAT})
"""`value` is the correlation of a mask's update with the exact effects of single weights."""

TABLES = {"hybrid": HYBRID, "hybrid_effects": HYBRID_EFFECTS}
"""The tables that a study collects, by the name of their file."""
