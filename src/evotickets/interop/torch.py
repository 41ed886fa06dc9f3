"""A way out and back: tickets of a study as ordinary PyTorch modules, and pruned modules as tickets.

    module = export("results/tickets/digits/snes/snr/level05/ticket.parquet", seed=0)
    torch.optim.SGD(module.parameters(), lr=0.1)       # moves survivors only
    prune.remove(module.dense1, "weight")              # makes the zeros permanent

A mask is what `torch.nn.utils.prune` makes of it: a pruned module has `weight_orig` and `weight_mask`, and multiplies them
before every call. Arrays have the names and shapes of tickets (`dense1/kernel` [inputs, outputs], `conv1/kernel` [height,
width, inputs, outputs]).
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn
from torch.nn.utils import prune

from evotickets import results
from evotickets.networks.layout import Layer, Network, cnn, mlp

Weights = Literal["initial", "trained"]
ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}
Tensors = Mapping[str, np.ndarray]


def export(
    path: str | Path,
    *,
    seed: int = 0,
    weights: Weights = "initial",
    input_shape: tuple[int, ...] | None = None,
    activation: str = "relu",
) -> nn.Sequential:
    """Return a ticket of a study as a PyTorch module whose kernels are pruned by `torch.nn.utils.prune`.

    The module takes inputs [B, *input_shape] of the study's task; control tasks use tanh. A ticket file knows its
    kernels, not what lies between them.

    Args:
        path: a ticket of a study.
        seed: one of its seeds.
        weights: the ticket's initial weights, or the trained ones.
        input_shape: needed where a network begins with a convolution.
        activation: between layers, relu or tanh.

    Raises:
        ResultError: if the file is missing, damaged or no ticket.
        ValueError: if it does not have the seed, was not trained, or begins with a convolution of unknown input shape.
    """
    ticket = results.read_ticket(path)
    if seed not in ticket.seeds:
        raise ValueError(f"{path} has no seed {seed}; it has {', '.join(map(str, ticket.seeds))}")
    tensors = ticket.initial if weights == "initial" else ticket.mean
    if tensors is None:
        raise ValueError(f"{path} was not trained: export its initial weights")
    row = ticket.seeds.index(seed)
    network = describe(tensors, input_shape, activation)
    chosen, masks = ({name: array[row] for name, array in part.items()} for part in (tensors, ticket.mask))
    return to_module(network, chosen, masks)


def describe(
    tensors: Mapping[str, np.ndarray], input_shape: tuple[int, ...] | None = None, activation: str = "relu"
) -> Network:
    """Return the network that a ticket's tensors [S, …] belong to.

    Raises:
        ValueError: if it begins with a convolution and no input shape is given, or the activation is unknown.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"unknown activation {activation!r}; known are {', '.join(ACTIVATIONS)}")
    kernels = [array.shape[1:] for name, array in tensors.items() if name.endswith("/kernel")]
    if len(kernels[0]) == 2:
        return mlp(kernels[0][0], tuple(shape[1] for shape in kernels[:-1]), kernels[-1][1], activation)
    if input_shape is None or len(input_shape) != 3:
        raise ValueError(
            "the ticket begins with a convolution: give input_shape=(height, width, channels) of its images"
        )
    channels = tuple(shape[-1] for shape in kernels[:-1])
    return cnn((input_shape[0], input_shape[1], input_shape[2]), channels, kernels[-1][1], kernels[0][0], activation)


def import_back(
    modules: Sequence[nn.Module],
    like: str | Path,
    path: str | Path,
    *,
    input_shape: tuple[int, ...] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write pruned modules, one a seed, as the ticket of a study; their weights become its initial ones.

    Args:
        modules: with a layer for each layer of the ticket, pruned by `torch.nn.utils.prune` or whole.
        like: the ticket that they were exported from, which says the network, its seeds, and the observation
            normaliser's statistics.
        path: where to write.
        input_shape: needed where a network begins with a convolution.
        metadata: kept in the file.

    Raises:
        ResultError: if `like` cannot be read or the disk refuses.
        ValueError: if there are other than one module a seed, or one does not fit.
    """
    ticket = results.read_ticket(like)
    if len(modules) != len(ticket.seeds):
        raise ValueError(f"{like} has {len(ticket.seeds)} seeds, but there are {len(modules)} modules: give one a seed")
    network = describe(ticket.initial, input_shape)
    found = [from_module(network, module) for module in modules]
    tensors, masks = (
        {name: np.stack([part[side][name] for part in found]) for name in found[0][side]} for side in (0, 1)
    )
    results.write_ticket(path, results.Ticket(ticket.seeds, tensors, masks, statistics=ticket.statistics), metadata)


class _ChannelsFirst(nn.Module):
    """Images as this package has them, as PyTorch wants them."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.permute(0, 3, 1, 2)


class _ChannelsLast(nn.Module):
    """The other way round, so that a dense layer finds its inputs in this package's order."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.permute(0, 2, 3, 1)


def to_module(network: Network, parameters: Tensors, mask: Tensors) -> nn.Sequential:
    """Return a module that maps inputs [B, *input_shape] to what `networks.apply` gives, pruned by the mask.

    Its layers have the names of the network's.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    images = False
    module: nn.Conv2d | nn.Linear
    for index, layer in enumerate(network.layers):
        if layer.is_convolution:
            if not images:
                layers["channels_first"] = _ChannelsFirst()
            height, _, inputs, outputs = layer.kernel_shape
            images, module = True, nn.Conv2d(inputs, outputs, height, padding="same")
        else:
            if images:
                layers["channels_last"] = _ChannelsLast()
            if index == 0 or images:
                layers["flatten"] = nn.Flatten()
            inputs, outputs = layer.kernel_shape
            images, module = False, nn.Linear(inputs, outputs)
        with torch.no_grad():
            module.weight.copy_(_tensor(_turned(parameters[f"{layer.name}/kernel"])))
            module.get_parameter("bias").copy_(_tensor(parameters[f"{layer.name}/bias"]))
        kept = _tensor(_turned(mask[f"{layer.name}/kernel"]))
        layers[layer.name] = prune.custom_from_mask(module, "weight", kept.to(torch.float32))
        if f"{layer.name}/bias" in mask:
            prune.custom_from_mask(module, "bias", _tensor(mask[f"{layer.name}/bias"]).to(torch.float32))
        if layer.is_convolution or index < len(network.layers) - 1:
            layers[f"{layer.name}_{network.activation}"] = ACTIVATIONS[network.activation]()
        if layer.is_convolution:
            layers[f"{layer.name}_pool"] = nn.MaxPool2d(2)
    return nn.Sequential(layers)


def from_module(network: Network, module: nn.Module) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the parameters and the mask of a module with a layer for every layer of the network, pruned or not.

    Raises:
        ValueError: if a layer is missing or has another shape.
    """
    held = module.state_dict()
    parameters, masks = {}, {}
    for layer in network.layers:
        name, bias = (
            f"{key}_orig" if f"{key}_orig" in held else key for key in (f"{layer.name}.weight", f"{layer.name}.bias")
        )
        for key in (name, bias):
            if key not in held:
                raise ValueError(
                    f"the module has no {key}: name its layers {', '.join(known.name for known in network.layers)}"
                )
        kernel = _back(held[name].cpu().numpy())
        if kernel.shape != layer.kernel_shape:
            raise ValueError(
                f"{layer.name} has a kernel of shape {kernel.shape}; the network's is {layer.kernel_shape}"
            )
        mask = held.get(f"{layer.name}.weight_mask")
        parameters[f"{layer.name}/kernel"] = kernel
        parameters[f"{layer.name}/bias"] = _bias(layer, held[bias].cpu().numpy())
        masks[f"{layer.name}/kernel"] = np.ones(kernel.shape, bool) if mask is None else _back(mask.cpu().numpy()) != 0
        if f"{layer.name}.bias_mask" in held:
            masks[f"{layer.name}/bias"] = held[f"{layer.name}.bias_mask"].cpu().numpy() != 0
    return parameters, masks


def _bias(layer: Layer, bias: np.ndarray) -> np.ndarray:
    if bias.shape != (layer.outputs,):
        raise ValueError(f"{layer.name} has a bias of shape {bias.shape}; the network's is ({layer.outputs},)")
    return bias


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def _turned(kernel: np.ndarray) -> np.ndarray:
    """Bring a kernel's outputs and inputs to the front, where PyTorch has them."""
    return kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T


def _back(weight: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(weight.transpose(2, 3, 1, 0) if weight.ndim == 4 else weight.T)
