"""Iterative magnitude pruning: every round is a training of its own, from the first weights under a sparser mask."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from evotickets import tasks
from evotickets.systems import hybrid
from evotickets.systems.hybrid import cells
from evotickets.systems.hybrid.methods import masked
from tests.systems.hybrid.test_baselines import NAMES, RATE, STEPS, masks_of, params, samples, setting, walk

# 160 and 30 weights to a fifth: 160 · .2^(1/3) = 93.6, 160 · .2^(2/3) = 54.7, and likewise 17.5 and 10.3.
KEPT = [(160, 30), (94, 18), (55, 10), (32, 6)]
LENGTH = STEPS // len(KEPT)


@pytest.fixture(scope="module")
def method():
    return hybrid.method["imp"](setting())


@pytest.fixture(scope="module")
def states(method):
    return walk(method)


def test_densities_fall_geometrically_from_round_to_round_and_masks_are_nested(method, states):
    masks = [masks_of(method, state) for state in states]
    for at, now in enumerate(masks):
        kept = KEPT[min(at // LENGTH, len(KEPT) - 1)]
        assert tuple(int(now[name].sum()) for name in NAMES) == kept
        assert not any((now[name] & ~masks[max(at - 1, 0)][name]).any() for name in NAMES)


def test_every_round_starts_from_the_first_weights_bit_for_bit_and_without_momentum(states):
    first = params()
    for at in range(0, STEPS, LENGTH):
        masks = states[at].masks
        for name, value in states[at].weights.params.items():
            mask = np.asarray(masks.get(name, jnp.ones(value.shape, bool)))
            np.testing.assert_array_equal(np.asarray(value)[mask], np.asarray(first[name])[mask])
            assert not np.asarray(value)[~mask].any()
        trace = optax.tree_utils.tree_get(states[at].weights.optimizer, "trace")
        assert not any(np.asarray(value).any() for value in trace.values())
    assert any((states[1].weights.params[name] != first[name]).any() for name in NAMES)


def test_a_round_is_a_training_with_half_a_cosine_of_its_own_and_ends_with_the_smallest_pruned(states):
    gradient = jax.jit(jax.grad(setting().loss))
    for start in range(0, STEPS, LENGTH):
        masks = states[start].masks
        weights = masked(params(), masks)
        trace = jax.tree.map(jnp.zeros_like, weights)
        for at in range(LENGTH):
            np.testing.assert_allclose(
                states[start + at].weights.params[NAMES[0]], weights[NAMES[0]], rtol=1e-4, atol=1e-6
            )
            rate = RATE / 2 * (1 + np.cos(np.pi * at / LENGTH))
            slope = masked(gradient(weights, *samples(start + at).first(0)), masks)
            trace = jax.tree.map(lambda old, new: 0.9 * old + new, trace, slope)
            weights = jax.tree.map(lambda value, step, rate=rate: value - rate * step, weights, trace)
        last = states[start + LENGTH]
        if start + LENGTH == STEPS:
            for name, value in weights.items():
                np.testing.assert_allclose(last.weights.params[name], value, rtol=1e-4, atol=1e-6)
            continue
        for name in NAMES:
            magnitude, kept = np.abs(np.asarray(weights[name])), np.asarray(last.masks[name])
            assert magnitude[kept].min() > magnitude[np.asarray(masks[name]) & ~kept].max()


@pytest.mark.parametrize(("rounds", "starts"), [(2, [20]), (7, [5, 11, 17, 22, 28, 34])])
def test_rounds_share_the_steps_evenly_and_the_last_has_the_density_that_is_asked_for(rounds, starts):
    method = hybrid.method["imp"](setting(), rounds=rounds)
    kept = [int(masks_of(method, state)[NAMES[0]].sum()) for state in walk(method)]
    assert [at for at in range(1, STEPS + 1) if kept[at] < kept[at - 1]] == starts
    assert kept[0] == 160
    assert kept[starts[-1] :] == [32] * (STEPS + 1 - starts[-1])


def test_a_step_takes_as_many_passes_as_that_of_other_baselines(method):
    assert method.passes == hybrid.method["gmp"](setting()).passes == 3 * 16
    assert hybrid.method["imp"](setting(), batches=1).passes == 3 * 8
    assert method.begins_dense


def test_a_round_takes_a_step_at_least():
    with pytest.raises(ValueError, match="imp has 41 rounds, more than the 40 steps of the training; lower rounds"):
        hybrid.method["imp"](setting(), rounds=41)


def test_a_cell_is_trained_to_the_counts_of_its_layers():
    training = {"steps": 30, "batches": 1, "batch": 16, "learning_rate": 0.1, "momentum": 0.9, "evaluations": 3}
    task = {"task": "digits", "hidden": [8], "training": training}
    options = {"method": "imp", "rounds": 3}
    found = cells.run(tasks.supervised("digits"), task, options, 0.25, layer_densities="erk", seed=0, count=2)
    # Of layers of 512 and 80 the Erdős–Rényi kernel keeps 148 · 72 / 90 and 148 · 18 / 90, after √(512 · 118) + √(80 · 30).
    assert found.masks[:, :512].sum(1).tolist() == [118, 118]
    assert found.masks.sum(1).tolist() == [148, 148]
    kept = {row["step"]: row["value"] for row in found.trajectory.rows([0, 1]) if row["metric"] == "kept"}
    assert kept == {10: 246 + 49, 20: 148, 30: 148}
