from itertools import combinations

import numpy as np
import pytest

from evotickets.own import PartError
from evotickets.pruning import criterion, scores

MEAN = np.array([[1.0, -2.0, 0.5]])
STD = np.array([[0.5, 2.0, 0.1]])
GIVEN = {"mean": MEAN, "std": STD, "initial": np.array([[3.0, 4.0, 5.0]]), "mask": np.array([[True, False, True]])}


def test_known_scores():
    np.testing.assert_allclose(scores.score("magnitude", MEAN, STD), [[1, 2, 0.5]])
    np.testing.assert_allclose(scores.score("snr", MEAN, STD), [[2, 1, 5]])
    np.testing.assert_allclose(scores.score("snr_variance", MEAN, STD), [[4, 0.5, 50]])


def test_movement_is_the_trained_weight_times_the_way_from_the_initial_one():
    # Grown, shrunk, at rest, risen from zero, driven to zero, driven through zero by two thirds of the way.
    initial = np.array([[0.5, -3.0, 2.0, 0.0, 4.0, 1.0]])
    trained = np.array([[1.5, -2.0, 2.0, -0.5, 0.0, -0.5]])
    for std in (None, np.ones_like(trained)):
        values = scores.score("movement", trained, std, initial, np.ones_like(trained, bool))
        np.testing.assert_array_equal(values, [[1.5, -2.0, 0.0, 0.25, 0.0, 0.75]])


def test_movement_is_what_small_steps_of_descent_accumulate_and_half_the_squared_way():
    """Σ −∂L/∂w · w of a descent on (w − 2)² / 2 from 1: half of w_T² − w_0² with many small steps."""
    rate, weight, total = 1e-4, 1.0, 0.0
    for _ in range(10_000):
        gradient = weight - 2
        total -= rate * gradient * weight
        weight -= rate * gradient
    (((value,),),) = (scores.score("movement", np.array([[weight]]), None, np.array([[1.0]])),)
    assert value - (weight - 1) ** 2 / 2 == pytest.approx(total, rel=1e-3)


def test_pruned_weights_with_no_mean_and_no_std_score_least():
    values = scores.score("snr", np.array([[0.0, 1e-9]]), np.array([[0.0, 1.0]]))
    assert values[0, 0] == -np.inf < values[0, 1]


def test_a_gradient_trainer_has_no_signal_to_noise_ratio():
    np.testing.assert_allclose(scores.score("magnitude", MEAN, None), [[1, 2, 0.5]])
    with pytest.raises(ValueError, match="'snr' needs a search distribution"):
        scores.score("snr", MEAN, None)


def test_an_unknown_score_is_refused():
    with pytest.raises(ValueError, match=r"unknown score 'magnitud'; did you mean 'magnitude'\?"):
        scores.score("magnitud", MEAN, STD)


@pytest.fixture
def own(monkeypatch):
    """The decorator of criteria, whose additions end with the test."""
    monkeypatch.setattr(criterion, "_parts", dict(criterion))
    monkeypatch.setattr(criterion, "facts", dict(criterion.facts))
    return criterion


@pytest.mark.parametrize("asked", [names for count in range(1, 5) for names in combinations(GIVEN, count)])
def test_a_criterion_gets_what_it_asks_for_by_name_in_any_combination(own, asked):
    def total(*, values):
        return sum(np.asarray(value, float) for value in values)

    if asked in {("initial",), ("mask",)}:
        # The first is asked before training, where there are no four; the second would rank by nothing.
        return
    namespace = {"total": total}
    exec(f"def mine({', '.join(asked)}): return total(values=({', '.join(asked)},))", namespace)
    own(namespace["mine"])
    found = scores.score("mine", *GIVEN.values())
    np.testing.assert_array_equal(found, sum(np.asarray(GIVEN[name], float) for name in asked))
    if "std" in asked:
        with pytest.raises(ValueError, match="'mine' needs a search distribution"):
            scores.score("mine", MEAN, None, GIVEN["initial"], GIVEN["mask"])


def test_the_distance_from_the_start_in_stds(own):
    @own
    def drift(mean, std, initial):
        return abs(mean - initial) / std

    np.testing.assert_allclose(scores.score("drift", MEAN, STD, np.array([[0.0, -1.0, 0.5]])), [[2, 0.5, 0]])


@pytest.mark.parametrize(
    "text",
    ["lambda mean, sigma: mean", "lambda mean, loss: mean", "lambda mask: mask", "lambda: 1", "lambda *weights: 1"],
)
def test_a_criterion_that_asks_for_what_there_is_not_is_refused(own, text):
    with pytest.raises(
        PartError, match=r"the criterion 'mine' takes \(.*expected is \(any of mean, std, initial, mask\)"
    ):
        own(name="mine")(eval(text))


@pytest.mark.parametrize(
    ("returned", "said"), [(MEAN[0], r"\(3,\)"), (MEAN.astype(str), "<U"), (MEAN[:, :2], r"\(1, 2\)")]
)
def test_a_criterion_that_scores_other_than_every_weight_is_refused(own, returned, said):
    own(name="mine")(lambda mean: returned)
    with pytest.raises(ValueError, match=f"'mine' returns .*{said}.* every prunable weight of every seed"):
        scores.score("mine", MEAN, STD)
