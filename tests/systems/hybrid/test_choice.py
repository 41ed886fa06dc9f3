"""Settings that validation images choose: candidates, the choice among known scores, and a rate that is planted to be best."""

import numpy as np
import pytest

from evotickets import tasks
from evotickets.systems.hybrid import choice, selection
from evotickets.tasks import Split

TRAINING = {"steps": 20, "batches": 2, "batch": 16, "learning_rate": 1.0, "momentum": 0.9, "evaluations": 2}
TASK = {"task": "digits", "hidden": [4], "training": TRAINING}
RATES = [{"learning_rate": rate} for rate in (1e-6, 0.1, 1e8)]


def test_candidates_have_one_set_of_every_axis_and_the_first_is_the_first_of_all():
    grid = [[{}, {"std": 0.3, "start_at": "random"}], [{"mask_rate": 1}, {"mask_rate": 0.1}]]
    found = choice.every(grid, [0.1, 0.3])
    assert len(found) == choice.size(grid, [0.1, 0.3]) == 8
    assert found[0] == {"mask_rate": 1, "learning_rate": 0.1}
    assert found[-1] == {"std": 0.3, "start_at": "random", "mask_rate": 0.1, "learning_rate": 0.3}
    assert choice.every([]) == [{}]
    assert choice.every([[{"std": 1}, {"std": 1}]]) == [{"std": 1}]
    few = choice.drawn(found, 3, np.random.default_rng(0))
    assert few[0] == found[0]
    assert len(few) == 3
    assert all(candidate in found for candidate in few)
    assert few == choice.drawn(found, 3, np.random.default_rng(0))
    assert choice.drawn(found, 8, np.random.default_rng(0)) == found


@pytest.mark.parametrize(
    ("accuracy", "loss", "wanted"),
    [
        ([[0.8, 0.8], [0.7, 1.0], [0.9, 0.7]], [[1.0, 1.0]] * 3, 1),
        # Of equals the one with the smaller loss, then the first.
        ([[0.8], [0.8], [0.8]], [[1.0], [0.5], [0.5]], 1),
        # What diverged once is out, however good it was before.
        ([[0.9, 0.9], [0.2, 0.2]], [[0.1, np.nan], [2.0, 2.0]], 1),
        ([[0.1], [0.1]], [[np.nan], [np.inf]], 0),
    ],
)
def test_the_best_has_the_largest_mean_accuracy_and_never_diverged(accuracy, loss, wanted):
    assert choice.best(np.array(accuracy), np.array(loss)) == wanted


def test_what_differs_in_its_rate_alone_is_trained_together():
    found = choice.alike([{"std": 1, "learning_rate": 0.1}, {"std": 2, "learning_rate": 0.1}, {"std": 1}])
    assert [(group.places, group.settings) for group in found] == [([0, 2], {"std": 1}), ([1], {"std": 2})]


@pytest.fixture(scope="module")
def digits():
    return tasks.replicates("digits", seed=0, count=2)


def test_the_planted_rate_is_chosen_by_every_seed_and_no_test_image_takes_part(digits):
    options = {"layer_densities": "erk", "seed": 0, "count": 2}
    found = selection.validate(digits, TASK, {"method": "static"}, 0.5, RATES, **options)
    # One rate hardly moves the weights, one breaks them.
    assert found.chosen == [1, 1]
    assert not np.isfinite(found.loss[2]).all() or (found.accuracy[2] < 0.3).all()
    blind = digits._replace(test=Split(np.full_like(digits.test.x, np.nan), 9 - digits.test.y))
    again = selection.validate(blind, TASK, {"method": "static"}, 0.5, RATES, **options)
    np.testing.assert_array_equal(found.accuracy, again.accuracy)
    rows = found.rows(TRAINING["learning_rate"])
    assert [(row["candidate"], row["seed"], row["chosen"]) for row in rows if row["chosen"]] == [
        (1, 0, True),
        (1, 1, True),
    ]
    assert {row["learning_rate"] for row in rows} == {1e-6, 0.1, 1e8}


def test_a_cell_is_trained_with_what_was_chosen_for_every_seed(digits):
    given = {"layer_densities": "erk", "seed": 0, "count": 2}
    apart = selection.trained(digits, TASK, {"method": "static"}, 0.5, [RATES[1], RATES[0]], **given)
    last = {row["seed"]: row["value"] for row in apart.rows if (row["split"], row["metric"]) == ("test", "accuracy")}
    assert last[0] > last[1] + 0.1
    together = selection.run(digits, TASK, {"method": "static"}, 0.5, RATES, **given)
    # The seed that trained with the rate that is best has the same network beside whatever others.
    np.testing.assert_array_equal(together.masks[0], apart.masks[0])
    scores = [row["value"] for row in together.rows if (row["seed"], row["split"], row["step"]) == (0, "test", 20)]
    wanted = [row["value"] for row in apart.rows if (row["seed"], row["split"], row["step"]) == (0, "test", 20)]
    np.testing.assert_allclose(scores, wanted, rtol=1e-3)
    assert len(together.choices) == 6


def test_seeds_that_share_a_split_choose_together_whatever_their_number():
    shared = tasks.supervised("digits")
    options = {"layer_densities": "erk", "seed": 0, "count": 2, "replicates": 1}
    found = selection.run(shared, TASK, {"method": "static"}, 0.5, [{}, RATES[1]], **options)
    assert [(row["seed"], row["candidate"]) for row in found.choices] == [(0, 0), (0, 1)]
    assert {row["seed"] for row in found.rows} == {0, 1}
