"""Environments of MuJoCo Playground: how ours are made of them, with a stand-in of its registry, as it is too large for CI."""

import sys
from types import ModuleType, SimpleNamespace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evotickets import extras, tasks
from evotickets.tasks import playground


class State(NamedTuple):
    obs: object
    reward: jax.Array
    done: jax.Array
    place: jax.Array


class Sled:
    """A sled that goes where it is pushed, and ends beyond 1."""

    observation_size = {"state": (2,), "privileged_state": (9,)}  # noqa: RUF012 (Playground's own form)
    action_size = 1

    def _seen(self, place):
        return State(
            {"state": jnp.stack([place, 0 * place]), "privileged_state": jnp.zeros(9)}, -place, place * 0, place
        )

    def reset(self, key):
        return self._seen(jax.random.uniform(key))

    def step(self, state, action):
        moved = self._seen(state.place + action[0])
        return moved._replace(done=(moved.place > 1).astype(jnp.float32))


@pytest.fixture
def library(monkeypatch):
    """Playground with one environment; what it was asked to load is written down."""
    asked = []

    def load(name, config_overrides=None):
        asked.append((name, config_overrides))
        return Sled()

    module = ModuleType("mujoco_playground")
    configuration = {"impl": "warp", "episode_length": 30}
    module.registry = SimpleNamespace(ALL_ENVS=("Sled",), get_default_config=lambda name: configuration, load=load)
    monkeypatch.setitem(sys.modules, "mujoco_playground", module)
    monkeypatch.setattr(extras, "require", lambda *_: None)
    playground.from_playground.cache_clear()
    yield asked
    playground.from_playground.cache_clear()


def test_policies_see_the_state_and_act_by_tanh(library):
    task = tasks.load("playground", environment="Sled")
    assert library == [("Sled", {"impl": "jax"})]
    assert (task.observation_size, task.outputs, task.discrete, task.horizon) == (2, 1, False, 30)
    assert tasks.load("playground", environment="Sled", horizon=7).horizon == 7
    seen, state = task.reset(jax.random.key(0))
    start = float(jax.random.uniform(jax.random.key(0)))
    np.testing.assert_allclose(seen, [start, 0], rtol=1e-6)
    seen, state, reward, done = task.step(state, jnp.array([-0.1]))
    np.testing.assert_allclose(seen, [start + np.tanh(-0.1), 0], rtol=1e-6)
    np.testing.assert_allclose(reward, -seen[0])
    assert not done
    assert task.step(state, jnp.array([9.0]))[-1]


def test_an_unknown_environment_and_a_missing_library_are_refused_before_any_job(library, monkeypatch):
    with pytest.raises(ValueError, match="MuJoCo Playground has no environment Sledge; known are Sled"):
        tasks.fetch("playground", environment="Sledge")
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "mujoco_playground", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'evotickets\[playground\]'"):
        tasks.fetch("playground")
