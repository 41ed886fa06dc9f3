"""Cuts at initialisation: initial parameters alone are scored, once or in rounds."""

from collections.abc import Callable
from functools import partial

import jax
import numpy as np

from evotickets import pruning, streams
from evotickets.networks import masks
from evotickets.networks.layout import Network
from evotickets.pruning import top_k
from evotickets.refusals import hint


def rounds_of(criterion: str) -> int:
    """Return the rounds in which a criterion reaches a density."""
    return pruning.criterion.facts[criterion].get("rounds", 1)


def _scorer(
    network: Network, criterion: str, loss: Callable[..., jax.Array] | None, samples: object
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function that scores parameters [S, N]: [S, K].

    Raises:
        ValueError: if the criterion is unknown, or the loss is missing.
    """
    known = pruning.at_once()
    if criterion not in known:
        raise ValueError(f"unknown one-shot score {criterion!r}; {hint(criterion, sorted(known))}")
    wanted, function = pruning.needs(criterion), pruning.criterion[criterion]
    if "loss" in wanted and loss is None:
        raise ValueError(f"criterion {criterion!r} needs the gradient of a loss, which a control task does not have")

    def one(seed):
        initial, samples = seed
        given = {"initial": initial, "network": network, "loss": partial(loss, samples) if loss else None}
        return function(**{name: given[name] for name in wanted})

    all_seeds = jax.jit(lambda *seeds: streams.over_seeds(one, seeds))
    kernels = masks.kernel_positions(network)
    return lambda flat: np.asarray(all_seeds(flat, samples if "loss" in wanted else None))[:, kernels]


def one_shot(
    network: Network, initial: np.ndarray, criterion: str, loss: Callable[..., jax.Array] | None, samples: object
) -> np.ndarray:
    """Score the prunable entries [S, K] of initial parameters [S, N] by a criterion.

    Args:
        network: the network.
        initial: [S, N].
        criterion: its name.
        loss: (samples of a seed, flat [N]) -> differentiable scalar.
        samples: pytree with leading axis [S], handed to `loss`.

    Raises:
        ValueError: if the criterion is unknown, or the loss is missing.
    """
    return _scorer(network, criterion, loss, samples)(initial)


def in_rounds(
    network: Network,
    initial: np.ndarray,
    criterion: str,
    count: int,
    loss: Callable[..., jax.Array] | None = None,
    samples: object = None,
    *,
    rounds: int | None = None,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return masks [S, K] of exactly `count` entries, reached in rounds along a geometric schedule.

    Weights are scored anew in every round, with those that were pruned at zero. Arguments as for `one_shot`.

    Source: Tanaka et al. (2020), algorithm 1, which keeps every layer alive.

    Raises:
        ValueError: if the criterion is unknown, or the loss is missing.
    """
    score = _scorer(network, criterion, loss, samples)
    rounds = rounds or rounds_of(criterion)
    kernels = masks.kernel_positions(network)
    mask, flat = np.ones((len(initial), network.kernel_count), bool), initial.copy()
    for round_ in range(1, rounds + 1):
        density = (count / network.kernel_count) ** (round_ / rounds)
        left = max(count, round(density * network.kernel_count))
        mask = top_k.keep_largest(score(flat), mask, left, rng)
        flat[:, kernels] = initial[:, kernels] * mask
    return mask
