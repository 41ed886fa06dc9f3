"""Returns of known policies, statistics of exactly the visited observations, and independence of blocks and seeds."""

import dataclasses

import hypothesis.extra.numpy as arrays
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evotickets import tasks
from evotickets.devices import promoting
from evotickets.trainers import rollouts


def linear(policy: jax.Array, observation: jax.Array) -> jax.Array:
    """Act by a matrix [outputs, n] alone."""
    return policy @ observation


def constant(policy: jax.Array, observation: jax.Array) -> jax.Array:
    """Act without looking: the policy is the output."""
    del observation
    return policy


def countdown(horizon: int = 12) -> tasks.Control:
    """An episode of 1–9 steps drawn by its key: the observation is (steps left, 100), the output is the reward."""

    def observe(left: jax.Array) -> jax.Array:
        return jnp.stack([left.astype(jnp.float32), jnp.float32(100)])

    def reset(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        left = jax.random.randint(key, (), 1, 10)
        return observe(left), left

    def step(left: jax.Array, outputs: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
        return observe(left - 1), left - 1, outputs[0], left <= 1

    return tasks.Control("countdown", 2, 1, False, horizon, reset, step)


def lengths(keys: jax.Array) -> np.ndarray:
    return np.asarray(jax.vmap(countdown().reset)(keys)[1])


def play(environment, parameters, policy: np.ndarray, key: jax.Array) -> tuple[float, np.ndarray]:
    """Play one episode in plain Python with gymnax's own step; return the return and the observations acted on."""
    with promoting():
        observation, state = environment.reset(key, parameters)
    total, seen, terminated, truncated = 0.0, [], False, False
    while not (terminated or truncated):
        seen.append(np.asarray(observation))
        action = int(np.argmax(policy @ seen[-1]))
        with promoting():
            observation, state, reward, terminated, truncated, _ = environment.step(key, state, action, parameters)
        total += float(reward)
    return total, np.array(seen)


def test_cartpole_equals_a_plain_loop_over_gymnax():
    import gymnax

    environment, parameters = gymnax.make("CartPole-v1")
    # Always left, with the motion, and against the lean: that one lasts longer.
    policies = np.zeros((3, 2, 4), np.float32)
    policies[1, 1, 1] = policies[2, 1, 2] = 1
    keys = jax.random.split(jax.random.key(3), 2)
    total, seen = rollouts.returns(
        tasks.control("cartpole"), linear, jnp.asarray(policies), keys, rollouts.initial_statistics(4)
    )
    plain = [[play(environment, parameters, policy, key) for key in keys] for policy in policies]
    np.testing.assert_array_equal(total, [[episode[0] for episode in row] for row in plain])
    assert total[2].min() > 2 * total[:2].max()
    visited = np.concatenate([episode[1] for row in plain for episode in row])
    assert seen.count == len(visited)
    np.testing.assert_allclose(seen.mean, visited.mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(np.sqrt(seen.m2 / seen.count), visited.std(0), rtol=1e-4)


def test_a_pendulum_without_torque_swings_as_the_equation_says():
    task = tasks.control("pendulum")
    key = jax.random.key(11)
    cosine, sine, velocity = np.asarray(task.reset(key)[0], float)
    angle, expected = np.arctan2(sine, cosine), 0.0
    for _ in range(200):
        expected -= ((angle + np.pi) % (2 * np.pi) - np.pi) ** 2 + 0.1 * velocity**2
        velocity = np.clip(velocity + 0.05 * 15 * np.sin(angle), -8, 8)
        angle += 0.05 * velocity
    total, seen = rollouts.returns(task, constant, jnp.zeros((1, 1)), key[None], rollouts.initial_statistics(3))
    np.testing.assert_allclose(total, [[expected]], rtol=1e-3)
    assert seen.count == 200


def test_an_upright_pendulum_at_rest_costs_nothing():
    task = tasks.control("pendulum")

    def upright(key: jax.Array) -> tuple:
        observation, state = task.reset(key)
        return observation, state.replace(theta=0.0 * state.theta, theta_dot=0.0 * state.theta_dot)

    still = dataclasses.replace(task, reset=upright)
    keys = jax.random.split(jax.random.key(0), 3)
    total, _ = rollouts.returns(still, constant, jnp.zeros((2, 1)), keys, rollouts.initial_statistics(3))
    np.testing.assert_array_equal(total, np.zeros((2, 3)))


def test_rewards_stop_with_the_episode_and_at_the_horizon():
    keys = jax.random.split(jax.random.key(1), 6)
    policies = jnp.array([[1.0], [-2.0]])
    total, seen = rollouts.returns(countdown(), constant, policies, keys, rollouts.initial_statistics(2))
    np.testing.assert_array_equal(total, np.outer([1, -2], lengths(keys)))
    assert int(seen.count) == 2 * int(lengths(keys).sum())
    short, _ = rollouts.returns(countdown(horizon=4), constant, policies, keys, rollouts.initial_statistics(2))
    np.testing.assert_array_equal(short, np.outer([1, -2], np.minimum(lengths(keys), 4)))


def test_statistics_are_those_of_the_observations_acted_on():
    keys = jax.random.split(jax.random.key(2), 5)
    _, seen = rollouts.returns(countdown(), constant, jnp.ones((3, 1)), keys, rollouts.initial_statistics(2))
    visited = np.concatenate([np.arange(1, n + 1) for n in lengths(keys)] * 3)
    assert seen.count == len(visited)
    np.testing.assert_allclose(seen.mean, [visited.mean(), 100], rtol=1e-6)
    np.testing.assert_allclose(seen.m2 / seen.count, [visited.var(), 0], rtol=1e-5, atol=1e-9)


def test_policies_see_normalised_observations():
    """The mean of what is seen is 4, its std 2: with 7 steps left the policy reads 1.5."""
    statistics = rollouts.Statistics(jnp.float32(10), jnp.array([4.0, 100.0]), jnp.array([40.0, 90.0]))
    key = next(k for k in jax.random.split(jax.random.key(0), 50) if lengths(k[None])[0] == 7)
    total, _ = rollouts.returns(countdown(horizon=1), linear, jnp.array([[[1.0, 0.0]]]), key[None], statistics)
    np.testing.assert_allclose(total, [[1.5]], rtol=1e-6)


def test_rolling_out_changes_no_given_statistics():
    statistics = rollouts.Statistics(jnp.float32(10), jnp.array([4.0, 100.0]), jnp.array([40.0, 90.0]))
    before = jax.tree.map(np.array, statistics)
    keys = jax.random.split(jax.random.key(2), 3)
    first, _ = rollouts.returns(countdown(), linear, jnp.ones((1, 1, 2)), keys, statistics)
    again, _ = rollouts.returns(countdown(), linear, jnp.ones((1, 1, 2)), keys, statistics)
    np.testing.assert_array_equal(first, again)
    jax.tree.map(np.testing.assert_array_equal, statistics, before)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_member_with_a_broken_return_ranks_worst(bad):
    keys = jax.random.split(jax.random.key(1), 2)
    policies = jnp.array([[-1e6], [bad], [1.0]])
    total, seen = rollouts.returns(countdown(), constant, policies, keys, rollouts.initial_statistics(2))
    np.testing.assert_array_equal(total[1], [-np.inf, -np.inf])
    assert np.argsort(-total.mean(1)).tolist() == [2, 0, 1]
    assert np.isfinite(seen.mean).all()


def test_a_member_that_breaks_the_environment_leaves_the_statistics_whole():
    task = countdown()

    def step(left: jax.Array, outputs: jax.Array) -> tuple:
        observation, left, reward, done = task.step(left, outputs)
        return observation / outputs[0], left, reward, done

    fragile = dataclasses.replace(task, step=step)
    keys = jax.random.split(jax.random.key(1), 2)
    _, whole = rollouts.returns(fragile, constant, jnp.array([[1.0]]), keys, rollouts.initial_statistics(2))
    _, mixed = rollouts.returns(fragile, constant, jnp.array([[1.0], [0.0]]), keys, rollouts.initial_statistics(2))
    jax.tree.map(np.testing.assert_array_equal, whole, mixed)


@pytest.mark.parametrize("block", [1, 3, 4, 100])
def test_blocks_change_nothing(block):
    """Seven members in blocks of equal width: some blocks are filled up with a member that is not counted twice."""
    policies = jnp.outer(jnp.arange(7.0), jnp.array([1.0, 0.1]))
    keys = jax.random.split(jax.random.key(1), 3)
    total, seen = rollouts.returns(
        countdown(), linear, policies[:, None], keys, rollouts.initial_statistics(2), block=block
    )
    left = np.array([sum(range(1, n + 1)) + 10 * n for n in lengths(keys)])
    np.testing.assert_allclose(total, np.outer(np.arange(7), left), rtol=1e-6)
    visited = np.concatenate([np.arange(1, n + 1) for n in lengths(keys)])
    assert seen.count == 7 * len(visited)
    np.testing.assert_allclose(seen.mean[0], visited.mean(), rtol=1e-6)


def test_seeds_under_vmap_are_seeds_alone_even_with_traced_values_in_the_policy():
    """Each seed has its own policies, episodes, statistics and (as under differing masks) its own inputs."""
    task = tasks.control("cartpole")
    policies = jax.random.normal(jax.random.key(0), (3, 5, 2, 2))
    keys = jax.vmap(lambda key: jax.random.split(key, 4))(jax.random.split(jax.random.key(1), 3))
    reads = jnp.array([[2, 3], [0, 1], [1, 2]])
    statistics = rollouts.Statistics(jnp.full(3, 9.0), jnp.full((3, 4), 0.01), jnp.arange(1, 13.0).reshape(3, 4))

    def returns(policies, keys, reads, statistics):
        return rollouts.returns(task, lambda p, o: p @ o[reads], policies, keys, statistics)

    arguments = policies, keys, reads, statistics
    together = jax.jit(jax.vmap(returns))(*arguments)
    single = jax.jit(returns)
    alone = [single(*(jax.tree.map(lambda leaf, s=seed: leaf[s], a) for a in arguments)) for seed in range(3)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *alone)
    assert len(np.unique(together[0])) > 5
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), together, stacked)


def test_before_any_data_observations_stay_as_they_are():
    observation = jnp.array([[3.0, -2.0]])
    np.testing.assert_array_equal(rollouts.normalise(observation, rollouts.initial_statistics(2)), observation)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 5).flatmap(
        lambda n: st.lists(
            arrays.arrays(
                np.float32, st.tuples(st.integers(1, 20), st.just(n)), elements=st.floats(-100, 100, width=32)
            ),
            min_size=1,
            max_size=4,
        )
    )
)
def test_merged_statistics_are_those_of_all_observations(batches):
    merged = rollouts.initial_statistics(batches[0].shape[1])
    for batch in batches:
        exact = batch.astype(float)
        deviations = ((exact - exact.mean(0)) ** 2).sum(0)
        merged = rollouts.merge(merged, rollouts.Statistics(*map(jnp.float32, (len(batch), exact.mean(0), deviations))))
    everything = np.concatenate(batches).astype(float)
    assert merged.count == len(everything)
    np.testing.assert_allclose(merged.mean, everything.mean(0), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(merged.m2, everything.var(0) * len(everything), rtol=1e-4, atol=1e-2)
