"""How well a search sees the gradient: the cosine of its estimate to the true gradient over evaluations."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from evotickets.systems.subspace import predictions, theory, training
from evotickets.systems.subspace.mutation import Mutation, pieces
from evotickets.systems.subspace.setting import Rows, Setting, row


def study(setting: Setting, settings: Mapping[str, Any]) -> Rows:
    """Return the cosine after every number of evaluations, and what theory expects of a linear loss.

    Takes the gradient by backpropagation and holds two vectors of all parameters. Batch norms keep the statistics of
    the parent, which the gradient does not follow either.

    Args:
        setting: parent, images, children.
        settings: `mode`, `density`, `rule`, `sigma`, and `children`, the numbers of evaluations, ascending.
    """
    setting = setting._replace(batch_norm="keep")
    weights, numbers = setting.weights, settings["children"]
    mutation = Mutation(settings["mode"], settings["density"], settings["sigma"], settings["rule"])
    truth = training.gradient(weights.model, setting.problem.fitness, setting.batch)
    base = predictions.normalised(setting.logits(setting.problem.fitness))
    before = float(predictions.losses(base, setting.problem.fitness.labels).mean())
    losses = setting.losses(mutation, numbers[-1])
    rows: Rows = []
    estimate = np.zeros(len(truth))
    stds = weights.scales(mutation)
    starts = np.cumsum([0, *weights.sizes])
    for child, loss in enumerate(losses):
        drawn = pieces(weights.sizes, mutation, child, seed=weights.seed, names=())
        for start, size, std, piece in zip(starts[:-1], weights.sizes, stds, drawn, strict=True):
            part = estimate[start : start + size]
            moved = slice(None) if piece.positions is None else piece.positions
            part[moved] += (loss - before) * std * piece.normals
        if child + 1 in numbers:
            scales = {"rule": mutation.rule, "sigma": mutation.sigma, "step": child + 1}
            length = np.linalg.norm(estimate) * np.linalg.norm(truth)
            cosine = float(estimate @ truth / length) if length else 0.0
            rows.append(row(setting.seed, "estimate", "fitness", "cosine", cosine, **scales))
            expected = theory.cosine(mutation, len(truth), child + 1)
            rows.append(row(setting.seed, "theory", "fitness", "cosine", expected, **scales))
    return rows
