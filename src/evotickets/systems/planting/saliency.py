"""Scores that cut mother networks, by name: as in `pruning.at_initialisation`, on all training samples."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from evotickets.networks import layout, masks
from evotickets.networks.layout import Network
from evotickets.pruning import at_initialisation
from evotickets.pruning.at_initialisation import Loss
from evotickets.supermasks import adam
from evotickets.supermasks.instance import Problem

SALIENCIES: dict[str, Callable[[Network, Loss, jax.Array], jax.Array]] = {
    "magnitude": lambda _network, _loss, flat: jnp.abs(flat),
    "snip": lambda _network, loss, flat: at_initialisation.snip(loss, flat),
    "grasp": lambda _network, loss, flat: at_initialisation.grasp(loss, flat),
    "synflow": lambda network, _loss, flat: at_initialisation.flow(network, flat),
}
"""(network, loss of flat parameters, flat [N]) -> scores [N]; larger means keep. Each becomes a seeker of its name."""


@partial(jax.jit, static_argnums=(0, 1, 2))
def _scores(network, classes, name, parameters, keep, x, y):
    def one(argument):
        parameters, keep, x, y = argument

        def loss(flat: jax.Array) -> jax.Array:
            # Pruned weights are no variables: their gradient, and with it their part in Hg, is zero.
            return adam.loss(classes, layout.layers(network, flat * keep), x, y)

        return SALIENCIES[name](network, loss, parameters)

    return adam.over_seeds(network, one, (parameters, keep, x, y))


def score(network: Network, problem: Problem, name: str, parameters: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Score every prunable entry of masked networks, [S, K], on all training samples.

    Args:
        network: the mother network.
        problem: its samples.
        name: of a score.
        parameters: [S, N]; pruned entries count as zero.
        mask: [S, K].
    """
    keep: Any = masks.spread(network, mask).astype(np.float32)
    start = np.asarray(parameters, np.float32) * keep
    values = _scores(network, problem.classes, name, start, keep, *problem.train)
    return np.nan_to_num(np.asarray(values)[:, masks.kernel_positions(network)], nan=-np.inf)
