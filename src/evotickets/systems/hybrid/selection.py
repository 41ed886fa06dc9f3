"""Cells whose settings validation images choose: every candidate is trained, and the seeds of the study with the best."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from evotickets import intervals, streams
from evotickets.systems.hybrid import UNIFORM, cells, choice, training
from evotickets.systems.hybrid.choice import Candidate, Grid
from evotickets.tasks import Supervised, replicated
from evotickets.trainers.history import Report, silent

CHOICE = "choice"
"""The purpose of replicates that choose."""


class Validated(NamedTuple):
    """What candidates are worth on validation images: accuracy and loss [candidates, replicates], and the choice of each."""

    candidates: list[Candidate]
    accuracy: np.ndarray
    loss: np.ndarray
    chosen: list[int]

    def rows(self, learning_rate: float) -> list[dict[str, Any]]:
        """Return a row for every candidate and replicate; candidates without a learning rate have the one that is given."""
        return [
            {"candidate": index, "options": json.dumps(choice.but_rate(candidate), sort_keys=True)}
            | {"learning_rate": candidate.get(choice.RATE, learning_rate), "seed": seed}
            | {"accuracy": float(self.accuracy[index, seed]), "loss": float(self.loss[index, seed])}
            | {"chosen": index == taken}
            for index, candidate in enumerate(self.candidates)
            for seed, taken in enumerate(self.chosen)
        ]


def validate(
    data: Supervised,
    task: Mapping[str, Any],
    method: Mapping[str, Any],
    density: float,
    candidates: Sequence[Candidate],
    *,
    layer_densities: str = UNIFORM,
    seed: int,
    count: int,
    report: Report = silent,
) -> Validated:
    """Train every candidate and choose by validation images; test images are not looked at.

    Replicates that choose have weights, samples and masks of their own, so that no training that is luckier than others is
    reported. Where seeds have splits of their own, each chooses by its own validation images, since other seeds train on, or
    validate with, what it is tested on. Where they share a split, all replicates choose together.

    Args:
        data: of the task.
        task: as in `cells.prepare`.
        method: as in `cells.prepare`.
        density: as in `cells.prepare`.
        candidates: what differs from `task` and `method`.
        layer_densities: as in `cells.prepare`.
        seed: of the study.
        count: replicates that choose; as many as there are splits, if there are several.
        report: told of trainings that are done.
    """
    accuracy = np.full((len(candidates), count), np.nan)
    loss, done = accuracy.copy(), 0
    for places, settings in choice.alike(candidates):
        own_task, own_method = changed(task, method, settings)
        given: dict[str, Any] = {"layer_densities": layer_densities, "seed": seed, "count": count, "purpose": CHOICE}
        prepared = cells.prepare(data, own_task, own_method, density, **given)
        rates = np.repeat(
            [candidates[place].get(choice.RATE, own_task["training"][choice.RATE]) for place in places], count
        )
        who = list(range(count)) * len(places)
        members = cells.replicates(prepared, data, task, who, rates, seed=seed, purpose=CHOICE)
        scores = training.validated(prepared.setting, prepared.build, members, prepared.counts, data)
        accuracy[places], loss[places] = (values.reshape(len(places), count) for values in scores)
        done += len(who)
        report(done, float("nan"))
    if len(replicated(data).tested) > 1:
        chosen = [choice.best(accuracy[:, [one]], loss[:, [one]]) for one in range(count)]
    else:
        chosen = [choice.best(accuracy, loss)] * count
    return Validated(list(candidates), accuracy, loss, chosen)


def changed(
    task: Mapping[str, Any], method: Mapping[str, Any], candidate: Candidate
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings of a task and the options of a method with what a candidate changes."""
    own = dict(task["training"]) | choice.of_training(candidate)
    return dict(task) | {"training": own}, dict(method) | choice.of_method(candidate)


class Found(NamedTuple):
    """A cell: scores of all seeds, masks [S, K], means over seeds, and what was chosen from, if there was a choice.

    Attributes:
        rows: as a `Trajectory` gives them.
        masks: of every seed.
        means: (name, step, mean over seeds) of every score, and the ends of the intervals at the last evaluation.
        choices: as `Validated` gives them.
        network: parameters of the first seed.
    """

    rows: list[dict[str, Any]]
    masks: list[np.ndarray]
    means: list[tuple[str, int, float]]
    choices: list[dict[str, Any]]
    network: Mapping[str, np.ndarray]


def run(
    data: Supervised,
    task: Mapping[str, Any],
    method: Mapping[str, Any],
    density: float,
    candidates: Sequence[Candidate],
    *,
    layer_densities: str = UNIFORM,
    seed: int,
    count: int,
    replicates: int = 1,
    progress: Callable[[int, str], Report] = lambda *_: silent,
) -> Found:
    """Choose the settings of a cell, and train all seeds with them.

    Args:
        data: of the task.
        task: as in `cells.prepare`.
        method: as in `cells.prepare`.
        density: as in `cells.prepare`.
        candidates: what differs from `task` and `method`; where there is one, there is no choice.
        layer_densities: as in `cells.prepare`.
        seed: of the study.
        count: S.
        replicates: that choose, where seeds share a split.
        progress: (total, unit) -> what is told of trainings and steps.
    """
    given: dict[str, Any] = {"layer_densities": layer_densities, "seed": seed}
    chosen, choices = [candidates[0]] * count, list[dict[str, Any]]()
    if len(candidates) > 1:
        judges = count if len(replicated(data).tested) > 1 else replicates
        report = progress(len(candidates) * judges, "training")
        found = validate(data, task, method, density, candidates, **given, count=judges, report=report)
        best = found.chosen if judges == count else [found.chosen[0]] * count
        chosen, choices = [candidates[place] for place in best], found.rows(task["training"][choice.RATE])
    report = progress(task["training"]["steps"], "step")
    return trained(data, task, method, density, chosen, **given, count=count, report=report)._replace(choices=choices)


def trained(
    data: Supervised,
    task: Mapping[str, Any],
    method: Mapping[str, Any],
    density: float,
    candidates: Sequence[Candidate],
    *,
    layer_densities: str = UNIFORM,
    seed: int,
    count: int,
    report: Report = silent,
) -> Found:
    """Train every seed of a cell with the candidate that was chosen for it [S]; arguments as in `validate`."""
    rows: list[dict[str, Any]] = []
    masks: dict[int, np.ndarray] = {}
    network: dict[str, np.ndarray] = {}
    for seeds, settings in choice.alike(candidates):
        rates = [candidates[one].get(choice.RATE, task["training"][choice.RATE]) for one in seeds]
        # One rate for all is a constant of the program.
        alone = len(set(rates)) == 1
        own_task, own_method = changed(task, method, settings | ({choice.RATE: rates[0]} if alone else {}))
        given: dict[str, Any] = {"layer_densities": layer_densities, "seed": seed, "count": count}
        prepared = cells.prepare(data, own_task, own_method, density, **given)
        found = training.train(
            prepared.setting,
            prepared.build,
            cells.replicates(prepared, data, task, seeds, None if alone else rates, seed=seed),
            prepared.counts,
            data,
            evaluations=own_task["training"]["evaluations"],
            unit=prepared.unit,
            report=report,
        )
        rows += found.trajectory.rows(seeds)
        masks |= dict(zip(seeds, found.masks, strict=True))
        if 0 in seeds:
            network = {name: np.asarray(leaf[seeds.index(0)]) for name, leaf in found.params.items()}
    means: dict[tuple[str, int], list[float]] = {}
    for row in rows:
        means.setdefault((f"{row['split']}/{row['metric']}", row["step"]), []).append(row["value"])
    told = [(name, step, float(np.mean(values))) for (name, step), values in means.items()]
    last = {name: (step, values) for (name, step), values in means.items()}
    told += [end for name, (step, values) in last.items() for end in intervals.measured(name, step, values)[1:]]
    return Found(rows, [masks[one] for one in range(count)], told, [], network)


def candidates_of(grid: Grid, rates: Sequence[float], tries: int, seed: int) -> list[Candidate]:
    """Return the candidates of a study; methods with the same grid have the same."""
    return choice.drawn(choice.every(grid, rates), tries, streams.generator(seed, "hybrid", "candidates"))
