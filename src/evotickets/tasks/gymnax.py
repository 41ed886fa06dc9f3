"""Every other environment of gymnax, under its name in small letters."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from evotickets.tasks.classic import without_pictures
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

    with without_pictures():
        import gymnax

    with promoting():
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
    horizon = int(parameters.max_steps_in_episode)
    lowest, highest = (tuple(np.broadcast_to(end, outputs).tolist()) for end in (low, high))
    bounds = None if discrete else (lowest, highest)
    return Control(identifier, seen.shape[0], outputs, discrete, horizon, reset, step, bounds=bounds)


def _named(identifier: str) -> Callable[[], Control]:
    def environment() -> Control:
        return any_of_gymnax(identifier)

    environment.__doc__ = f"{identifier} of gymnax."
    return environment


for _identifier in OTHERS:
    task(kind="control", name=_identifier.lower().replace("-", "_"))(_named(_identifier))
