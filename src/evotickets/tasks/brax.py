"""Locomotion and reaching of Brax, the extra `[brax]`: for a GPU, as a generation plays millions of steps.

brax is imported when a task is built. The spring backend is the fastest of its four.
"""

from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp

from evotickets.tasks.registry import CONTROL, Control

HORIZON = 500
BACKEND = "spring"
ENVIRONMENTS = ("ant", "halfcheetah", "hopper", "walker2d", "reacher", "inverted_pendulum")


@cache
def from_brax(identifier: str) -> Control:
    """Describe an environment of Brax; actions are the tanh of the outputs, episodes last 500 steps at most.

    Source: Lange & Sprekeler (2023), appendix (500 steps; a tanh perceptron 2×32).
    Deviates: Brax's first environments (fetch, grasp, ur5e and the legacy physics) are no longer published.

    Raises:
        ModuleNotFoundError: if brax is not installed.
    """
    try:
        from brax import envs
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{identifier} needs brax: run .venv/bin/pip install 'evotickets[brax]'") from error
    environment = envs.get_environment(identifier, backend=BACKEND)

    def reset(key: jax.Array) -> tuple[jax.Array, Any]:
        state = environment.reset(key)
        return state.obs, state

    def step(state: Any, outputs: jax.Array) -> tuple[jax.Array, Any, jax.Array, jax.Array]:
        state = environment.step(state, jnp.tanh(outputs))
        return state.obs, state, state.reward, state.done > 0

    sizes = environment.observation_size, environment.action_size
    return Control(identifier, *sizes, False, HORIZON, reset, step, hidden=(32, 32))


for _name in ENVIRONMENTS:
    CONTROL[_name] = partial(from_brax, _name)
