"""Populations as policies: kernels laid out once a generation, read at every step of an environment.

Axis letters: `P` members, `D` survivors, `A` units, `R` inputs read, `O` outputs.
"""

import jax
import jax.numpy as jnp

from evotickets.networks import ACTIVATIONS
from evotickets.population.plan import Plan

Weights = tuple[tuple[jax.Array, jax.Array], ...]


def weights(plan: Plan, member: jax.Array) -> Weights:
    """Return kernel [A, R] and bias [A] of each layer of one member [D], dead units and unread inputs left out."""
    if plan.kernels:
        padded = jnp.append(member, 0)
        return tuple((padded[k], padded[b]) for k, b in zip(plan.kernels, plan.biases, strict=True))
    out, start = [], 0
    for layer in plan.network.layers:
        kernel = member[start : start + layer.kernel_size].reshape(layer.outputs, layer.fan_in)
        start += layer.kernel_size
        out.append((kernel, member[start : start + layer.outputs]))
        start += layer.outputs
    return tuple(out)


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
