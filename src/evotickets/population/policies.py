"""Populations as policies: kernels laid out once a generation, read at every step of an environment."""

from typing import Any

import jax
import jax.numpy as jnp

from evotickets.networks.feedforward import ACTIVATIONS
from evotickets.population import functions
from evotickets.population.members import weights
from evotickets.population.plan import Plan
from evotickets.refusals import check_shape

# On a CPU, a member's matrix product is a call of a tenth of a microsecond, quick only where its outputs fill vectors.
# Products of at most so many entries and inputs are written out instead, and become part of what surrounds them; but
# about one vector of outputs the compiler would unroll until nothing is a vector.
ENTRIES = 300
INPUTS = 32
VECTOR = 16


def policy(plan: Plan, members: jax.Array) -> Any:
    """Return what `act` needs of members [P, D]: kernel [P, R, A] and bias [P, A] of each layer.

    Inputs come first, unlike in `weights`: a few observations times such a kernel take half the time on a CPU. Hidden
    layers are filled up with units of zeros to whole vectors where that makes the product quicker.

    Raises:
        ValueError: if the network has convolutions, or members are of another shape.
    """
    check_shape("members", members, "P", plan.survivors)
    if plan.path == functions.PATH:
        return functions.whole(plan, members)
    if any(layer.is_convolution for layer in plan.network.layers):
        raise ValueError("policies are multilayer perceptrons; this network has convolutions")
    layers, before = [], 0
    for layer, (kernel, bias) in zip(plan.network.layers, jax.vmap(weights, (None, 0))(plan, members), strict=True):
        units, inputs = kernel.shape[1], kernel.shape[2] + before
        last = layer is plan.network.layers[-1]
        filler = 0 if last or _written_out(inputs, units) else -units % VECTOR
        kernel = jnp.pad(kernel.swapaxes(1, 2), ((0, 0), (0, before), (0, filler)))
        layers.append((kernel, jnp.pad(bias, ((0, 0), (0, filler)))))
        before = filler
    return tuple(layers)


def act(plan: Plan, policy: Any, observation: jax.Array) -> jax.Array:
    """Return the outputs [..., O] of one member for observations [..., inputs]."""
    if plan.path == functions.PATH:
        lead = observation.shape[:-1]
        return functions.outputs(plan, policy, observation.reshape(-1, observation.shape[-1])).reshape(*lead, -1)
    activation = ACTIVATIONS[plan.network.activation]
    selected = plan.reads and plan.reads[0].shape[-1] < observation.shape[-1]
    hidden = jnp.take(observation, plan.reads[0], axis=-1) if selected else observation
    axes = tuple(range(observation.ndim - 1))
    for index, (kernel, bias) in enumerate(policy):
        if _written_out(*kernel.shape):
            rows = (jnp.expand_dims(row, axes) for row in kernel)
            hidden = sum((hidden[..., i, None] * row for i, row in enumerate(rows)), jnp.expand_dims(bias, axes))
        else:
            hidden = hidden @ kernel + jnp.expand_dims(bias, axes)
        if index < len(policy) - 1:
            hidden = activation(hidden)
    return hidden


def _written_out(inputs: int, units: int) -> bool:
    one_vector = VECTOR // 2 < units <= VECTOR
    return inputs <= INPUTS and inputs * units <= ENTRIES and not one_vector
