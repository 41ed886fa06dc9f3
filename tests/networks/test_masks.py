import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evotickets.networks import layout, masks

NETWORK = layout.mlp(4, (3,), 2)


@given(st.floats(0, 1, exclude_min=True), st.integers(1, 200_000))
def test_kept_count_is_the_rounded_product(density, prunable):
    count = masks.kept_count(density, prunable)
    assert 1 <= count <= prunable
    assert count == 1 or abs(count - density * prunable) <= 0.5


@pytest.mark.parametrize("density", [0, -0.1, 1.2, float("nan")])
def test_impossible_densities_are_refused(density):
    with pytest.raises(ValueError, match=r"density must lie in \(0, 1\]"):
        masks.kept_count(density, 100)


def test_survivors_are_chosen_by_mask_and_include_every_bias():
    mask = np.r_[np.zeros(12, bool), np.ones(6, bool)]
    mask[6] = True
    # Flat order: dense1 unit 0 (0-3), unit 1 (4-7), unit 2 (8-11), biases 12-14, dense2 15-20, biases 21-22.
    np.testing.assert_array_equal(masks.survivors(NETWORK, mask), [6, 12, 13, 14, *range(15, 23)])
    tensors = layout.unflatten(NETWORK, mask)
    assert np.argwhere(tensors["dense1/kernel"]).tolist() == [[2, 1]]
    assert tensors["dense2/kernel"].all()
    assert set(tensors) == {"dense1/kernel", "dense2/kernel"}


@given(st.lists(st.booleans(), min_size=18, max_size=18))
def test_mask_round_trip_and_survivor_count(bits):
    mask = np.array(bits)
    np.testing.assert_array_equal(layout.flatten(NETWORK, layout.unflatten(NETWORK, mask)), mask)
    assert len(masks.survivors(NETWORK, mask)) == sum(bits) + 5


def test_survivors_of_seeds_are_stacked_or_refused():
    mask = np.random.default_rng(0).permuted(np.tile(np.arange(18) < 7, (3, 1)), axis=1)
    rows = [masks.survivors(NETWORK, row) for row in mask]
    np.testing.assert_array_equal(masks.survivors(NETWORK, mask), rows)
    mask[1, np.flatnonzero(mask[1])[0]] = False
    with pytest.raises(ValueError, match=r"equally many entries to be stacked, got \[6, 7\]"):
        masks.survivors(NETWORK, mask)


def test_scatter_places_survivors_and_zeros_elsewhere():
    placed = masks.scatter(jnp.array([[1.0, 2.0], [3.0, 4.0]]), jnp.array([1, 3]), 5)
    np.testing.assert_array_equal(placed, [[0, 1, 0, 2, 0], [0, 3, 0, 4, 0]])
