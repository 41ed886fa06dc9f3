"""A whole chain of sixteen levels, what is computed once a level included."""

import time
from typing import Any

import numpy as np
import peers
from generations import GENERATIONS, ours
from timing import interleaved, row
from workload import MLP, data, magnitude_masks, random_mask

LEVELS = tuple(round(0.8**level, 6) for level in range(16))
PLANNED = 1000


def rows(quick: bool) -> list[dict[str, Any]]:
    """Compare 1,000 generations a level, from a few timed ones and every level's first call."""
    levels = LEVELS[::5] if quick else LEVELS
    pruned = magnitude_masks(MLP, levels)
    peer = peers.evosax(MLP, random_mask(MLP, 1.0), data(), "pgpe", GENERATIONS)
    begin = time.perf_counter()
    peer()
    theirs_once = (time.perf_counter() - begin) * 1e3
    own, other, once = [], [], 0.0
    for density in levels:
        begin = time.perf_counter()
        case = ours(MLP, pruned[density], "pgpe")
        case()
        once += (time.perf_counter() - begin) * 1e3
        times = interleaved({"ours": case, "evosax": peer}, 2 if quick else 5, GENERATIONS)
        own.append(times["ours"])
        other.append(times["evosax"])
    total, theirs = (PLANNED * np.sum(times, axis=0) for times in (own, other))
    setting = f"{len(levels)} levels × {PLANNED} generations, pgpe, magnitude masks, {data().name}"
    note = f"our plans and compilations take {once / 1e3:.0f} s of it"
    return [row("chain", setting, levels[-1], total + once, "evosax", theirs + theirs_once, note)]
