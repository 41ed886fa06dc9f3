"""Tuning a parent to data of one's own by evolution: many generations, any goal, and networks worth keeping."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

import numpy as np
import torch

from evotickets import streams
from evotickets.systems.subspace import GRADIENT, predictions, recombination
from evotickets.systems.subspace.descent import Descent
from evotickets.systems.subspace.goals import goal
from evotickets.systems.subspace.mutation import Mutation
from evotickets.systems.subspace.setting import Rows, Setting, generation, row
from evotickets.systems.subspace.weights import Weights

MOMENTUM, SQUARES, EPSILON = 0.9, 0.99, 1e-8


def study(setting: Setting, settings: Mapping[str, Any]) -> Rows:
    """Return the scores of the parent on the way: on the images it learns from, of validation and held-out ones.

    Every generation moves the parent along the mean of its children's mutations, each times its shaped loss. The best
    generation is that of the smallest loss on validation images among those that are scored, the parent as it was included.
    In the control of gradients the parent follows these instead of children, for as many evaluations.

    Source: Qiu et al. (2025), "Evolution strategies at scale".

    Args:
        setting: parent, images, children.
        settings: `mode`, `density`, `rule`, `sigma`, `goal`, `shaping`, `update`, `generations`, `evaluations`, `children`,
            `step`, `decay`.
    """
    total, scored = settings["generations"], goal[settings["goal"]]
    every = total // settings["evaluations"]
    descent = Descent(setting, settings) if settings["mode"].startswith(GRADIENT) else None
    mean = None if descent else Mean(setting.weights, settings)
    factors = {name: settings[name] for name in ("rule", "sigma", "decay")}
    start = predictions.normalised(setting.logits(setting.problem.test))
    rows: Rows = []
    validation: dict[int, float] = {}

    def tell(split: str, metric: str, value: float) -> None:
        rows.append(row(setting.seed, settings["update"], split, metric, value, step=number, **factors))

    for number in range(total + 1):
        if number % every == 0:
            for split, samples in setting.problem._asdict().items():
                outputs = setting.logits(samples)
                loss = scored(outputs, samples.labels)
                if split == "validation":
                    validation[number] = loss
                tell(split, "goal", loss)
                found = predictions.normalised(outputs)
                for metric, value in predictions.quality(found, samples.labels)._asdict().items():
                    tell(split, metric, value)
            # The last of these are held out.
            gains = predictions.losses(start, samples.labels) - predictions.losses(found, samples.labels)
            low, high = predictions.bootstrap(gains, streams.generator(0, "subspace", "bootstrap"))
            for metric, value in (("gain", gains.mean()), ("gain_low", low), ("gain_high", high)):
                tell("test", metric, value)
            tell("weights", "distance", descent.distance if descent else setting.weights.distance)
        if number < total and descent:
            descent.follow(settings["children"])
        if number < total and mean:
            mean.take(setting.losses(mean.mutation, settings["children"], number, goal=scored), number)
    setting.keep(best_name(setting.seed), np.array(min(validation, key=lambda number: (validation[number], number))))
    return rows


def best_name(seed: int) -> str:
    """Return under which name the best generation of a seed is kept beside the losses."""
    return f"seed{seed:02d}/best"


def remake(
    weights: Weights, settings: Mapping[str, Any], losses: Mapping[str, np.ndarray], seed: int, generations: int
) -> None:
    """Turn the model into what some generations of a seed left, given the losses of all."""
    mean = Mean(weights, settings)
    for number in range(generations):
        mean.take(losses[generation(seed, number)], number)


class Mean:
    """The parent that children surround, and how it follows their losses.

    Attributes:
        weights: whose parent moves.
        mutation: of the children.
    """

    def __init__(self, weights: Weights, settings: Mapping[str, Any]):
        self.weights, self._settings = weights, settings
        self.mutation = Mutation(settings["mode"], settings["density"], settings["sigma"], settings["rule"])
        if "only" in settings:
            self.mutation = weights.only(self.mutation, settings["only"])
        self._velocity: list[torch.Tensor] = []
        self._squares: list[torch.Tensor] = []

    def take(self, losses: np.ndarray, number: int) -> None:
        """Move by the losses [children] of a generation.

        Adam divides by what a coordinate is used to move, and so moves each by about `step` times what a mutation changes an
        entry by on average over all (root mean square), whatever share of them mutates.

        Source: Polyak (1964) for momentum; Kingma & Ba (2015), algorithm 1, for Adam.
        """
        shape = recombination.standardised if self._settings["shaping"] == "z_score" else recombination.ranked
        shares, step, decay = shape(losses) / len(losses), self._settings["step"], self._settings["decay"]
        if self._settings["update"] == "step":
            self.weights.move(self.mutation, step * shares, number, decay=decay)
            return
        found = self.weights.direction(self.mutation, shares, number)
        self._velocity = self._velocity or [torch.zeros_like(tensor) for tensor in found]
        if self._settings["update"] == "momentum":
            for velocity, tensor in zip(self._velocity, found, strict=True):
                velocity.mul_(MOMENTUM).add_(tensor)
            self.weights.move_by([velocity * step for velocity in self._velocity], decay)
            return
        self._squares = self._squares or [torch.zeros_like(tensor) for tensor in found]
        changes = []
        for velocity, squares, tensor, scale in zip(
            self._velocity, self._squares, found, self.weights.scales(self.mutation), strict=True
        ):
            length = step * scale * sqrt(self.mutation.density)
            velocity.mul_(MOMENTUM).add_(tensor, alpha=1 - MOMENTUM)
            squares.mul_(SQUARES).addcmul_(tensor, tensor, value=1 - SQUARES)
            usual = (squares / (1 - SQUARES ** (number + 1))).sqrt_().add_(EPSILON * scale)
            changes.append(velocity / (1 - MOMENTUM ** (number + 1)) / usual * length)
        self.weights.move_by(changes, decay)
