"""All seekers by name. A new one is a registered function in a module that is imported here."""

import inspect
from typing import Any

import numpy as np

from evotickets.supermasks.edge_popup import edge_popup
from evotickets.supermasks.gem_miner import gem_miner
from evotickets.supermasks.instance import Instance
from evotickets.systems.planting import evolved, scored
from evotickets.systems.planting.registry import SEEKERS, register

__all__ = ["evolved", "options", "scored", "seek"]

for _seeker in (edge_popup, gem_miner):
    register(_seeker)


def options(name: str) -> dict[str, Any]:
    """Return the options of a seeker with their defaults."""
    parameters = inspect.signature(SEEKERS[name]).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def seek(name: str, instance: Instance, count: int, **chosen: Any) -> np.ndarray:
    """Return the mask [S, K] that a seeker finds, with exactly `count` edges.

    Raises:
        ValueError: if there is no such seeker.
    """
    if name not in SEEKERS:
        raise ValueError(f"unknown seeker {name!r}; known are {', '.join(sorted(SEEKERS))}")
    return SEEKERS[name](instance, count, **chosen)
