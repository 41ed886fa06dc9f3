"""The tables of hybrid training."""

from evotickets.results.tables import BOOL, FLOAT, INT, STRING, VALUE, register

_SPARSE = dict.fromkeys(("system", "task", "layer_densities", "method"), STRING) | {"density": FLOAT}

HYBRID = register("hybrid", _SPARSE | {"step": INT} | VALUE, version=2)
"""`density` is what was asked for, 1 where nothing is pruned; `layer_densities` how it is shared out over layers."""

HYBRID_CHOICES = register(
    "hybrid_choices",
    _SPARSE
    | {"candidate": INT, "options": STRING, "learning_rate": FLOAT, "seed": INT, "accuracy": FLOAT, "loss": FLOAT}
    | {"chosen": BOOL},
)
"""What candidates are worth on validation images, and which of them was chosen; `seed` counts the replicates that chose."""

HYBRID_EFFECTS = register(
    "hybrid_effects", _SPARSE | {"weights": INT, "population": INT, "seed": INT, "value": FLOAT}, version=2
)
"""`value` is the correlation of a mask's update with the exact effects of single weights."""

TABLES = {"hybrid": HYBRID, "hybrid_choices": HYBRID_CHOICES, "hybrid_effects": HYBRID_EFFECTS}
"""The tables that a study collects, by the name of their file."""
