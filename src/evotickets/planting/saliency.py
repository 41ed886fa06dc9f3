"""Scores of weights before training: what a loss, its gradient or the flow through the network say of each.

Every score is a function of (loss, layers) for one network; larger means keep. Axis letters: `S` seeds, `N` all
parameters, `K` prunable entries, `I` inputs of the network.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from evotickets import masks
from evotickets.networks import Network
from evotickets.planting import descent, mother
from evotickets.planting.samples import Problem

Loss = Callable[[mother.Layers], jax.Array]
Saliency = Callable[[Loss, mother.Layers], mother.Layers]

SALIENCIES: dict[str, Saliency] = {}


def register(function: Saliency) -> Saliency:
    """Add a score under its function's name; it becomes a seeker of that name."""
    SALIENCIES[function.__name__] = function
    return function


@register
def magnitude(loss: Loss, layers: mother.Layers) -> mother.Layers:  # noqa: ARG001
    """Return |w|.

    Source: Han et al. (2015).
    """
    return jax.tree.map(jnp.abs, layers)


@register
def snip(loss: Loss, layers: mother.Layers) -> mother.Layers:
    """Return |w · ∂L/∂w|, the first-order change of the loss when a weight is removed.

    Source: Lee et al. (2019), eq. 5.
    """
    return jax.tree.map(lambda w, g: jnp.abs(w * g), layers, jax.grad(loss)(layers))


@register
def grasp(loss: Loss, layers: mother.Layers) -> mother.Layers:
    """Return w · Hg: how much gradient flow ‖g‖² falls, to first order, when a weight is removed.

    Source: Wang et al. (2020), eq. 8, who remove the weights with the largest −w · Hg first: hence the sign.
    """
    gradient = jax.grad(loss)
    _, product = jax.jvp(gradient, (layers,), (gradient(layers),))
    return jax.tree.map(jnp.multiply, layers, product)


@register
def synflow(loss: Loss, layers: mother.Layers) -> mother.Layers:  # noqa: ARG001
    """Return |w| · ∂R/∂|w|, where R sums the outputs of the network with absolute parameters on an input of ones.

    Source: Tanaka et al. (2020), eq. 2 and Alg. 1.
    """
    absolute = jax.tree.map(jnp.abs, layers)
    ones = jnp.ones((layers[0][0].shape[1], 1))
    flow = jax.grad(lambda values: mother.outputs(values, ones).sum())(absolute)
    return jax.tree.map(jnp.multiply, absolute, flow)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _scores(network, classes, name, parameters, keep, x, y):
    def one(argument):
        parameters, keep, x, y = argument
        kept = mother.layers(network, keep)

        def loss(layers: mother.Layers) -> jax.Array:
            # Pruned weights are no variables: their gradient, and with it their part in Hg, is zero.
            return descent.loss(classes, jax.tree.map(jnp.multiply, layers, kept), x, y)

        return mother.flatten(SALIENCIES[name](loss, mother.layers(network, parameters)))

    return descent.over_seeds(network, one, (parameters, keep, x, y))


def score(network: Network, problem: Problem, name: str, parameters: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Score every prunable entry of masked networks, [S, K], on all training samples.

    Args:
        network: the mother network.
        problem: its samples.
        name: of a registered score.
        parameters: [S, N]; pruned entries count as zero.
        mask: [S, K].
    """
    keep: Any = descent.survivors(network, mask)
    start = np.asarray(parameters, np.float32) * keep
    values = _scores(network, problem.classes, name, start, keep, *problem.train)
    return np.nan_to_num(np.asarray(values)[:, masks.kernel_positions(network)], nan=-np.inf)
