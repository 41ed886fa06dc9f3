"""Criteria at initialisation: what one-shot pruning knows of weights that were never trained.

The arguments are flat parameters [N] and what may be known with them: the loss
`[N] -> differentiable scalar`, or the network.
"""

from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp

from evotickets.networks import feedforward, layout
from evotickets.networks.layout import Network
from evotickets.pruning import criterion

Loss = Callable[[jax.Array], jax.Array]


@criterion
def snip(initial: jax.Array, loss: Loss) -> jax.Array:
    """Return |weight · gradient| [N]: how much the loss depends on the weight being there.

    Source: Lee, Ajanthan & Torr (2019), "SNIP: Single-shot network pruning based on connection sensitivity", eq. 6;
    without their normalisation, which changes no order.
    """
    return jnp.abs(initial * jax.grad(loss)(initial))


@criterion
def grasp(initial: jax.Array, loss: Loss) -> jax.Array:
    """Return weight · (Hessian @ gradient) [N]: how much of the gradient's squared norm goes with the weight.

    Source: Wang, Zhang & Grosse (2020), "Picking winning tickets before training by preserving gradient flow", eq. 8;
    their score is minus this, and they remove the largest.
    Deviates: the loss is used as it is, without the temperature of the released code.
    """
    gradient = jax.grad(loss)
    at = gradient(initial)
    return initial * jax.jvp(gradient, (initial,), (at,))[1]


@criterion(rounds=100)
def synflow(initial: jax.Array, network: Network) -> jax.Array:
    """Return |weight| · its gradient of the summed outputs [N], of the network of absolute weights on an input of ones.

    Source: Tanaka et al. (2020), "Pruning neural networks without any data by iteratively conserving synaptic flow",
    eq. 4 and algorithm 1 (100 rounds).
    """
    # With weights, biases and inputs that are not negative relu is the identity: the linear network of the paper.
    linear = replace(network, activation="relu")
    ones = jnp.ones((1, *network.input_shape))

    def through(absolute: jax.Array) -> jax.Array:
        return jnp.sum(feedforward.apply(linear, layout.unflatten(linear, absolute), ones))

    absolute = jnp.abs(initial)
    return absolute * jax.grad(through)(absolute)
