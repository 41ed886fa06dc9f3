"""What children cost: the ratio of times, by a clock that is known."""

import itertools

import numpy as np
import pytest

from evotickets import study
from evotickets.systems.subspace import cells, costs, evaluation, problems
from evotickets.systems.subspace.children import Children
from evotickets.systems.subspace.weights import Weights

PARENT = {"model": "evotickets.systems.subspace.perceptron.Perceptron", "images": "digits", "options": {}}
PARENT["arguments"] = {"hidden": [8], "inputs": 64}
IMAGES = {"fitness": 20, "validation": 10, "test": 10, "batch": 20}


def rows(together=1, **settings):
    whole = {"mode": "dense", "density": 1.0, "rule": "norm", "sigma": 0.1, "repeats": 3} | settings
    return cells.run(
        "costs", PARENT, problems.make(PARENT, 0, 1), whole, images=IMAGES, batch_norm="keep", children=Children(None),
        seed=0, count=2, threads=1, together=together,
    )  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [{}, {"mode": "static", "density": 0.1}, {"mode": "low_rank_1"}, {"mode": "only_head", "only": ["layers.4.*"]}],
)
def test_the_cost_is_the_median_time_of_children_over_that_of_the_parent(monkeypatch, settings):
    # Runs of the parent take 2, 4 and 3 seconds, of the child 6, 7 and 9: medians 3 and 7; those before are not timed.
    lengths = itertools.cycle([2, 6, 4, 7, 3, 9])
    ticks = itertools.chain.from_iterable((0, length) for length in lengths)
    monkeypatch.setattr(costs.time, "perf_counter", lambda: next(ticks))
    found = rows(**settings)
    assert [row["value"] for row in found] == pytest.approx([7 / 3, 7 / 3])
    assert {(row["candidate"], row["split"], row["metric"]) for row in found} == {("child", "fitness", "cost")}


def test_children_that_are_evaluated_together_share_their_time(monkeypatch):
    lengths = itertools.cycle([2, 6, 4, 7, 3, 9])
    ticks = itertools.chain.from_iterable((0, length) for length in lengths)
    monkeypatch.setattr(costs.time, "perf_counter", lambda: next(ticks))
    assert [row["value"] for row in rows(4, mode="low_rank_1")] == pytest.approx([7 / 4 / 3] * 2)
    assert [row["value"] for row in rows(4)] == pytest.approx([7 / 3] * 2), "dense children are evaluated one by one"


def test_a_child_is_evaluated_as_one_and_the_parent_plainly(monkeypatch):
    seen = []
    original = evaluation.logits

    def watched(model, samples, size, frozen=None):
        seen.append(float(model.layers[1].weight.detach().sum()))
        return original(model, samples, size, frozen)

    monkeypatch.setattr(costs, "logits", watched)
    monkeypatch.setattr(evaluation, "logits", watched)
    rows(repeats=2)
    # The model is tried on two images of training and two held out, and then in turn for each of two seeds.
    asked = seen[2:]
    assert len(asked) == 2 * 2 * (2 + 2)
    assert [value == asked[0] for value in asked] == [True, False] * 8


def test_a_study_asks_for_the_costs_of_every_structure():
    entry = {
        "parents": ["digits"],
        "densities": [1, 0.1],
        "low_ranks": [1],
        "only": {"head": ["linear.*"]},
        "sigma": 0.01,
    }
    found = study.resolve({"subspace": {"parents": {"digits": {}}, "costs": [entry]}}).subspace
    assert [cell.name for cell in found.cells] == ["dense", "bernoulli_0.1", "low_rank_1", "only_head"]
    assert next(iter(found.cells.values())) == {
        "mode": "dense",
        "density": 1.0,
        "rule": "norm",
        "sigma": 0.01,
        "repeats": 9,
    }
    assert not any(found.kept.values())


def test_all_children_are_put_back():
    model = problems.restore(PARENT, problems.make(PARENT, 0, 1), 0, 1)
    before = Weights(model, 0).stds
    rows()
    np.testing.assert_array_equal(Weights(model, 0).stds, before)
