"""Selecting exactly as many entries as asked for, block masks, and the layers' densities."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evotickets.pruning import layer_densities
from evotickets.systems.hybrid import selection
from evotickets.systems.hybrid.selection import Threshold

largest = jax.jit(selection.largest)


def test_the_largest_are_selected():
    chosen, threshold = largest(jnp.array([3.0, -1, 2, 0, -5, 1]), 3)
    np.testing.assert_array_equal(chosen, [True, False, True, False, False, True])
    assert 0 < threshold.at <= 1


def test_infinite_scores_are_never_and_always_selected():
    values = jnp.array([jnp.inf, -jnp.inf, 0.0, -jnp.inf, -0.0])
    np.testing.assert_array_equal(largest(values, 1)[0], [True, False, False, False, False])
    np.testing.assert_array_equal(largest(values, 3)[0], [True, False, True, False, True])


def test_none_are_selected_though_a_tie_has_the_number_zero():
    values = np.zeros(12, np.float32)
    values[7] = np.inf
    assert not largest(values, 0, salt=7)[0].any()


FLOATS = st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False) | st.sampled_from(
    [0.0, -0.0, 1.0, np.inf, -np.inf]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(FLOATS, min_size=12, max_size=12), st.data())
def test_exactly_as_many_and_none_left_out_is_larger(values, data):
    values = np.array(values, np.float32)
    count = data.draw(st.integers(0, len(values)))
    near = data.draw(st.sampled_from([0.0, 1.0, -3e5, np.inf, -np.inf]))
    slope = data.draw(st.sampled_from([0.0, 1e-3, 5.0, 1e9]))
    chosen = np.asarray(largest(values, count, 7, Threshold(jnp.float32(near), jnp.float32(slope)))[0])
    assert chosen.sum() == count
    if 0 < count < len(values):
        assert values[chosen].min() >= values[~chosen].max()


def test_many_scores_need_few_guesses_when_they_have_hardly_changed():
    rng = np.random.default_rng(0)
    before = rng.normal(size=100_000).astype(np.float32)
    after = (before + 0.1 * rng.normal(size=before.shape)).astype(np.float32)
    count = jnp.int32(5_000)
    near = largest(before, count)[1]
    end = jax.jit(selection._search)(after, count, near)
    assert end.reached == count
    assert end.rounds <= 8
    np.testing.assert_array_equal(largest(after, count, 0, near)[0], after >= np.sort(after)[-5_000])


def test_ties_are_broken_by_the_salt_and_not_by_position():
    values = jnp.zeros(1000)
    chosen = np.stack([largest(values, 300, salt)[0] for salt in range(20)])
    assert (chosen.sum(1) == 300).all()
    # Each entry is chosen 6 of 20 times, with a standard deviation of 2.
    assert len({row.tobytes() for row in chosen}) == 20
    assert abs(chosen[:, :500].mean() - 0.3) < 0.02
    assert chosen.sum(0).max() < 16
    some = jnp.concatenate([jnp.ones(10), jnp.zeros(90), -jnp.ones(5)])
    picked = np.asarray(largest(some, 30, 3)[0])
    assert picked[:10].all()
    assert not picked[100:].any()
    assert picked.sum() == 30


def test_every_seed_selects_by_itself():
    values = jax.random.normal(jax.random.key(0), (5, 50))
    counts = jnp.array([0, 1, 20, 49, 50])
    chosen = jax.jit(jax.vmap(lambda row, count: selection.largest(row, count)[0]))(values, counts)
    np.testing.assert_array_equal(chosen.sum(1), counts)


def test_blocks_cover_a_kernel_and_stick_out_at_its_edges():
    assert selection.blocks((6, 5), (4, 4)) == (2, 2)
    assert selection.blocks((3, 3, 2, 8), (16, 1)) == (2, 8)
    spread = selection.expand(jnp.array([[1, 2], [3, 4]]), (6, 5), (4, 4))
    np.testing.assert_array_equal(spread[:, 0], [1, 1, 1, 1, 3, 3])
    np.testing.assert_array_equal(spread[5], [3, 3, 3, 3, 4])
    kernel = jnp.arange(12.0).reshape(2, 2, 3)
    np.testing.assert_array_equal(selection.expand(kernel.reshape(4, 3), (2, 2, 3), (1, 1)), kernel)


SHAPES = [(784, 300), (300, 100), (100, 10)]


def test_uniform_layer_densities():
    assert layer_densities.uniform(SHAPES, 0.02).tolist() == [4704, 600, 20]
    assert layer_densities.uniform([(10, 1)], 0.01).tolist() == [1]


def test_the_budget_of_the_erdos_renyi_kernel():
    """784+300, 300+100 and 100+10 share 5,324 entries in proportion: 1084 : 400 : 110."""
    counts = layer_densities.erk(SHAPES, 0.02)
    np.testing.assert_array_equal(counts, [3621, 1336, 367])
    # At a tenth the last layer would need 1,837 of its 1,000 entries: it keeps all.
    dense = layer_densities.erk(SHAPES, 0.1)
    assert dense[2] == 1000
    np.testing.assert_allclose(dense[:2], (26_620 - 1000) * np.array([1084, 400]) / 1484, atol=1)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=5),
    st.floats(0.01, 1),
)
@pytest.mark.parametrize("name", layer_densities.LAYER_DENSITIES)
def test_budgets_fit_their_layers(name, shapes, density):
    counts = layer_densities.LAYER_DENSITIES[name](shapes, density)
    sizes = np.prod(shapes, 1)
    assert (counts >= 1).all()
    assert (counts <= sizes).all()
    total = max(1, round(density * sizes.sum()))
    assert abs(counts.sum() - total) <= len(shapes)
    if density == 1:
        np.testing.assert_array_equal(counts, sizes)
