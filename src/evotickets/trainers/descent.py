"""Gradient descent inside a compiled program: the one loop of all trainers and seekers that follow a gradient with optax."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax

from evotickets.devices import promoting


def descend(
    value_and_grad: Callable[[Any, Any], tuple[jax.Array, Any]],
    optimizer: optax.GradientTransformation,
    weights: Any,
    state: Any,
    inputs: Any,
) -> tuple[Any, Any, jax.Array]:
    """Take a step for each of the inputs; returns the weights, the state of the optimizer and the losses [T].

    Args:
        value_and_grad: (weights, inputs of a step) -> (loss, gradient).
        optimizer: of the weights.
        weights: a pytree.
        state: of the optimizer.
        inputs: what a step needs (samples, a key), with leading axis [T].
    """

    def step(carried: tuple[Any, Any], inputs: Any) -> tuple[tuple[Any, Any], jax.Array]:
        weights, state = carried
        loss, gradient = value_and_grad(weights, inputs)
        with promoting():
            updates, state = optimizer.update(gradient, state, weights)
        return (optax.apply_updates(weights, updates), state), loss

    (weights, state), losses = jax.lax.scan(step, (weights, state), inputs)
    return weights, state, losses


def cosine(rate: float, steps: int) -> np.ndarray:
    """Return learning rates [T] that fall from `rate` to zero along half a cosine."""
    with promoting():
        return np.asarray(optax.cosine_decay_schedule(rate, steps)(np.arange(steps)))
