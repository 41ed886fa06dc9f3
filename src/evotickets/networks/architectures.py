"""Networks of hybrid training: perceptrons, convolutions, depthwise-separable convolutions, and a gated recurrent unit.

Parameters are one dictionary of named arrays. JAX is imported where something is computed, because every start of the
workflow counts weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from evotickets.networks import layout, sequences
from evotickets.networks.description import Architecture, Description, Parameter

if TYPE_CHECKING:
    import jax

    from evotickets.networks.feedforward import Params

    Statistics = dict[str, tuple[jax.Array, jax.Array]]
    """Mean and variance [C] by normalisation layer."""

EPSILON = 1e-5


def split(network: Description, flat: jax.Array) -> Params:
    """Cut values of all prunable entries [K] into kernels by name; here an entry's place is that in its own array."""
    parts = layout.consecutive(parameter.size for parameter in network.prunable)
    return {
        parameter.name: flat[part].reshape(parameter.shape)
        for parameter, part in zip(network.prunable, parts, strict=True)
    }


def join(network: Description, kernels: Mapping[str, jax.Array]) -> jax.Array:
    """Join values of all prunable kernels by name to [K]; the inverse of `split`."""
    import jax.numpy as jnp

    return jnp.concatenate([kernels[parameter.name].ravel() for parameter in network.prunable])


def _depthwise(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    """Convolve every channel of x [B, H, W, C] by its own 3×3 kernel [3, 3, C], zeros around.

    As nine products: a grouped convolution is many times slower on a CPU.
    """
    import jax.numpy as jnp

    height, width = x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    parts = [
        padded[:, row : row + height : stride, column : column + width : stride] * kernel[row, column][None, None, None]
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
        import jax
        import jax.numpy as jnp

        seen: Statistics = {}
        for index, stride in enumerate(strides, 1):
            x = _depthwise(x, params[f"depthwise{index}/kernel"], stride) @ params[f"pointwise{index}/kernel"]
            name = f"norm{index}"
            seen[name] = (jnp.mean(x, (0, 1, 2)), jnp.var(x, (0, 1, 2))) if statistics is None else statistics[name]
            mean, variance = seen[name]
            factor = params[f"{name}/scale"] * jax.lax.rsqrt(variance + EPSILON)
            mean, factor, bias = (values[None, None, None] for values in (mean, factor, params[f"{name}/bias"]))
            x = jax.nn.relu((x - mean) * factor + bias)
        return jnp.mean(x, (1, 2)) @ params["dense1/kernel"] + params["dense1/bias"][None], seen

    return Architecture(tuple(parameters), forward)


def recurrent(inputs: int, units: int, outputs: int) -> Architecture:
    """Describe a gated recurrent unit that reads an image row by row, and a dense layer on its last state.

    Source: Cho et al. (2014). `sequences.teller` is that of speech.
    """
    parameters = (
        Parameter("input/kernel", (inputs, 3 * units), inputs, prunable=True),
        Parameter("recurrent/kernel", (units, 3 * units), units, prunable=True),
        Parameter("recurrent/bias", (3 * units,)),
        Parameter("dense1/kernel", (units, outputs), units, prunable=True),
        Parameter("dense1/bias", (outputs,)),
    )

    def forward(params: Params, x: jax.Array, statistics: Statistics | None = None) -> tuple[jax.Array, Statistics]:
        import jax
        import jax.numpy as jnp

        del statistics
        rows = jnp.swapaxes(x.reshape(*x.shape[:2], -1), 0, 1) @ params["input/kernel"]
        rows = rows + params["recurrent/bias"][None, None]

        def step(state: jax.Array, row: jax.Array) -> tuple[jax.Array, None]:
            return sequences.gated(state, row, params["recurrent/kernel"]), None

        last, _ = jax.lax.scan(step, jnp.zeros((x.shape[0], units), x.dtype), rows)
        return last @ params["dense1/kernel"] + params["dense1/bias"][None], {}

    return Architecture(parameters, forward)


def build(input_shape: Sequence[int], outputs: int, settings: Mapping[str, Any], factor: float = 1.0) -> Description:
    """Build the network of a task's settings, all its widths times a factor.

    Args:
        input_shape: of one input: height, width and channels of an image for all but perceptrons.
        outputs: number of classes.
        settings: one of `recurrent` (units), `separable` (widths; a layer that is wider than the one before has stride 2)
            and `hidden` (units of dense layers), the last with or without `channels` (convolutions before them). A
            recurrent network with a `sequence` (its `labels` and `codes`) reads one, and tells what comes next.
        factor: at most 1.
    """

    def scaled(width: int) -> int:
        return max(1, round(width * factor))

    if "sequence" in settings:
        return sequences.teller(
            input_shape[-1], **settings["sequence"], units=scaled(settings["recurrent"]), outputs=outputs
        )
    if "recurrent" in settings:
        _, width, depth = input_shape
        return recurrent(width * depth, scaled(settings["recurrent"]), outputs)
    if "separable" in settings:
        widths = list(settings["separable"])
        strides = [1, *(2 if wide > narrow else 1 for narrow, wide in pairwise(widths))]
        return separable(input_shape[-1], [scaled(wide) for wide in widths], strides, outputs)
    scaled_widths = {
        name: [scaled(wide) for wide in settings[name]] for name in ("channels", "hidden") if name in settings
    }
    return layout.build(input_shape, outputs, scaled_widths)


def small(
    input_shape: Sequence[int], outputs: int, settings: Mapping[str, Any], density: float
) -> tuple[Description, float]:
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
