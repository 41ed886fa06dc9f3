"""Scores on parts of the test images: their mean is the score, and they are there where all seeds share the images."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from evotickets import tasks
from evotickets.networks import layout
from evotickets.systems.tickets import levels, shared_images


@pytest.fixture(scope="module")
def trained():
    data = tasks.replicates("digits", seed=0, count=1)
    network = layout.build(data.input_shape, data.classes, {"hidden": [8]})
    ticket = levels.initialise(network, 3, seed=0, name="digits")
    settings = {"trainer": "adam", "steps": 30, "batch": 32, "learning_rate": 0.01, "evaluations": 1}
    ticket, run = levels.train(network, data, ticket, settings, key=jax.random.key(0))
    return data, network, replace(ticket, seeds=(4, 7, 9)), run.trajectory.final([4, 7, 9])


def test_the_mean_over_parts_is_the_accuracy_of_every_seed(trained):
    data, network, ticket, rows = trained
    found = shared_images.scores(rows, {}, network, data, ticket, seed=0)
    assert [{key: value for key, value in row.items() if key != "parts"} for row in found] == rows
    sizes = [len(part) for part in np.array_split(data.test.y.ravel(), shared_images.PARTS)]
    listed = {row["seed"]: row for row in found if row["parts"]}
    assert list(listed) == [4, 7, 9]
    for row in listed.values():
        assert (row["split"], row["metric"]) == ("test", "accuracy")
        assert len(row["parts"]) == shared_images.PARTS
        assert np.average(row["parts"], weights=sizes) == pytest.approx(row["value"], abs=1e-6)
    # The parts of all tickets are the same images.
    again = shared_images.scores(rows, {}, network, data, ticket, seed=0)
    assert again == found
    assert shared_images.scores(rows, {}, network, data, ticket, seed=1) != found


def test_seeds_that_each_have_a_split_of_their_own_need_no_parts(trained):
    _, network, ticket, rows = trained
    apart = tasks.replicates("digits", seed=0, count=3)
    assert not any(row["parts"] for row in shared_images.scores(rows, {}, network, apart, ticket, seed=0))


def test_returns_have_no_images(trained):
    _, network, ticket, rows = trained
    task = tasks.control("cartpole")
    assert not any(row["parts"] for row in shared_images.scores(rows, {}, network, task, ticket, seed=0))
