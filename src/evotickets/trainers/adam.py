"""Gradient descent on survivors only, the reference that evolution is held against.

Axis letters: `S` seeds, `D` survivors.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from evotickets import streams
from evotickets.devices import promoting
from evotickets.trainers.history import Report, Trained, Trajectory, silent
from evotickets.trainers.objectives import Objective, scorer


def train(
    objective: Objective,
    initial: jax.Array,
    settings: dict[str, Any],
    *,
    report: Report = silent,
    key: jax.Array,
) -> Trained:
    """Descend with Adam from every seed's initial survivors [S, D].

    Differentiating with respect to survivors is descending along masked gradients: pruned weights are no variables.

    Args:
        objective: the loss; it must be differentiable.
        initial: [S, D].
        settings: `steps`, `learning_rate`, `evaluations`.
        report: called after each evaluation.
        key: decides everything.

    Raises:
        ValueError: if the objective has no gradient.

    Source: Lange & Sprekeler (2023), appendix (Adam, batch 128, magnitude pruning).
    """
    if objective.loss is None:
        raise ValueError("this task has no gradient: train it with an evolution strategy")
    value_and_grad = jax.value_and_grad(objective.loss, argnums=2)
    optimizer = optax.adam(settings["learning_rate"])
    steps = settings["steps"] // settings["evaluations"]

    @jax.jit
    def advance(shared, context, weights, state, keys):
        def one(argument):
            context, weights, state, key = argument

            def step(carried, key):
                weights, state = carried
                loss, gradient = value_and_grad(shared, context, weights, key)
                with promoting():
                    updates, state = optimizer.update(gradient, state)
                return (optax.apply_updates(weights, updates), state), loss

            (weights, state), losses = jax.lax.scan(step, (weights, state), jax.random.split(key, steps))
            return weights, state, objective.scatter(context, weights), {"batch/loss": jnp.mean(losses)}

        return streams.over_seeds(one, (context, weights, state, keys))

    weights, state = initial, jax.jit(jax.vmap(optimizer.init))(initial)
    trajectory, score = Trajectory(), scorer(objective)
    for round_ in range(settings["evaluations"]):
        step_key, score_key = jax.random.split(jax.random.fold_in(key, round_))
        keys = streams.split(step_key, len(initial))
        weights, state, parameters, losses = advance(objective.shared, objective.context, weights, state, keys)
        scores = score(objective.shared, parameters, (), streams.split(score_key, len(initial)))
        trajectory.add((round_ + 1) * steps, losses | scores)
        report((round_ + 1) * steps, trajectory.last("batch/loss"))
    return Trained(np.asarray(weights), None, (), trajectory)
