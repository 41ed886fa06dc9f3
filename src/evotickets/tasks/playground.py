"""Environments of MuJoCo Playground, the extra `[playground]`: for a GPU, as those of Brax are, which nobody develops further.

Playground and JAX are imported when a task is built, which the process that plans a study does too. On a CPU the control suite
compiles for some ten seconds to a minute of processor time.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from evotickets import extras
from evotickets.configuration.options import Environment, Horizon
from evotickets.tasks.registry import Control, task

if TYPE_CHECKING:
    import jax

LIBRARY = "mujoco_playground"


@task(kind="control", needs=LIBRARY, named=True)
def playground(*, environment: Environment = "CartpoleBalance", horizon: Horizon = None) -> Control:
    """Any environment of MuJoCo Playground by its own name, such as CheetahRun."""
    return from_playground(environment, horizon=horizon)


@cache
def from_playground(identifier: str, *, horizon: int | None = None) -> Control:
    """Describe an environment of MuJoCo Playground; actions are the tanh of the outputs.

    Where it has several observations, policies see those of the `state`, not what only a simulator knows. Robots have models
    that Playground downloads from GitHub when they are loaded first; those of the control suite need none.

    Args:
        identifier: Playground's name of the environment.
        horizon: steps at most; by default those of Playground's configuration.

    Source: Zakka et al. (2025), "MuJoCo Playground".
    Deviates: physics are those of JAX, which run everywhere, where Playground prefers Warp, which needs a GPU.

    Raises:
        MissingError: if Playground is not installed.
        ValueError: if there is no such environment.
    """
    extras.require(identifier, LIBRARY)
    from mujoco_playground import registry

    if identifier not in registry.ALL_ENVS:
        known = ", ".join(sorted(registry.ALL_ENVS))
        raise ValueError(f"MuJoCo Playground has no environment {identifier}; known are {known}")
    import jax.numpy as jnp

    from evotickets.devices import promoting

    settings = registry.get_default_config(identifier)
    with promoting():
        # Only those that know of several physics take one.
        environment = registry.load(identifier, config_overrides={"impl": "jax"} if "impl" in settings else None)
        size: Any = environment.observation_size

    def seen(observation: Any) -> "jax.Array":
        return observation["state"] if isinstance(observation, dict) else observation

    def reset(key: "jax.Array") -> "tuple[jax.Array, Any]":
        with promoting():
            state = environment.reset(key)
        return seen(state.obs), state

    def step(state: Any, outputs: "jax.Array") -> "tuple[jax.Array, Any, jax.Array, jax.Array]":
        with promoting():
            state = environment.step(state, jnp.tanh(outputs))
        return seen(state.obs), state, state.reward, state.done > 0

    size = size["state"] if isinstance(size, dict) else size
    entries = size[0] if isinstance(size, tuple) else size
    steps = horizon or int(settings["episode_length"])
    outputs = environment.action_size
    bounds = ((-1.0,) * outputs, (1.0,) * outputs)
    return Control(identifier, int(entries), outputs, False, steps, reset, step, hidden=(32, 32), bounds=bounds)
