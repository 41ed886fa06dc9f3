"""What a cell of the study works with, for one seed."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any, NamedTuple

import numpy as np

from evotickets.systems.subspace import evaluation, predictions
from evotickets.systems.subspace.children import Children
from evotickets.systems.subspace.evaluation import Samples
from evotickets.systems.subspace.frozen import Frozen
from evotickets.systems.subspace.mutation import Mutation
from evotickets.systems.subspace.problems import Problem
from evotickets.systems.subspace.weights import Weights

Rows = list[dict[str, Any]]
Goal = Callable[[np.ndarray, np.ndarray], float]
"""(outputs [n, O], labels [n]) -> loss."""


def mean_loss(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean negative log-likelihood of labels [n] under logits [n, O]."""
    return predictions.losses(predictions.normalised(outputs), labels).mean()


class Setting(NamedTuple):
    """A parent of a seed and how its children are judged.

    Attributes:
        weights: of the parent's model.
        problem: its images.
        children: where results of children are kept.
        seed: index of the seed.
        batch: images evaluated at once.
        batch_norm: `keep` the parent's statistics, or `estimate` them anew from the images of fitness for every network.
        report: told of every network that was evaluated.
        keep: told the losses [children] of a generation by its name, from which a network can be made again.
        frozen: what remembers the outputs of modules that do not mutate; None where nothing is frozen.
    """

    weights: Weights
    problem: Problem
    children: Children
    seed: int
    batch: int
    batch_norm: str
    report: Callable[[], None] = lambda: None
    keep: Callable[[str, np.ndarray], None] = lambda *_: None
    frozen: Frozen | None = None

    def logits(self, samples: Samples) -> np.ndarray:
        """Return the logits [n, O] of the model as it is."""
        model = self.weights.model
        with ExitStack() as stack:
            if self.batch_norm == "estimate":
                # Batch norms change with every child, whether their weights are frozen or not.
                stack.enter_context(evaluation.estimated_batch_norm(model, self.problem.fitness, self.batch))
                return evaluation.logits(model, samples, self.batch)
            return evaluation.logits(model, samples, self.batch, self.frozen)

    def remembered(self, samples: Samples, number: int) -> AbstractContextManager[None]:
        """Let frozen modules remember what they give for a batch."""
        return self.frozen.part(samples, number) if self.frozen and self.batch_norm == "keep" else nullcontext()

    def losses(self, mutation: Mutation, count: int, *names: int, goal: Goal = mean_loss) -> np.ndarray:
        """Return the losses [children] of children on the images of fitness."""
        labels = self.problem.fitness.labels

        def loss(child: int) -> np.ndarray:
            with self.weights.child(mutation, child, *names):
                outputs = self.logits(self.problem.fitness)
            self.report()
            return np.asarray(goal(outputs, labels), np.float64)

        found = np.array(self.children.evaluated(count, loss, f"seed{self.seed:02d}", *_folders(names)))
        self.keep(generation(self.seed, *names), found)
        return found

    def all_logits(self, samples: Samples, mutation: Mutation, count: int, *names: int) -> np.ndarray:
        """Return the logits [children, n, O] of children."""

        def of_child(child: int) -> np.ndarray:
            with self.weights.child(mutation, child):
                logits = self.logits(samples)
            self.report()
            return logits

        return np.stack(self.children.evaluated(count, of_child, f"seed{self.seed:02d}", *_folders(names)))


def generation(seed: int, *names: int) -> str:
    """Return the name of a generation's losses."""
    return "/".join([f"seed{seed:02d}", *_folders(names)])


def _folders(names: tuple[int, ...]) -> list[str]:
    return [f"{name:05d}" for name in names]


def row(seed: int, candidate: str, split: str, metric: str, value: float, **more: Any) -> dict[str, Any]:
    """Return a row of the table; `more` overrides what is no factor of most studies."""
    factors = {"rule": "none", "sigma": 0.0, "shift": "none", "decay": 0.0, "step": 0}
    stated = {"seed": seed, "candidate": candidate, "split": split, "metric": metric, "value": float(value)}
    return factors | stated | more
