"""Modules of tickets in a folder: `model.safetensors`, which holds weights and masks and runs no code, and a card."""

import json
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import nn

from evotickets import sealed
from evotickets.interop import modules, tensors
from evotickets.interop.card import ABOUT, card

WEIGHTS, CARD = "model.safetensors", "README.md"


def save(module: nn.Module, folder: str | Path) -> None:
    """Write an exported module, as it is now, to a folder.

    Raises:
        ResultError: if the disk refuses.
        ValueError: if the module was not exported.
    """
    about = getattr(module, ABOUT, None)
    if about is None:
        raise ValueError("the module was not exported from a ticket: export one, or write its state_dict by torch.save")
    folder = Path(folder)
    state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in module.state_dict().items()}
    content = save_tensors(state, {ABOUT: json.dumps(about, sort_keys=True)})
    sealed.write_tensors(folder / WEIGHTS, content, about={ABOUT: json.dumps(about, sort_keys=True)})
    sealed.write(folder / CARD, card(about, folder.name).encode())


def load(folder: str | Path, *, module: nn.Module | None = None) -> nn.Module:
    """Return the module that `save` wrote to a folder.

    Args:
        folder: with `model.safetensors`.
        module: for a network of one's own, a module like the one that was exported.

    Raises:
        ResultError: if the file is missing or damaged.
        ValueError: if it was not written by `save`, or the module does not fit.
    """
    path = Path(folder) / WEIGHTS
    content = sealed.read_tensors(path)
    said = sealed.about(content).get(ABOUT)
    if said is None:
        raise ValueError(f"{path} does not say what it is of: it was not written by evotickets.interop.torch.save")
    about, state = json.loads(said), load_tensors(content)
    if about["own"] and module is None:
        raise ValueError(f"{path} is of a network of one's own: give module=, a module like the one that was exported")
    built = _built(about, state, module)
    try:
        built.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"{path} does not fit the module: {' '.join(str(error).split())}") from error
    setattr(built, ABOUT, about)
    return built


def _built(about: Mapping[str, Any], state: Mapping[str, torch.Tensor], own: nn.Module | None) -> nn.Module:
    """Return a module of the shapes that a file has, pruned where it is, with weights that are to be replaced."""
    zeros = {name: np.zeros(shape, np.float32) for name, shape in about["shapes"].items()}
    seeds = {name: array[None] for name, array in zeros.items()}
    settings = about["settings"]
    if own is not None:
        network = own
    elif "network" in settings:
        network = modules.KNOWN[settings["network"]["network"]](seeds)
    else:
        shape = tuple(about["input_shape"])
        network = nn.Sequential(modules.feedforward(modules.describe(seeds, shape, settings["activation"])))
    tensors.fill(network, zeros, {name: np.ones(zeros[name].shape, bool) for name in about["masked"]})
    before: dict[str, nn.Module] = {}
    after: dict[str, nn.Module] = {}
    if "normalise.mean" in state:
        before["normalise"] = modules.Normalise(state["normalise.mean"].numpy(), state["normalise.std"].numpy())
    if about["action"] == "stretch":
        after["stretch"] = modules.Stretch(state["stretch.low"].numpy(), state["stretch.high"].numpy())
    if about["action"] == "largest":
        after["largest"] = modules.Largest()
    if before or after:
        parts = network.named_children() if type(network) is nn.Sequential else ((modules.NETWORK, network),)
        network = nn.Sequential(OrderedDict([*before.items(), *parts, *after.items()]))
    return network.to(next(iter(state.values())).dtype)
