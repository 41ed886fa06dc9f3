"""Mother networks: random ReLU perceptrons in which tickets are planted, and their outputs.

Axis letters: `S` seeds, `N` all parameters, `O` units of a layer, `I` its inputs, `B` samples. Flat parameters follow
`networks.flatten`.
"""

from math import sqrt
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from evotickets import networks
from evotickets.networks import Network
from evotickets.planting.targets import TARGETS

Layers = tuple[tuple[jax.Array, jax.Array], ...]
"""Kernel [O, I] and bias [O] of every layer."""


def describe(name: str, depth: int, width: int) -> Network:
    """Describe the mother network of a target: `depth` weight layers, all hidden layers of one width."""
    family = TARGETS[name]
    return networks.mlp(family.inputs, (width,) * (depth - 1), family.outputs)


def initialise(network: Network, rng: np.random.Generator) -> np.ndarray:
    """Draw parameters [N], float64: He-normal kernels, and biases whose std is the product of the layers' stds so far.

    Biases that shrink with depth make one global rescaling of the weights a rescaling of the outputs.

    Source: Fischer & Burkholz (2022), §3.
    """
    parts, bias_std = [], 1.0
    for layer in network.layers:
        std = sqrt(2 / layer.fan_in)
        bias_std *= std
        parts += [rng.normal(0, std, layer.kernel_size), rng.normal(0, bias_std, layer.outputs)]
    return np.concatenate(parts)


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
