"""A parent of a seed and the images it meets: those that decide about children and scales, and those that nobody has seen."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load, save
from torch import nn

from evotickets import sealed, streams
from evotickets.systems.subspace import batch, checkpoints, evaluation, parents, pools, training
from evotickets.systems.subspace.evaluation import Samples, configure
from evotickets.tasks.files import data_folder
from evotickets.tasks.registry import Inputs, Pool

__all__ = ["Problem", "configure", "make", "noise_seed", "problem", "read", "restore", "source", "write"]


class Problem(NamedTuple):
    """Images of a seed.

    Attributes:
        fitness: a fixed part of the training images, by which children are chosen.
        validation: images that decide between scales of mutations; those of training that are not of fitness where there are
            no others.
        test: images that decide nothing.
    """

    fitness: Samples
    validation: Samples
    test: Samples

    @property
    def together(self) -> Samples:
        """All images in a row."""
        return self.fitness._replace(
            images=_joined([part.images for part in self]), labels=np.concatenate([part.labels for part in self])
        )

    @property
    def places(self) -> dict[str, slice]:
        """Where those of each split lie among all."""
        ends = np.cumsum([0, *(len(part.labels) for part in self)]).tolist()
        return {name: slice(*pair) for name, pair in zip(self._fields, pairwise(ends), strict=True)}


def _joined(parts: Sequence[Inputs]) -> Inputs:
    """Return inputs in a row; texts are padded to the longest, with zeros, which attention masks leave out."""
    arrays = [part for part in parts if not isinstance(part, dict)]
    named = [part for part in parts if isinstance(part, dict)]
    if arrays:
        return np.concatenate(arrays)
    return {name: np.concatenate(_padded([part[name] for part in named])) for name in named[0]}


def _padded(arrays: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    if len({array.shape[1:] for array in arrays}) == 1 or any(array.ndim != 2 for array in arrays):
        return arrays
    longest = max(array.shape[1] for array in arrays)
    return [np.pad(array, ((0, 0), (0, longest - array.shape[1]))) for array in arrays]


def source(parent: Mapping[str, Any], seed: int, index: int) -> pools.Source:
    """Return all images of a parent; where they bring no split, that of the seed."""
    split = int(streams.generator(seed, "subspace", "split", index).integers(2**31))
    return pools.load(parent["images"], split, parent["options"])


def problem(parent: Mapping[str, Any], images: Mapping[str, int | None], seed: int, index: int) -> Problem:
    """Draw the images of a seed: as many of `fitness`, `validation` and `test` as asked for, or all that there are.

    Raises:
        ValueError: if there are fewer.
    """
    found = source(parent, seed, index)

    def draw(name: str, pool: Pool, places: np.ndarray) -> Samples:
        wanted = images.get(name)
        count = len(places) if wanted is None else wanted
        if count > len(places):
            raise ValueError(f"subspace.{name} asks for {count} images, {parent['images']} has {len(places)}: lower it")
        rng = streams.generator(seed, "subspace", name, index)
        chosen = places[np.sort(rng.choice(len(places), count, replace=False))]
        taken[name] = chosen
        return Samples(pool.read(chosen), pool.labels[chosen], found.mean, found.std)

    taken: dict[str, np.ndarray] = {}
    every = np.arange(len(found.train.labels))
    fitness = draw("fitness", found.train, every)
    if found.validation is None:
        validation = draw("validation", found.train, np.setdiff1d(every, taken["fitness"]))
    else:
        validation = draw("validation", found.validation, np.arange(len(found.validation.labels)))
    return Problem(fitness, validation, draw("test", found.test, np.arange(len(found.test.labels))))


def make(
    parent: Mapping[str, Any], seed: int, count: int, asked: Mapping[str, int | None] = MappingProxyType({})
) -> list[dict[str, torch.Tensor]]:
    """Return the weights of a parent: one state dict, or `count` where it is trained here, one a seed.

    Args:
        parent: `model`, `arguments`, `images`, `options`, and `checkpoint` or `epochs` where there is one.
        seed: of the study.
        count: number of seeds.
        asked: how many images of `fitness`, `validation` and `test` its children will be asked about.

    Raises:
        ValueError: if the model or its checkpoint cannot be used, the model does not take the images, or there are fewer.
        FileNotFoundError: if a file is missing.
    """
    # What does not fit ends before a parent is trained, or scored on all images.
    images = source(parent, seed, 0)
    enough(parent, images, asked)
    check(parent, images)
    if not parent.get("epochs"):
        # What is neither loaded nor trained is random, but the same again.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = parents.build(parent["model"], parent["arguments"])
        if "checkpoint" in parent:
            checkpoints.load(model, data_folder() / parent["checkpoint"], parent.get("entry"))
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


def enough(parent: Mapping[str, Any], images: pools.Source, asked: Mapping[str, int | None]) -> None:
    """Refuse to ask for more images than there are.

    Raises:
        ValueError: if a split has fewer, or those to learn from or those held out are none.
    """
    train = len(images.train.labels)
    if not train or not len(images.test.labels):
        raise ValueError(f"{parent['images']} has no images of training, or none held out: give both")
    left = max(0, train - (asked.get("fitness") or 0))
    own = left if images.validation is None else len(images.validation.labels)
    of_training = f" beside those of fitness, as {parent['images']} brings none of validation"
    there = {"fitness": (train, ""), "validation": (own, of_training if images.validation is None else "")}
    for name, (count, why) in (there | {"test": (len(images.test.labels), "")}).items():
        wanted = asked.get(name)
        if wanted is not None and wanted > count:
            raise ValueError(
                f"subspace.{name} is {wanted}, but images of {parent['images']} are {count}{why}: lower it to {count} at most, "
                "or give more"
            )


def check(parent: Mapping[str, Any], images: pools.Source) -> None:
    """Refuse a model that does not take a parent's images, or tells fewer classes apart than there are.

    Raises:
        ValueError: if it does not.
    """
    with torch.random.fork_rng(devices=[]):
        model = parents.build(parent["model"], parent["arguments"])
    parents.freeze(model, parent.get("include", ()), parent.get("exclude", ()))
    for pool in (images.train, images.test):
        two = np.sort(np.argsort(pool.labels, kind="stable")[-2:])
        samples = Samples(pool.read(two), pool.labels[two], images.mean, images.std)
        try:
            evaluation.logits(model, samples, 2)
        # The model's own complaints are of any kind.
        except (RuntimeError, IndexError, TypeError, AttributeError) as error:
            kind = batch.kinds(next(evaluation.inputs(model, samples, 2)))
            raise ValueError(
                f"the model {parent['model']} does not take inputs {kind}, which images of {parent['images']} are "
                f"({parents.first_line(error)}): mend its arguments, or name other images"
            ) from error


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


def noise_seed(seed: int, index: int) -> int:
    """Return the seed of the noise of all children of a seed of the study."""
    return int(streams.generator(seed, "subspace", "children", index).integers(2**31))


def restore(parent: Mapping[str, Any], states: list[dict[str, torch.Tensor]], index: int, threads: int) -> nn.Module:
    """Build the model of a parent with the weights that `make` returned, on the device of this process."""
    device = configure(threads)
    model = parents.build(parent["model"], parent["arguments"])
    model.load_state_dict(states[index % len(states)])
    parents.freeze(model, parent.get("include", ()), parent.get("exclude", ()))
    return model.to(device)
