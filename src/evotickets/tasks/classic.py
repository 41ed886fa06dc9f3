"""Environments of gymnax: four of classic control under names of ours, and all others that it has under its own.

gymnax and JAX are imported when a task is built, and its `step_env` is used rather than `step`, which would also
compute a fresh start at every step.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

from annotated_doc import Doc

from evotickets.tasks.registry import Control, task

if TYPE_CHECKING:
    import jax

RawOutputs = Annotated[bool | None, Doc("Whether the output of a policy is the action, as it is, instead of its tanh.")]

PICTURES = ("matplotlib.pyplot", "seaborn")
"""What gymnax imports to draw environments that nobody draws here: a second in every job."""


@contextmanager
def without_pictures() -> Iterator[None]:
    """Let imports inside find empty modules in place of what is only needed to draw."""
    absent = {name: ModuleType(name) for name in PICTURES if name not in sys.modules}
    sys.modules.update(absent)
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def from_gymnax(
    name: str, identifier: str, *, horizon: int, bound: float = 0, raw_outputs: bool | None = None
) -> Control:
    """Describe an environment of gymnax that draws no random numbers after its start.

    Its actions are discrete choices, an output each, or one action in [−bound, bound]: a tanh of the output, or the output
    itself, which the environment clips.
    """
    import jax
    import jax.numpy as jnp

    from evotickets.devices import promoting

    with without_pictures():
        import gymnax

    environment, parameters = gymnax.make(identifier)
    # Every use of this key is multiplied by a noise of size 0.
    idle = jax.random.key(0)

    def reset(key: "jax.Array") -> "tuple[jax.Array, Any]":
        with promoting():
            return environment.reset_env(key, parameters)

    def step(state: Any, outputs: "jax.Array") -> "tuple[jax.Array, Any, jax.Array, jax.Array]":
        continuous = outputs[0] if raw_outputs else bound * jnp.tanh(outputs[0])
        action = continuous if bound else jnp.argmax(outputs)
        with promoting():
            observation, state, reward, done, _ = environment.step_env(idle, state, action, parameters)
        return observation, state, reward, done

    (observation_size,), outputs = task.facts[name]["input_shape"], task.facts[name]["outputs"]
    bounds = ((-bound,) * outputs, (bound,) * outputs) if bound and not raw_outputs else None
    return Control(name, observation_size, outputs, not bound, horizon, reset, step, bounds=bounds)


@task(kind="control", input_shape=(4,), outputs=2)
def cartpole() -> Control:
    """CartPole-v1: one point a step until the pole falls, 500 at most."""
    return from_gymnax("cartpole", "CartPole-v1", horizon=500)


@task(kind="control", input_shape=(3,), outputs=1)
def pendulum(*, raw_outputs: RawOutputs = None) -> Control:
    """Pendulum-v1: swing up and balance at least cost, 200 steps; about −150 is good, −1,200 is idle."""
    return from_gymnax("pendulum", "Pendulum-v1", horizon=200, bound=2.0, raw_outputs=raw_outputs)


@task(kind="control", input_shape=(6,), outputs=3)
def acrobot() -> Control:
    """Acrobot-v1: one point lost a step until the tip swings above the bar, 500 at most."""
    return from_gymnax("acrobot", "Acrobot-v1", horizon=500)


@task(kind="control", input_shape=(2,), outputs=1)
def mountain_car_continuous(*, raw_outputs: RawOutputs = None) -> Control:
    """MountainCarContinuous-v0: 100 points for the top, less the squared effort, 999 steps at most."""
    return from_gymnax(
        "mountain_car_continuous", "MountainCarContinuous-v0", horizon=999, bound=1.0, raw_outputs=raw_outputs
    )
