"""Samples of a target's problem, drawn anew for every seed."""

from collections.abc import Sequence

import numpy as np

from evotickets.planted.targets import TARGETS, Family
from evotickets.supermasks.instance import Problem, Samples


def draw(name: str, count: int, noise: float, rngs: Sequence[np.random.Generator]) -> Problem:
    """Draw training and test samples of a target's problem, one set per generator.

    `noise` is the share of training labels that are flipped to the second-best class, or the std of what is added to
    training values.

    Source: Fischer & Burkholz (2022), §4.1.
    Deviates: test samples carry no noise, so that a planted ticket is measured against the truth.
    """
    family = TARGETS[name]
    train = [_sample(family, count, noise, rng) for rng in rngs]
    test = [_sample(family, count, 0, rng) for rng in rngs]
    return Problem(family.classes, *(Samples(*map(np.stack, zip(*split, strict=True))) for split in (train, test)))


def _sample(family: Family, count: int, noise: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x = rng.uniform(-1, 1, (count, family.inputs))
    truth = family.truth(x)
    if not family.classes:
        return x.astype(np.float32), (truth + rng.normal(0, noise, truth.shape)).astype(np.float32)
    ranks = np.argsort(truth, -1)
    flipped = rng.random(count) < noise
    return x.astype(np.float32), np.where(flipped, ranks[:, -2], ranks[:, -1]).astype(np.int32)
