"""Outputs and losses of all members of a population on one batch.

Inside, everything is feature first and batch last: a layer is kernel [A, R] @ input [R, B], so that the fan-in of a unit
is contiguous in a member and an input feature is contiguous over the batch.

Axis letters: `P` members, `D` survivors, `B` batch, `A` units, `R` inputs read, `O` outputs, `F` fan-in.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from evotickets.networks import ACTIVATIONS
from evotickets.population.plan import Plan
from evotickets.population.policies import Weights, weights

Loss = Callable[[jax.Array, jax.Array], jax.Array]

# Activations of this many bytes stay in a core's cache.
CACHE = 2**20


def cross_entropy(outputs: jax.Array, labels: jax.Array) -> jax.Array:
    """Return the mean softmax cross-entropy of outputs [B, O] and integer labels [B]."""
    return optax.softmax_cross_entropy_with_integer_labels(outputs, labels).mean()


def logits(plan: Plan, members: jax.Array, x: jax.Array) -> jax.Array:
    """Return the outputs [P, B, O] of members [P, D] on a batch [B, *input_shape]."""
    images = _feature_first(plan, x)
    if plan.path == "sparse":
        return jnp.swapaxes(_sparse(plan, members, images), 1, 2)
    return jax.lax.map(lambda member: _dense(plan, member, images).T, members)


def losses(plan: Plan, members: jax.Array, x: jax.Array, y: jax.Array, *, loss: Loss = cross_entropy) -> jax.Array:
    """Return the loss [P] of members [P, D] on a batch [B, *input_shape] with targets [B, ...]."""
    images = _feature_first(plan, x)
    if plan.path == "sparse":
        outputs = _sparse(plan, members, images)
        return jax.vmap(lambda out: loss(out.T, y))(outputs)
    return jax.lax.map(lambda member: loss(_dense(plan, member, images).T, y), members)


def pair_losses(
    plan: Plan, mean: jax.Array, offsets: jax.Array, x: jax.Array, y: jax.Array, *, loss: Loss = cross_entropy
) -> jax.Array:
    """Return the losses [P] of antithetic pairs: first mean + offsets [P/2, D], then mean − offsets."""
    return losses(plan, jnp.concatenate([mean + offsets, mean - offsets]), x, y, loss=loss)


def _feature_first(plan: Plan, x: jax.Array) -> jax.Array:
    if plan.network.layers[0].is_convolution:
        return jnp.transpose(x, (3, 1, 2, 0))
    return x.reshape(len(x), -1).T


def _read(plan: Plan, i: int, features: jax.Array) -> jax.Array:
    """Select the rows of features [n, ...] that layer i reads."""
    if not plan.reads or (i > 0 and not any(layer.is_convolution for layer in plan.network.layers[i - 1 : i + 1])):
        return features
    return features[plan.reads[i]]


def _dense(plan: Plan, member: jax.Array, features: jax.Array) -> jax.Array:
    """Return outputs [O, B] of one member [D]."""
    return _forward(plan, weights(plan, member), features)


def _forward(plan: Plan, kernels: Weights, features: jax.Array) -> jax.Array:
    activation = ACTIVATIONS[plan.network.activation]
    for i, (layer, (kernel, bias)) in enumerate(zip(plan.network.layers, kernels, strict=True)):
        if layer.is_convolution:
            _, height, width, batch = features.shape
            patches = _read(plan, i, _patches(features, layer.kernel_shape[0], layer.kernel_shape[1]))
            features = kernel @ patches + bias[:, None]
            features = activation(_pool(features.reshape(-1, height, width, batch)))
        else:
            features = kernel @ _read(plan, i, features.reshape(-1, features.shape[-1])) + bias[:, None]
            if i < len(plan.network.layers) - 1:
                features = activation(features)
    return features


def _patches(images: jax.Array, height: int, width: int) -> jax.Array:
    """Return the patches [C·height·width, H·W·B] around every pixel of images [C, H, W, B]."""
    channels, rows, columns, batch = images.shape
    pads = [((size - 1) // 2, size // 2) for size in (height, width)]
    padded = jnp.pad(images, ((0, 0), *pads, (0, 0)))
    shifts = [padded[:, i : i + rows, j : j + columns] for i in range(height) for j in range(width)]
    return jnp.stack(shifts, axis=1).reshape(channels * height * width, rows * columns * batch)


def _pool(images: jax.Array) -> jax.Array:
    """Return the 2×2 maximum pool of images [C, H, W, B], an odd last row or column left out."""
    channels, rows, columns, batch = images.shape
    even = images[:, : rows // 2 * 2, : columns // 2 * 2]
    return even.reshape(channels, rows // 2, 2, columns // 2, 2, batch).max((2, 4))


def _sparse(plan: Plan, members: jax.Array, features: jax.Array) -> jax.Array:
    """Return outputs [P, O, B] of members [P, D]: shared fan-in lists in the first layer, small kernels after it."""
    activation = ACTIVATIONS[plan.network.activation]
    inputs = jnp.pad(features, ((0, 1), (0, 0)))
    padded = jnp.pad(members, ((0, 0), (0, 1)))
    (_, *kernels), biases = plan.kernels, plan.biases

    def unit(group):
        where, rows = group
        return padded[:, where] @ inputs[rows]

    hidden = [jax.lax.map(unit, (group.weights, group.inputs)) for group in plan.groups]
    units = sum(len(h) for h in hidden)
    bias = padded[:, biases[0]]
    hidden = [activation(jnp.concatenate(hidden) + bias[:, :units].T[..., None]).swapaxes(0, 1)] if units else []
    constant = activation(bias[:, units:])
    hidden.append(jnp.broadcast_to(constant[..., None], (*constant.shape, features.shape[1])))
    out = jnp.concatenate(hidden, axis=1)
    for kernel, bias in zip(kernels, biases[1:], strict=True):
        out = padded[:, kernel] @ out + padded[:, bias][..., None]
        if bias is not biases[-1]:
            out = activation(out)
    return out
