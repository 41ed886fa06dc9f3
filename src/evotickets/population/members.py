"""Members and antithetic pairs as kernels."""

import jax
import jax.numpy as jnp

from evotickets.networks import layout
from evotickets.population.plan import Plan

Weights = tuple[tuple[jax.Array, jax.Array], ...]


def weights(plan: Plan, member: jax.Array) -> Weights:
    """Return kernel [A, R] and bias [A] of each layer of one member [D], dead units and unread inputs left out."""
    if plan.kernels:
        padded = jnp.append(member, 0)
        return tuple((padded[k], padded[b]) for k, b in zip(plan.kernels, plan.biases, strict=True))
    return layout.layers(plan.network, member)


def mirrored(mean: jax.Array | None, offsets: jax.Array) -> jax.Array:
    """Return mean [...] + offsets [M, ...], then mean - offsets, as [P, ...]; the offsets themselves without a mean."""
    if mean is None:
        return offsets
    signs = jnp.array([1, -1], offsets.dtype).reshape(2, *(1,) * offsets.ndim)
    steps = signs * offsets[None]
    return (mean[None, None] + steps).reshape(2 * len(offsets), *offsets.shape[1:])


def multiply(plan: Plan, i: int, kernel: jax.Array, features: jax.Array) -> jax.Array:
    """Return kernel [..., A, R] @ features [..., R, B] of layer i, summed in float32.

    In the first layer and in convolutions, which cost most, the factors are rounded to the plan's precision.
    """
    if i == 0 or plan.network.layers[i].is_convolution:
        kernel, features = kernel.astype(plan.precision), features.astype(plan.precision)
    return jnp.matmul(kernel, features, preferred_element_type=jnp.float32)
