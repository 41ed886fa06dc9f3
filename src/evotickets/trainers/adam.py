"""Gradient descent on survivors only, the reference that evolution is held against."""

from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
import optax

from evotickets import streams
from evotickets.configuration.options import Doc, Ge, Le, LearningRate
from evotickets.trainers import trainer
from evotickets.trainers.descent import descend
from evotickets.trainers.history import Report, Trained, Trajectory, rounds, silent
from evotickets.trainers.objectives import Evaluations, Objective, scorer


@trainer(name="adam", tasks=("supervised",))
def train(
    objective: Objective,
    initial: jax.Array,
    *,
    steps: Annotated[int, Ge(1), Le(100_000_000), Doc("Gradient steps at every level.")] = 500,
    learning_rate: Annotated[LearningRate, Doc("Learning rate of Adam.")] = 0.001,
    evaluations: Evaluations = 10,
    report: Report = silent,
    key: jax.Array,
) -> Trained:
    """Descend with Adam from every seed's initial survivors [S, D].

    Differentiating with respect to survivors is descending along masked gradients: pruned weights are no variables.

    Args:
        objective: the loss; it must be differentiable.
        initial: [S, D].
        steps: of the training.
        learning_rate: of Adam.
        evaluations: how often the weights are scored.
        report: called after each evaluation.
        key: decides everything.

    Raises:
        ValueError: if the objective has no gradient, or steps are no multiple of evaluations.

    Source: Lange & Sprekeler (2023), appendix (Adam, batch 128, magnitude pruning).
    """
    if objective.loss is None:
        raise ValueError("this task has no gradient: train it with an evolution strategy")
    value_and_grad = jax.value_and_grad(objective.loss, argnums=2)
    optimizer = optax.adam(learning_rate)
    steps = rounds(steps, evaluations)

    @jax.jit
    def advance(shared, context, weights, state, keys):
        def one(argument):
            context, weights, state, key = argument

            weights, state, losses = descend(
                lambda weights, key: value_and_grad(shared, context, weights, key),
                optimizer,
                weights,
                state,
                jax.random.split(key, steps),
            )
            return weights, state, objective.scatter(context, weights), {"batch/loss": jnp.mean(losses)}

        return streams.over_seeds(one, (context, weights, state, keys))

    weights, state = initial, jax.jit(jax.vmap(optimizer.init))(initial)
    trajectory, score = Trajectory(), scorer(objective)
    for round_ in range(evaluations):
        step_key, score_key = jax.random.split(jax.random.fold_in(key, round_))
        keys = streams.split(step_key, len(initial))
        weights, state, parameters, losses = advance(objective.shared, objective.context, weights, state, keys)
        scores = score(objective.shared, parameters, objective.carry, streams.split(score_key, len(initial)))
        trajectory.add((round_ + 1) * steps, losses | scores)
        report((round_ + 1) * steps, trajectory.last("batch/loss"))
    return Trained(np.asarray(weights), None, (), trajectory)
