"""PyTorch modules that compute what networks of this package do: perceptrons, convolutions, residual networks, policies.

Axes: `B` samples of a batch, `I` inputs, `O` outputs.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from evotickets.networks.layout import Layer, Network, cnn, mlp

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}
NETWORK = "network"
"""Name of a network that is no row of layers, inside a policy."""
_EPSILON = 1e-5


class ChannelsFirst(nn.Module):
    """Images as this package has them, as PyTorch wants them."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return images [B, C, H, W] of images [B, H, W, C]."""
        return x.permute(0, 3, 1, 2)


class ChannelsLast(nn.Module):
    """The other way round, so that a dense layer finds its inputs in this package's order."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return images [B, H, W, C] of images [B, C, H, W]."""
        return x.permute(0, 2, 3, 1)


class Normalise(nn.Module):
    """Observations less their mean over their standard deviation, both as training left them."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, mean: np.ndarray, std: np.ndarray):
        """Take mean and standard deviation [I]."""
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(np.array(mean, np.float32)))
        self.register_buffer("std", torch.from_numpy(np.array(std, np.float32)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return observations [B, I], normalised."""
        return (x - self.mean) / self.std


class Largest(nn.Module):
    """The action of a policy that chooses one of its outputs."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return actions [B] of outputs [B, O]."""
        return x.argmax(-1)


class Stretch(nn.Module):
    """The action of a policy whose outputs are squashed and stretched to the bounds of the environment."""

    low: torch.Tensor
    high: torch.Tensor

    def __init__(self, low: np.ndarray, high: np.ndarray):
        """Take the bounds [O]."""
        super().__init__()
        self.register_buffer("low", torch.from_numpy(np.array(low, np.float32)))
        self.register_buffer("high", torch.from_numpy(np.array(high, np.float32)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return actions [B, O] of outputs [B, O]."""
        return self.low + (self.high - self.low) * (torch.tanh(x) + 1) / 2


class Scaled(nn.Linear):
    """A layer of a residual network: what it receives is normalised, and scaled, first."""

    def __init__(self, units: int):
        """Take as many inputs as outputs."""
        super().__init__(units, units)
        self.scale = nn.Parameter(torch.ones(units))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what is added to the inputs [B, I]."""
        return functional.relu(super().forward(functional.layer_norm(x, x.shape[-1:], self.scale, eps=_EPSILON)))


class Residual(nn.Module):
    """The registered network `residual`: `networks.library` says what it is."""

    def __init__(self, inputs: int, units: int, outputs: int, blocks: int):
        """Draw weights that are to be replaced."""
        super().__init__()
        self.first = nn.Linear(inputs, units)
        self.blocks = [f"block{index + 1}" for index in range(blocks)]
        for name in self.blocks:
            self.add_module(name, Scaled(units))
        self.last = nn.Linear(units, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs [B, O] of inputs [B, …]."""
        x = self.first(x.flatten(1))
        for name in self.blocks:
            x = x + self.get_submodule(name)(x)
        return self.last(functional.relu(x))


def describe(
    tensors: Mapping[str, np.ndarray], input_shape: tuple[int, ...] | None = None, activation: str = "relu"
) -> Network:
    """Return the perceptron or the convolutions that a ticket's tensors [S, …] belong to.

    Raises:
        ValueError: if it begins with a convolution and no input shape is given, or the activation is unknown.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"unknown activation {activation!r}; known are {', '.join(ACTIVATIONS)}")
    kernels = [array.shape[1:] for name, array in tensors.items() if name.endswith("/kernel")]
    dense = [shape for shape in kernels if len(shape) == 2]
    hidden = tuple(shape[1] for shape in dense[:-1])
    if len(dense) == len(kernels):
        return mlp(kernels[0][0], hidden, kernels[-1][1], activation)
    if input_shape is None or len(input_shape) != 3:
        raise ValueError(
            "the ticket begins with a convolution: give input_shape=(height, width, channels) of its images"
        )
    channels = tuple(shape[-1] for shape in kernels if len(shape) == 4)
    return cnn(
        (input_shape[0], input_shape[1], input_shape[2]), channels, dense[-1][1], kernels[0][0], activation, hidden
    )


def feedforward(network: Network) -> OrderedDict[str, nn.Module]:
    """Return the modules of a network of layers in their order; layers have the names of the network's."""
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    images = False
    for index, layer in enumerate(network.layers):
        if layer.is_convolution and not images:
            modules["channels_first"] = ChannelsFirst()
        if images and not layer.is_convolution:
            modules["channels_last"] = ChannelsLast()
        if not layer.is_convolution and (index == 0 or images):
            modules["flatten"] = nn.Flatten()
        images = layer.is_convolution
        modules[layer.name] = _module(layer)
        if images or index < len(network.layers) - 1:
            modules[f"{layer.name}_{network.activation}"] = ACTIVATIONS[network.activation]()
        if images:
            modules[f"{layer.name}_pool"] = nn.MaxPool2d(2)
    return modules


def _module(layer: Layer) -> nn.Module:
    if not layer.is_convolution:
        inputs, outputs = layer.kernel_shape
        return nn.Linear(inputs, outputs)
    height, width, inputs, outputs = layer.kernel_shape
    return nn.Conv2d(inputs, outputs, (height, width), padding="same")


def residual(tensors: Mapping[str, np.ndarray]) -> Residual:
    """Return the module of a residual network with tensors [S, …]."""
    (inputs, units), (_, outputs) = (tensors[f"{name}/kernel"].shape[1:] for name in ("first", "last"))
    return Residual(inputs, units, outputs, sum(name.endswith("/scale") for name in tensors))


KNOWN: dict[str, Any] = {"residual": residual}
"""Networks of functions that have a module here, by name."""
