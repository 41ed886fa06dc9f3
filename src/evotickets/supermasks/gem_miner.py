"""Gem-Miner: scores in [0, 1] of frozen weights, of which the lowest of the whole network are given up for good."""

import jax
import jax.numpy as jnp
import numpy as np

from evotickets.configuration.options import Passes
from evotickets.networks.layout import Layers, Network
from evotickets.supermasks.instance import Instance, counts, cut
from evotickets.supermasks.trained_scores import (
    GENTLE_DECAY,
    MOMENTUM,
    RATE,
    Rule,
    ScoreDecay,
    ScoreMomentum,
    ScoreRate,
    Training,
)


def _draw(network: Network, rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(0, 1, network.parameter_count)


def _choose(scores: Layers, allowed: Layers, counts: jax.Array) -> list[jax.Array]:
    del counts
    return [(kernel >= 0.5).astype(jnp.float32) * may for (kernel, _), (may, _) in zip(scores, allowed, strict=True)]


def _allowed(score: jax.Array, allowed: jax.Array) -> jax.Array:
    del score
    return allowed


def _clip(score: jax.Array) -> jax.Array:
    return jnp.clip(score, 0, 1)


RULE = Rule(_draw, _choose, _allowed, settle=_clip)


def gem_miner(
    instance: Instance,
    count: int,
    *,
    epochs: Passes = 10,
    learning_rate: ScoreRate = RATE,
    momentum: ScoreMomentum = MOMENTUM,
    weight_decay: ScoreDecay = GENTLE_DECAY,
) -> np.ndarray:
    """Train scores in [0, 1], use weights whose score is above one half, and after each epoch give up the lowest for good.

    The penalty on scores p is λ‖p‖², with λ the weight decay: its gradient is 2λp.

    Source: Sreenivasan et al. (2022), "Rare gems: finding lottery tickets at initialization", Alg. 1 (density ρ^(j/E)
    after epoch j of E).
    Deviates: the ticket is every edge that was not given up, exactly as many as asked, whatever its score rounds to.
    """
    training = Training(instance, RULE, epochs, learning_rate, momentum, 2 * weight_decay)
    mask, rngs = instance.everything, instance.rngs("ties")
    for index, left in enumerate(counts(instance.network.kernel_count, count, epochs)):
        mask = cut(training.epoch(index, mask), mask, left, rngs)
    return mask
