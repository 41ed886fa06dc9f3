"""One generation: what mutations do to a parent, and what recombinations and ensembles of children make of it."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from evotickets import streams
from evotickets.systems.subspace import PARENT, RECOMBINED, predictions, recombination
from evotickets.systems.subspace.evaluation import Samples
from evotickets.systems.subspace.mutation import Mutation
from evotickets.systems.subspace.setting import Rows, Setting, generation, row
from evotickets.systems.subspace.weights import Weights


def study(setting: Setting, settings: Mapping[str, Any]) -> Rows:
    """Return a row per scale, candidate, split and metric.

    Args:
        setting: parent, images, children.
        settings: `mode`, `density`, `scales` (each `rule` and `sigma`), `children`, `step`.
    """
    # Put together once: of ImageNet it is a gigabyte.
    together = setting.problem.together
    parent = setting.logits(together)
    rows: Rows = []
    known: dict[int, list[tuple[str, str, str, float]]] = {}
    for scale, (mutation, number) in zip(settings["scales"], numbered(settings), strict=True):
        if number not in known:
            known[number] = list(_scale(setting, together, parent, mutation, settings, number))
        rows += [row(setting.seed, *values, **scale) for values in known[number]]
    return rows


def numbered(settings: Mapping[str, Any]) -> list[tuple[Mutation, int]]:
    """Return the mutation of every scale and the number of its draws, which two scales that ask for one std share."""
    known: dict[Any, int] = {}
    found = []
    for scale in settings["scales"]:
        mutation = Mutation(settings["mode"], settings["density"], scale["sigma"], scale["rule"])
        # Two rules can ask for the same std, and always do where all weights mutate.
        same = "relative" if scale["rule"] == "relative" else "", round(mutation.std(1.0), 12)
        found.append((mutation, known.setdefault(same, len(known))))
    return found


def remake(
    weights: Weights,
    settings: Mapping[str, Any],
    kind: str,
    at: Mapping[str, Any],
    losses: Mapping[str, np.ndarray],
    seed: int,
) -> None:
    """Turn the model into a recombination of a seed at one scale, given the losses that its children had."""
    mutation, number = numbered(settings)[settings["scales"].index(dict(at))]
    shares = recombination.shares(kind, losses[generation(seed, number, 0)], settings["step"])
    weights.move(mutation, shares)


def _scale(
    setting: Setting, together: Samples, parent: np.ndarray, mutation: Mutation, settings: Mapping[str, Any], scale: int
) -> Iterable[tuple[str, str, str, float]]:
    places, labels = setting.problem.places, together.labels
    fitness, test = places["fitness"], places["test"]
    children = setting.all_logits(together, mutation, settings["children"], scale, 0)
    losses = np.array(
        [predictions.losses(predictions.normalised(logits[fitness]), labels[fitness]).mean() for logits in children]
    )
    setting.keep(generation(setting.seed, scale, 0), losses)
    made = {PARENT: predictions.normalised(parent)}
    recombined = _recombine(setting, together, mutation, losses, settings["step"], scale)
    for kind, logits in zip(RECOMBINED, recombined, strict=True):
        made[kind] = predictions.normalised(logits)
    made["ensemble"] = predictions.ensemble(children)
    made["ensemble_top"] = predictions.ensemble(children[recombination.top(losses)])
    made["ensemble_logits"] = predictions.logit_ensemble(children)
    # Temperatures are for test images: on others nobody is asked.
    for name, logits in (("parent_scaled", parent), ("ensemble_scaled", made["ensemble"])):
        made[name] = made[PARENT if name.startswith(PARENT) else "ensemble"].copy()
        made[name][test] = predictions.scaled(logits[test], labels[test])
    for name, log_probabilities in made.items():
        yield from ((name, *values) for values in _judge(log_probabilities, made[PARENT], labels, places))
    yield from (("child", *values) for values in _average(children, made[PARENT], labels, places))


def _recombine(
    setting: Setting, together: Samples, mutation: Mutation, losses: np.ndarray, step: float, scale: int
) -> list[np.ndarray]:
    def evaluate(index: int) -> np.ndarray:
        shares = recombination.shares(RECOMBINED[index], losses, step)
        with setting.weights.recombined(mutation, shares):
            logits = setting.logits(together)
        setting.report()
        return logits

    names = f"seed{setting.seed:02d}", f"{scale:05d}", "recombined"
    return setting.children.evaluated(len(RECOMBINED), evaluate, *names)


def _judge(
    log_probabilities: np.ndarray, parent: np.ndarray, labels: np.ndarray, places: Mapping[str, slice]
) -> Iterable[tuple[str, str, float]]:
    """Yield split, metric and value of one candidate's log probabilities [n, O], beside the parent's."""
    for name, part in places.items():
        quality = predictions.quality(log_probabilities[part], labels[part])
        yield from ((name, metric, value) for metric, value in quality._asdict().items())
    test, before, truth = (values[places["test"]] for values in (log_probabilities, parent, labels))
    yield "test", "disagreement", predictions.disagreement(test, before)
    gains = predictions.losses(before, truth) - predictions.losses(test, truth)
    low, high = predictions.bootstrap(gains, streams.generator(0, "subspace", "bootstrap"))
    yield "test", "gain_low", low
    yield "test", "gain_high", high
    yield "test", "mcnemar", predictions.mcnemar(test.argmax(1) == truth, before.argmax(1) == truth)


def _average(
    children: np.ndarray, parent: np.ndarray, labels: np.ndarray, places: Mapping[str, slice]
) -> Iterable[tuple[str, str, float]]:
    """Yield means over children [children, n, O], and the std of their losses."""
    for name, part in places.items():
        predicted = [predictions.normalised(logits[part]) for logits in children]
        qualities = np.array([predictions.quality(child, labels[part]) for child in predicted])
        yield from zip([name] * 3, ("nll", "accuracy", "ece"), qualities.mean(0), strict=True)
        yield name, "nll_std", float(qualities[:, 0].std(ddof=1)) if len(predicted) > 1 else float("nan")
        if name == "test":
            apart = [predictions.disagreement(child, parent[part]) for child in predicted]
            yield name, "disagreement", float(np.mean(apart))
