"""Intervals, effects and verdicts with known answers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import special

from evotickets import statistics

FINITE = st.floats(-1e3, 1e3, width=32)


def scores(rows: dict[tuple, list[float]], names: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            dict(zip(names, key, strict=True)) | {"seed": s, "value": v}
            for key, vs in rows.items()
            for s, v in enumerate(vs)
        ]
    )


def test_interval_of_a_textbook_example():
    # Mean 3, standard error sqrt(2.5 / 5), and t(.975, 4 degrees of freedom) = 2.776445 from any table.
    half = 2.7764451051977987 * np.sqrt(0.5)
    assert statistics.interval([1, 2, 3, 4, 5]) == pytest.approx((3, 3 - half, 3 + half), rel=1e-12)


def test_interval_narrows_with_less_confidence():
    # t(.75, 1 degree of freedom) = 1 exactly.
    assert statistics.interval([0, 2], confidence=0.5) == pytest.approx((1, 0, 2), rel=1e-12)


def test_one_seed_has_a_mean_and_no_interval():
    mean, low, high = statistics.interval([0.7])
    assert mean == 0.7
    assert np.isnan(low)
    assert np.isnan(high)


def test_equal_seeds_have_an_interval_of_width_zero():
    assert statistics.interval([2.0, 2.0, 2.0]) == (2, 2, 2)


def test_a_nan_score_is_not_left_out():
    assert np.isnan(statistics.interval([1, np.nan, 2])).all()


def test_an_infinite_score_leaves_everything_undecided():
    mean, low, high = statistics.interval([1, -np.inf, 2])
    assert mean == -np.inf
    assert statistics.verdict(low, high) == "undecided"


@pytest.mark.parametrize("values", [[], [[1, 2], [3, 4]]])
def test_interval_refuses_what_is_not_one_value_per_seed(values):
    with pytest.raises(ValueError, match="shape"):
        statistics.interval(values)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_interval_refuses_an_impossible_confidence(confidence):
    with pytest.raises(ValueError, match=r"\(0, 1\)"):
        statistics.interval([1, 2], confidence)


def test_an_interval_ends_where_its_score_does():
    mean, low, high = statistics.interval([0.2, 1.0, 0.9], bounds=statistics.SHARE)
    whole = statistics.interval([0.2, 1.0, 0.9])
    assert (mean, low, high) == (whole.mean, 0, 1)
    assert whole.low < 0 < 1 < whole.high
    inside = statistics.interval([0.5, 0.51, 0.52])
    assert statistics.interval([0.5, 0.51, 0.52], bounds=statistics.SHARE) == inside
    effect = statistics.paired_effect([1.0, 0.1], [0.0, 0.9], bounds=statistics.SHARES)
    assert (effect.low, effect.high) == (-1, 1)


def test_intervals_that_hold_together_share_the_error_out():
    assert statistics.shared_out(1) == statistics.CONFIDENCE
    assert statistics.shared_out(5) == pytest.approx(0.99)
    values = [1, 2, 4, 8]
    with statistics.confidence_of(statistics.shared_out(5)):
        assert statistics.interval(values) == statistics.interval(values, statistics.shared_out(1))
        assert statistics.interval(values, 0.5) != statistics.interval(values)
        wide, share = statistics.interval(values), statistics.share([0, 1, 1])
        assert statistics.shared_out(2) == pytest.approx(0.995)
    assert wide == statistics.interval(values, 0.99)
    assert share == statistics.share([0, 1, 1], 0.99)
    assert statistics.interval(values) == statistics.interval(values, 0.95)


# What two methods differ by, image by image: .01, a part of the seed, a part of the image, and the rest.
DIFFERENCE, OF_SEEDS, OF_IMAGES, OF_BOTH = 0.01, 0.01, 0.3, 0.5
SEEDS, IMAGES, STUDIES = 5, 360, 2000


def studies(rng, shared):
    """Draw differences [studies, seeds, images], with test images that all seeds share or that are each its own."""
    images = rng.normal(0, OF_IMAGES, (STUDIES, 1 if shared else SEEDS, IMAGES))
    seeds = rng.normal(0, OF_SEEDS, (STUDIES, SEEDS, 1))
    return DIFFERENCE + seeds + images + rng.normal(0, OF_BOTH, (STUDIES, SEEDS, IMAGES))


def coverage(found):
    return np.mean([effect.low < DIFFERENCE < effect.high for effect in found])


def test_an_interval_over_seeds_holds_where_every_seed_has_its_own_test_images():
    drawn = studies(np.random.default_rng(1), shared=False)
    found = [statistics.stratified_effect(study.mean(1)[None]) for study in drawn]
    # The standard error of the share of 2000 trials at .95 is .0049.
    assert coverage(found) == pytest.approx(0.95, abs=3 * 0.0049)


def test_only_a_crossed_interval_holds_where_all_seeds_share_them():
    drawn = studies(np.random.default_rng(2), shared=True)
    over_seeds = coverage([statistics.stratified_effect(study.mean(1)[None]) for study in drawn])
    assert over_seeds < 0.85
    crossed = coverage([statistics.crossed_effect(study) for study in drawn])
    # Satterthwaite's degrees of freedom are an approximation, on the safe side with few seeds.
    assert 0.94 < crossed < 0.985


def in_parts(frame, values, count):
    """Give a score table `value`, and what it is on parts of the images, of scores [rows, images]."""
    parts = [[part.mean() for part in np.array_split(row, count)] for row in values]
    return frame.assign(value=values.mean(1), parts=parts)


def test_parts_of_shared_images_widen_an_interval_to_other_images():
    """As the crossed interval over single images, with the degrees of freedom of 20 parts."""
    drawn = studies(np.random.default_rng(3), shared=True)[:1000]
    found = [
        statistics.stratified_effect(
            study.mean(1)[None], parts=[part.mean(1)[None] for part in np.array_split(study, 20, 1)]
        )
        for study in drawn
    ]
    assert [effect.effect for effect in found] == pytest.approx(drawn.mean((1, 2)))
    # The standard error of the share of 1000 trials at .95 is .0069.
    assert 0.93 < coverage(found) < 0.985
    wide = np.median([effect.high - effect.low for effect in found])
    single = np.median([effect.high - effect.low for effect in map(statistics.crossed_effect, drawn)])
    # Twenty parts have fewer degrees of freedom than 360 images.
    assert single < wide < 1.15 * single


def test_a_contrast_is_crossed_with_the_parts_that_its_table_lists():
    frame = scores({("a", name): np.zeros(SEEDS) for name in ("snr", "random")}, ["task", "criterion"])
    drawn = studies(np.random.default_rng(4), shared=True)[0]
    listed = in_parts(frame, np.concatenate([drawn, np.zeros_like(drawn)]), 20)
    found = statistics.contrast(statistics.spread_parts(listed), "criterion", "snr", "random", ["task"])
    parts = [part.mean(1)[None] for part in np.array_split(drawn, 20, 1)]
    assert found == pytest.approx(statistics.stratified_effect(drawn.mean(1)[None], parts=parts))
    assert found.high > statistics.contrast(listed, "criterion", "snr", "random", ["task"]).high


def test_seeds_with_images_of_their_own_have_the_interval_over_seeds():
    frame = scores({("a", "snr"): [0.5, 0.7, 0.4], ("a", "random"): [0.4, 0.5, 0.1]}, ["task", "criterion"])
    other = scores({("b", "snr"): [0.5, 0.8, 0.2], ("b", "random"): [0.4, 0.5, 0.1]}, ["task", "criterion"])
    apart = statistics.spread_parts(frame.assign(parts=[[]] * 6))
    assert not statistics.by_part(apart)
    # A cell without parts has its difference in all; parts that are all alike say nothing of images.
    alike = pd.concat([frame.assign(parts=[[]] * 6), other.assign(parts=[[v] * 4 for v in other["value"]])])
    both = statistics.contrast(statistics.spread_parts(alike), "criterion", "snr", "random", ["task"])
    plain = statistics.contrast(pd.concat([frame, other]), "criterion", "snr", "random", ["task"])
    assert both == pytest.approx(plain)
    scaled = statistics.min_max(statistics.spread_parts(alike), ["task"], ["criterion"])
    assert scaled.filter(like="part ").eq(scaled["value"], axis=0).all(axis=None)


def test_rows_with_other_numbers_of_parts_are_refused():
    frame = pd.DataFrame({"value": [1.0, 1.0], "parts": [[1.0], [1.0, 1.0]]})
    with pytest.raises(ValueError, match=r"the same number of parts, got \[1, 2\]"):
        statistics.spread_parts(frame)


def test_a_crossed_effect_by_hand():
    values = np.array([[0.0, 1, 2], [2, 3, 7]])
    # Means 1 and 4 of seeds, 1, 2 and 4.5 of images, 2.5 of all; sums of squares 13.5, 13 and 3 with 1, 2 and 2 degrees.
    effect = statistics.crossed_effect(values)
    squares, degrees = np.array([13.5, 13 / 2, 3 / 2]), np.array([1, 2, 2])
    total = squares[0] + squares[1] - squares[2]
    freedom = total**2 / (squares**2 / degrees).sum()
    half = special.stdtrit(freedom, 0.975) * np.sqrt(total / 6)
    assert effect == pytest.approx((2.5, 2.5 - half, 2.5 + half, 2))
    assert statistics.crossed_effect(np.ones((3, 4))) == (1, 1, 1, 3)
    assert np.isnan(statistics.crossed_effect(np.ones((1, 4)))[1:3]).all()
    with pytest.raises(ValueError, match=r"values \[S, B\]"):
        statistics.crossed_effect([1.0, 2.0])


def test_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = [low < 1 < high for _, low, high in map(statistics.interval, rng.normal(1, 3, (4000, 5)))]
    # The standard error of the share of 4000 trials at .95 is .0034.
    assert np.mean(covered) == pytest.approx(0.95, abs=3 * 0.0035)


def test_pairing_removes_what_the_seeds_share():
    seeds = np.array([0.0, 10.0, 20.0])
    assert statistics.paired_effect(seeds + np.array([1, 2, 3]), seeds) == pytest.approx(
        (2, *statistics.interval([1, 2, 3])[1:], 3)
    )


def test_paired_effect_refuses_different_seeds():
    with pytest.raises(ValueError, match="same seeds"):
        statistics.paired_effect([1, 2, 3], [1, 2])


def test_cells_are_averaged_before_the_interval():
    a, b = np.array([[1.0, 2, 3], [3, 2, 1]]), np.zeros((2, 3))
    # Every seed's average is 2, however far apart its two cells are.
    assert statistics.stratified_effect(a, b) == (2, 2, 2, 3)


@given(arrays.arrays(float, (4,), elements=FINITE), arrays.arrays(float, (4,), elements=FINITE), st.integers(1, 4))
def test_copies_of_a_cell_add_no_evidence(a, b, copies):
    one = statistics.paired_effect(a, b)
    many = statistics.stratified_effect(np.tile(a, (copies, 1)), np.tile(b, (copies, 1)))
    assert many == pytest.approx(one, rel=1e-9, abs=1e-9)


@given(arrays.arrays(float, (5,), elements=FINITE), arrays.arrays(float, (5,), elements=FINITE))
def test_swapping_the_sides_mirrors_the_effect(a, b):
    effect, low, high, n = statistics.paired_effect(a, b)
    assert statistics.paired_effect(b, a) == pytest.approx((-effect, -high, -low, n), abs=1e-9)
    assert low <= effect <= high


def test_pairs_of_additive_values_give_back_the_values():
    x = np.array([1.0, 5, 2, 7])
    np.testing.assert_allclose(statistics.pairwise((x[:, None] + x) / 2), x, rtol=1e-12)


@given(st.integers(3, 8), st.integers(0, 99))
def test_the_mean_over_seeds_is_the_mean_over_pairs(size, seed):
    matrix = np.random.default_rng(seed).normal(size=(size, size))
    matrix = matrix + matrix.T
    expected = matrix[np.triu_indices(size, 1)].mean()
    assert np.mean(statistics.pairwise(matrix)) == pytest.approx(expected, abs=1e-9)


def test_intervals_over_pairs_cover_nearly_as_often_as_they_say():
    # |x - y| of standard normals has mean 2 / sqrt(pi). Taken over the ten pairs themselves an interval covers it .77
    # of the time, over each seed's mean .68.
    x = np.random.default_rng(1).normal(size=(2000, 5))
    intervals = [statistics.interval(statistics.pairwise(np.abs(row[:, None] - row))) for row in x]
    assert np.mean([low < 2 / np.sqrt(np.pi) < high for _, low, high in intervals]) == pytest.approx(0.95, abs=0.04)


@pytest.mark.parametrize("matrix", [np.ones((2, 2)), np.ones((3, 4)), np.triu(np.ones((3, 3)))])
def test_pairs_refuse_what_is_no_comparison_of_seeds(matrix):
    with pytest.raises(ValueError, match="symmetric"):
        statistics.pairwise(matrix)


def test_a_table_of_pairs_becomes_a_symmetric_matrix():
    pairs = pd.DataFrame({"seed": [3, 0, 3], "other": [0, 7, 7], "value": [1.0, np.nan, 3.0]})
    np.testing.assert_array_equal(statistics.pair_matrix(pairs), [[0, 1, np.nan], [1, 0, 3], [np.nan, 3, 0]])


@pytest.mark.parametrize("chosen", [[0, 1], [0, 1, 2, 2], [0, 1, 2, 3]], ids=["missing", "twice", "with itself"])
def test_pairs_that_are_not_all_there_once_are_refused(chosen):
    pairs = pd.DataFrame({"seed": [0, 0, 1, 1], "other": [1, 2, 2, 1], "value": 1.0}).iloc[chosen]
    with pytest.raises(ValueError, match="comparison of 3 seeds needs every pair of them exactly once"):
        statistics.pair_matrix(pairs)


def test_contrast_pairs_seeds_and_cells_of_a_table():
    frame = scores(
        {
            ("digits", "snr"): [0.5, 0.7],
            ("digits", "random"): [0.4, 0.5],
            ("cartpole", "snr"): [30, 10],
            ("cartpole", "random"): [29, 7],
            ("pendulum", "snr"): [0, 0],
        },
        ["task", "criterion"],
    )
    shuffled = frame.sample(frac=1, random_state=0)
    # Differences .1 and 1 of seed 0, .2 and 3 of seed 1; pendulum has no random chain.
    expected = statistics.Effect(*statistics.interval([0.55, 1.6]), 2)
    assert statistics.contrast(shuffled, "criterion", "snr", "random", ["task"]) == pytest.approx(expected)


def test_contrast_keeps_a_nan_score():
    frame = scores({("a", "snr"): [1, np.nan], ("a", "random"): [1, 2]}, ["task", "criterion"])
    effect = statistics.contrast(frame, "criterion", "snr", "random", ["task"])
    assert np.isnan(effect.effect)
    assert effect.n == 2


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({("a", "snr"): [1], ("b", "random"): [1]}, "share no seed"),
        ({("a", "snr"): [1]}, "share no seed"),
        ({("a", "snr"): [1], ("a", "random"): [1], ("b", "snr"): [1, 2], ("b", "random"): [1, 2]}, "same seeds"),
    ],
)
def test_contrast_refuses_tables_that_do_not_pair(rows, message):
    with pytest.raises(ValueError, match=message):
        statistics.contrast(scores(rows, ["task", "criterion"]), "criterion", "snr", "random", ["task"])


def test_contrast_refuses_rows_that_are_there_twice():
    frame = scores({("a", "snr"): [1, 2], ("a", "random"): [1, 2]}, ["task", "criterion"])
    with pytest.raises(ValueError, match="more than one score"):
        statistics.contrast(pd.concat([frame, frame]), "criterion", "snr", "random", ["task"])


def test_min_max_maps_the_worst_and_best_mean_of_each_task_to_0_and_1():
    frame = scores(
        {("acc", 1.0): [0.8, 1.0], ("acc", 0.1): [0.3, 0.5], ("ret", 1.0): [-100, -300], ("ret", 0.1): [-1000, -1400]},
        ["task", "density"],
    )
    scaled = statistics.min_max(frame, ["task"], ["density"])
    np.testing.assert_allclose(scaled["value"], [0.8, 1.2, -0.2, 0.2, 1.1, 0.9, 0.2, -0.2], atol=1e-12)
    pd.testing.assert_frame_equal(scaled.drop(columns="value"), frame.drop(columns="value"))


def test_min_max_refuses_a_flat_task():
    with pytest.raises(ValueError, match="equal"):
        statistics.min_max(scores({("a", 1.0): [1], ("a", 0.1): [1]}, ["task", "density"]), ["task"], ["density"])


@pytest.mark.parametrize(
    ("low", "high", "margin", "expected"),
    [
        (0.1, 0.3, 0, "supported"),
        (-0.3, -0.1, 0, "contradicted"),
        (-0.1, 0.3, 0, "undecided"),
        (0.1, 0.3, 0.1, "undecided"),
        (0.1, 0.3, 0.05, "supported"),
        (0.1, 0.3, 0.3, "contradicted"),
        (0.0, 0.0, 0, "contradicted"),
        (-0.01, 0.3, -0.02, "supported"),
        (np.nan, np.nan, 0, "undecided"),
    ],
)
def test_verdict(low, high, margin, expected):
    assert statistics.verdict(low, high, margin=margin) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-0.1, 0.1, "supported"),
        (-0.3, 0.1, "undecided"),
        (-0.1, 0.2, "undecided"),
        (0.2, 0.4, "contradicted"),
        (-0.4, -0.2, "contradicted"),
        (-0.9, 0.9, "undecided"),
        (np.nan, np.nan, "undecided"),
    ],
)
def test_equivalence(low, high, expected):
    assert statistics.equivalence(low, high, margin=0.2) == expected


def test_equivalence_refuses_a_margin_of_zero():
    with pytest.raises(ValueError, match="positive"):
        statistics.equivalence(-1, 1, margin=0)


@given(FINITE, st.floats(0, 100), st.floats(-100, 100))
def test_a_claim_and_its_contrary_are_never_both_supported(middle, half, margin):
    low, high = middle - half, middle + half
    assert {statistics.verdict(low, high, margin=margin), statistics.verdict(-high, -low, margin=-margin)} != {
        "supported"
    }


def test_matching_density_is_the_smallest_density_within_one_standard_error():
    # Dense mean .9, standard error .02 / sqrt(2) / sqrt(2) = .01: matching means .89 or more.
    chain = {
        (1.0,): [0.89, 0.91],
        (0.5,): [0.85, 0.86],
        (0.2,): [0.94, 0.95],
        (0.1,): [0.88, 0.901],
        (0.05,): [0.8, 0.9],
    }
    assert statistics.matching_density(scores(chain, ["density"])) == 0.1


def test_matching_density_of_a_chain_that_only_loses_is_dense():
    assert statistics.matching_density(scores({(1.0,): [0.89, 0.91], (0.5,): [0.5, 0.6]}, ["density"])) == 1.0


def test_matching_density_needs_two_seeds():
    with pytest.raises(ValueError, match="two seeds"):
        statistics.matching_density(scores({(1.0,): [0.89]}, ["density"]))


def test_matching_density_refuses_two_chains():
    chain = scores({(1.0,): [0.89, 0.9]}, ["density"])
    with pytest.raises(ValueError, match="one chain"):
        statistics.matching_density(pd.concat([chain, chain]))


def test_shares_have_exact_intervals_even_where_all_seeds_agree():
    """Limits from the rule of three, 1 - .025^(1/25), and from a printed table for 3 of 10."""
    assert statistics.share(np.zeros(25)) == pytest.approx((0, 0, 1 - 0.025 ** (1 / 25)))
    assert statistics.share(np.ones(25)) == pytest.approx((1, 0.025 ** (1 / 25), 1))
    assert statistics.share([1, 1, 1] + [0] * 7) == pytest.approx((0.3, 0.0667, 0.6525), abs=1e-4)


@pytest.mark.parametrize("values", [[], [0.5], [[1, 0]], [np.nan]])
def test_a_share_of_anything_but_yes_and_no_is_refused(values):
    with pytest.raises(ValueError, match="a share needs values"):
        statistics.share(values)
