"""Edge-popup: a score for every frozen weight, of which the largest of every layer are used."""

from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np

from evotickets.configuration.options import Doc, Passes
from evotickets.supermasks import trained_scores
from evotickets.supermasks.instance import Instance, counts
from evotickets.supermasks.trained_scores import DECAY, MOMENTUM, RATE, Rule, ScoreDecay, ScoreMomentum, ScoreRate


def _sign(score: jax.Array, allowed: jax.Array) -> jax.Array:
    del allowed
    return jnp.sign(score)


RULE = Rule(trained_scores.by_fan_in, trained_scores.largest, _sign)


def edge_popup(
    instance: Instance,
    count: int,
    *,
    annealed: Annotated[
        bool, Doc("Whether the density falls from epoch to epoch instead of being the last one from the start.")
    ] = False,
    epochs: Passes = 10,
    learning_rate: ScoreRate = RATE,
    momentum: ScoreMomentum = MOMENTUM,
    weight_decay: ScoreDecay = DECAY,
) -> np.ndarray:
    """Train a score for every frozen weight and keep the largest of every layer; annealed, of ever fewer.

    Source: Ramanujan et al. (2020); Fischer & Burkholz (2022), §4.4 (density ρ^(i/n) in epoch i of n if annealed).
    Deviates: no softmax stands behind the outputs of a regression. Every layer keeps one edge at least, and the counts
    of all layers together are exact.
    """
    lefts = counts(instance.network.kernel_count, count, epochs) if annealed else [count] * epochs
    return trained_scores.keep_largest(instance, RULE, count, lefts, learning_rate, momentum, weight_decay)
