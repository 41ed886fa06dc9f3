"""Masks that gradients choose by scores, as if the choice of the largest were the score itself."""

from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp

from evotickets.configuration.options import Doc, Gt, Le
from evotickets.networks.feedforward import Params
from evotickets.systems.hybrid import method
from evotickets.systems.hybrid.methods import (
    Batches,
    Masks,
    Method,
    Metrics,
    Setting,
    UsedBatches,
    Weights,
    begin,
    masked,
    move,
)
from evotickets.systems.hybrid.methods.baselines import passes, salt_of, select


class Through(NamedTuple):
    """Weights, of which all stay alive, and the scores that choose among them, with its own momentum."""

    weights: Weights
    scores: Weights
    salt: jax.Array


@method
def straight_through(
    setting: Setting,
    *,
    score_rate: Annotated[
        float, Gt(0), Le(1_000_000), Doc("Learning rate of the scores, relative to that of the weights.")
    ] = 1.0,
    batches: UsedBatches = 0,
) -> Method:
    """Learn a score per weight by gradients that pass through the choice of the largest as if it were the score itself.

    Scores start at the magnitudes of the weights, in units of their layer's std.

    Source: Bengio, Léonard & Courville (2013), the estimator; Ramanujan et al. (2020), algorithm 1, whose weights do not move.
    """
    names = [parameter.name for parameter in setting.architecture.prunable]

    def start(params: Params, counts: jax.Array, key: jax.Array) -> Through:
        del counts
        scores = {name: jnp.abs(params[name]) / jnp.std(params[name]) for name in names}
        return Through(begin(setting, params), begin(setting, scores), salt_of(key))

    def step(
        state: Through, counts: jax.Array, samples: Batches, at: jax.Array, key: jax.Array
    ) -> tuple[Through, Metrics]:
        del at, key
        params = state.weights.params
        masks = select(setting, state.scores.params, counts, state.salt)
        loss, gradient = jax.value_and_grad(setting.loss)(masked(params, masks), *samples.first(batches))
        through = {name: score_rate * gradient[name] * params[name] for name in names}
        weights = move(setting, state.weights, masked(gradient, masks))
        return Through(weights, move(setting, state.scores, through), state.salt), {"train/loss": loss}

    def deployed(state: Through, counts: jax.Array) -> tuple[Params, Masks]:
        masks = select(setting, state.scores.params, counts, state.salt)
        return masked(state.weights.params, masks), masks

    return Method(start, step, deployed, passes(setting, batches))
