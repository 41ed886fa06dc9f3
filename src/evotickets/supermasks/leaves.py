"""Networks of any kind as kernels and biases, which masks of frozen weights and gradients through them are computed on.

A network of functions has no layers: each prunable leaf counts as the kernel of one, and all that is not prunable stands as
the bias of the first, so that nothing is lost and nothing of it is masked.

Axes: `B` samples, `I` inputs, `O` outputs, `N` all parameters.
"""

from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from evotickets.networks import feedforward, layout, masks
from evotickets.networks.description import Description
from evotickets.networks.functions import Functions
from evotickets.networks.layout import Layers


def cut_up(network: Description, flat: Any) -> Layers:
    """Cut flat parameters [N] into a kernel and a bias for every layer or prunable leaf."""
    if not isinstance(network, Functions):
        return layout.layers(cast(Any, network), flat)
    kernels = [
        flat[part.kernel].reshape(shape) for part, shape in zip(layout.slices(network), network.shapes, strict=True)
    ]
    rest, nothing = flat[_others(network)], flat[:0]
    return tuple((kernel, nothing if index else rest) for index, kernel in enumerate(kernels))


def join(network: Description, layers: Layers) -> Any:
    """Join kernels and biases to flat parameters [N]; the inverse of `cut_up`."""
    if not isinstance(network, Functions):
        return layout.join(layers)
    order = np.concatenate([masks.kernel_positions(network), _others(network)])
    values = jnp.concatenate([*(kernel.ravel() for kernel, _ in layers), layers[0][1]])
    return values[np.argsort(order)]


def outputs(network: Description, layers: Layers, x: jax.Array) -> jax.Array:
    """Return the outputs [O, B] of a ReLU perceptron, or of a network of functions, on samples x [B, I]."""
    if not isinstance(network, Functions):
        return feedforward.outputs(layers, x.T)
    return network.apply(layout.unflatten(network, join(network, layers)), x).T


def _others(network: Functions) -> np.ndarray:
    return np.setdiff1d(np.arange(network.parameter_count), masks.kernel_positions(network))
