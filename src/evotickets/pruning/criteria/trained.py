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


@criterion
def movement(mean: Array, initial: Array) -> Array:
    """Return mean · (mean − initial) [S, K]: how far training moved a weight away from zero, times its size.

    Source: Sanh, Wolf & Rush (2020), "Movement pruning: adaptive sparsity by fine-tuning", §4: the score −Σ_t ∂L/∂w_t · w_t,
    which a descent w_{t+1} − w_t ∝ −∂L/∂w_t makes Σ_t w_t · (w_{t+1} − w_t).
    Deviates: the trained weight stands for the weight of every step, so that two points of any trainer's path will do, and
    nothing is pruned on the way. Along small steps the sum is half of mean² − initial², which has the sign of `magnitude
    increase`, |mean| − |initial|, of Zhou et al. (2019), "Deconstructing lottery tickets: zeros, signs, and the supermask";
    this score is larger by half of (mean − initial)², and so takes a crossing of zero for a move away from it. What they
    call `movement` is another criterion, |mean − initial|.
    """
    return mean * (mean - initial)
