"""Advantages by hand, probe environments with known answers, and CartPole."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from evotickets import tasks
from evotickets.networks import layout, masks
from evotickets.systems.tickets import levels as tickets
from evotickets.systems.tickets import problems
from evotickets.tasks import Control
from evotickets.trainers import experience

SETTINGS = {"trainer": "ppo", "steps": 30, "evaluations": 1, "environments": 16, "rollout": 32, "epochs": 4}
SETTINGS |= {"minibatches": 4, "learning_rate": 0.01, "discount": 0.99, "trace": 0.95, "clip": 0.2, "entropy": 0.0}
SETTINGS |= {"std_init": 0.5, "reward_scale": 1.0}


def rollout(**given):
    arrays = {
        name: jnp.asarray(given.get(name, [0.0, 0, 0]), jnp.float32)[:, None] for name in experience.Steps._fields
    }
    for name in ("done", "ended"):
        arrays[name] = arrays[name] > 0
    return experience.Steps(**arrays)


def test_advantages_by_hand():
    steps = rollout(reward=[1, 2, 3], value=[10, 20, 30], following_value=[20, 30, 40])
    # Errors 1 + 10 − 10, 2 + 15 − 20, 3 + 20 − 30 with discount .5; then backwards with .5 · .8.
    third, second = -7.0, -3.0 + 0.4 * -7
    np.testing.assert_allclose(
        experience.advantages(steps, 0.5, 0.8)[:, 0], [1 + 0.4 * second, second, third], rtol=1e-6
    )


def test_nothing_follows_a_death_and_a_cut_is_continued():
    common = {"reward": [1, 1, 1], "value": [0, 0, 0], "following_value": [5, 5, 5], "ended": [0, 1, 0]}
    cut = experience.advantages(rollout(**common), 1.0, 1.0)[:, 0]
    np.testing.assert_allclose(cut, [6 + 6, 6, 6])
    dead = experience.advantages(rollout(**common, done=[0, 1, 0]), 1.0, 1.0)[:, 0]
    np.testing.assert_allclose(dead, [6 + 1, 1, 6])


@pytest.mark.parametrize("discrete", [True, False])
def test_probabilities_are_those_of_the_distributions(discrete):
    task = probe(discrete=discrete)
    outputs, log_std = jnp.array([[0.3, -1.0]]), jnp.log(jnp.array([0.5, 2.0]))
    if discrete:
        both = [experience.distribution(task, outputs, log_std, jnp.array([a])) for a in (0, 1)]
        p = np.exp([float(log[0]) for log, _ in both])
        assert p.sum() == pytest.approx(1, abs=1e-6)
        assert p[0] / p[1] == pytest.approx(np.exp(1.3), rel=1e-5)
        assert float(both[0][1][0]) == pytest.approx(-(p * np.log(p)).sum(), rel=1e-5)
    else:
        log, entropy = experience.distribution(task, outputs, log_std, jnp.array([[0.0, 0.0]]))
        normals = [stats.norm(0.3, 0.5), stats.norm(-1.0, 2.0)]
        assert float(log[0]) == pytest.approx(sum(n.logpdf(0) for n in normals), rel=1e-5)
        assert float(entropy[0]) == pytest.approx(sum(n.entropy() for n in normals), rel=1e-5)


def probe(*, discrete=True, delay=1):
    """An episode of `delay` steps; what is done in the first decides the reward of the last.

    The observation is a random sign; the right action is the output of that sign, or a tanh of half of it.
    """

    def observe(state):
        return jnp.stack([state["sign"], state["time"].astype(jnp.float32)])

    def reset(key):
        sign = jax.random.rademacher(key, (), jnp.float32)
        state = {"sign": sign, "time": jnp.int32(0), "right": jnp.float32(0)}
        return observe(state), state

    def step(state, outputs):
        if discrete:
            right = (jnp.argmax(outputs) == (state["sign"] > 0).astype(jnp.int32)).astype(jnp.float32)
        else:
            right = 1 - (jnp.tanh(outputs[0]) - state["sign"] / 2) ** 2
        right = jnp.where(state["time"] == 0, right, state["right"])
        state = {"sign": state["sign"], "time": state["time"] + 1, "right": right}
        done = state["time"] >= delay
        return observe(state), state, jnp.where(done, right, 0.0), done

    return Control("probe", 2, 2 if discrete else 1, discrete, 10, reset, step, hidden=(16,))


def learn(task, mask=None, **settings):
    network = layout.mlp(2, (16,), task.outputs, "tanh")
    start = tickets.initialise(network, 2, seed=0, name="probe")
    ticket = start if mask is None else start.put(network, mask=mask(network))
    return network, ticket, *tickets.train(network, task, ticket, SETTINGS | settings, key=jax.random.key(0))


@pytest.mark.parametrize(
    ("task", "worst"),
    [(probe(), 0.99), (probe(delay=3), 0.99), (probe(discrete=False), 0.97)],
    ids=["sign", "delayed", "continuous"],
)
def test_probes_are_solved(task, worst):
    *_, run = learn(task)
    assert run.trajectory.scores["test/return"][-1].min() > worst


def test_only_survivors_move_and_the_observation_statistics_are_kept():
    def exactly(network):
        return np.stack([np.random.default_rng(row).permutation(network.kernel_count) < 24 for row in range(2)])

    network, ticket, done, run = learn(probe(), exactly, steps=6)
    places = masks.kernel_positions(network)
    mask, mean, initial = ticket.flat(network, "mask"), done.flat(network, "mean"), ticket.flat(network, "initial")
    assert not mean[:, places][~mask].any()
    # A survivor on no way from input to output has no gradient.
    assert (mean[:, places][mask] != initial[:, places][mask]).mean() > 0.5
    assert done.std is None
    np.testing.assert_array_equal(done.statistics["count"], 6 * 16 * 32)
    assert run.trajectory.steps == [6]


def test_cartpole_is_learned_with_a_fifth_of_the_weights():
    task = tasks.load("cartpole")
    network = problems.network_of(task, {"hidden": [32, 32]})
    start = tickets.initialise(network, 1, seed=0, name="cartpole")
    mask = np.random.default_rng(0).permutation(network.kernel_count)[None] < network.kernel_count // 5
    settings = SETTINGS | {"steps": 60, "rollout": 64, "learning_rate": 0.003}
    _, run = tickets.train(network, task, start.put(network, mask=mask), settings, key=jax.random.key(1))
    # A random policy lasts about 20 steps.
    assert run.trajectory.scores["test/return"][-1].min() > 195


def test_the_same_key_gives_the_same_actor():
    (network, _, first, _), (*_, second, _) = (learn(probe(), steps=2) for _ in range(2))
    np.testing.assert_array_equal(first.flat(network, "mean"), second.flat(network, "mean"))
