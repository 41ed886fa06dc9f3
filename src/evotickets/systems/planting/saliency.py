"""Scores that cut mother networks: criteria that need no search distribution, on masked networks and all training samples."""

from functools import partial
from typing import Any

import jax
import numpy as np

from evotickets import pruning
from evotickets.networks import layout, masks
from evotickets.networks.layout import Network
from evotickets.supermasks import adam
from evotickets.supermasks.instance import Problem


def criteria() -> list[str]:
    """Return the criteria that can cut mother networks."""
    return [name for name in (*pruning.of_trained_weights(), *pruning.at_once()) if "std" not in pruning.needs(name)]


def compares(name: str) -> bool:
    """Tell whether a criterion compares trained weights with the initial ones, so that it knows nothing before training."""
    return {"mean", "initial"} <= set(pruning.needs(name))


@partial(jax.jit, static_argnums=(0, 1, 2))
def _scores(network, classes, criterion, weights, keep, x, y):
    function, wanted = pruning.criterion[criterion], pruning.needs(criterion)

    def one(argument):
        weights, keep, x, y = argument

        def loss(flat: jax.Array) -> jax.Array:
            # Pruned weights are no variables: their gradient, and with it their part in Hg, is zero.
            return adam.loss(classes, layout.layers(network, flat * keep), x, y)

        given = {**weights, "network": network, "loss": loss, "mask": keep}
        return function(**{name: given[name] for name in wanted})

    return adam.over_seeds(network, one, (weights, keep, x, y))


def score(
    network: Network,
    problem: Problem,
    name: str,
    parameters: np.ndarray,
    mask: np.ndarray,
    *,
    initial: np.ndarray | None = None,
) -> np.ndarray:
    """Score every prunable entry of masked networks, [S, K], on all training samples; of biases too where masks hold them.

    Args:
        network: the mother network.
        problem: its samples.
        name: of a criterion.
        parameters: [S, N]; pruned entries count as zero. A criterion at initialisation takes them for initial.
        mask: [S, K], or [S, N] of biases too.
        initial: parameters before any training [S, N], by default the same.
    """
    keep: Any = masks.spread(network, mask).astype(np.float32)
    start = np.asarray(parameters, np.float32) * keep
    wanted = pruning.needs(name)
    weights = {"mean" if "mean" in wanted else "initial": start}
    if "initial" in wanted and "mean" in wanted:
        weights["initial"] = start if initial is None else np.asarray(initial, np.float32) * keep
    values = _scores(network, problem.classes, name, weights, keep, *problem.train)
    scores = np.nan_to_num(np.asarray(values), nan=-np.inf)
    return scores if mask.shape == scores.shape else masks.edges(network, scores)
