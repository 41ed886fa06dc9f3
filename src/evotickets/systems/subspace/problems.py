"""A parent of a seed and the images it meets: those that decide about children, and those that nobody has seen."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load, save
from torch import nn

from evotickets import sealed, streams
from evotickets.systems.subspace import parents, pools, training
from evotickets.systems.subspace.evaluation import Samples, configure
from evotickets.tasks.files import data_folder

__all__ = ["Problem", "configure", "make", "problem", "read", "restore", "source", "write"]


class Problem(NamedTuple):
    """Images of a seed: a fixed part of the training images, by which children are chosen, and held-out ones."""

    fitness: Samples
    test: Samples

    @property
    def both(self) -> Samples:
        """All images in a row, those of fitness first."""
        first, second = self
        return first._replace(
            images=np.concatenate([first.images, second.images]), labels=np.concatenate([first.labels, second.labels])
        )


def source(parent: Mapping[str, Any], seed: int, index: int) -> pools.Source:
    """Return all images of a parent; where they bring no split, that of the seed."""
    split = int(streams.generator(seed, "subspace", "split", index).integers(2**31))
    return pools.load(parent["images"], split, parent["options"])


def problem(parent: Mapping[str, Any], counts: tuple[int, int], seed: int, index: int) -> Problem:
    """Draw the images of a seed: `counts` for fitness and held out.

    Raises:
        ValueError: if there are fewer.
    """
    images = source(parent, seed, index)
    parts = []
    for name, count, pool in zip(("fitness", "test"), counts, (images.train, images.test), strict=True):
        if count > len(pool.labels):
            raise ValueError(
                f"subspace.{name} asks for {count} images, {parent['images']} has {len(pool.labels)}: lower it"
            )
        rng = streams.generator(seed, "subspace", name, index)
        chosen = np.sort(rng.choice(len(pool.labels), count, replace=False))
        parts.append(Samples(pool.read(chosen), pool.labels[chosen], images.mean, images.std))
    return Problem(*parts)


def make(parent: Mapping[str, Any], seed: int, count: int) -> list[dict[str, torch.Tensor]]:
    """Return the weights of a parent: one state dict, or `count` where it is trained here, one a seed.

    Raises:
        ValueError: if the model or its checkpoint cannot be used.
        FileNotFoundError: if a file is missing.
    """
    if not parent.get("epochs"):
        # What is neither loaded nor trained is random, but the same again.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = parents.build(parent["model"], parent["arguments"])
        if "checkpoint" in parent:
            checkpoint = Path(parent["checkpoint"])
            parents.load(model, checkpoint if checkpoint.is_absolute() else data_folder() / checkpoint)
        return [model.state_dict()]
    states = []
    for index in range(count):
        images = source(parent, seed, index)
        every = np.arange(len(images.train.labels))
        samples = Samples(images.train.read(every), images.train.labels, images.mean, images.std)
        weights_seed = int(streams.generator(seed, "subspace", "parent", index).integers(2**31))
        model = training.train(parent["model"], parent["arguments"], samples, parent["epochs"], weights_seed)
        states.append(model.state_dict())
    return states


def write(states: list[dict[str, torch.Tensor]], path: str | Path) -> None:
    """Write the weights of a parent whole or not at all.

    Raises:
        ResultError: if the disk refuses.
    """
    # Tensors that share memory, as tied weights, are written each by itself.
    named = {f"{index}/{name}": tensor.clone() for index, state in enumerate(states) for name, tensor in state.items()}
    sealed.write_tensors(path, save(named))


def read(path: str | Path) -> list[dict[str, torch.Tensor]]:
    """Read the weights of a parent.

    Raises:
        ResultError: if the file is missing or holds other weights than were written.
    """
    states: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in load(sealed.read_tensors(path)).items():
        index, _, name = key.partition("/")
        states.setdefault(int(index), {})[name] = tensor
    return [states[index] for index in range(len(states))]


def restore(parent: Mapping[str, Any], states: list[dict[str, torch.Tensor]], index: int, threads: int) -> nn.Module:
    """Build the model of a parent with the weights that `make` returned, on the device of this process."""
    device = configure(threads)
    model = parents.build(parent["model"], parent["arguments"])
    model.load_state_dict(states[index % len(states)])
    return model.to(device)
