"""What a quadratic loss predicts for sparse mutations: their damage, its variance, and what a search can learn from them.

The loss is f(θ + δ) = f(θ) + g·δ + ½ δᵀHδ, with n entries, and δ has independent entries of mean 0: normal with variance
σ² in a share d of places, else 0. Its norm is s = σ√d for each entry, in root mean square.
"""

from math import sqrt

from evotickets.systems.subspace import DENSE
from evotickets.systems.subspace.mutation import Mutation


def damage(trace: float, norm: float) -> float:
    """Return the mean rise of the loss, ½ · s² · tr H: it depends on the norm alone."""
    return 0.5 * norm**2 * trace


def variance(slope: float, diagonal: float, rest: float, norm: float, density: float) -> float:
    """Return the variance of the rise of the loss over Bernoulli mutations of one norm.

    It grows as masks get sparser, by the diagonal of the curvature.

    Args:
        slope: Σ gᵢ².
        diagonal: Σ Hᵢᵢ².
        rest: Σ Hᵢⱼ² over i ≠ j.
        norm: s.
        density: d.
    """
    return norm**2 * slope + 0.25 * norm**4 * (diagonal * (3 / density - 1) + 2 * rest)


def squared_error(mutation: Mutation, entries: int, count: int) -> float:
    """Return E‖ĝ − g‖² / ‖g‖² of the estimate (1/N) Σ (g·δ) δ / s² of a linear loss from N evaluations.

    Dense mutations (n + 1)/N, random masks (n − 2 + 3/d)/N, K disjoint blocks (n + K)/N. A pair of antithetic mutations
    tells of a linear loss what one of them does. A static mask never sees a share 1 − d of the gradient: its error stays
    above 1/d − 1. Where N evaluations end within a partition or a pair, what is missing is counted.
    """
    density, blocks = mutation.density, mutation.blocks
    match mutation.mode:
        case "partition":
            whole, rest = divmod(count, blocks)
            return (entries + 2 * blocks - (whole * blocks**2 + rest**2) / count) / count
        case "antithetic":
            return (entries - 2 + 3 / density) * (4 * (count // 2) + count % 2) / count**2
        case "static":
            return (1 + (entries * density + 1) / count) / density - 1
    return (entries + 1) / count if mutation.mode == DENSE else (entries - 2 + 3 / density) / count


def cosine(mutation: Mutation, entries: int, count: int) -> float:
    """Return the cosine of estimate and gradient to which the squared error amounts, 1/√(1 + error), for many entries.

    The estimate's part along the gradient has the gradient's length.
    """
    return 1 / sqrt(1 + squared_error(mutation, entries, count))
