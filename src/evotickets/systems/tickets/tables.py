"""The tables of tickets, of transferred ones, and of the landscape around them: one row per seed."""

from collections.abc import Mapping
from typing import Any

from evotickets.results.tables import FLOAT, FLOATS, INT, STRING, VALUE, register

_CHAIN = {"task": STRING, "trainer": STRING, "criterion": STRING}
_CELL = {"system": STRING, **_CHAIN, "level": INT, "density": FLOAT}
_SOURCE = {f"source_{name}": STRING for name in _CHAIN}

_PARTS = {"parts": FLOATS}

SCORES = register("scores", _CELL | VALUE | _PARTS, version=2)
"""Final scores; `parts` are those on random parts of the test images where all seeds share them, and empty elsewhere."""
TRANSFERS = register("transfers", _SOURCE | _CELL | VALUE | _PARTS, version=2)
CONNECTIVITY = register("connectivity", _CELL | {"pair": STRING, "alpha": FLOAT} | VALUE)
BARRIERS = register("barriers", _CELL | {"pair": STRING} | VALUE | {"bump": FLOAT})
FLATNESS = register("flatness", _CELL | {"epsilon": FLOAT} | VALUE)
CURVATURE = register(
    "curvature", _CELL | {"seed": INT} | dict.fromkeys(("trace", "trace_error", "largest", "smallest"), FLOAT)
)
DIVERSITY = register("diversity", _CELL | {"measure": STRING, "seed": INT, "other": INT, "value": FLOAT})
RELIABILITY = register("reliability", _CELL | {"measure": STRING, "seed": INT, "value": FLOAT})
SNR_CORRELATION = register("snr_correlation", _CELL | {"seed": INT, "value": FLOAT})

TABLES = {
    "tickets": SCORES,
    "transfers": TRANSFERS,
    "connectivity": CONNECTIVITY,
    "barriers": BARRIERS,
    "reliability": RELIABILITY,
    "flatness": FLATNESS,
    "curvature": CURVATURE,
    "diversity": DIVERSITY,
    "snr_correlation": SNR_CORRELATION,
}
"""The tables that a study collects, by the name of their file."""

SCORED = ("accuracy", "r2", "return")
"""The metrics that are scores, of which larger is better: of classes, of real values, of a control task."""
ERRORS = ["error", "unexplained", "minus_return"]
"""What a barrier is measured in: the error of a data set, its unexplained variance, or a return with its sign turned."""


def chain_of(place: Mapping[str, str]) -> dict[str, str]:
    """Return task, trainer and criterion of a path's wildcards."""
    return {name: place[name] for name in _CHAIN}


def factors(chain: Mapping[str, str], level: int, density: float) -> dict[str, Any]:
    """Return what all rows of a level have in common."""
    return {"system": "tickets", **chain, "level": level, "density": density}


def source_of(place: Mapping[str, str]) -> dict[str, str]:
    """Return task, trainer and criterion of the chain that a transferred ticket is from, of a path's wildcards."""
    return {name: place[name] for name in _SOURCE}
