"""Feed-forward networks as plain descriptions: layers in order, parameters as a dictionary of kernels and biases.

Axis letters: `B` batch, `S` seeds, `N` all parameters, `K` kernel entries, `O` outputs. The flat order of parameters is
fixed here and used everywhere: layer by layer; inside a layer the kernel output unit by output unit (so that the fan-in
of a unit is contiguous), then the biases.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import prod

import jax
import jax.numpy as jnp
import numpy as np

Params = dict[str, dict[str, jax.Array]]


@dataclass(frozen=True)
class Layer:
    """A dense layer (`kernel` [inputs, outputs]) or a convolution (`kernel` [height, width, inputs, outputs]).

    A convolution has stride 1 and zero padding that keeps the image size, followed by the activation and a 2×2 maximum
    pool. A dense layer flattens what it receives.
    """

    name: str
    kernel_shape: tuple[int, ...]

    @property
    def is_convolution(self) -> bool:
        """Whether the layer is a convolution followed by a 2×2 pool."""
        return len(self.kernel_shape) == 4

    @property
    def outputs(self) -> int:
        """Number of output units or channels."""
        return self.kernel_shape[-1]

    @property
    def fan_in(self) -> int:
        """Number of weights that feed one output unit."""
        return prod(self.kernel_shape[:-1])

    @property
    def kernel_size(self) -> int:
        """Number of kernel entries."""
        return prod(self.kernel_shape)


@dataclass(frozen=True)
class Network:
    """Layers in order, the shape of one input, and the activation between layers."""

    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    activation: str = "relu"

    @property
    def kernel_count(self) -> int:
        """Number of prunable entries (all kernels)."""
        return sum(layer.kernel_size for layer in self.layers)

    @property
    def parameter_count(self) -> int:
        """Number of parameters, biases included."""
        return self.kernel_count + sum(layer.outputs for layer in self.layers)

    @property
    def outputs(self) -> int:
        """Number of outputs of the last layer."""
        return self.layers[-1].outputs


def mlp(inputs: int, hidden: tuple[int, ...], outputs: int, activation: str = "relu") -> Network:
    """Describe a multilayer perceptron."""
    sizes = pairwise((inputs, *hidden, outputs))
    layers = tuple(Layer(f"dense{index + 1}", shape) for index, shape in enumerate(sizes))
    return Network((inputs,), layers, activation)


def cnn(
    input_shape: tuple[int, int, int],
    channels: tuple[int, ...],
    outputs: int,
    kernel: int = 5,
    activation: str = "relu",
    hidden: tuple[int, ...] = (),
) -> Network:
    """Describe convolutions, each followed by a 2×2 pool, hidden dense layers, and one dense layer.

    Source: Lange & Sprekeler (2023), appendix: conv 8 – pool – conv 16 – pool – dense 10 on 28×28×1 (11,240 kernels).
    """
    height, width, depth = input_shape
    layers = []
    for i, out in enumerate(channels):
        layers.append(Layer(f"conv{i + 1}", (kernel, kernel, depth, out)))
        height, width, depth = height // 2, width // 2, out
    sizes = pairwise((height * width * depth, *hidden, outputs))
    layers += [Layer(f"dense{index + 1}", shape) for index, shape in enumerate(sizes)]
    return Network(input_shape, tuple(layers), activation)


def flatten(network: Network, params: Params) -> jax.Array:
    """Flatten parameters to [N] in the order of this module."""
    parts = []
    for layer in network.layers:
        parts += [params[layer.name]["kernel"].reshape(-1, layer.outputs).T.ravel(), params[layer.name]["bias"]]
    return jnp.concatenate(parts)


def unflatten(network: Network, flat: jax.Array) -> Params:
    """Rebuild the parameters from [N]; the inverse of `flatten`."""
    params, start = {}, 0
    for layer in network.layers:
        kernel = flat[start : start + layer.kernel_size].reshape(layer.outputs, layer.fan_in).T
        start += layer.kernel_size
        bias = flat[start : start + layer.outputs]
        start += layer.outputs
        params[layer.name] = {"kernel": kernel.reshape(layer.kernel_shape), "bias": bias}
    return params


def to_tensors(network: Network, flat: np.ndarray) -> dict[str, np.ndarray]:
    """Turn flat parameters [S, N] or flat masks [S, K] into `{"dense1/kernel": [S, ...], ...}`; masks have no biases."""
    with_biases = flat.shape[1] == network.parameter_count
    tensors, start = {}, 0
    for layer in network.layers:
        kernel = flat[:, start : start + layer.kernel_size].reshape(len(flat), layer.outputs, layer.fan_in)
        tensors[f"{layer.name}/kernel"] = kernel.transpose(0, 2, 1).reshape(len(flat), *layer.kernel_shape)
        start += layer.kernel_size
        if with_biases:
            tensors[f"{layer.name}/bias"] = flat[:, start : start + layer.outputs]
            start += layer.outputs
    return tensors


def from_tensors(network: Network, tensors: dict[str, np.ndarray]) -> np.ndarray:
    """Flatten named tensors to [S, N], or to [S, K] if there are only kernels; the inverse of `to_tensors`."""
    parts = []
    for layer in network.layers:
        kernel = tensors[f"{layer.name}/kernel"]
        parts.append(
            kernel.reshape(len(kernel), layer.fan_in, layer.outputs).transpose(0, 2, 1).reshape(len(kernel), -1)
        )
        if f"{layer.name}/bias" in tensors:
            parts.append(tensors[f"{layer.name}/bias"])
    return np.concatenate(parts, 1)
