"""Evolution strategies on survivors only: our sampling and evaluation, evosax's `tell` as the update.

The dimension that an algorithm sees is `D`: pruned coordinates are neither sampled, nor decayed, nor updated, nor counted in
its constants.
"""

from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from evotickets import streams
from evotickets.configuration.options import Doc, Ge, Le, Lt
from evotickets.devices import promoting
from evotickets.trainers import EVOSAX, deviation, sampling, ties
from evotickets.trainers import strategy as strategies
from evotickets.trainers import trainer as register
from evotickets.trainers.history import Report, Trained, Trajectory, rounds, silent
from evotickets.trainers.objectives import Evaluations, Objective, scorer
from evotickets.trainers.strategies import Strategy, recipe


def _sample(strategy: Strategy, state: Any, key: jax.Array, size: int) -> tuple[jax.Array, Any]:
    """Return offsets from the mean (half a population if antithetic) and the state that `tell` expects."""
    if strategy.asks:
        with promoting():
            members, state = strategy.algorithm.ask(key, state, strategy.params)
        return members - state.mean[None], state
    std = deviation.coordinate_std(state)
    if hasattr(state, "D"):
        state = state.replace(D=deviation.axes(state))
    shape = (size // 2 if strategy.antithetic else size, std.shape[0])
    normals = sampling.normal(key, shape)
    return std[None] * normals, state


def generation(
    strategy: Strategy,
    objective: Objective,
    shared: Any,
    context: Any,
    state: Any,
    carry: Any,
    key: jax.Array,
    mean_decay: float,
) -> tuple[Any, Any, jax.Array]:
    """Sample, evaluate and update once; returns the new state, the new carry and the losses [P].

    A NaN loss ranks worst, equal losses share what their ranks are worth, and a generation of equal losses moves nothing.
    """
    noise_key, data_key, tell_key = jax.random.split(key, 3)
    offsets, state = _sample(strategy, state, noise_key, strategy.algorithm.population_size)
    if strategy.antithetic:
        losses, carry = objective.pair_losses(shared, context, state.mean, offsets, data_key, carry)
        members = jnp.concatenate([state.mean[None] + offsets, state.mean[None] - offsets])
    else:
        members = state.mean[None] + offsets
        losses, carry = objective.losses(shared, context, members, data_key, carry)
    told = jnp.where(jnp.isnan(losses), jnp.inf, losses)
    before = state
    with promoting():
        state = ties.tell(strategy.algorithm, tell_key, members, told, state, strategy.params)
        if strategy.step is not None:
            way = strategy.step(before.generation_counter)
            state = state.replace(mean=before.mean + way * (state.mean - before.mean))
        state = strategy.anneal(state.replace(mean=(1 - mean_decay) * state.mean))
    return state, carry, losses


@register(name="evolution")
def train(
    objective: Objective,
    initial: jax.Array,
    *,
    trainer: str,
    generations: Annotated[int, Ge(1), Le(100_000_000), Doc("Generations at every level.")] = 300,
    evaluations: Evaluations = 10,
    mean_decay: Annotated[float, Ge(0), Lt(1), Doc("Share of the mean that is lost each generation.")] = 0.0001,
    report: Report = silent,
    key: jax.Array,
    **options: Any,
) -> Trained:
    """Evolve every seed from its initial survivors [S, D] with a fresh search distribution.

    Args:
        objective: the loss.
        initial: [S, D].
        trainer: a strategy.
        generations: of the search.
        evaluations: how often the mean is scored.
        mean_decay: share of the mean that is lost each generation.
        report: called after each evaluation.
        key: decides everything.
        options: of the strategy.

    Raises:
        ValueError: if there is no such strategy, or generations are no multiple of evaluations.

    Source: Lange & Sprekeler (2023), §3 (mean = masked initial weights, fresh paths, mean decay each generation).
    """
    steps, build = rounds(generations, evaluations, "generations"), recipe(trainer)

    def strategy() -> Strategy:
        # Built while tracing: evosax computes its constants with dozens of tiny eager operations.
        with promoting():
            return build(initial.shape[1], **options)

    @jax.jit
    def start(initial, keys):
        def one(argument):
            mean, key = argument
            built = strategy()
            with promoting():
                state = built.start(built.algorithm.init(key, mean, built.params))
            return deviation.strong(state)

        return streams.over_seeds(one, (initial, keys))

    @jax.jit
    def advance(shared, context, state, carry, keys):
        def one(argument):
            context, state, carry, key = argument
            built = strategy()

            def step(carried, key):
                state, carry = carried
                state, carry, losses = generation(built, objective, shared, context, state, carry, key, mean_decay)
                worst_safe = jnp.where(jnp.isfinite(losses), losses, jnp.nan)
                return (state, carry), (jnp.nanmean(worst_safe), jnp.nanmin(worst_safe))

            (state, carry), (mean_loss, best_loss) = jax.lax.scan(step, (state, carry), jax.random.split(key, steps))
            scores = {"population/mean_loss": mean_loss[-1], "population/best_loss": best_loss[-1]}
            with promoting():
                std = None if built.std is None else built.std(state)
            return deviation.strong(state), carry, std, objective.scatter(context, state.mean), scores

        return streams.over_seeds(one, (context, state, carry, keys))

    if trainer in EVOSAX or strategies[trainer].__module__ != Strategy.__module__:
        # Ours draw mean + std · normal by themselves.
        deviation.verify(trainer, lambda dimensions: build(dimensions, **options))
    start_key, run_key = jax.random.split(key)
    count, score = len(initial), scorer(objective)
    state = start(initial, streams.split(start_key, count))
    carry, trajectory, std = objective.carry, Trajectory(), None
    for round_ in range(evaluations):
        step_key, score_key = jax.random.split(jax.random.fold_in(run_key, round_))
        keys = streams.split(step_key, count)
        state, carry, std, parameters, losses = advance(objective.shared, objective.context, state, carry, keys)
        scores = score(objective.shared, parameters, carry, streams.split(score_key, count))
        trajectory.add((round_ + 1) * steps, losses | scores)
        report((round_ + 1) * steps, trajectory.last("population/mean_loss"))
    return Trained(
        np.asarray(state.mean), None if std is None else np.asarray(std), jax.tree.map(np.asarray, carry), trajectory
    )
