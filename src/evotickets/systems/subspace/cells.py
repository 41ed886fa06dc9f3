"""A cell of the grid: one parent, study, mode and density, seed after seed."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from evotickets import intervals
from evotickets.systems.subspace import (
    RECOMBINED,
    costs,
    evaluation,
    generations,
    gradients,
    one_generation,
    predictions,
    problems,
    trial,
    tuning,
)
from evotickets.systems.subspace.children import Children
from evotickets.systems.subspace.frozen import Frozen
from evotickets.systems.subspace.setting import Rows, Setting, row
from evotickets.systems.subspace.weights import Weights

STUDIES: dict[str, Callable[[Setting, Mapping[str, Any]], Rows]] = {
    "mutations": one_generation.study,
    "gradients": gradients.study,
    "generations": generations.study,
    "tuning": tuning.study,
    "costs": costs.study,
}

SHOWN = ("nll", "accuracy", "nll_std", "cosine", "distance")
"""What the tracking store is told of; the table has all."""


def networks(study: str, settings: Mapping[str, Any]) -> int:
    """Return at most how many networks a seed of a cell evaluates, for a bar that shows progress."""
    match study:
        case "mutations":
            return len(settings["scales"]) * (settings["children"] + len(RECOMBINED))
        case "gradients":
            return settings["children"][-1]
        case "costs":
            return settings["repeats"]
    return settings["generations"] * settings["children"]


def run(
    study: str,
    parent: Mapping[str, Any],
    states: list[dict[str, torch.Tensor]],
    settings: Mapping[str, Any],
    *,
    images: Mapping[str, Any],
    batch_norm: str,
    together: int = 1,
    children: Children,
    seed: int,
    count: int,
    threads: int,
    report: Callable[[int], None] = lambda _: None,
    keep: Callable[[str, np.ndarray], None] = lambda *_: None,
) -> Rows:
    """Return the rows of a cell.

    Args:
        study: one of `STUDIES`.
        parent: `model`, `arguments`, `images`, `options`.
        states: weights of the parent, one for all seeds or one a seed.
        settings: of the study.
        images: `fitness`, `validation`, `test` (None is all) and `batch`.
        batch_norm: `keep` or `estimate`.
        together: low-rank children that are evaluated at once where that can be.
        children: where results of children are kept.
        seed: of the study. All cells of a parent and seed see the same images.
        count: number of seeds.
        threads: of torch.
        report: told how many networks were evaluated.
        keep: told the losses [children] of every generation by its name.
    """
    rows: Rows = []
    done = 0

    def count_network() -> None:
        nonlocal done
        done += 1
        report(done)

    for index in range(count):
        model = problems.restore(parent, states, index, threads)
        problem = problems.problem(parent, images, seed, index)
        weights = Weights(model, problems.noise_seed(seed, index))
        frozen = Frozen(model)
        setting = Setting(weights, problem, children, index, images["batch"], batch_norm, count_network, keep, frozen)
        rows += STUDIES[study](trial.together(setting, settings["mode"], together), settings)
    return rows


def baseline(
    parent: Mapping[str, Any], states: list[dict[str, torch.Tensor]], *, batch: int, seed: int, threads: int
) -> Rows:
    """Return the quality of the parent, one row a seed and metric, on all of its held-out images."""
    rows: Rows = []
    for index in range(len(states)):
        model = problems.restore(parent, states, index, threads)
        images = problems.source(parent, seed, index)
        every = np.arange(len(images.test.labels))
        logits = []
        # Images that are read when asked for need not all be in memory.
        for part in np.array_split(every, -(-len(every) // max(batch, 2000))):
            samples = evaluation.Samples(images.test.read(part), images.test.labels[part], images.mean, images.std)
            logits.append(evaluation.logits(model, samples, batch))
        log_probabilities, labels = predictions.normalised(np.concatenate(logits)), images.test.labels
        quality = predictions.quality(log_probabilities, labels)._asdict()
        quality["overconfidence"] = predictions.overconfidence(log_probabilities, labels)
        rows += [row(index, "parent", "test", metric, value) for metric, value in quality.items()]
    return rows


def summary(rows: Rows) -> dict[str, float]:
    """Return the mean over seeds of the main scores by `split/candidate_metric`, and interval.

    Of the last step, the smallest sigma and the first rule.
    """
    step, sigma = max(entry["step"] for entry in rows), min(entry["sigma"] for entry in rows)
    at = {"step": step, "sigma": sigma, "rule": rows[0]["rule"]}
    scores: dict[str, list[float]] = {}
    for entry in rows:
        shown = entry["metric"] in SHOWN and entry["candidate"] != "theory" and not np.isnan(entry["value"])
        if shown and at.items() <= entry.items():
            name = f"{entry['split']}/{entry['candidate']}_{entry['metric']}"
            scores.setdefault(name, []).append(entry["value"])
    told = [one for name, values in scores.items() for one in intervals.measured(name, 0, values)]
    return {name: value for name, _, value in told}
