"""What every trainer returns, whatever moved the weights."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from evotickets import intervals

Report = Callable[[int, float], None]
"""Called with (steps done, current loss)."""


def rounds(steps: int, evaluations: int, unit: str = "steps") -> int:
    """Return the steps between two evaluations.

    Raises:
        ValueError: if some steps would be left over.
    """
    if evaluations < 1 or steps < 1 or steps % evaluations:
        raise ValueError(f"{unit} is {steps}, no multiple of evaluations, {evaluations}; change one of them")
    return steps // evaluations


def silent(step: int, loss: float) -> None:
    """Report nothing."""


@dataclass
class Trajectory:
    """Scores of every seed along the training: one entry per evaluation."""

    steps: list[int] = field(default_factory=list)
    scores: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def add(self, step: int, scores: Mapping[str, Any]) -> None:
        """Append the scores [S] after a step.

        Raises:
            FloatingPointError: if a seed has no finite loss left.
        """
        self.steps.append(step)
        for name, values in scores.items():
            values = np.asarray(values)
            if np.isnan(values).any():
                lost = np.flatnonzero(np.isnan(values)).tolist()
                raise FloatingPointError(
                    f"{name} is NaN at step {step} for seed indices {lost}: lower std_init or the learning rate"
                )
            self.scores.setdefault(name, []).append(values)

    def last(self, name: str) -> float:
        """Return the mean over seeds of the latest value."""
        return float(np.mean(self.scores[name][-1]))

    def rows(self, seeds: Sequence[int]) -> list[dict[str, Any]]:
        """Return one row per evaluation, seed and score: step, seed, split, metric, value."""
        return [
            {"step": step, "seed": seed, **_named(name), "value": float(value)}
            for name, values in self.scores.items()
            for step, row in zip(self.steps, values, strict=True)
            for seed, value in zip(seeds, row, strict=True)
        ]

    def final(self, seeds: Sequence[int]) -> list[dict[str, Any]]:
        """Return the rows of the last evaluation, without the step."""
        rows = [row for row in self.rows(seeds) if row["step"] == self.steps[-1]]
        return [{key: value for key, value in row.items() if key != "step"} for row in rows]

    def summary(self) -> list[tuple[str, int, float]]:
        """Return `means`, with the ends of the intervals at the last evaluation."""
        last = [intervals.measured(name, self.steps[-1], values[-1]) for name, values in self.scores.items()]
        return self.means() + [end for _, *ends in last for end in ends]

    def means(self) -> list[tuple[str, int, float]]:
        """Return (name, step, mean over seeds) of every score at every evaluation."""
        return [
            (name, step, float(np.mean(row)))
            for name, values in self.scores.items()
            for step, row in zip(self.steps, values, strict=True)
        ]


def _named(name: str) -> dict[str, str]:
    split, metric = name.split("/")
    return {"split": split, "metric": metric}


class Trained(NamedTuple):
    """A trained ticket on its survivors.

    Attributes:
        mean: final weights, for an ES the mean of the search distribution [S, D].
        std: standard deviation of the search distribution [S, D]; None for a gradient trainer.
        carry: what the objective remembered, such as observation statistics [S, ...].
        trajectory: scores along the way.
    """

    mean: np.ndarray
    std: np.ndarray | None
    carry: Any
    trajectory: Trajectory
