"""The table of subspace evolution."""

from evotickets.results.tables import FLOAT, INT, STRING, VALUE, register

SUBSPACE = register(
    "subspace",
    dict.fromkeys(("system", "parent", "study", "mode"), STRING)
    | {"density": FLOAT, "rule": STRING, "sigma": FLOAT, "shift": STRING, "decay": FLOAT, "step": INT}
    | {"candidate": STRING}
    | VALUE,
)
"""`candidate` is who is scored, of tuning by its update; `step`
counts generations, or the evaluations behind an estimate of a gradient."""

TABLES = {"subspace": SUBSPACE}
"""The tables that a study collects, by the name of their file."""
