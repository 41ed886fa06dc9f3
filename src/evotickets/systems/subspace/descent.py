"""What gradients make of the same images for the same evaluations: the control of tuning."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

import torch
from torch.nn import functional

from evotickets.systems.subspace import GRADIENT, batch, parents
from evotickets.systems.subspace.evaluation import inputs, logits_of
from evotickets.systems.subspace.setting import Setting

COST = 3
"""Evaluations that a gradient costs: one forwards, and two backwards."""


class Descent:
    """A parent whose parameters that may mutate follow the gradient of the mean cross-entropy on the images of fitness.

    Source: Kingma & Ba (2015), Adam. Griewank & Walther (2008), "Evaluating derivatives", §4.6, for the cost of a gradient.
    """

    def __init__(self, setting: Setting, settings: Mapping[str, Any]):
        self._setting = setting
        self._free = parents.mutable(setting.weights.model)
        self._start = [parameter.detach().clone() for parameter in self._free]
        self._optimizer = torch.optim.Adam(self._free, lr=rate(settings["mode"]))

    def follow(self, children: int) -> None:
        """Make as many steps along gradients as cost what a generation of children does, and at least one."""
        setting, labels = self._setting, torch.from_numpy(self._setting.problem.fitness.labels)
        model, samples = setting.weights.model, setting.problem.fitness
        for _ in range(max(1, children // COST)):
            self._optimizer.zero_grad()
            for number, part in enumerate(inputs(model, samples, setting.batch)):
                with setting.remembered(samples, number):
                    out = logits_of(batch.call(model, part))
                own = labels[number * setting.batch :][: setting.batch].to(out.device)
                (functional.cross_entropy(out.float(), own, reduction="sum") / len(labels)).backward()
            self._optimizer.step()
            for _ in range(COST):
                setting.report()

    @property
    def distance(self) -> float:
        """Euclidean distance of the parent to the original, from which it moved."""
        pairs = zip(self._free, self._start, strict=True)
        return sqrt(sum(float((now.detach() - start).double().square().sum()) for now, start in pairs))


def rate(mode: str) -> float:
    """Return the learning rate that a mode such as gradient_0.01 names."""
    return float(mode.removeprefix(f"{GRADIENT}_"))
