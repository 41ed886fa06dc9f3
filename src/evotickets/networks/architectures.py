"""Networks of hybrid training: perceptrons, convolutions, depthwise-separable convolutions, and a gated recurrent unit.

Parameters are one dictionary of named arrays. Axis letters: `B` batch, `C` channels, `T` steps of a sequence, `U` units.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from evotickets.networks import feedforward, layout
from evotickets.networks.layout import Network

Params = dict[str, jax.Array]
Statistics = dict[str, tuple[jax.Array, jax.Array]]
"""Mean and variance [C] by normalisation layer."""

EPSILON = 1e-5


@dataclass(frozen=True)
class Parameter:
    """An array of parameters: a kernel has a fan-in and is prunable or not, what has none starts as a constant."""

    name: str
    shape: tuple[int, ...]
    fan_in: int = 0
    prunable: bool = False
    start: float = 0.0

    @property
    def size(self) -> int:
        """Number of entries."""
        return prod(self.shape)


@dataclass(frozen=True)
class Architecture:
    """Parameters in order, and what they compute.

    `forward(params, x [B, …], statistics) -> (outputs [B, O], statistics)`: without statistics, normalisation layers take
    those of the batch and hand them back; networks without such layers have none.
    """

    parameters: tuple[Parameter, ...]
    forward: Callable[[Params, jax.Array, Statistics | None], tuple[jax.Array, Statistics]]

    @property
    def prunable(self) -> tuple[Parameter, ...]:
        """The kernels that masks cover."""
        return tuple(parameter for parameter in self.parameters if parameter.prunable)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the prunable kernels."""
        return [parameter.shape for parameter in self.prunable]

    @property
    def kernel_count(self) -> int:
        """Number of prunable entries."""
        return sum(parameter.size for parameter in self.prunable)

    @property
    def parameter_count(self) -> int:
        """Number of all parameters."""
        return sum(parameter.size for parameter in self.parameters)


def initialise(architecture: Architecture, densities: Mapping[str, float], rng: np.random.Generator) -> Params:
    """Draw LeCun-normal kernels for the fan-in that is left at each layer's density, and constants for the rest.

    Draws do not depend on densities: all densities of a seed start from the same weights up to a factor a layer.

    Source: Evci et al. (2022), "Gradient flow in sparse neural networks and how lottery tickets win", in the mean:
    every unit of a layer counts with the layer's density.
    """
    params = {}
    for parameter in architecture.parameters:
        if parameter.fan_in:
            fan_in = parameter.fan_in * densities.get(parameter.name, 1.0)
            params[parameter.name] = jnp.asarray(feedforward.lecun_normal(parameter.shape, fan_in, rng), jnp.float32)
        else:
            params[parameter.name] = jnp.full(parameter.shape, parameter.start, jnp.float32)
    return params


def feed_forward(network: Network) -> Architecture:
    """Take a network of `evotickets.networks`; all its kernels are prunable."""
    parameters = []
    for layer in network.layers:
        parameters.append(Parameter(f"{layer.name}/kernel", layer.kernel_shape, layer.fan_in, prunable=True))
        parameters.append(Parameter(f"{layer.name}/bias", (layer.outputs,)))

    def forward(params: Params, x: jax.Array, statistics: Statistics | None = None) -> tuple[jax.Array, Statistics]:
        del statistics
        nested = {
            layer.name: {leaf: params[f"{layer.name}/{leaf}"] for leaf in ("kernel", "bias")}
            for layer in network.layers
        }
        return feedforward.apply(network, nested, x), {}

    return Architecture(tuple(parameters), forward)


def _depthwise(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    """Convolve every channel of x [B, H, W, C] by its own 3×3 kernel [3, 3, C], zeros around.

    As nine products: a grouped convolution is many times slower on a CPU.
    """
    height, width = x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    parts = [
        padded[:, row : row + height : stride, column : column + width : stride] * kernel[row, column]
        for row in range(3)
        for column in range(3)
    ]
    return sum(parts[1:], parts[0])


def separable(channels: int, widths: Sequence[int], strides: Sequence[int], outputs: int) -> Architecture:
    """Describe depthwise-separable 3×3 layers with batch normalisation and ReLU, a mean over the image, a dense layer.

    Depthwise kernels, three hundredths of the weights, are not prunable.

    Source: Lenc et al. (2019), CIFAR-300K; Evci et al. (2020) for dense depthwise kernels.
    """
    parameters, before = [], channels
    for index, width in enumerate(widths, 1):
        parameters += [
            Parameter(f"depthwise{index}/kernel", (3, 3, before), 9),
            Parameter(f"pointwise{index}/kernel", (before, width), before, prunable=True),
            Parameter(f"norm{index}/scale", (width,), start=1.0),
            Parameter(f"norm{index}/bias", (width,)),
        ]
        before = width
    parameters += [Parameter("dense1/kernel", (before, outputs), before, prunable=True)]
    parameters += [Parameter("dense1/bias", (outputs,))]

    def forward(params: Params, x: jax.Array, statistics: Statistics | None = None) -> tuple[jax.Array, Statistics]:
        seen: Statistics = {}
        for index, stride in enumerate(strides, 1):
            x = _depthwise(x, params[f"depthwise{index}/kernel"], stride) @ params[f"pointwise{index}/kernel"]
            name = f"norm{index}"
            seen[name] = (jnp.mean(x, (0, 1, 2)), jnp.var(x, (0, 1, 2))) if statistics is None else statistics[name]
            mean, variance = seen[name]
            factor = params[f"{name}/scale"] * jax.lax.rsqrt(variance + EPSILON)
            x = jax.nn.relu((x - mean) * factor + params[f"{name}/bias"])
        return jnp.mean(x, (1, 2)) @ params["dense1/kernel"] + params["dense1/bias"], seen

    return Architecture(tuple(parameters), forward)


def recurrent(inputs: int, units: int, outputs: int) -> Architecture:
    """Describe a gated recurrent unit that reads an image row by row, and a dense layer on its last state.

    Source: Cho et al. (2014), with the reset gate after the product, as in cuDNN; it stands in for the sparse WaveRNN of
    Lenc et al. (2019).
    """
    parameters = (
        Parameter("input/kernel", (inputs, 3 * units), inputs, prunable=True),
        Parameter("recurrent/kernel", (units, 3 * units), units, prunable=True),
        Parameter("recurrent/bias", (3 * units,)),
        Parameter("dense1/kernel", (units, outputs), units, prunable=True),
        Parameter("dense1/bias", (outputs,)),
    )

    def forward(params: Params, x: jax.Array, statistics: Statistics | None = None) -> tuple[jax.Array, Statistics]:
        del statistics
        rows = jnp.swapaxes(x.reshape(*x.shape[:2], -1), 0, 1) @ params["input/kernel"] + params["recurrent/bias"]

        def step(state: jax.Array, row: jax.Array) -> tuple[jax.Array, None]:
            update, reset, new = jnp.split(row, 3, -1)
            to_update, to_reset, to_new = jnp.split(state @ params["recurrent/kernel"], 3, -1)
            keep = jax.nn.sigmoid(update + to_update)
            candidate = jnp.tanh(new + jax.nn.sigmoid(reset + to_reset) * to_new)
            return keep * state + (1 - keep) * candidate, None

        last, _ = jax.lax.scan(step, jnp.zeros((x.shape[0], units), x.dtype), rows)
        return last @ params["dense1/kernel"] + params["dense1/bias"], {}

    return Architecture(parameters, forward)


def build(
    input_shape: tuple[int, int, int], outputs: int, settings: Mapping[str, Any], factor: float = 1.0
) -> Architecture:
    """Build the network of a task's settings, all its widths times a factor.

    Args:
        input_shape: height, width and channels of an image.
        outputs: number of classes.
        settings: one of `recurrent` (units), `separable` (widths; a layer that is wider than the one before has stride 2)
            and `hidden` (units of dense layers), the last with or without `channels` (convolutions before them).
        factor: at most 1.
    """

    def scaled(width: int) -> int:
        return max(1, round(width * factor))

    height, width, depth = input_shape
    if "recurrent" in settings:
        return recurrent(width * depth, scaled(settings["recurrent"]), outputs)
    if "separable" in settings:
        widths = list(settings["separable"])
        strides = [1, *(2 if wide > narrow else 1 for narrow, wide in pairwise(widths))]
        return separable(depth, [scaled(wide) for wide in widths], strides, outputs)
    hidden = tuple(map(scaled, settings.get("hidden", ())))
    if "channels" in settings:
        channels = tuple(map(scaled, settings["channels"]))
        return feed_forward(layout.cnn(input_shape, channels, outputs, hidden=hidden))
    return feed_forward(layout.mlp(height * width * depth, hidden, outputs))


def small(
    input_shape: tuple[int, int, int], outputs: int, settings: Mapping[str, Any], density: float
) -> tuple[Architecture, float]:
    """Narrow all layers until no more prunable entries are left than a mask of this density keeps.

    Returns the widest such network and its factor; a network all of whose layers have one unit stays.
    """
    wanted = round(density * build(input_shape, outputs, settings).kernel_count)
    low, high = 0.0, 1.0
    if build(input_shape, outputs, settings, high).kernel_count <= wanted:
        return build(input_shape, outputs, settings, high), high
    # Widths are whole numbers: halving 12 times tells all that differ below 4096 units.
    for _ in range(12):
        middle = (low + high) / 2
        fits = build(input_shape, outputs, settings, middle).kernel_count <= wanted
        low, high = (middle, high) if fits else (low, middle)
    return build(input_shape, outputs, settings, low), low
