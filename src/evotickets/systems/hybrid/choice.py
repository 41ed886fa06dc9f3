"""Which of several settings a method trains with: chosen by validation images, before anyone looks at those of the test.

A candidate is what differs from the settings of the study: options of the method, and `learning_rate`, `steps`, `batches` and
`batch` of the training. Every method has the same learning rates to choose from, and as many trainings for each.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np

RATE = "learning_rate"
TRAINING = ("steps", "batches", "batch", RATE)
"""What a candidate may change of the training; all else are options of the method."""

Candidate = dict[str, Any]
Grid = Sequence[Sequence[Mapping[str, Any]]]
"""Axes, each with sets of options of which a candidate has one."""


def every(grid: Grid, rates: Sequence[float] = ()) -> list[Candidate]:
    """Return all candidates of a grid, each once, the learning rates being its last axis."""
    axes = [*grid, [{RATE: float(rate)} for rate in rates]] if rates else grid
    found: list[Candidate] = []
    for parts in product(*axes):
        candidate = {key: value for part in parts for key, value in part.items()}
        if candidate not in found:
            found.append(candidate)
    return found


def size(grid: Grid, rates: Sequence[float] = ()) -> int:
    """Return how many candidates a grid has at most."""
    return prod([len(axis) for axis in grid]) * max(1, len(rates))


def drawn(candidates: Sequence[Candidate], tries: int, rng: np.random.Generator) -> list[Candidate]:
    """Return as many of the candidates, in their order: the first, which is the study's own setting, and others at random.

    Source: Bergstra & Bengio (2012), "Random search for hyper-parameter optimization".
    """
    if len(candidates) <= tries:
        return list(candidates)
    others = 1 + rng.choice(len(candidates) - 1, tries - 1, replace=False)
    return [candidates[index] for index in sorted([0, *others])]


def best(accuracy: np.ndarray, loss: np.ndarray) -> int:
    """Return of accuracies and losses [candidates, replicates] the candidate with the largest mean accuracy.

    Of equals, as all are that have no accuracy, it is the one with the smaller loss, then the first. What diverged for one
    replicate, so that its loss is not finite, is chosen only where all did.
    """
    accuracy, loss = np.nan_to_num(np.atleast_2d(accuracy).mean(1)), np.atleast_2d(loss).mean(1)
    lost = ~np.isfinite(loss)
    # The last key is the first to sort by.
    order = np.lexsort((np.where(lost, 0, loss), -accuracy, lost))
    return int(order[0])


def but_rate(candidate: Candidate) -> Candidate:
    """Return a candidate without its learning rate."""
    return {key: value for key, value in candidate.items() if key != RATE}


def of_training(candidate: Candidate) -> dict[str, Any]:
    """Return what a candidate changes of the training."""
    return {key: value for key, value in candidate.items() if key in TRAINING}


def of_method(candidate: Candidate) -> dict[str, Any]:
    """Return what a candidate changes of the method."""
    return {key: value for key, value in candidate.items() if key not in TRAINING}


class Alike(NamedTuple):
    """Members that differ in their learning rate alone, and so are trained by one program: their places and common settings."""

    places: list[int]
    settings: Candidate


def alike(candidates: Iterable[Candidate]) -> list[Alike]:
    """Group candidates by everything but their learning rates."""
    groups: list[Alike] = []
    for place, candidate in enumerate(candidates):
        common = but_rate(candidate)
        group = next((group for group in groups if group.settings == common), None)
        if group is None:
            groups.append(group := Alike([], common))
        group.places.append(place)
    return groups
