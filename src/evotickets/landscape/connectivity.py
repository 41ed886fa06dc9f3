"""Linear mode connectivity: what happens on the straight line between two trained networks."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from evotickets import streams
from evotickets.landscape.evaluation import OnLine

ALPHAS = np.linspace(0, 1, 31, dtype=np.float32)
STABLE = 0.02
"""Two networks are linearly connected if the barrier of their error is less than this."""


PAIRS = ("level before", "dense level", "other noise", "other initial weights")
"""What a trained ticket of a level is connected with."""


class Pair(NamedTuple):
    """Two trained networks of every seed [S, N], the first that of the level."""

    name: str
    level: int
    first: np.ndarray
    second: np.ndarray


def pairs(trained: Mapping[int, np.ndarray], copies: Mapping[int, np.ndarray], levels: Iterable[int]) -> list[Pair]:
    """Pair the networks [S, N] of each level with those of the level before, the dense level, other noise, other seeds.

    Source: Lange & Sprekeler (2023), §5 (levels); Frankle et al. (2020) (other noise; other initial weights as the
    reference, between which a barrier is expected).

    Args:
        trained: networks by level: the levels, those before them, and the dense level 0.
        copies: networks of the same tickets trained under other noise, by level.
        levels: which levels.
    """
    found = []
    for level in levels:
        own = trained[level]
        if level:
            found += [Pair(PAIRS[0], level, own, trained[level - 1]), Pair(PAIRS[1], level, own, trained[0])]
        found.append(Pair(PAIRS[2], level, own, copies[level]))
        if len(own) > 1:
            found.append(Pair(PAIRS[3], level, own, np.roll(own, -1, axis=0)))
    return found


def interpolate(
    on_line: OnLine,
    shared: Any,
    first: np.ndarray,
    second: np.ndarray,
    alphas: np.ndarray = ALPHAS,
    *,
    rows: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Score α · first + (1 − α) · second for every pair [Q, N] and α [T] in one compiled call.

    Where `shared` has a leading axis [R], `rows` [Q] names the row on which each pair is scored.

    Source: Frankle et al. (2020), "Linear Mode Connectivity and the Lottery Ticket Hypothesis", §2.

    Returns:
        {"split/metric": [Q, T]}.

    Raises:
        ValueError: if the two are not [Q, N] alike.
    """
    if first.shape != second.shape or first.ndim != 2:
        raise ValueError(f"pairs must be two arrays [Q, N] of the same shape, got {first.shape} and {second.shape}")

    @jax.jit
    def lines(shared, first, second, alphas, rows):
        def line(ends):
            first, second, row = ends
            return on_line(streams.row_of(shared, row), second, first - second, alphas)

        return jax.lax.map(line, (first, second, rows))

    return jax.tree.map(np.asarray, lines(shared, first, second, alphas, rows))


def barrier(errors: np.ndarray) -> np.ndarray:
    """Return max over α of error(α) − mean(error(0), error(1)) [...] of errors [..., T], the ends first and last.

    Two ends of different error have half their difference as a barrier even where the line between them has no bump;
    `bump` has not. For scores where larger is better pass their negative.

    Source: Frankle et al. (2020), §2.
    """
    return errors.max(-1) - (errors[..., 0] + errors[..., -1]) / 2


def bump(errors: np.ndarray, alphas: np.ndarray = ALPHAS) -> np.ndarray:
    """Return how far errors [..., T] rise above the straight line between the errors at their ends [...].

    Source: Entezari et al. (2022), "The Role of Permutation Invariance in Linear Mode Connectivity", Definition 2.
    """
    straight = alphas * errors[..., -1:] + (1 - alphas) * errors[..., :1]
    return (errors - straight).max(-1)
