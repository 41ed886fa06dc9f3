"""Feed-forward networks as plain descriptions, and the flat order of their parameters.

The order is fixed by `slices` and used everywhere: layer by layer; inside a layer the kernel output unit by output unit (so
that the fan-in of a unit is contiguous), then the biases. Flat masks have the same order without the biases.

Nothing here imports JAX, because every start of the workflow counts weights; arrays may be NumPy's or JAX's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from math import prod
from typing import Any, NamedTuple

from evotickets.networks.description import Description, Forward, Parameter
from evotickets.refusals import check_names, check_shape

Layers = tuple[tuple[Any, Any], ...]
"""Kernel [O, I] and bias [O] of every layer."""


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
class Network(Description):
    """Layers in order, the shape of one input, and the activation between layers; all kernels are prunable.

    Biases start at zero, those of hidden layers within ± `biases`.
    """

    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    activation: str = "relu"
    biases: float = 0.0

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Kernel and bias of every layer."""
        return tuple(
            parameter
            for layer in self.layers
            for parameter in (
                Parameter(f"{layer.name}/kernel", layer.kernel_shape, layer.fan_in, prunable=True),
                Parameter(
                    f"{layer.name}/bias", (layer.outputs,), spread=self.biases if layer != self.layers[-1] else 0.0
                ),
            )
        )

    @property
    def forward(self) -> Forward:
        """What the network computes; it has no statistics."""
        from evotickets.networks import feedforward

        def forward(params: Any, x: Any, statistics: Any = None) -> tuple[Any, Any]:
            del statistics
            return feedforward.apply(self, params, x), {}

        return forward

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
    dense = mlp(height * width * depth, hidden, outputs)
    return Network(input_shape, (*layers, *dense.layers), activation)


def build(
    input_shape: Sequence[int], outputs: int, settings: Mapping[str, Any], *, activation: str = "relu"
) -> Network:
    """Describe the network of a task's settings.

    Args:
        input_shape: of one input; height, width and channels where there are convolutions.
        outputs: number of outputs.
        settings: `channels` of convolutions and `hidden` units of dense layers, either or both; `activation`, `biases`.
        activation: where the settings have none.
    """
    hidden, activation = tuple(settings.get("hidden", ())), settings.get("activation", activation)
    if "channels" in settings:
        height, width, depth = input_shape
        network = cnn(
            (height, width, depth), tuple(settings["channels"]), outputs, activation=activation, hidden=hidden
        )
    else:
        network = mlp(prod(input_shape), hidden, outputs, activation)
    return replace(network, biases=settings.get("biases", 0.0))


def consecutive(sizes: Iterable[int]) -> list[slice]:
    """Return where parts of these sizes sit that follow one another."""
    return [slice(start, end) for start, end in pairwise(accumulate(sizes, initial=0))]


class Slices(NamedTuple):
    """Where a layer sits: its kernel and its bias in flat parameters [N], its kernel in a flat mask [K]."""

    kernel: slice
    bias: slice
    mask: slice


def slices(network: Description) -> list[Slices]:
    """Return where every layer sits, or every prunable leaf. Whatever knows the flat order has it from here."""
    if not isinstance(network, Network):
        places = zip(network.parameters, consecutive(own.size for own in network.parameters), strict=True)
        leaves = [place for own, place in places if own.prunable]
        parts = consecutive(own.size for own in network.prunable)
        return [Slices(leaf, slice(0, 0), part) for leaf, part in zip(leaves, parts, strict=True)]
    parameters = consecutive(parameter.size for parameter in network.parameters)
    masks = consecutive(layer.kernel_size for layer in network.layers)
    return [Slices(*triple) for triple in zip(parameters[::2], parameters[1::2], masks, strict=True)]


def layers(network: Network, flat: Any) -> Any:
    """Cut flat parameters [..., N] into kernel [..., O, I] and bias [..., O] of every layer; of a NumPy array, views."""
    kernels = _kernels(network, flat, [part.kernel for part in slices(network)])
    return tuple((kernel, flat[..., part.bias]) for kernel, part in zip(kernels, slices(network), strict=True))


def kernels(network: Network, mask: Any) -> list[Any]:
    """Cut flat masks, or other values of prunable entries, [..., K] into kernels [..., O, I]; of a NumPy array, views."""
    return _kernels(network, mask, [part.mask for part in slices(network)])


def _kernels(network: Network, flat: Any, parts: Sequence[slice]) -> list[Any]:
    return [
        flat[..., part].reshape(*flat.shape[:-1], layer.outputs, layer.fan_in)
        for layer, part in zip(network.layers, parts, strict=True)
    ]


def join(layers: Layers) -> Any:
    """Join kernels [O, I] and biases [O] to flat parameters [N]; the inverse of `layers`."""
    return _joined([part for kernel, bias in layers for part in (kernel.ravel(), bias)])


def _joined(parts: list[Any]) -> Any:
    return parts[0].__array_namespace__().concatenate(parts, axis=-1)


def check_tensors(network: Description, tensors: Mapping[str, Any], *, alone: bool = False) -> None:
    """Refuse tensors [..., *shape] that are not all parameters of a network, or all that are prunable.

    With `alone` they are those of one network, without axes in front, and there may be more of them.

    Raises:
        ValueError: names what is missing, too many or of another shape.
    """
    all_prunable = tensors.keys() == {own.name for own in network.prunable}
    named = network.prunable if all_prunable and not alone else network.parameters
    check_names("tensors", tensors, [own.name for own in named], more=alone)
    for own in named:
        check_shape(own.name, tensors[own.name], *(() if alone else (...,)), *own.shape)
    leads = {own.name: tensors[own.name].shape[: tensors[own.name].ndim - len(own.shape)] for own in named}
    first, *others = leads
    for name in others:
        if leads[name] != leads[first]:
            raise ValueError(f"{first} has the leading axes {leads[first]} and {name} {leads[name]}: give all the same")


def _check_length(network: Description, flat: Any) -> None:
    """Refuse flat arrays of neither all parameters nor all prunable entries."""
    sizes, shape = (network.parameter_count, network.kernel_count), tuple(getattr(flat, "shape", ()))
    if not shape or shape[-1] not in sizes:
        raise ValueError(
            f"a flat array has the shape {shape}; expected is a last axis of {sizes[0]}, all parameters of the network, "
            f"or {sizes[1]}, its prunable entries"
        )


def unflatten(network: Description, flat: Any) -> dict[str, Any]:
    """Turn flat parameters [..., N] or flat masks [..., K] into `{"dense1/kernel": [..., *shape], …}`.

    These names and shapes are those of files and of PyTorch; masks have no biases.

    Raises:
        ValueError: if the last axis has another length.
    """
    _check_length(network, flat)
    if not isinstance(network, Network):
        named = network.parameters if flat.shape[-1] == network.parameter_count else network.prunable
        parts = zip(named, consecutive(own.size for own in named), strict=True)
        return {own.name: flat[..., part].reshape(*flat.shape[:-1], *own.shape) for own, part in parts}
    lead, tensors = flat.shape[:-1], {}
    biased = flat.shape[-1] == network.parameter_count
    pairs = layers(network, flat) if biased else [(kernel, None) for kernel in kernels(network, flat)]
    for layer, (kernel, bias) in zip(network.layers, pairs, strict=True):
        tensors[f"{layer.name}/kernel"] = kernel.swapaxes(-1, -2).reshape(*lead, *layer.kernel_shape)
        if bias is not None:
            tensors[f"{layer.name}/bias"] = bias
    return tensors


def flatten(network: Description, tensors: Mapping[str, Any]) -> Any:
    """Flatten named tensors to [..., N], or to [..., K] if there are only kernels; the inverse of `unflatten`.

    Raises:
        ValueError: if a tensor is missing, too many or of another shape.
    """
    check_tensors(network, tensors)
    parts = []
    if not isinstance(network, Network):
        for own in network.parameters:
            if own.name in tensors:
                tensor = tensors[own.name]
                parts.append(tensor.reshape(*tensor.shape[: tensor.ndim - len(own.shape)], -1))
        return _joined(parts)
    for layer in network.layers:
        kernel = tensors[f"{layer.name}/kernel"]
        lead = kernel.shape[: kernel.ndim - len(layer.kernel_shape)]
        parts.append(kernel.reshape(*lead, layer.fan_in, layer.outputs).swapaxes(-1, -2).reshape(*lead, -1))
        if f"{layer.name}/bias" in tensors:
            parts.append(tensors[f"{layer.name}/bias"])
    return _joined(parts)
