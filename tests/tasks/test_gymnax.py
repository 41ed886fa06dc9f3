"""Environments of gymnax by their own names: any shape of observation, a fresh key a step, normalised or not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evotickets import tasks
from evotickets.devices import promoting
from evotickets.networks import layout, masks
from evotickets.tasks.gymnax import OTHERS
from evotickets.trainers import objectives, rollouts


def name_of(identifier):
    return identifier.lower().replace("-", "_")


def linear(policy, observation):
    return policy @ observation


def test_every_environment_is_a_task_but_the_one_without_files():
    from gymnax.registration import registered_envs

    ours = {"CartPole-v1", "Pendulum-v1", "Acrobot-v1", "MountainCarContinuous-v0"}
    assert {*OTHERS, *ours, "MNISTBandit-bsuite"} == set(registered_envs)
    assert set(map(name_of, OTHERS)) <= set(tasks.CONTROL)


@pytest.mark.slow
@pytest.mark.parametrize("identifier", OTHERS)
def test_every_environment_is_rolled_out(identifier):
    task = tasks.control(name_of(identifier))
    task = task.__class__(**{**vars(task), "horizon": 5})
    policies = jnp.zeros((2, task.outputs, task.observation_size))
    keys = jax.random.split(jax.random.key(0), 3)
    total, seen = rollouts.returns(task, linear, policies, keys, rollouts.initial_statistics(task.observation_size))
    assert total.shape == (2, 3)
    assert np.isfinite(total).all()
    assert 2 * 3 <= float(seen.count) <= 2 * 3 * 5


@pytest.mark.parametrize(
    ("identifier", "size", "outputs", "discrete"),
    [("Catch-bsuite", 50, 3, True), ("Breakout-MinAtar", 400, 3, True), ("Reacher-misc", 8, 2, False)],
)
def test_an_episode_equals_a_plain_loop_with_a_fresh_key_a_step(identifier, size, outputs, discrete):
    import gymnax

    task = tasks.control(name_of(identifier))
    assert (task.observation_size, task.outputs, task.discrete) == (size, outputs, discrete)
    environment, parameters = gymnax.make(identifier)
    start, key = jax.random.split(jax.random.key(4))
    step, theirs = jax.jit(task.step), jax.jit(environment.step_env)
    with promoting():
        observation, state = environment.reset_env(start, parameters)
    seen, carried = task.reset(jax.random.key(4))
    rng = np.random.default_rng(0)
    for _ in range(12):
        np.testing.assert_array_equal(seen, np.ravel(observation).astype(np.float32))
        raw = rng.normal(size=outputs).astype(np.float32)
        seen, carried, reward, done = step(carried, raw)
        key, now = jax.random.split(key)
        # The two torques of the arm lie in [−1, 1].
        action = int(raw.argmax()) if discrete else np.tanh(raw)
        with promoting():
            observation, state, expected, ended, _ = theirs(now, state, action, parameters)
        np.testing.assert_allclose(reward, expected, rtol=1e-5)
        assert bool(done) == bool(ended)
        if ended:
            break


def test_a_random_environment_draws_anew_every_step():
    task = tasks.control("gaussianbandit_misc")
    _, state = task.reset(jax.random.key(0))
    rewards, step = [], jax.jit(task.step)
    for _ in range(5):
        _, state, reward, _ = step(state, jnp.eye(task.outputs)[1])
        rewards.append(float(reward))
    assert len(set(rewards)) == 5


@pytest.mark.parametrize("normalise", [True, False])
def test_normalisation_can_be_left_out(normalise):
    """What is seen never enters the statistics, and a feature that was never on is not blown up by the smallest std."""
    task = tasks.load("catch_bsuite", normalise=normalise)
    network = layout.mlp(task.observation_size, (4,), task.outputs, "tanh")
    objective = objectives.control(network, masks.everything(network), task, episodes=2, test_episodes=1)
    carry = jax.tree.map(lambda leaf: leaf[0], objective.carry)
    context = jax.tree.map(lambda leaf: leaf[0], objective.context)
    members = jnp.zeros((2, network.parameter_count))
    _, after = objective.losses((), context, members, jax.random.key(0), carry)
    assert (float(after.count) > 0) == normalise
    seen = jnp.ones(task.observation_size)
    assert np.array_equal(rollouts.normalise(seen, after), seen) != normalise
