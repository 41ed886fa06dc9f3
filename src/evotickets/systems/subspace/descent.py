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

    Of parameters in half precision a copy in float32 follows it, to which they are rounded after every step: steps that are
    smaller than the distance of two numbers add up.

    Source: Kingma & Ba (2015), Adam. Griewank & Walther (2008), "Evaluating derivatives", §4.6, for the cost of a gradient.
        Micikevicius et al. (2018), "Mixed precision training", §3.1, for the copy.
    """

    def __init__(self, setting: Setting, settings: Mapping[str, Any]):
        self._setting = setting
        self._free = parents.mutable(setting.weights.model)
        # Of what is whole there is no copy.
        kinds = [torch.promote_types(parameter.dtype, torch.float32) for parameter in self._free]
        self._whole = [parameter.detach().to(kind) for parameter, kind in zip(self._free, kinds, strict=True)]
        self._halved = any(parameter.dtype != kind for parameter, kind in zip(self._free, kinds, strict=True))
        self._start = [whole.clone() for whole in self._whole]
        self._optimizer = torch.optim.Adam(self._whole, lr=rate(settings["mode"]))

    def follow(self, children: int) -> None:
        """Make as many steps along gradients as cost what a generation of children does, and at least one.

        Raises:
            ValueError: if a gradient is not finite.
        """
        for _ in range(max(1, children // COST)):
            self._optimizer.zero_grad()
            self._backwards()
            self._optimizer.step()
            with torch.no_grad():
                for parameter, whole in zip(self._free, self._whole, strict=True):
                    if whole.dtype != parameter.dtype:
                        parameter.copy_(whole)
            for _ in range(COST):
                self._setting.report()

    def _backwards(self) -> None:
        """Give the whole parameters the gradient, the sum over batches."""
        setting, labels = self._setting, torch.from_numpy(self._setting.problem.fitness.labels)
        model, samples = setting.weights.model, setting.problem.fitness
        # Gradients of a mean over many images would be too small for half precision: the sum is divided afterwards.
        before, after = (1, len(labels)) if self._halved else (len(labels), 1)
        for number, part in enumerate(inputs(model, samples, setting.batch)):
            with setting.remembered(samples, number):
                out = logits_of(batch.call(model, part))
            own = labels[number * setting.batch :][: setting.batch].to(out.device)
            loss = functional.cross_entropy(out.float(), own, reduction="sum") / before
            # A loss does not depend on what a model does not use.
            slopes = torch.autograd.grad(loss, self._free, allow_unused=True)
            for whole, slope in zip(self._whole, slopes, strict=True):
                if slope is not None:
                    share = slope.to(whole.dtype) / after
                    whole.grad = share if whole.grad is None else whole.grad + share
        if self._halved and not all(whole.grad is None or whole.grad.isfinite().all() for whole in self._whole):
            raise ValueError(
                "a gradient is not finite in half precision: take the model in float32, or leave learning_rates out"
            )

    @property
    def distance(self) -> float:
        """Euclidean distance of the parent to the original, from which it moved."""
        pairs = zip(self._whole, self._start, strict=True)
        return sqrt(sum(float((now - start).double().square().sum()) for now, start in pairs))


def rate(mode: str) -> float:
    """Return the learning rate that a mode such as gradient_0.01 names."""
    return float(mode.removeprefix(f"{GRADIENT}_"))
