"""Networks without fan-in lists: kernels without dead units and unread inputs, a few members at a time.

Axis letters: `M` offsets (or members), `P` members, `C` offsets at a time, `D` survivors, `A` units or channels, `R` inputs
read, `B` batch, `O` outputs.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from evotickets.networks import ACTIVATIONS, Layer
from evotickets.population.members import Weights, spread, weights
from evotickets.population.plan import CACHE, Plan


class Prepared(NamedTuple):
    """Kernels of the mean (or None), and of the offsets, or the offsets themselves where nothing is pruned."""

    mean: Weights | None
    rows: Weights | jax.Array


def bytes_per_input(plan: Plan, rows: int, pairs: bool) -> int:
    """Return how much memory one column of the batch occupies at once."""
    network = plan.network
    hidden = max(layer.outputs for layer in network.layers)
    return 4 * (2 + pairs) * hidden * _chunk(plan, rows)


def _chunk(plan: Plan, rows: int) -> int:
    """Return how many offsets, a divisor of all, are evaluated at a time."""
    target = max(1, CACHE // (32 * plan.network.parameter_count))
    return max(size for size in range(1, rows + 1) if rows % size == 0 and size <= target)


def prepare(plan: Plan, mean: jax.Array | None, rows: jax.Array) -> Prepared:
    """Lay out members [M, D], or pairs mean [D] ± rows [M, D]."""
    own = rows if not plan.kernels else jax.vmap(weights, (None, 0))(plan, rows)
    return Prepared(None if mean is None else weights(plan, mean), own)


def outputs(plan: Plan, prepared: Prepared, features: jax.Array) -> jax.Array:
    """Return outputs [P, O, B] on features [inputs, B] or [channels, height, width, B]."""
    batch = features.shape[-1]
    features = _patches(plan, 0, features[None])[0]
    first = None if prepared.mean is None else _first(prepared.mean, features)

    def some(rows):
        kernels = rows if plan.kernels else jax.vmap(weights, (None, 0))(plan, rows)
        hidden = spread(first, jax.vmap(_first, (0, None))(kernels, features))
        for i, (kernel, bias) in enumerate(kernels):
            if i > 0:
                mean = (None, None) if prepared.mean is None else prepared.mean[i]
                kernel, bias = spread(mean[0], kernel), spread(mean[1], bias)
                hidden = kernel @ _patches(plan, i, hidden) + bias[..., None]
            hidden = _finish(plan, i, hidden, batch)
        return hidden

    rows = jax.tree.leaves(prepared.rows)[0].shape[0]
    chunk = _chunk(plan, rows)
    chunks = jax.tree.map(lambda a: a.reshape(rows // chunk, chunk, *a.shape[1:]), prepared.rows)
    out = jax.lax.map(some, chunks)
    sides = out.shape[1] // chunk
    return out.reshape(rows // chunk, sides, chunk, *out.shape[2:]).swapaxes(0, 1).reshape(rows * sides, *out.shape[2:])


def _first(kernels: Weights, features: jax.Array) -> jax.Array:
    kernel, bias = kernels[0]
    return kernel @ features + bias[:, None]


def _patches(plan: Plan, i: int, features: jax.Array) -> jax.Array:
    """Return what layer i multiplies, [P, R, columns], from features [P, ..., B]; pixels and batch share the columns."""
    layer, image = plan.network.layers[i], features.ndim == 5
    if layer.is_convolution:
        return jax.vmap(_shifts, (None, None, 0))(layer, plan.reads[i], features)
    features = features.reshape(len(features), -1, features.shape[-1])
    some = plan.reads and (i == 0 or image) and plan.reads[i].shape[0] < features.shape[1]
    return features[:, plan.reads[i]] if some else features


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
    """Pool and activate the sums [P, A, columns] of layer i, unless it is the last."""
    layer = plan.network.layers[i]
    if layer.is_convolution:
        height, width = _image_size(plan, i)
        images = hidden.reshape(*hidden.shape[:2], height, width, batch)
        even = images[:, :, : height // 2 * 2, : width // 2 * 2]
        hidden = even.reshape(*hidden.shape[:2], height // 2, 2, width // 2, 2, batch).max((3, 5))
    return hidden if i == len(plan.network.layers) - 1 else ACTIVATIONS[plan.network.activation](hidden)


def _image_size(plan: Plan, i: int) -> tuple[int, int]:
    """Return height and width of what convolution i sees: each one before it halves the image."""
    height, width = plan.network.input_shape[:2]
    return height >> i, width >> i
