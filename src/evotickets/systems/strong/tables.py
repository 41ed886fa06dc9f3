"""The tables of strong tickets."""

from evotickets.results.tables import BOOLS, FLOAT, INT, STRING, VALUE, register

_SEARCH = {"system": STRING, "task": STRING, "family": STRING, "classes": INT, "hidden": STRING, "initial": STRING}
_SEARCH |= {"seeker": STRING}

STRONG = register("strong", _SEARCH | {"state": STRING, "density": FLOAT} | VALUE)
"""`density` is that of the seed's own mask; `hidden` are the units of the hidden layers, such as `50-50`, and
`initial` is how the weights were drawn, such as `uniform 2.5`."""

STRONG_HISTORY = register("strong_history", _SEARCH | {"step": INT} | VALUE)
"""The best mask of a search after `step` evaluations."""

STRONG_MASK = register("strong_mask", {"state": STRING, "seed": INT, "mask": BOOLS})

TABLES = {"strong": STRONG, "strong_history": STRONG_HISTORY}
"""The tables that a study collects, by the name of their file."""
