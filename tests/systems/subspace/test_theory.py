"""Theory of sparse mutations on quadratics, against the mutations that the study uses; recombinations; predictions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evotickets.systems.subspace import RECOMBINED, predictions, recombination, theory
from evotickets.systems.subspace.mutation import Mutation, pieces

N = 40
RNG = np.random.default_rng(0)
SLOPE = RNG.normal(size=N)
HESSIAN = (lambda a: a @ a.T / N + np.diag(np.arange(N) / 10))(RNG.normal(size=(N, N)))
DRAWS = 20_000


def draws(mutation, count=DRAWS, size=N):
    """Mutations [count, size]."""
    out = np.zeros((count, size))
    for child in range(count):
        piece = next(pieces([size], mutation, child, seed=1, names=()))
        out[child, slice(None) if piece.positions is None else piece.positions] = piece.normals
    return out * mutation.std(1.0)


def rises(delta):
    return delta @ SLOPE + 0.5 * np.einsum("ci,ij,cj->c", delta, HESSIAN, delta)


@pytest.mark.parametrize("density", [1.0, 0.5, 0.1])
def test_damage_depends_on_the_norm_alone_and_its_variance_grows_as_masks_get_sparser(density):
    norm = 0.3
    rise = rises(draws(Mutation("bernoulli", density, norm, "norm")))
    error = rise.std() / np.sqrt(DRAWS)
    assert rise.mean() == pytest.approx(theory.damage(np.trace(HESSIAN), norm), abs=4 * error)
    diagonal = np.square(np.diag(HESSIAN)).sum()
    rest = np.square(HESSIAN).sum() - diagonal
    wanted = theory.variance(np.square(SLOPE).sum(), diagonal, rest, norm, density)
    # The error of a variance, from the fourth moment.
    spread = np.sqrt((np.mean((rise - rise.mean()) ** 4) - rise.var() ** 2) / DRAWS)
    assert rise.var() == pytest.approx(wanted, abs=4 * spread)


def test_at_equal_sigma_a_sparse_mutation_is_gentler_by_its_density():
    rise = {d: rises(draws(Mutation("bernoulli", d, 0.3), 4000)).mean() for d in (1.0, 0.25)}
    assert rise[0.25] / rise[1.0] == pytest.approx(0.25, abs=0.05)


def test_the_damage_and_variance_of_known_quadratics():
    assert theory.damage(10.0, 0.2) == pytest.approx(0.2)
    # Dense, H = I in two dimensions: the variance of ½(x² + y²) is 1.
    assert theory.variance(0.0, 2.0, 0.0, 1.0, 1.0) == pytest.approx(1.0)
    sparse, dense = (theory.variance(0.0, 2.0, 0.0, 1.0, density) for density in (0.1, 1.0))
    assert sparse / dense == pytest.approx((3 / 0.1 - 1) / 2)


@pytest.mark.parametrize(
    ("mode", "density", "count", "wanted"),
    [
        ("dense", 1.0, 20, N + 1),
        ("bernoulli", 0.2, 20, N - 2 + 15),
        ("antithetic", 0.2, 20, 2 * (N - 2 + 15)),
        ("partition", 0.2, 20, N + 5),
        # Two blocks of five; then a whole partition and two blocks; then two pairs and half of one.
        ("partition", 0.2, 2, N + 2 * 5 - 2),
        ("partition", 0.2, 7, N + 2 * 5 - (25 + 4) / 7),
        ("antithetic", 0.2, 5, 9 / 5 * (N - 2 + 15)),
    ],
)
def test_what_a_search_learns_of_a_linear_loss(mode, density, count, wanted):
    mutation = Mutation(mode, density, 1.0, "norm")
    assert theory.squared_error(mutation, N, count) == pytest.approx(wanted / count)
    # Every estimate starts a partition or a pair of its own.
    group = -(-count // mutation.blocks) * mutation.blocks if mode == "partition" else count + count % 2
    delta = draws(mutation, 1000 * group).reshape(-1, group, N)[:, :count]
    estimates = np.einsum("bci,bc->bi", delta, delta @ SLOPE) / count
    errors = np.square(estimates - SLOPE).sum(1) / np.square(SLOPE).sum()
    assert errors.mean() == pytest.approx(wanted / count, abs=4 * errors.std() / np.sqrt(len(errors)))


def test_a_static_mask_never_sees_the_whole_gradient():
    size, count = 400, 50
    mutation = Mutation("static", 0.25, 1.0, "norm")
    slope = np.random.default_rng(0).normal(size=size)
    delta = draws(mutation, 4000, size).reshape(-1, count, size)
    estimates = np.einsum("bci,bc->bi", delta, delta @ slope) / count
    cosines = estimates @ slope / np.linalg.norm(estimates, axis=1) / np.linalg.norm(slope)
    # The part of the gradient that this one mask sees is not exactly a quarter.
    seen = np.square(slope[np.abs(delta).sum((0, 1)) > 0]).sum() / np.square(slope).sum()
    assert cosines.mean() == pytest.approx(theory.cosine(mutation, size, count) * np.sqrt(seen / 0.25), rel=0.05)
    assert theory.cosine(mutation, size, 10**9) == pytest.approx(0.5, rel=1e-3)


def test_to_first_order_a_symmetric_ensemble_averages_back_to_the_parent():
    delta = draws(Mutation("antithetic", 0.3, 0.1), 10)
    np.testing.assert_allclose((delta @ SLOPE).mean(), 0, atol=1e-12)
    assert rises(delta).mean() > 0


LOSSES = [3.0, 1.0, 2.0, 5.0, 4.0, 8.0, 7.0, 6.0]


def test_shares_of_children_in_recombinations():
    np.testing.assert_array_equal(recombination.shares("best", LOSSES), np.eye(8)[1])
    np.testing.assert_array_equal(recombination.shares("top_mean", LOSSES), [0, 0.5, 0.5, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(recombination.shares("weight_average", LOSSES), np.full(8, 1 / 8))
    weighted = recombination.shares("weighted_mean", LOSSES)
    assert weighted.sum() == pytest.approx(1)
    assert (np.argsort(-weighted) == np.argsort(LOSSES)).all()
    step = recombination.shares("es_step", LOSSES, 2.0)
    # Ranks 0 … 7 have std √(63/12).
    np.testing.assert_allclose(step, 2 / 8 * (4.5 - np.array(LOSSES)) / np.sqrt(63 / 12))
    with pytest.raises(ValueError, match="unknown recombination 'worst'"):
        recombination.shares("worst", LOSSES)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20), st.sampled_from(RECOMBINED))
def test_shares_are_finite_and_never_favour_a_worse_child(losses, kind):
    found = recombination.shares(kind, losses)
    assert np.isfinite(found).all()
    order = np.argsort(losses, kind="stable")
    assert (np.diff(found[order]) <= 1e-12).all()
    assert found.sum() == pytest.approx(0 if kind == "es_step" else 1, abs=1e-9)


def test_a_child_without_a_loss_is_the_worst():
    losses = [1.0, np.nan, 2.0, 3.0]
    assert recombination.top(losses).tolist() == [0]
    assert np.argmin(recombination.ranked(losses)) == 1
    assert np.isfinite(recombination.standardised(losses)).all()
    assert not recombination.standardised([2.0, 2.0]).any()


PROBABILITIES = np.log([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.1, 0.9]])
LABELS = np.array([0, 1, 1, 1])


def test_quality_of_known_predictions():
    nll, accuracy, ece = predictions.quality(PROBABILITIES, LABELS)
    assert nll == pytest.approx(-np.log([0.8, 0.4, 0.7, 0.9]).mean())
    assert accuracy == 0.75
    # Each prediction has a bin of its own: |1 − .8|, |0 − .6|, |1 − .7|, |1 − .9|.
    assert ece == pytest.approx((0.2 + 0.6 + 0.3 + 0.1) / 4)
    assert predictions.disagreement(PROBABILITIES, PROBABILITIES[:, ::-1]) == 1


def test_ensembles_average_softmax_or_logits():
    logits = np.log([[[0.8, 0.2]], [[0.4, 0.6]]])
    np.testing.assert_allclose(np.exp(predictions.ensemble(logits)), [[0.6, 0.4]])
    odds = np.sqrt(0.8 / 0.2 * 0.4 / 0.6)
    np.testing.assert_allclose(np.exp(predictions.logit_ensemble(logits)), [[odds / (1 + odds), 1 / (1 + odds)]])


@settings(deadline=None, max_examples=20)
@given(scale=st.floats(0.2, 5), seed=st.integers(0, 100))
def test_temperature_undoes_a_factor_on_logits(scale, seed):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(300, 4))
    labels = np.array([rng.choice(4, p=p) for p in np.exp(predictions.normalised(logits))])
    own, other = (predictions.temperature(factor * logits, labels, prior=0) for factor in (1.0, scale))
    assert other == pytest.approx(scale * own, rel=0.01)


def test_scaled_predictions_never_see_their_own_label():
    rng = np.random.default_rng(0)
    logits = 9 * rng.normal(size=(100, 3))
    labels = np.where(rng.random(100) < 0.7, logits.argmax(1), rng.integers(3, size=100))
    found = predictions.scaled(logits, labels)
    assert predictions.losses(found, labels).mean() < predictions.losses(predictions.normalised(logits), labels).mean()
    fold = slice(None, None, predictions.FOLDS)
    labels[fold] = (labels[fold] + 1) % 3
    changed = predictions.scaled(logits, labels)
    np.testing.assert_array_equal(found[fold], changed[fold])
    assert not np.allclose(found[1 :: predictions.FOLDS], changed[1 :: predictions.FOLDS])


def drawn(rng, count, sharpness, error=None):
    """Logits [n, 10] and labels that follow their softmax; or labels that miss the largest logit as often as `error` says."""
    logits = sharpness * rng.normal(size=(count, 10))
    if error is None:
        gumbel = rng.gumbel(size=logits.shape)
        return logits, (logits + gumbel).argmax(1)
    wrong = rng.random(count) < error
    return logits, np.where(wrong, np.argsort(logits, 1)[:, -2], logits.argmax(1))


def test_a_faultless_part_does_not_drive_the_temperature_to_its_bound():
    rng = np.random.default_rng(0)
    logits, labels = drawn(rng, 30, 6.0, error=0.0)
    assert predictions.temperature(logits, labels, prior=0) == pytest.approx(0.05, abs=0.01)
    assert 0.5 < predictions.temperature(logits, labels) < 1
    assert predictions.temperature(logits[:0], labels[:0]) == 1


@pytest.mark.parametrize("count", [20, 60, 300])
def test_of_a_calibrated_network_no_temperature_costs_more_than_noise(count):
    rng, worse = np.random.default_rng(1), []
    for _ in range(500):
        logits, labels = drawn(rng, count, 4.0)
        plain = predictions.losses(predictions.normalised(logits), labels)
        worse.append((predictions.losses(predictions.scaled(logits, labels), labels) - plain).mean())
    # What one parameter costs where it is not needed is half a unit over the images that fit it, four fifths here.
    assert np.mean(worse) < 0.5 / (0.8 * count)


def test_of_an_overconfident_network_a_temperature_saves_what_it_would_without_a_prior():
    rng = np.random.default_rng(2)
    logits, labels = drawn(rng, 2000, 2.0)
    sharp = 2.5 * logits
    found = predictions.losses(predictions.scaled(sharp, labels), labels).mean()
    assert predictions.temperature(sharp, labels) == pytest.approx(2.5, rel=0.1)
    assert found == pytest.approx(predictions.losses(predictions.normalised(logits), labels).mean(), abs=0.01)


@given(st.integers(0, 30), st.integers(0, 30))
def test_mcnemar_is_the_exact_binomial_test(only, others):
    right = np.r_[np.ones(only, bool), np.zeros(others, bool), np.ones(5, bool)]
    other = np.r_[np.zeros(only, bool), np.ones(others, bool), np.ones(5, bool)]
    wanted = stats.binomtest(only, only + others).pvalue if only + others else 1.0
    assert predictions.mcnemar(right, other) == pytest.approx(wanted)


def test_the_bootstrap_covers_the_mean_as_a_normal_interval_would():
    differences = np.random.default_rng(0).normal(0.1, 1, 4000)
    low, high = predictions.bootstrap(differences, np.random.default_rng(1))
    error = differences.std() / np.sqrt(4000)
    assert low == pytest.approx(differences.mean() - 1.96 * error, abs=0.3 * error)
    assert high == pytest.approx(differences.mean() + 1.96 * error, abs=0.3 * error)
