"""ReLU perceptrons as kernels and biases, and their outputs.

Axis letters: `N` all parameters, `O` units of a layer, `I` its inputs, `B` samples. Flat parameters follow
`networks.flatten`.
"""

from typing import Any

import jax
import jax.numpy as jnp

from evotickets.networks.layout import Network

Layers = tuple[tuple[jax.Array, jax.Array], ...]
"""Kernel [O, I] and bias [O] of every layer."""


def layers(network: Network, flat: Any) -> Any:
    """Cut flat parameters [N] into `Layers`; of a NumPy array, views."""
    out, start = [], 0
    for layer in network.layers:
        kernel = flat[start : start + layer.kernel_size].reshape(layer.outputs, layer.fan_in)
        start += layer.kernel_size
        out.append((kernel, flat[start : start + layer.outputs]))
        start += layer.outputs
    return tuple(out)


def flatten(layers: Layers) -> jax.Array:
    """Join layers to flat parameters [N]; the inverse of `layers`."""
    return jnp.concatenate([part for kernel, bias in layers for part in (kernel.ravel(), bias)])


def outputs(layers: Layers, features: jax.Array) -> jax.Array:
    """Return the outputs [O, B] on inputs [I, B]; with samples last, the fan-in of a unit is contiguous."""
    for kernel, bias in layers[:-1]:
        features = jax.nn.relu(kernel @ features + bias[:, None])
    kernel, bias = layers[-1]
    return kernel @ features + bias[:, None]
