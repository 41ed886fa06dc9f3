"""Populations as policies: kernels laid out once a generation, read at every step of an environment.

Axis letters: `P` members, `D` survivors, `A` units, `R` inputs read, `O` outputs.
"""

import jax
import jax.numpy as jnp

from evotickets.networks import ACTIVATIONS
from evotickets.population.members import Weights, weights
from evotickets.population.plan import Plan


def policy(plan: Plan, members: jax.Array) -> Weights:
    """Return what `act` needs of members [P, D]: kernel [P, R, A] and bias [P, A] of each layer.

    Inputs come first, unlike in `weights`: a few observations times such a kernel take half the time on a CPU.

    Raises:
        ValueError: if the network has convolutions.
    """
    if any(layer.is_convolution for layer in plan.network.layers):
        raise ValueError("policies are multilayer perceptrons; this network has convolutions")
    return tuple((kernel.swapaxes(1, 2), bias) for kernel, bias in jax.vmap(weights, (None, 0))(plan, members))


def act(plan: Plan, policy: Weights, observation: jax.Array) -> jax.Array:
    """Return the outputs [..., O] of one member for observations [..., inputs]."""
    activation = ACTIVATIONS[plan.network.activation]
    selected = plan.reads and plan.reads[0].shape[-1] < observation.shape[-1]
    hidden = jnp.take(observation, plan.reads[0], axis=-1) if selected else observation
    for index, (kernel, bias) in enumerate(policy):
        hidden = hidden @ kernel + bias
        if index < len(policy) - 1:
            hidden = activation(hidden)
    return hidden
