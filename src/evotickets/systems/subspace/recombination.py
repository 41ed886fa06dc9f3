"""From the losses of children to a network: how much of each child's mutation a recombination takes.

All recombinations are parent + Σ shares · mutations, so that only shares are ever stored.
"""

import numpy as np
from numpy.typing import ArrayLike

from evotickets.refusals import hint
from evotickets.systems.subspace import RECOMBINED

TOP = 0.25
"""Share of the children that count as the top."""


def top(losses: ArrayLike) -> np.ndarray:
    """Return the indices of the best quarter of losses [children], at least one; NaN is worst and ties go to the first."""
    losses = np.asarray(losses, float)
    order = np.argsort(np.where(np.isnan(losses), np.inf, losses), kind="stable")
    return order[: max(1, round(TOP * len(losses)))]


def standardised(losses: ArrayLike) -> np.ndarray:
    """Return fitness [children] with mean 0 and std 1; 0 where all losses are equal. NaN counts as the worst loss.

    Source: Qiu et al. (2025), "Evolution strategies at scale" (z-scored rewards).
    """
    losses = np.asarray(losses, float)
    finite = np.isfinite(losses)
    worst = losses[finite].max() if finite.any() else 0.0
    fitness = -np.where(finite, losses, worst)
    # Relative to the values: the std of equal numbers is rounding.
    spread = fitness.std()
    flat = spread <= 1e-12 * max(1.0, float(np.abs(fitness).max()))
    return np.zeros(len(fitness)) if flat else (fitness - fitness.mean()) / spread


def ranked(losses: ArrayLike) -> np.ndarray:
    """Return utilities [children] that are linear in rank, with mean 0 and std 1; equal losses share their utilities.

    Source: Salimans et al. (2017), "Evolution strategies as a scalable alternative", §2.1 (centred ranks).
    Deviates: scaled to std 1, so that a step does not depend on how utilities are shaped.
    """
    losses = np.asarray(losses, float)
    losses = np.where(np.isnan(losses), np.inf, losses)
    _, inverse, counts = np.unique(losses, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2 - 1)[inverse]
    return standardised(ranks)


def shares(kind: str, losses: ArrayLike, step: float = 1.0) -> np.ndarray:
    """Return the share [children] of each child's mutation in a recombination, one of `subspace.RECOMBINED`.

    `best` takes the best child; `top_mean` the mean of the best quarter; `weighted_mean` weights each child by a softmax
    of its standardised fitness; `es_step` goes `step` along the mean of mutations times utilities by rank;
    `weight_average`, the control, averages all children.

    Raises:
        ValueError: if the kind is unknown.
    """
    losses = np.asarray(losses, float)
    count, taken = len(losses), np.zeros(len(losses))
    match kind:
        case "best":
            taken[top(losses)[0]] = 1
        case "top_mean":
            chosen = top(losses)
            taken[chosen] = 1 / len(chosen)
        case "weighted_mean":
            weights = np.exp(standardised(losses))
            taken = weights / weights.sum()
        case "es_step":
            taken = step * ranked(losses) / count
        case "weight_average":
            taken[:] = 1 / count
        case _:
            raise ValueError(f"unknown recombination {kind!r}; {hint(kind, RECOMBINED)}")
    return taken
