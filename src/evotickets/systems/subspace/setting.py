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
        at_once: children that are evaluated together; more than 1 only where `together` allows it.
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
    at_once: int = 1

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
        labels, outputs = self.problem.fitness.labels, self._each(self.problem.fitness, mutation, count, *names)

        def loss(child: int) -> np.ndarray:
            return np.asarray(goal(outputs(child), labels), np.float64)

        folders = f"seed{self.seed:02d}", *_folders(names)
        found = np.array(self.children.evaluated(count, loss, *folders, at_once=self.at_once))
        self.keep(generation(self.seed, *names), found)
        return found

    def all_logits(self, samples: Samples, mutation: Mutation, count: int, *names: int) -> np.ndarray:
        """Return the logits [children, n, O] of children; `names` tell where they are kept, and not what they are."""
        folders = f"seed{self.seed:02d}", *_folders(names)
        of_child = self._each(samples, mutation, count)
        return np.stack(self.children.evaluated(count, of_child, *folders, at_once=self.at_once))

    def of_children(self, samples: Samples, mutation: Mutation, children: range, *names: int) -> list[np.ndarray]:
        """Return the logits [n, O] of some children, evaluated together or one after the other, as the setting says."""
        if self.at_once > 1:
            group = self.weights.group(mutation, children, *names)
            return list(evaluation.logits(self.weights.model, samples, self.batch, self.frozen, group))
        found = []
        for child in children:
            with self.weights.child(mutation, child, *names):
                found.append(self.logits(samples))
        return found

    def _each(self, samples: Samples, mutation: Mutation, count: int, *names: int) -> Callable[[int], np.ndarray]:
        """Return what gives the logits [n, O] of a child, evaluating all of its group when one of them is asked for.

        Groups are the same whoever asks and whatever is known already, so that the sums of an interrupted run are made in
        the same order.
        """
        held: dict[int, np.ndarray] = {}

        def of_child(child: int) -> np.ndarray:
            if child not in held:
                first = child - child % self.at_once
                group = range(first, min(first + self.at_once, count))
                held.clear()
                held.update(zip(group, self.of_children(samples, mutation, group, *names), strict=True))
            self.report()
            return held[child]

        return of_child


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
