"""A part of an installed package, which every study of its environment can name."""

import numpy as np

from evotickets.pruning import criterion


@criterion
def turned(mean: np.ndarray, initial: np.ndarray) -> np.ndarray:
    """Return the product of trained and initial weight [S, K], turned round: what has changed its sign comes first."""
    return -mean * initial
