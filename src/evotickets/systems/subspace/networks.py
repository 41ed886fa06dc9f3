"""Networks that a study keeps: made again from the parent, the losses of its children and the seed, and written for others.

A study stores losses alone, a few bytes a child, from which and from the noise of the seed every network that it was made of
follows bit by bit. So whoever wants a network afterwards evaluates no child again.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import safetensors.torch
from torch import nn

from evotickets import sealed
from evotickets.systems.subspace import PARENT, generations, one_generation, problems, tuning
from evotickets.systems.subspace.config import scaled
from evotickets.systems.subspace.kept import TOLD
from evotickets.systems.subspace.weights import Weights


def write_losses(losses: Mapping[str, np.ndarray], path: str | Path) -> None:
    """Write the losses [children] of generations by their names.

    Raises:
        ResultError: if the disk refuses.
    """
    sealed.write_tensors(
        path, safetensors.numpy.save({name: np.asarray(one, order="C") for name, one in losses.items()})
    )


def read_losses(path: str | Path) -> dict[str, np.ndarray]:
    """Read what `write_losses` wrote.

    Raises:
        ResultError: if the file is missing or damaged.
    """
    return safetensors.numpy.load(sealed.read_tensors(path))


def outcome(
    study: str, settings: Mapping[str, Any], network: str, losses: Mapping[str, np.ndarray], index: int
) -> dict[str, Any]:
    """Return which rows of the table of scores are about a network that is kept, by column."""
    if study == "mutations":
        by_name = {
            scaled(kind, **scale): {"candidate": kind, **scale}
            for kind in one_generation.RECOMBINED
            for scale in settings["scales"]
        }
        return by_name[network]
    if study == "tuning":
        last = network == "last"
        step = settings["generations"] if last else int(losses[tuning.best_name(index)])
        return {"candidate": settings["update"], "step": step}
    return {"candidate": PARENT, "step": settings["generations"]}


def remake(
    model: nn.Module,
    study: str,
    settings: Mapping[str, Any],
    at: Mapping[str, Any],
    losses: Mapping[str, np.ndarray],
    seed: int,
    index: int,
) -> None:
    """Turn a parent's model into the network of a seed that `outcome` has told."""
    weights = Weights(model, problems.noise_seed(seed, index))
    if study == "mutations":
        scale = {name: at[name] for name in ("rule", "sigma")}
        one_generation.remake(weights, settings, at["candidate"], scale, losses, index)
    elif study == "tuning":
        tuning.remake(weights, settings, losses, index, at["step"])
    else:
        generations.remake(weights, settings, losses, index)


def write(
    path: str | Path,
    model: nn.Module,
    *,
    parent: Mapping[str, Any],
    seed: Mapping[str, int],
    recipe: Mapping[str, Any],
    scores: Mapping[str, float],
    code: str,
) -> None:
    """Write the state dict of a model as safetensors, and in its header as JSON what is known of it.

    Raises:
        ResultError: if the disk refuses.
    """
    # Tensors that share memory, as tied weights, are written each by itself; a state dict is loaded name by name.
    state = {name: tensor.cpu().clone().contiguous() for name, tensor in model.state_dict().items()}
    told = dict(zip(TOLD, (parent, seed, recipe, scores), strict=True))
    # Libraries that load safetensors want to be told whose tensors these are.
    about = {"format": "pt", "code": code} | {name: json.dumps(said, sort_keys=True) for name, said in told.items()}
    sealed.write_tensors(path, safetensors.torch.save(state), about=about)
