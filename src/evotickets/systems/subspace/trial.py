"""Whether low-rank children may be evaluated together: a trial of two on two images says so."""

import numpy as np

from evotickets.systems.subspace.evaluation import Samples
from evotickets.systems.subspace.mutation import Mutation
from evotickets.systems.subspace.setting import Setting

SIGMA, TOLERANCE = 0.01, 0.01
"""Std of the mutations of a trial, and the share of what they do that may differ: sums come in another order, no more."""


def together(setting: Setting, mode: str, count: int) -> Setting:
    """Return the setting under which as many children of a mode are evaluated at once, or one where that cannot be.

    It cannot where children are not low-rank, matrices of theirs are formed (convolutions, tied weights, half precision),
    each has batch norms of its own, or torch cannot evaluate the model for several children at once.
    """
    mutation = Mutation(mode, 1.0, SIGMA)
    if count == 1 or setting.batch_norm != "keep" or not setting.weights.groups(mutation):
        return setting
    chosen = setting._replace(at_once=count)
    return chosen if _agree(setting._replace(frozen=None), chosen._replace(frozen=None), mutation) else setting


def _agree(alone: Setting, grouped: Setting, mutation: Mutation) -> bool:
    fitness = alone.problem.fitness
    images = fitness.images
    two = {name: one[:2] for name, one in images.items()} if isinstance(images, dict) else images[:2]
    samples: Samples = fitness._replace(images=two, labels=fitness.labels[:2])
    parent = alone.logits(samples)
    expected = np.stack(alone.of_children(samples, mutation, range(2)))
    try:
        found = np.stack(grouped.of_children(samples, mutation, range(2)))
    except Exception:
        # What a model does with several children at once fails in any way; one by one it has just been evaluated.
        return False
    return bool(np.abs(found - expected).max() <= TOLERANCE * np.abs(expected - parent).max())
