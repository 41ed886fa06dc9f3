"""Networks without fan-in lists: kernels without dead units and unread inputs, a few members at a time."""

from math import prod
from typing import NamedTuple

import jax
import jax.numpy as jnp

from evotickets.networks.feedforward import ACTIVATIONS
from evotickets.networks.layout import Layer
from evotickets.population.members import Weights, mirrored, multiply, weights
from evotickets.population.plan import NARROWEST, NARROWEST_IMAGES, Plan, working_set


class Prepared(NamedTuple):
    """Kernels of the mean (or None), and of the offsets, or the offsets themselves where nothing is pruned."""

    mean: Weights | None
    rows: Weights | jax.Array


def tile_width(plan: Plan, rows: int, pairs: bool) -> int:
    """Return how many inputs of the batch to evaluate at a time."""
    return max(_narrowest(plan), working_set() // (_bytes_per_input(plan, pairs) * _chunk(plan, rows, pairs)))


def _chunk(plan: Plan, rows: int, pairs: bool) -> int:
    """Return how many offsets, a divisor of all, are evaluated at a time."""
    kernels = 32 * plan.network.parameter_count
    target = max(1, working_set() // max(kernels, _bytes_per_input(plan, pairs) * _narrowest(plan)))
    return max(size for size in range(1, rows + 1) if rows % size == 0 and size <= target)


def _narrowest(plan: Plan) -> int:
    return NARROWEST_IMAGES if plan.network.layers[0].is_convolution else NARROWEST


def _bytes_per_input(plan: Plan, pairs: bool) -> int:
    """Return the memory that one input's widest layer needs in one offset's members: patches and sums."""
    most = 0
    for i, layer in enumerate(plan.network.layers):
        pixels = prod(_image_size(plan, i)) if layer.is_convolution else 1
        patches = plan.reads[i].shape[-1] if layer.is_convolution and i > 0 else 0
        most = max(most, pixels * (patches + layer.outputs))
    return 4 * (1 + pairs) * most


def prepare(plan: Plan, mean: jax.Array | None, rows: jax.Array) -> Prepared:
    """Lay out members [M, D], or pairs mean [D] ± rows [M, D]."""
    own = rows if not plan.kernels else jax.vmap(weights, (None, 0))(plan, rows)
    return Prepared(None if mean is None else weights(plan, mean), own)


def outputs(plan: Plan, prepared: Prepared, features: jax.Array) -> jax.Array:
    """Return outputs [P, O, B] on features [inputs, B] or [channels, height, width, B]."""
    batch, pairs = features.shape[-1], prepared.mean is not None
    features = _inputs(plan, 0, features)
    one_by_one = any(layer.is_convolution for layer in plan.network.layers)

    def first(kernels: Weights) -> jax.Array:
        kernel, bias = kernels[0]
        return multiply(plan, 0, kernel, features) + bias[:, None]

    def rest(argument: tuple[Weights, jax.Array]) -> jax.Array:
        kernels, hidden = argument
        hidden = _finish(plan, 0, hidden, batch)
        for i, (kernel, bias) in enumerate(kernels, start=1):
            hidden = multiply(plan, i, kernel, _inputs(plan, i, hidden)) + bias[:, None]
            hidden = _finish(plan, i, hidden, batch)
        return hidden

    shared = first(prepared.mean) if prepared.mean is not None else None
    later = prepared.mean[1:] if prepared.mean is not None else None

    def some(rows: Weights | jax.Array) -> jax.Array:
        kernels = rows if isinstance(rows, tuple) else jax.vmap(weights, (None, 0))(plan, rows)
        hidden = mirrored(shared, jax.vmap(first)(kernels))
        own = jax.tree.map(mirrored, later, kernels[1:]) if pairs else kernels[1:]
        # Patches of several members at a time would leave the cache.
        return jax.lax.map(rest, (own, hidden)) if one_by_one else jax.vmap(rest)((own, hidden))

    rows = jax.tree.leaves(prepared.rows)[0].shape[0]
    chunk = _chunk(plan, rows, pairs)
    chunks = jax.tree.map(lambda a: a.reshape(rows // chunk, chunk, *a.shape[1:]), prepared.rows)
    out = jax.lax.map(some, chunks)
    sides = 1 + pairs
    return out.reshape(rows // chunk, sides, chunk, *out.shape[2:]).swapaxes(0, 1).reshape(rows * sides, *out.shape[2:])


def _inputs(plan: Plan, i: int, features: jax.Array) -> jax.Array:
    """Return what layer i multiplies, [R, columns], from features [..., B]; pixels and batch share the columns."""
    layer, image = plan.network.layers[i], features.ndim == 4
    features = features.astype(plan.precision) if i == 0 or layer.is_convolution else features
    if layer.is_convolution:
        return _shifts(layer, plan.reads[i], features)
    features = features.reshape(-1, features.shape[-1])
    some = plan.reads and (i == 0 or image) and plan.reads[i].shape[0] < len(features)
    return features[plan.reads[i]] if some else features


def _shifts(layer: Layer, reads: jax.Array, images: jax.Array) -> jax.Array:
    """Return the images [C, H, W, B] shifted and padded as a convolution reads them, [R, H·W·B]."""
    channels, *size, batch = images.shape
    window = layer.kernel_shape[:2]
    padded = jnp.pad(images, ((0, 0), *(((length - 1) // 2, length // 2) for length in window), (0, 0)))
    place, channel = jnp.divmod(reads, channels)
    row, column = jnp.divmod(place, window[1])

    def shift(channel, row, column):
        return jax.lax.dynamic_slice(padded, (channel, row, column, 0), (1, *size, batch)).ravel()

    return jax.vmap(shift)(channel, row, column)


def _finish(plan: Plan, i: int, hidden: jax.Array, batch: int) -> jax.Array:
    """Pool and activate the sums [A, columns] of layer i; the last layer is left as it is."""
    layer = plan.network.layers[i]
    if layer.is_convolution:
        height, width = _image_size(plan, i)
        images = hidden.reshape(len(hidden), height, width, batch)[:, : height // 2 * 2, : width // 2 * 2]
        hidden = images.reshape(len(hidden), height // 2, 2, width // 2, 2, batch).max((2, 4))
    return hidden if i == len(plan.network.layers) - 1 else ACTIVATIONS[plan.network.activation](hidden)


def _image_size(plan: Plan, i: int) -> tuple[int, int]:
    """Return height and width of what convolution i sees: each one before it halves the image."""
    height, width = plan.network.input_shape[:2]
    return height >> i, width >> i
