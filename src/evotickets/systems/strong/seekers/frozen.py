"""Seekers that evaluate no masks: they train scores of frozen weights by gradients, and keep the largest."""

from typing import Annotated

import numpy as np

from evotickets.configuration.options import Density, Doc, Passes
from evotickets.networks import masks
from evotickets.supermasks import biprop as binary_weights
from evotickets.supermasks import edge_popup as popup
from evotickets.supermasks import gem_miner as gem
from evotickets.supermasks.instance import Instance
from evotickets.supermasks.trained_scores import (
    DECAY,
    GENTLE_DECAY,
    MOMENTUM,
    RATE,
    ScoreDecay,
    ScoreMomentum,
    ScoreRate,
)
from evotickets.systems.strong import seeker
from evotickets.systems.strong.search import Found, Progress, quiet
from evotickets.systems.strong.seekers import GENETIC, number

Wanted = Annotated[
    Density | str,
    Doc("Density (kept / prunable) of the ticket, or the genetic seeker whose mean density is taken."),
]
EPOCHS = 100


def _count(instance: Instance, density: float | str) -> int:
    return masks.kept_count(number(density, "density"), instance.network.kernel_count)


def _only(instance: Instance, mask: np.ndarray) -> Found:
    """Return a mask [S, K] as the only candidate of a seeker that evaluates no masks."""
    nothing = np.zeros(len(instance.parameters), int)
    return Found(mask[:, None], nothing, nothing, nothing, [])


@seeker
def edge_popup(
    instance: Instance,
    *,
    progress: Progress = quiet,
    density: Wanted = GENETIC,
    epochs: Passes = EPOCHS,
    learning_rate: ScoreRate = RATE,
    momentum: ScoreMomentum = MOMENTUM,
    weight_decay: ScoreDecay = DECAY,
) -> Found:
    """Train scores of frozen weights and keep the largest of every layer.

    Source: Ramanujan et al. (2020), "What's hidden in a randomly weighted neural network?".
    """
    del progress
    mask = popup.edge_popup(
        instance,
        _count(instance, density),
        epochs=epochs,
        learning_rate=learning_rate,
        momentum=momentum,
        weight_decay=weight_decay,
    )
    return _only(instance, mask)


@seeker
def gem_miner(
    instance: Instance,
    *,
    progress: Progress = quiet,
    density: Wanted = GENETIC,
    epochs: Passes = EPOCHS,
    learning_rate: ScoreRate = RATE,
    momentum: ScoreMomentum = MOMENTUM,
    weight_decay: ScoreDecay = GENTLE_DECAY,
) -> Found:
    """Train scores in [0, 1] and give up the lowest of the whole network for good.

    Source: Sreenivasan et al. (2022), "Rare gems: finding lottery tickets at initialization".
    """
    del progress
    mask = gem.gem_miner(
        instance,
        _count(instance, density),
        epochs=epochs,
        learning_rate=learning_rate,
        momentum=momentum,
        weight_decay=weight_decay,
    )
    return _only(instance, mask)


@seeker
def biprop(
    instance: Instance,
    *,
    progress: Progress = quiet,
    density: Wanted = GENETIC,
    epochs: Passes = EPOCHS,
    learning_rate: ScoreRate = RATE,
    momentum: ScoreMomentum = MOMENTUM,
    weight_decay: ScoreDecay = DECAY,
) -> Found:
    """Train scores of weights that are binary: their sign times one magnitude a layer.

    Source: Diffenderfer & Kailkhura (2021), "Multi-prize lottery ticket hypothesis".
    """
    del progress
    mask = binary_weights.biprop(
        instance,
        _count(instance, density),
        epochs=epochs,
        learning_rate=learning_rate,
        momentum=momentum,
        weight_decay=weight_decay,
    )
    binary = binary_weights.binarised(instance.network, instance.parameters, mask)
    return _only(instance, mask)._replace(parameters=binary)
