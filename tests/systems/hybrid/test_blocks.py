"""Blocks of a kernel that are kept or pruned together."""

import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from evotickets.systems.hybrid import blocks


def test_blocks_cover_a_kernel_and_stick_out_at_its_edges():
    assert blocks.grid((6, 5), (4, 4)) == (2, 2)
    assert blocks.grid((3, 3, 2, 8), (16, 1)) == (2, 8)
    spread = blocks.expand(jnp.array([[1, 2], [3, 4]]), (6, 5), (4, 4))
    np.testing.assert_array_equal(spread[:, 0], [1, 1, 1, 1, 3, 3])
    np.testing.assert_array_equal(spread[5], [3, 3, 3, 3, 4])
    kernel = jnp.arange(12.0).reshape(2, 2, 3)
    np.testing.assert_array_equal(blocks.expand(kernel.reshape(4, 3), (2, 2, 3), (1, 1)), kernel)


@settings(deadline=None)
@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9)), st.tuples(st.integers(1, 5), st.integers(1, 5)), st.integers(0, 99)
)
def test_the_entries_of_blocks_are_counted(shape, block, count):
    rows, columns = blocks.grid(shape, block)
    count = min(count, rows * columns)
    numbers = jnp.arange(rows * columns).reshape(rows, columns)
    sizes = sorted(np.bincount(np.asarray(blocks.expand(numbers, shape, block)).ravel(), minlength=rows * columns))
    assert blocks.entries(shape, block, count) == (sum(sizes[:count]), sum(sizes[::-1][:count]))
