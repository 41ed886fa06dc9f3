"""Iterative magnitude pruning with rewinding: every round trains the first weights again, under a sparser mask."""

from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp

from evotickets.configuration.options import Doc, Ge, Le
from evotickets.networks.feedforward import Params
from evotickets.pruning.top_k import largest
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


class Round(NamedTuple):
    """A round of training.

    Attributes:
        weights: with the state of their optimizer, which is new in every round.
        masks: what the round trains.
        first: the weights with which every round starts.
        salt: decides among ties.
    """

    weights: Weights
    masks: Masks
    first: Params
    salt: jax.Array


@method
def imp(
    setting: Setting,
    *,
    rounds: Annotated[
        int,
        Ge(2),
        Le(1000),
        Doc(
            "Trainings of the first weights, each under a sparser mask than the one before; they share the steps evenly."
        ),
    ] = 4,
    batches: UsedBatches = 0,
) -> Method:
    """Iterative magnitude pruning: train, prune the smallest, rewind the survivors to their first weights, and again.

    The first round is dense and the last has the density that is asked for; densities of every layer fall geometrically.
    With the weights, momentum and the learning rate start again; the rate falls to zero along half a cosine in every round.

    Source: Frankle & Carbin (2019), "The lottery ticket hypothesis: finding sparse, trainable neural networks", strategy 1;
    Frankle et al. (2020), "Linear mode connectivity and the lottery ticket hypothesis", algorithm 2, rewinding to step 0.
    Deviates: all rounds together take the steps that other methods take in one training, so that each is short, the last one
    too; every layer keeps a count that is fixed beforehand, in as many rounds as are asked for instead of 20 % a round.

    Raises:
        ValueError: if there are fewer steps than rounds.
    """
    if rounds > setting.steps:
        raise ValueError(f"imp has {rounds} rounds, more than the {setting.steps} steps of the training; lower rounds")
    prunable = setting.architecture.prunable
    # Rounds differ by a step at most where they do not divide the steps.
    cuts = jnp.array([setting.steps * number // rounds for number in range(1, rounds)], jnp.int32)
    alone = setting._replace(steps=-(-setting.steps // rounds))

    def start(params: Params, counts: jax.Array, key: jax.Array) -> Round:
        del counts
        masks = {parameter.name: jnp.ones(parameter.shape, bool) for parameter in prunable}
        return Round(begin(alone, params), masks, params, jax.random.bits(key, (), jnp.uint32))

    def kept(counts: jax.Array, done: jax.Array) -> jax.Array:
        """Return how many weights every layer keeps after some of the cuts."""
        sizes = jnp.array([parameter.size for parameter in prunable], jnp.float32)
        share = (counts.astype(jnp.float32) / sizes) ** (done / (rounds - 1))
        return jnp.where(done == rounds - 1, counts, jnp.round(sizes * share).astype(jnp.int32))

    def rewind(state: Round, counts: jax.Array) -> Round:
        masks = {}
        for layer, (name, mask) in enumerate(state.masks.items()):
            magnitude = jnp.where(mask, jnp.abs(state.weights.params[name]), -jnp.inf)
            masks[name] = largest(magnitude, counts[layer], state.salt)[0]
        return state._replace(weights=begin(alone, masked(state.first, masks)), masks=masks)

    def step(state: Round, counts: jax.Array, samples: Batches, at: jax.Array, key: jax.Array) -> tuple[Round, Metrics]:
        del key
        loss, gradient = jax.value_and_grad(setting.loss)(state.weights.params, *samples.first(batches))
        state = state._replace(weights=move(alone, state.weights, masked(gradient, state.masks)))
        done = jnp.sum(cuts <= at + 1, dtype=jnp.int32)
        state = jax.lax.cond(jnp.any(cuts == at + 1), lambda: rewind(state, kept(counts, done)), lambda: state)
        return state, {"train/loss": loss}

    def deployed(state: Round, counts: jax.Array) -> tuple[Params, Masks]:
        del counts
        return state.weights.params, state.masks

    passes = 3.0 * (batches or setting.batches) * setting.batch
    return Method(start, step, deployed, passes, begins_dense=True)
