"""Environments of Gymnasium, which run on the host: any that is registered, by its own name.

A step of the policy is one call from the compiled program to the host, which moves all members and episodes through
Gymnasium's vector API, one after another in Python. So this is slower than environments in JAX by far.

Axes: `E` environments that run side by side, `I` entries of an observation, `O` outputs of a policy.
"""

from collections import defaultdict
from collections.abc import Callable
from functools import cache
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from evotickets import extras
from evotickets.configuration.options import Environment, Horizon
from evotickets.tasks.registry import Control, task

if TYPE_CHECKING:
    import jax

HORIZON = 1000
"""Steps at most where neither an environment nor a study says how many."""


@task(kind="host", needs="gymnasium", named=True)
def gymnasium(*, environment: Environment = "CartPole-v1", horizon: Horizon = None) -> Control:
    """Any environment of Gymnasium by its own name, on the host: slower than those in JAX."""
    return from_gymnasium(environment, horizon=horizon)


class Host:
    """Environments on the host, made when so many run side by side for the first time, and used again."""

    def __init__(self, make: Callable[[int], Any], horizon: int):
        """Name what makes vector environments of a size, and how long an episode lasts at most."""
        self.make, self.horizon = make, horizon
        self.idle: dict[int, list[Any]] = defaultdict(list)
        self.running: dict[int, tuple[Any, np.ndarray]] = {}
        self.numbers, self.lock = count(1), Lock()

    def _taken(self, size: int) -> Any:
        with self.lock:
            if self.idle[size]:
                return self.idle[size].pop()
        return self.make(size)

    def _given_back(self, size: int, environments: Any) -> None:
        with self.lock:
            self.idle[size].append(environments)

    def reset(self, seeds: np.ndarray) -> np.ndarray:
        """Return first observations [..., I] of episodes with seeds uint32 [..., 2]."""
        seeds = np.asarray(seeds)
        size = seeds[..., 0].size
        environments = self._taken(size)
        observations, _ = environments.reset(seed=_whole(seeds))
        self._given_back(size, environments)
        return np.asarray(observations, np.float32).reshape(*seeds.shape[:-1], -1)

    def step(self, state: tuple[Any, ...], actions: np.ndarray) -> tuple[np.ndarray, ...]:
        """Move episodes of seeds [..., 2], at a time [...] of a run [...], by actions [..., *shape].

        All episodes of a call are at one time of one run. An episode that has ended goes on with a fresh one, which nobody
        looks at. Returns the run, the time, observations [..., I], rewards and whether they ended.
        """
        seeds, run, time = map(np.asarray, state)
        actions, lead = np.asarray(actions), time.shape
        number, now = int(run.flat[0]), int(time.flat[0])
        assert (run == number).all(), "all episodes of a call belong to one run"
        assert (time == now).all(), "and are at one time"
        if now == 0:
            number, environments = next(self.numbers), self._taken(time.size)
            environments.reset(seed=_whole(seeds))
            ended = np.zeros(time.size, bool)
        else:
            environments, ended = self.running.pop(number)
        flat = actions.reshape(time.size, *actions.shape[len(lead) :])
        observations, rewards, terminated, truncated, _ = environments.step(flat)
        done = terminated | truncated
        if (ended | done).all() or now + 1 >= self.horizon:
            self._given_back(time.size, environments)
        else:
            self.running[number] = environments, ended | done
        return (
            np.full(lead, number, np.int32),
            np.full(lead, now + 1, np.int32),
            np.asarray(observations, np.float32).reshape(*lead, -1),
            np.asarray(rewards, np.float32).reshape(lead),
            np.asarray(done, bool).reshape(lead),
        )


def _whole(seeds: np.ndarray) -> list[int]:
    return [(int(high) << 32) | int(low) for high, low in seeds.reshape(-1, 2)]


@cache
def from_gymnasium(identifier: str, *, horizon: int | None = None, **arguments: Any) -> Control:
    """Describe an environment of Gymnasium for tasks of kind `host`.

    Observations of any space become vectors, discrete ones an entry a value. A discrete action is the largest output;
    others are tanh stretched to their bounds, in which an action without bounds lies in [−1, 1]. The key of an episode
    seeds its environment.

    Args:
        identifier: Gymnasium's name, after a module and a colon where that registers it.
        horizon: steps at most; by default the limit that the environment is registered with, else 1000.
        arguments: of `gymnasium.make`.

    Raises:
        MissingError: if gymnasium is not installed.
        ValueError: if there is no such environment, it cannot be made, or its actions are of another kind.
    """
    extras.require(identifier, "gymnasium")
    import gymnasium
    from gymnasium.spaces import Box, Discrete

    def one() -> Any:
        return gymnasium.wrappers.FlattenObservation(gymnasium.make(identifier, **arguments))

    try:
        example = one()
    except Exception as error:
        # Environments raise whatever they like.
        said = " ".join(str(error).split())
        raise ValueError(
            f"Gymnasium cannot make {identifier}: {said}; name another, or install what it needs"
        ) from error
    actions, observations = example.action_space, example.observation_space
    if not isinstance(actions, (Box, Discrete)):
        raise ValueError(
            f"{identifier} takes actions of {actions}; policies give Discrete or Box actions: name another"
        )
    limit = example.spec.max_episode_steps if example.spec else None
    longest = horizon or limit or HORIZON
    host = Host(lambda size: gymnasium.vector.SyncVectorEnv([one] * size), longest)
    example.close()
    return _control(identifier, actions, int(np.prod(observations.shape)), longest, host)


def _control(name: str, actions: Any, size: int, horizon: int, host: Host) -> Control:
    discrete = hasattr(actions, "n")
    outputs = int(actions.n) if discrete else int(np.prod(actions.shape))
    low: Any = -1.0
    high: Any = 1.0
    bounds = None
    if not discrete:
        ends = ((actions.low, -1), (actions.high, 1))
        low, high = (np.where(np.isfinite(end), end, free).astype(np.float32) for end, free in ends)
        bounds = (tuple(low.ravel().tolist()), tuple(high.ravel().tolist()))

    def reset(key: "jax.Array") -> "tuple[jax.Array, Any]":
        import jax
        import jax.numpy as jnp

        seeds = jax.random.key_data(key)
        shape = jax.ShapeDtypeStruct((size,), jnp.float32)
        observation = jax.pure_callback(host.reset, shape, seeds, vmap_method="broadcast_all")
        return observation, (seeds, jnp.int32(0), jnp.int32(0))

    def step(state: Any, raw: "jax.Array") -> "tuple[jax.Array, Any, jax.Array, jax.Array]":
        import jax
        import jax.numpy as jnp

        if discrete:
            action = jnp.argmax(raw).astype(jnp.int32) + int(actions.start)
        else:
            action = low + (high - low) * (jnp.tanh(raw).reshape(actions.shape) + 1) / 2
        shapes = [((), jnp.int32)] * 2 + [((size,), jnp.float32), ((), jnp.float32), ((), jnp.bool_)]
        run, time, observation, reward, done = jax.pure_callback(
            host.step, [jax.ShapeDtypeStruct(*each) for each in shapes], state, action, vmap_method="broadcast_all"
        )
        return observation, (state[0], run, time), reward, done

    return Control(name, size, outputs, discrete, horizon, reset, step, bounds=bounds)
