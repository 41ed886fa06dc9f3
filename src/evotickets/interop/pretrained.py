"""A way out and back: tickets of a study as ordinary PyTorch modules, and pruned modules as tickets.

    module = pretrained.export("results/tickets/digits/snes/snr/level05/ticket.parquet", seed=0)
    torch.optim.SGD(module.parameters(), lr=0.1)       # moves survivors only
    prune.remove(module.dense1, "weight")              # makes the zeros permanent

PyTorch is imported when one of these functions is called.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evotickets import results
from evotickets.networks.feedforward import ACTIVATIONS
from evotickets.networks.layout import Network, cnn, mlp

if TYPE_CHECKING:
    from torch import nn

Weights = Literal["initial", "trained"]


def export(
    path: str | Path,
    *,
    seed: int = 0,
    weights: Weights = "initial",
    input_shape: tuple[int, ...] | None = None,
    activation: str = "relu",
) -> "nn.Sequential":
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
    from evotickets.interop import exchange

    ticket = results.read_ticket(path)
    if seed not in ticket.seeds:
        raise ValueError(f"{path} has no seed {seed}; it has {', '.join(map(str, ticket.seeds))}")
    tensors = ticket.initial if weights == "initial" else ticket.mean
    if tensors is None:
        raise ValueError(f"{path} was not trained: export its initial weights")
    row = ticket.seeds.index(seed)
    network = describe(tensors, input_shape, activation)
    chosen, masks = ({name: array[row] for name, array in part.items()} for part in (tensors, ticket.mask))
    return exchange.to_module(network, chosen, masks)


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
    modules: "Sequence[nn.Module]",
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
    from evotickets.interop import exchange

    ticket = results.read_ticket(like)
    if len(modules) != len(ticket.seeds):
        raise ValueError(f"{like} has {len(ticket.seeds)} seeds, but there are {len(modules)} modules: give one a seed")
    network = describe(ticket.initial, input_shape)
    found = [exchange.from_module(network, module) for module in modules]
    tensors, masks = (
        {name: np.stack([part[side][name] for part in found]) for name in found[0][side]} for side in (0, 1)
    )
    results.write_ticket(path, results.Ticket(ticket.seeds, tensors, masks, statistics=ticket.statistics), metadata)
