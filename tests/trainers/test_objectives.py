"""Objectives of data: which images a seed trains on, and which it is scored on."""

import jax
import numpy as np
import pytest

from evotickets import streams, tasks
from evotickets.networks import feedforward, layout, masks
from evotickets.trainers import objectives

NETWORK = layout.mlp(64, (4,), 10)


def described(data, seeds):
    mask = np.ones((seeds, NETWORK.kernel_count), bool)
    return objectives.supervised(NETWORK, mask, data, batch=16)


def weights(seeds):
    drawn = np.random.default_rng(0).normal(0, 0.3, (seeds, NETWORK.parameter_count))
    return drawn.astype(np.float32)


def outputs(flat, x):
    return np.asarray(feedforward.apply(NETWORK, layout.unflatten(NETWORK, flat), x))


def test_every_seed_is_scored_on_its_own_split():
    data, flat = tasks.replicates("digits", seed=0, count=3), weights(3)
    objective = described(data, 3)
    keys = streams.split(jax.random.key(0), 3)
    found = objectives.scorer(objective)(objective.shared, flat, objective.carry, keys)
    for split in ("train", "validation", "test"):
        x, y = getattr(data, split)
        right = [(outputs(flat[seed], x[seed]).argmax(1) == y[seed]).mean() for seed in range(3)]
        np.testing.assert_allclose(found[f"{split}/accuracy"], right, rtol=1e-6)
    assert len(set(np.asarray(found["test/accuracy"]).tolist())) == 3


def test_what_is_not_there_is_not_scored():
    data, flat = tasks.replicates("digits", seed=0, count=1, validation=False), weights(1)
    objective = described(data, 1)
    found = objectives.scorer(objective)(objective.shared, flat, objective.carry, streams.split(jax.random.key(0), 1))
    assert {name.partition("/")[0] for name in found} == {"train", "test"}


@pytest.mark.parametrize("normalise", [True, False])
def test_observations_are_normalised_where_that_is_asked(normalise):
    task = tasks.control("cartpole", normalise=normalise)
    network = task.network
    mask = np.ones((1, network.kernel_count), bool)
    objective = objectives.control(network, mask, task, episodes=1, test_episodes=1)
    context, carry = (jax.tree.map(lambda leaf: leaf[0], tree) for tree in (objective.context, objective.carry))
    members = np.zeros((2, len(masks.survivors(network, mask)[0])), np.float32)
    _, after = objective.losses((), context, members, jax.random.key(0), carry)
    assert (float(after.count) > 0) == normalise


@pytest.mark.parametrize("shared", [True, False], ids=["one split", "a split a seed"])
def test_batches_are_of_the_training_images_of_the_seed(shared):
    data = tasks.supervised("digits") if shared else tasks.replicates("digits", seed=0, count=2)
    seen, flat, key = tasks.replicated(data), weights(2), jax.random.key(3)
    objective = described(data, 2)
    places = masks.survivors(NETWORK, np.ones((2, NETWORK.kernel_count), bool))
    for seed, row in enumerate(seen.rows(2)):
        context = jax.tree.map(lambda leaf, seed=seed: leaf[seed], objective.context)
        index = np.asarray(jax.random.randint(key, (16,), 0, seen.train.y.shape[1]))
        x, y = (part[row][index] for part in seen.train)
        logits = outputs(flat[seed], x).astype(float)
        right = np.mean(np.log(np.exp(logits).sum(1)) - logits[np.arange(16), y])
        survivors = flat[seed][places[seed]]
        found = objective.loss(objective.shared, context, survivors, key)
        assert float(found) == pytest.approx(right, rel=1e-5)
        members = np.stack([survivors, survivors])
        losses, _ = objective.losses(objective.shared, context, members, key, row)
        np.testing.assert_allclose(losses, right, rtol=1e-4)
        pairs, _ = objective.pair_losses(objective.shared, context, survivors, 0 * members[:1], key, row)
        np.testing.assert_allclose(pairs, right, rtol=1e-4)
