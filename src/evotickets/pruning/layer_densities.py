"""How many weights each layer may keep: three ways to share a density or a count out over layers.

`uniform` gives every kernel the same density, rounded layer by layer, so that the total may miss that of the network by a
few. `erk` gives small kernels more, and `proportional` every kernel the same density with an exact total. All leave one
weight at least in every layer.
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
    return _rounded(shares, int(wanted)).astype(np.int32)


def proportional(shapes: Sequence[Shape], count: int) -> np.ndarray:
    """Return the counts [L], `count` in all, in proportion to the entries of the kernels.

    Raises:
        ValueError: if there are more layers than edges.
    """
    sizes = np.array([prod(shape) for shape in shapes])
    if count < len(sizes):
        raise ValueError(f"{count} edges cannot reach all of {len(sizes)} layers: raise the density")
    shares = count * sizes / sizes.sum()
    counts = _rounded(shares, count)
    while counts.sum() > count:
        counts[np.argmax(np.where(counts > 1, counts - shares, -np.inf))] -= 1
    return counts


def _rounded(shares: np.ndarray, total: int) -> np.ndarray:
    """Round shares [L] down, to one at least, and give what is left of the total to those that lost most."""
    counts = np.maximum(np.floor(shares).astype(int), 1)
    order = np.argsort(counts - shares, kind="stable")
    counts[order[: max(0, total - counts.sum())]] += 1
    return counts


LAYER_DENSITIES = {"uniform": uniform, "erk": erk}
"""What a configuration may name: (shapes, density) -> counts [L]."""
