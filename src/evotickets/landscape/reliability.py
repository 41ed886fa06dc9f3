"""How much of the std of a search is signal: what two runs of one ticket have in common, beside what chance alone makes."""

from math import sqrt
from typing import Any

import numpy as np

from evotickets.refusals import check_shape


def reliability(first: np.ndarray, second: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return Spearman's correlation [S] of the stds [S, K] of two runs of one ticket over its survivors [S, K].

    Only the noise of the runs differs, so that what they have in common is of the weights. NaN where all are equal.

    Raises:
        ValueError: if the shapes differ.
    """
    check_shape("stds of the first run", first, *mask.shape)
    check_shape("stds of the second run", second, *mask.shape)
    # Importing it takes half a second, which each job that trains would pay.
    from scipy import stats

    ranks = [[stats.rankdata(row[kept]) for row, kept in zip(std, mask, strict=True)] for std in (first, second)]
    with np.errstate(invalid="ignore"):
        return np.array([np.corrcoef(*pair)[0, 1] for pair in zip(*ranks, strict=True)])


def spread(std: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the standard deviation of the stds [S, K] of the survivors [S, K] over their mean [S]; raises as `reliability`."""
    check_shape("stds", std, *mask.shape)
    kept = [row[chosen].astype(float) for row, chosen in zip(std, mask, strict=True)]
    return np.array([values.std() / values.mean() for values in kept])


def random_walk(params: Any, generations: int) -> float | None:
    """Return the spread that SNES makes of equal stds without any selection; None where the constants are another's.

    A generation changes the logarithm of a std by half the learning rate times Σ weight · (normal² − 1), whose variance is
    2 / μ: (learning rate / 2) · √(2 / μ) · √generations, μ being one over the sum of the squared weights.
    """
    rate, weights = getattr(params, "lr_std_init", None), getattr(params, "weights", None)
    if rate is None or weights is None:
        return None
    return float(rate) / 2 * sqrt(2 * float(np.sum(np.square(weights)))) * sqrt(generations)
