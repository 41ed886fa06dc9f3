"""How many weights each layer may keep.

Axis letters: `L` layers.
"""

from collections.abc import Sequence
from math import prod

import numpy as np

from evotickets.networks import masks

Shape = tuple[int, ...]


def uniform(shapes: Sequence[Shape], density: float) -> np.ndarray:
    """Return the counts [L] that give every kernel the same density: round(density · entries), one each at least."""
    return np.array([masks.kept_count(density, prod(shape)) for shape in shapes], np.int32)


def erk(shapes: Sequence[Shape], density: float) -> np.ndarray:
    """Return the counts [L] of the Erdős–Rényi kernel: densities in proportion to Σ dimensions / Π dimensions.

    Layers that would need more than all their entries keep all; the others share what is left. Counts add up to
    round(density · all entries) but for the entry that every layer keeps at least.

    Source: Evci et al. (2020), "Rigging the lottery: making all tickets winners", (1).
    """
    sizes = np.array([prod(shape) for shape in shapes], float)
    raw = np.array([sum(shape) for shape in shapes], float)
    wanted, dense = float(masks.kept_count(density, int(sizes.sum()))), np.zeros(len(sizes), bool)
    while not dense.all():
        factor = (wanted - sizes[dense].sum()) / raw[~dense].sum()
        over = ~dense & (factor * raw > sizes)
        if not over.any():
            break
        dense |= over
    shares = np.where(dense, sizes, factor * raw)
    counts = np.maximum(np.floor(shares), 1)
    order = np.argsort(counts - shares, kind="stable")
    for index in order[: max(0, int(wanted - counts.sum()))]:
        counts[index] += 1
    return counts.astype(np.int32)


LAYER_DENSITIES = {"uniform": uniform, "erk": erk}
