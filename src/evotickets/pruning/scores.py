"""Scores: per-weight saliency, larger means keep.

A score sees only what training left behind, never the loss.
"""

import inspect
from collections.abc import Callable

import numpy as np

Score = Callable[..., np.ndarray]

SCORES: dict[str, Score] = {}
NEEDS_STD: set[str] = set()
"""Scores that read the std of a search distribution, which gradient trainers do not have."""


def register(function: Score) -> Score:
    """Add a score of the mean [S, K], or of mean and std, under its function's name; a config can name it as a criterion."""
    SCORES[function.__name__] = function
    if "std" in inspect.signature(function).parameters:
        NEEDS_STD.add(function.__name__)
    return function


@register
def magnitude(mean: np.ndarray) -> np.ndarray:
    """Return |mean| [S, K].

    Source: Han et al. (2015); Frankle & Carbin (2019).
    """
    return np.abs(mean)


@register
def snr(mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Return the signal-to-noise ratio |mean| / std [S, K] of the search distribution.

    Source: Lange & Sprekeler (2023), §3.
    """
    return np.abs(mean) / std


@register
def snr_variance(mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Return |mean| / std² [S, K].

    Source: the code released with Lange & Sprekeler (2023), which divides Sep-CMA-ES means by the variance; kept under
    a name of its own for comparison.
    """
    return np.abs(mean) / std**2


def score(criterion: str, mean: np.ndarray, std: np.ndarray | None) -> np.ndarray:
    """Score every prunable entry by a named criterion.

    Raises:
        ValueError: if the criterion is unknown, or needs a std that the trainer does not have.
    """
    if criterion not in SCORES:
        raise ValueError(f"unknown score {criterion!r}; known are {', '.join(sorted(SCORES))}")
    if criterion in NEEDS_STD and std is None:
        raise ValueError(
            f"criterion {criterion!r} needs a search distribution; a gradient trainer has none: use magnitude"
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        values = SCORES[criterion](mean, std) if criterion in NEEDS_STD else SCORES[criterion](mean)
    return np.nan_to_num(values, nan=-np.inf, posinf=float(np.finfo(np.float32).max))
