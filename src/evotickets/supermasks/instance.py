"""What a network is to learn, what a seeker may know of a network in which it looks for a ticket, and exact cuts.

Samples are drawn anew for every seed.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from evotickets import streams
from evotickets.networks import masks
from evotickets.networks.layout import Network
from evotickets.pruning import top_k
from evotickets.supermasks import adam


class Samples(NamedTuple):
    """Inputs float32 [S, n, I], and classes int32 [S, n] or values float32 [S, n, O]."""

    x: np.ndarray
    y: np.ndarray


class Problem(NamedTuple):
    """What a network is to learn: the number of classes (0 for a regression), and disjoint samples.

    Decisions are taken on validation samples; where there are none, no decision is taken.
    """

    classes: int
    train: Samples
    test: Samples
    validation: Samples | None = None

    @property
    def metric(self) -> str:
        """Name of the measure of quality: `accuracy`, or `mse`, which is an error."""
        return "accuracy" if self.classes else "mse"


class Instance(NamedTuple):
    """What a seeker may know.

    Attributes:
        network: in which a ticket is hidden.
        problem: training samples (and others, which no seeker reads).
        parameters: initial parameters [S, N], the hidden ticket among them.
        training: how networks are trained, the settings of `adam.train`.
        seed: of the study.
        names: of the system and the cell; with the seed they name every random stream.
        biases: whether biases are prunable: masks are then over all parameters, K is N.
    """

    network: Network
    problem: Problem
    parameters: np.ndarray
    training: dict[str, Any]
    seed: int
    names: tuple[str, ...]
    biases: bool = False

    def rngs(self, *purpose: str | int) -> list[np.random.Generator]:
        """Return one generator per seed for a purpose."""
        return [streams.generator(self.seed, *self.names, *purpose, index) for index in range(len(self.parameters))]

    def train(self, mask: np.ndarray, epochs: int, *purpose: str | int) -> np.ndarray:
        """Return the parameters [S, N] of masked networks trained from their initial values."""
        settings = self.training | {"epochs": epochs}
        rngs = self.rngs("order", *purpose)
        return adam.train(
            self.network, self.problem.classes, self.problem.train, self.parameters, mask, settings, rngs=rngs
        )

    @property
    def everything(self) -> np.ndarray:
        """The mask [S, K] that keeps everything."""
        if self.biases:
            return np.ones(self.parameters.shape, bool)
        return masks.everything(self.network, len(self.parameters))


def cut(scores: np.ndarray, allowed: np.ndarray, count: int, rngs: Sequence[np.random.Generator]) -> np.ndarray:
    """Keep exactly `count` of the allowed entries of every seed, those with the largest scores [S, K]."""
    rows = zip(scores, allowed, rngs, strict=True)
    return np.concatenate([top_k.keep_largest(row[None], free[None], count, rng) for row, free, rng in rows])


def counts(edges: int, count: int, steps: int) -> list[int]:
    """Return how many edges are left after each of several cuts whose densities fall geometrically to the last."""
    return [masks.kept_count((count / edges) ** (step / steps), edges) for step in range(1, steps)] + [count]
