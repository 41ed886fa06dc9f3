"""The largest entries: on the host and inside compiled programs, always as many as asked for."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from evotickets.pruning import top_k
from evotickets.pruning.top_k import Threshold

largest = jax.jit(top_k.largest)


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
    end = jax.jit(top_k._search)(after, count, near)
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
    chosen = jax.jit(jax.vmap(lambda row, count: top_k.largest(row, count)[0]))(values, counts)
    np.testing.assert_array_equal(chosen.sum(1), counts)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 2.0**100, width=32), min_size=1, max_size=50), st.data())
def test_the_kth_largest(values, data):
    k = data.draw(st.integers(1, len(values)))
    found = top_k.kth_largest(jnp.array(values, jnp.float32), jnp.int32(k))
    assert float(found) == np.sort(np.float32(values))[-k]


def test_all_three_select_the_same_where_nothing_is_tied():
    values = np.random.default_rng(0).permutation(200).astype(np.float32)
    kept = top_k.keep_largest(values[None], np.ones((1, 200), bool), 30, np.random.default_rng(1))[0]
    np.testing.assert_array_equal(kept, values >= 170)
    np.testing.assert_array_equal(largest(values, 30)[0], kept)
    np.testing.assert_array_equal(values >= top_k.kth_largest(jnp.asarray(values), jnp.int32(30)), kept)
