import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evotickets.networks import layout, masks
from evotickets.pruning import controls, top_k

NETWORK = layout.mlp(6, (5,), 3)
KERNELS, ALL = NETWORK.kernel_count, NETWORK.parameter_count


def test_the_largest_scores_survive():
    scores = np.array([[0.1, 3.0, 2.0, -1.0], [9.0, 8.0, 7.0, 6.0]])
    kept = top_k.keep_largest(scores, np.ones((2, 4), bool), 2, np.random.default_rng(0))
    np.testing.assert_array_equal(kept, [[0, 1, 1, 0], [1, 1, 0, 0]])


@settings(max_examples=200)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 4))
def test_counts_are_exact_and_masks_nested_however_many_ties(seed, count, levels):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, levels, (3, 60)).astype(float)
    allowed = controls.random_mask((3, 60), 40, rng)
    kept = top_k.keep_largest(scores, allowed, count, rng)
    assert (kept.sum(1) == count).all()
    assert not (kept & ~allowed).any()
    for row, free, chosen in zip(scores, allowed, kept, strict=True):
        assert row[chosen].min() >= row[free & ~chosen].max(initial=-np.inf)


def test_ties_fall_by_the_seed_and_not_by_position():
    ones = np.ones((1, 1000))
    first, second, again = (top_k.keep_largest(ones, ones > 0, 500, np.random.default_rng(seed)) for seed in (0, 1, 0))
    np.testing.assert_array_equal(first, again)
    assert 200 < (first & second).sum() < 300
    assert 200 < first[0, :500].sum() < 300


def test_more_weights_than_allowed_is_refused():
    with pytest.raises(ValueError, match="cannot keep 3 weights of 2: densities must fall"):
        top_k.keep_largest(np.ones((1, 4)), np.array([[1, 1, 0, 0]], bool), 3, np.random.default_rng(0))


@pytest.fixture
def ticket():
    rng = np.random.default_rng(5)
    return controls.random_mask((2, KERNELS), 20, rng), rng.normal(size=(2, ALL)).astype(np.float32)


def layer_counts(mask):
    return [[int(kernel.sum()) for kernel in layout.kernels(NETWORK, row)] for row in mask]


def test_permuted_masks_keep_layer_densities_and_carry_their_weights(ticket):
    mask, initial = ticket
    moved, weights = controls.permute_mask(NETWORK, mask, initial, np.random.default_rng(0))
    assert layer_counts(moved) == layer_counts(mask)
    assert (moved != mask).any()
    places = masks.kernel_positions(NETWORK)
    for row in range(2):
        np.testing.assert_array_equal(
            np.sort(weights[row, places[moved[row]]]), np.sort(initial[row, places[mask[row]]])
        )
    biases = np.setdiff1d(np.arange(ALL), places)
    np.testing.assert_array_equal(weights[:, biases], initial[:, biases])


def test_permuted_weights_stay_in_their_layer_and_on_the_mask(ticket):
    mask, initial = ticket
    weights = controls.permute_weights(NETWORK, mask, initial, np.random.default_rng(0))
    places, split = masks.kernel_positions(NETWORK), NETWORK.layers[0].kernel_size
    for row in range(2):
        for part in (slice(0, split), slice(split, None)):
            alive, dead = places[part][mask[row, part]], places[part][~mask[row, part]]
            assert (weights[row, alive] != initial[row, alive]).any()
            np.testing.assert_array_equal(np.sort(weights[row, alive]), np.sort(initial[row, alive]))
            np.testing.assert_array_equal(weights[row, dead], initial[row, dead])
