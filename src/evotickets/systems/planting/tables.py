"""The tables of planted tickets."""

from evotickets.results.tables import FLOAT, FLOATS, INT, STRING, VALUE, register

PLANTING = register(
    "planting",
    {"system": STRING, "target": STRING, "family": STRING, "noise": FLOAT, "depth": INT, "seeker": STRING}
    | {"asked": STRING, "density": FLOAT, "layer": INT}
    | VALUE,
    version=2,
)
"""`asked` is the density as the study writes it, `ticket` among them; `layer` 0 is the whole network."""

SCALES = register("planted_scales", {"seed": INT, "scales": FLOATS})
"""The factors by which the outputs of a planted ticket exceed those of its target, one an output."""

TABLES = {"planting": PLANTING}
"""The tables that a study collects, by the name of their file."""
