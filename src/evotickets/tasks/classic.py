"""Environments of gymnax: four of classic control under names of ours, and all others that it has under its own.

gymnax and JAX are imported when a task is built, and its `step_env` is used rather than `step`, which would also
compute a fresh start at every step.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

from annotated_doc import Doc

from evotickets.tasks.registry import Control, task

if TYPE_CHECKING:
    import jax

OTHERS = (
    "MountainCar-v0", "Asterix-MinAtar", "Breakout-MinAtar", "Freeway-MinAtar", "Seaquest-MinAtar",
    "SpaceInvaders-MinAtar", "Catch-bsuite", "DeepSea-bsuite", "MemoryChain-bsuite", "UmbrellaChain-bsuite",
    "DiscountingChain-bsuite", "SimpleBandit-bsuite", "FourRooms-misc", "MetaMaze-misc", "PointRobot-misc",
    "BernoulliBandit-misc", "GaussianBandit-misc", "Reacher-misc", "Swimmer-misc", "Pong-misc", "FrozenLake-misc",
)  # fmt: skip
"""Environments whose tasks have their names in small letters, such as `breakout_minatar`.

All that gymnax registers but MNISTBandit-bsuite, which reads files that it does not bring.
"""
RawOutputs = Annotated[bool | None, Doc("Whether the output of a policy is the action, as it is, instead of its tanh.")]

PICTURES = ("matplotlib.pyplot", "seaborn")
"""What gymnax imports to draw environments that nobody draws here: a second in every job."""


@contextmanager
def _without_pictures() -> Iterator[None]:
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

    with _without_pictures():
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
    return Control(name, observation_size, outputs, not bound, horizon, reset, step)


def any_of_gymnax(identifier: str) -> Control:
    """Describe any environment of gymnax, random ones too: each step has a key of its own, which the state carries.

    Observations of any shape and type become vectors of float32. A discrete action is the largest output; others are tanh
    stretched to their bounds, in which an action without bounds lies in [−1, 1]. Episodes end where the environment ends
    them, its own limit of steps included.
    """
    import jax
    import jax.numpy as jnp
    import numpy as np

    from evotickets.devices import promoting

    with _without_pictures():
        import gymnax

    environment, parameters = gymnax.make(identifier)
    space = environment.action_space(parameters)
    discrete = hasattr(space, "n")
    shape = () if discrete else tuple(space.shape)
    outputs = int(space.n) if discrete else int(np.prod(shape))
    low: Any = -1.0
    high: Any = 1.0
    if not discrete:
        ends = (np.broadcast_to(np.asarray(end, np.float32), shape).ravel() for end in (space.low, space.high))
        low, high = (np.where(np.isfinite(end), end, free) for end, free in zip(ends, (-1.0, 1.0), strict=True))

    def vector(observation: "jax.Array") -> "jax.Array":
        return jnp.ravel(observation).astype(jnp.float32)

    def reset(key: "jax.Array") -> "tuple[jax.Array, Any]":
        start, own = jax.random.split(key)
        with promoting():
            observation, state = environment.reset_env(start, parameters)
        return vector(observation), (state, jax.random.key_data(own))

    def step(carried: Any, outputs: "jax.Array") -> "tuple[jax.Array, Any, jax.Array, jax.Array]":
        state, data = carried
        own, now = jax.random.split(jax.random.wrap_key_data(data))
        with promoting():
            squashed = low + (high - low) * (jnp.tanh(outputs) + 1) / 2
            action = jnp.argmax(outputs) if discrete else squashed.reshape(shape)
            observation, following, reward, done, _ = environment.step_env(now, state, action, parameters)
            # Some states change between weak and strong types from step to step.
            following = jax.tree.map(lambda old, new: jnp.asarray(new, jnp.result_type(old)), state, following)
        reward, done = jnp.asarray(reward, jnp.float32), jnp.asarray(done, bool)
        return vector(observation), (following, jax.random.key_data(own)), reward, done

    seen = jax.eval_shape(reset, jax.random.key(0))[0]
    return Control(identifier, seen.shape[0], outputs, discrete, int(parameters.max_steps_in_episode), reset, step)


def _named(identifier: str) -> Callable[[], Control]:
    def environment() -> Control:
        return any_of_gymnax(identifier)

    environment.__doc__ = f"{identifier} of gymnax."
    return environment


for _identifier in OTHERS:
    task(kind="control", name=_identifier.lower().replace("-", "_"))(_named(_identifier))


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
