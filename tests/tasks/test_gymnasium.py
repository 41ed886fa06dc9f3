"""Environments of Gymnasium on the host: stepped as Gymnasium steps them, the same for the same key, refused by a sentence."""

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evotickets import study, tasks
from evotickets.configuration.reader import StudyError
from evotickets.networks import layout, masks
from evotickets.trainers import objectives, rollouts


@pytest.mark.parametrize(
    ("name", "sizes", "horizon"),
    [("CartPole-v1", (4, 2), 500), ("Pendulum-v1", (3, 1), 200), ("FrozenLake-v1", (16, 4), 100)],
)
def test_episodes_are_those_of_gymnasium(name, sizes, horizon):
    task = tasks.load("gymnasium", environment=name)
    assert (task.observation_size, task.outputs, task.horizon) == (*sizes, horizon)
    key, raw = jax.random.key(3), np.random.default_rng(0).normal(size=(5, task.outputs)).astype(np.float32)
    high, low = jax.random.key_data(key).tolist()
    theirs = gymnasium.wrappers.FlattenObservation(gymnasium.make(name))
    expected, _ = theirs.reset(seed=(high << 32) | low)
    seen, state = jax.jit(task.reset)(key)
    step = jax.jit(task.step)
    np.testing.assert_allclose(seen, expected, rtol=1e-6)
    for outputs in raw:
        seen, state, reward, done = step(state, outputs)
        action = int(outputs.argmax()) if task.discrete else 2 * np.tanh(outputs)
        expected, gain, *ended, _ = theirs.step(action)
        np.testing.assert_allclose(seen, expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(reward, gain, rtol=1e-5)
        assert bool(done) == any(ended)
        if done:
            break


def test_members_meet_the_same_episodes_and_a_key_decides_all():
    task = tasks.load("gymnasium", environment="CartPole-v1", horizon=30)
    keys, raw = jax.random.split(jax.random.key(0), 3), rollouts.initial_statistics(4)
    left, right = jnp.eye(2)[0], jnp.eye(2)[1]

    @jax.jit
    def play(policies, keys):
        return rollouts.returns(task, lambda policy, _: policy, policies, keys, raw)

    # Two members that push alike fall alike; whoever pushes the other way falls as Gymnasium's does.
    (returns, visited), (again, _) = (play(jnp.stack([left, right, left]), keys) for _ in range(2))
    np.testing.assert_array_equal(returns, again)
    np.testing.assert_array_equal(returns[0], returns[2])
    expected = []
    for high, low in jax.random.key_data(keys).tolist():
        theirs, steps, ended = gymnasium.make("CartPole-v1"), 0, False
        theirs.reset(seed=(high << 32) | low)
        while not ended:
            *_, ended, _, _ = theirs.step(1)
            steps += 1
        expected.append(steps)
    assert returns[1].tolist() == expected
    assert float(visited.count) == float(returns.sum())


@pytest.mark.parametrize("normalise", [True, False])
def test_normalisation_can_be_left_out(normalise):
    task = tasks.load("gymnasium", environment="CartPole-v1", horizon=5, normalise=normalise)
    network = layout.mlp(task.observation_size, (), task.outputs)
    objective = objectives.control(network, masks.everything(network), task, episodes=2, test_episodes=1)
    carry, context = (jax.tree.map(lambda leaf: leaf[0], part) for part in (objective.carry, objective.context))
    members = jnp.zeros((2, network.parameter_count))
    losses, after = jax.jit(objective.losses)((), context, members, jax.random.key(0), carry)
    # One point a step, five steps at most.
    assert losses.tolist() == [-5.0, -5.0]
    assert float(after.count) == (20 if normalise else 0)


def setting(trainer="snes", **task):
    options = {"snes": {"population": 8, "generations": 2, "evaluations": 1}, "ppo": {}}
    return {
        "tickets": {
            "densities": [1, 0.5],
            "tasks": {"cart": {"task": "gymnasium", "hidden": [4], **task}},
            "trainers": {trainer: options[trainer]},
            "chains": [{"task": "cart", "trainers": [trainer], "criteria": ["magnitude"]}],
        }
    }


def test_studies_name_environments():
    section = study.resolve(setting(environment="Pendulum-v1", horizon=20)).tickets
    asked = {"environment": "Pendulum-v1", "horizon": 20, "normalise": True}
    assert section.environments == {"tickets.tasks.cart": asked}
    with pytest.raises(StudyError, match=r"trains gymnasium, an environment on the host, with ppo, .*; use a strategy"):
        study.resolve(setting("ppo"))
    with pytest.raises(StudyError, match=r"tickets.tasks.cart has torso_mass, which gymnasium does not take"):
        study.resolve(setting(torso_mass=3))
    with pytest.raises(StudyError, match=r"tickets.tasks.cart.horizon is 0; it must be at least 1"):
        study.resolve(setting(horizon=0))


class Pairs(gymnasium.Env):
    """Two choices at once, which no policy here gives."""

    observation_space = gymnasium.spaces.Discrete(2)
    action_space = gymnasium.spaces.MultiDiscrete([2, 2])


def test_what_cannot_be_made_is_refused_before_any_job():
    with pytest.raises(
        ValueError, match=r"Gymnasium cannot make CartPole-v9: .*; name another, or install what it needs"
    ):
        tasks.fetch("gymnasium", environment="CartPole-v9")
    gymnasium.register("Pairs-v0", Pairs)
    with pytest.raises(
        ValueError, match=r"Pairs-v0 takes actions of MultiDiscrete\(\[2 2\]\); policies give Discrete or Box"
    ):
        tasks.fetch("gymnasium", environment="Pairs-v0")
