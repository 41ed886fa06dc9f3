"""How many weights each layer may keep."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evotickets.planted import mother
from evotickets.pruning import layer_densities

SHAPES = [(784, 300), (300, 100), (100, 10)]


def test_uniform_densities():
    assert layer_densities.uniform(SHAPES, 0.02).tolist() == [4704, 600, 20]
    assert layer_densities.uniform([(10, 1)], 0.01).tolist() == [1]


def test_the_densities_of_the_erdos_renyi_kernel():
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
def test_counts_fit_their_layers(name, shapes, density):
    counts = layer_densities.LAYER_DENSITIES[name](shapes, density)
    sizes = np.prod(shapes, 1)
    assert (counts >= 1).all()
    assert (counts <= sizes).all()
    total = max(1, round(density * sizes.sum()))
    assert abs(counts.sum() - total) <= len(shapes)
    if density == 1:
        np.testing.assert_array_equal(counts, sizes)


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 9), st.integers(2, 60), st.data())
def test_layers_get_their_shares_exactly(depth, width, data):
    shapes = mother.describe("circle", depth, width).shapes
    sizes = np.prod(shapes, 1)
    count = data.draw(st.integers(depth, int(sizes.sum())))
    found = layer_densities.proportional(shapes, count)
    assert found.sum() == count
    assert (found >= 1).all()
    assert (found <= sizes).all()
    shares = count * sizes / sizes.sum()
    assert np.all(found <= np.maximum(shares + 1, 1))


def test_too_few_edges_for_all_layers_are_refused():
    with pytest.raises(ValueError, match="3 edges cannot reach all of 4 layers: raise the density"):
        layer_densities.proportional(mother.describe("relu", 4, 10).shapes, 3)
