"""Criteria of trained weights: they see what training left behind, never the loss."""

from typing import TypeVar

import jax
import numpy as np

from evotickets.pruning import criterion

Array = TypeVar("Array", np.ndarray, jax.Array)


@criterion
def magnitude(mean: Array) -> Array:
    """Return |mean| [S, K].

    Source: Han et al. (2015); Frankle & Carbin (2019).
    """
    return abs(mean)


@criterion
def snr(mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Return the signal-to-noise ratio |mean| / std [S, K] of the search distribution.

    Source: Lange & Sprekeler (2023), §3.
    """
    return np.abs(mean) / std


@criterion
def snr_variance(mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Return |mean| / std² [S, K].

    Source: the code released with Lange & Sprekeler (2023), which divides Sep-CMA-ES means by the variance; kept under
    a name of its own for comparison.
    """
    return np.abs(mean) / std**2
