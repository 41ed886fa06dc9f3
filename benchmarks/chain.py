"""A whole chain of sixteen levels, what is computed once a level included."""

import time
from typing import Any

import numpy as np
import peers
from generations import GENERATIONS, ours
from timing import interleaved, row
from workload import MLP, data, magnitude_masks, random_mask

from evotickets import devices

LEVELS = tuple(round(0.8**level, 6) for level in range(16))
PLANNED = 1000


def rows(quick: bool) -> list[dict[str, Any]]:
    """Compare 1,000 generations a level, from a few timed ones and every level's first call."""
    levels, mesh = LEVELS[::5] if quick else LEVELS, devices.mesh()
    pruned = magnitude_masks(MLP, levels)
    ways = {"one device": None} if mesh is None else {"one device": None, f"{mesh.size} devices": mesh}
    peer = peers.evosax(MLP, random_mask(MLP, 1.0), data(), "pgpe", GENERATIONS)
    once = dict.fromkeys([*ways, "evosax"], 0.0)
    spent: dict[str, list[np.ndarray]] = {name: [] for name in once}
    begin = time.perf_counter()
    peer()
    once["evosax"] = (time.perf_counter() - begin) * 1e3
    for density in levels:
        cases = {"evosax": peer}
        for way, spread in ways.items():
            begin = time.perf_counter()
            cases[way] = ours(MLP, pruned[density], "pgpe", spread)
            cases[way]()
            once[way] += (time.perf_counter() - begin) * 1e3
        for name, times in interleaved(cases, 2 if quick else 5, GENERATIONS).items():
            spent[name].append(times)
    total = {name: PLANNED * np.sum(times, axis=0) + once[name] for name, times in spent.items()}
    work = f"{len(levels)} levels × {PLANNED} generations, pgpe, magnitude masks, {data().name}"
    return [
        row("chain", f"{work}, {way}", levels[-1], total[way], "evosax", total["evosax"],
            f"our plans and compilations take {once[way] / 1e3:.0f} s of it")
        for way in ways
    ]  # fmt: skip
