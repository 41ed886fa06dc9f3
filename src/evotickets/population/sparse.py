"""Networks whose first layer is pruned: what a unit reads is gathered once for all members.

Members (M × fan-in) times gathered inputs (fan-in × batch) is a product without zeros; its units enter the next layer
group by group, before they leave the cache.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from evotickets.networks.feedforward import ACTIVATIONS
from evotickets.population.members import mirrored, multiply
from evotickets.population.plan import NARROWEST, Plan, working_set


class _Group(NamedTuple):
    weights: jax.Array  # [G, M, F + 1], the mean and the bias last
    onward: jax.Array  # [P, A, G]


class Prepared(NamedTuple):
    """Kernels of a population: the first layer's groups, then kernel [P, A, R] and bias [P, A, 1] of the other layers."""

    groups: tuple[_Group, ...]
    layers: tuple[tuple[jax.Array, jax.Array], ...]
    pairs: bool


def tile_width(plan: Plan, rows: int, pairs: bool) -> int:
    """Return how many inputs of the batch to evaluate at a time."""
    members = rows * (1 + pairs)
    widest = max(
        (group.inputs.shape[-2] * (group.inputs.shape[-1] + rows + members) for group in plan.groups), default=0
    )
    return max(NARROWEST, working_set() // (4 * (widest + members * max(bias.shape[-1] for bias in plan.biases[1:]))))


def prepare(plan: Plan, mean: jax.Array | None, rows: jax.Array) -> Prepared:
    """Lay out members [M, D], or pairs mean [D] ± rows [M, D]."""
    pairs = mean is not None
    longest = max((group.inputs.shape[-1] for group in plan.groups), default=1)
    # Zeros for the slots without a unit, and for slices that begin near the end.
    padded = jnp.pad(rows if mean is None else jnp.concatenate([rows, mean[None]]), ((0, 0), (0, longest)))

    def both(where: jax.Array) -> jax.Array:
        picked = padded[:, where]
        return mirrored(picked[-1], picked[:-1]) if pairs else picked

    groups, begin = [], 0
    for group in plan.groups:
        units = slice(begin, begin + len(group.starts))
        fan = (len(padded), group.inputs.shape[-1] - 1)
        weights = jax.vmap(lambda start, fan=fan: jax.lax.dynamic_slice(padded, (0, start), fan))(group.starts)
        biases = padded[:, group.biases].T[..., None]
        groups.append(_Group(jnp.concatenate([weights, biases], axis=-1), both(plan.kernels[1][:, units])))
        begin = units.stop
    layers = [
        (both(kernel), both(bias)[..., None]) for kernel, bias in zip(plan.kernels[1:], plan.biases[1:], strict=True)
    ]
    constant = ACTIVATIONS[plan.network.activation](both(plan.biases[0][begin:]))[..., None]
    kernel, bias = layers[0]
    layers[0] = (kernel, bias + kernel[..., begin:] @ constant)
    return Prepared(tuple(groups), tuple(layers), pairs)


def outputs(plan: Plan, prepared: Prepared, features: jax.Array) -> jax.Array:
    """Return outputs [P, O, B] on features [inputs, B]."""
    activation = ACTIVATIONS[plan.network.activation]
    features = jnp.concatenate([features, jnp.ones_like(features[:1]), jnp.zeros_like(features[:1])])
    features = features.astype(plan.precision)
    (_, bias), *rest = prepared.layers
    out = jnp.broadcast_to(bias, (*bias.shape[:-1], features.shape[1]))
    for group, where in zip(prepared.groups, plan.groups, strict=True):
        read = features.at[where.inputs].get(mode="promise_in_bounds")
        hidden = multiply(plan, 0, group.weights, read).swapaxes(0, 1)
        hidden = activation(mirrored(hidden[-1], hidden[:-1]) if prepared.pairs else hidden)
        out += group.onward @ hidden
    for kernel, bias in rest:
        out = kernel @ activation(out) + bias
    return out
