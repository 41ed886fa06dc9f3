"""Many generations on a shifted task, and what is forgotten of the original one."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from evotickets import streams
from evotickets.systems.subspace import PARENT, pools, predictions, recombination
from evotickets.systems.subspace.evaluation import Samples
from evotickets.systems.subspace.mutation import Mutation
from evotickets.systems.subspace.setting import Rows, Setting, row
from evotickets.systems.subspace.setting import generation as generation_name
from evotickets.systems.subspace.weights import Weights


def study(setting: Setting, settings: Mapping[str, Any]) -> Rows:
    """Return the scores of the parent on the way: on the shifted images it learns from, shifted and original held-out ones.

    Every generation moves the parent along the mean of its children's mutations, each times its standardised fitness.

    Source: Qiu et al. (2025), "Evolution strategies at scale" (z-scored rewards, steps of half of sigma).
    Deviates: steps are in units of the mutations, which are norm-matched where the rule says so; decay towards the
        parent is ours.

    Args:
        setting: parent, images, children.
        settings: `mode`, `density`, `rule`, `sigma`, `shift`, `strength`, `generations`, `evaluations`, `children`,
            `step`, `decay`.
    """
    mutation = Mutation(settings["mode"], settings["density"], settings["sigma"], settings["rule"])
    original, total = setting.problem.test, settings["generations"]

    def shifted(samples: Samples, part: str) -> Samples:
        rng = streams.generator(setting.weights.seed, "subspace", "shift", part)
        return samples._replace(images=pools.shift(samples.images, settings["shift"], settings["strength"], rng))

    fitness, test = shifted(setting.problem.fitness, "fitness"), shifted(original, "test")
    setting = setting._replace(problem=setting.problem._replace(fitness=fitness, test=test))
    splits = {"fitness": fitness, "test": test, "original": original}
    factors = {name: settings[name] for name in ("rule", "sigma", "shift", "decay")}
    shown = {round(total * index / settings["evaluations"]) for index in range(settings["evaluations"] + 1)}
    rows: Rows = []
    for generation in range(total + 1):
        if generation in shown:
            for split, samples in splits.items():
                log_probabilities = predictions.normalised(setting.logits(samples))
                for metric, value in predictions.quality(log_probabilities, samples.labels)._asdict().items():
                    rows.append(row(setting.seed, PARENT, split, metric, value, step=generation, **factors))
            rows.append(
                row(setting.seed, PARENT, "weights", "distance", setting.weights.distance, step=generation, **factors)
            )
        if generation < total:
            losses = setting.losses(mutation, settings["children"], generation)
            _step(setting.weights, mutation, settings, losses, generation)
    return rows


def _step(
    weights: Weights, mutation: Mutation, settings: Mapping[str, Any], losses: np.ndarray, generation: int
) -> None:
    shares = settings["step"] * recombination.standardised(losses) / len(losses)
    weights.move(mutation, np.asarray(shares), generation, decay=settings["decay"])


def remake(weights: Weights, settings: Mapping[str, Any], losses: Mapping[str, np.ndarray], seed: int) -> None:
    """Turn the model into what the last generation of a seed left, given the losses of all generations."""
    mutation = Mutation(settings["mode"], settings["density"], settings["sigma"], settings["rule"])
    for number in range(settings["generations"]):
        _step(weights, mutation, settings, losses[generation_name(seed, number)], number)
