"""Mutations: their masks, their norms, and that a child is the same wherever and whenever it is drawn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evotickets.systems.subspace import MODES
from evotickets.systems.subspace.mutation import Mutation, origin, pieces

SIZES = (300, 1, 0, 7, 64)
MODE = st.sampled_from(MODES)
BLOCKS = st.integers(2, 30)


def flat(mutation, child, sizes=SIZES, seed=0, names=(0,)):
    """The mutation as one vector of unscaled normals, and its mask."""
    normals, mask = [], []
    for size, piece in zip(sizes, pieces(sizes, mutation, child, seed=seed, names=names), strict=True):
        dense, kept = np.zeros(size, np.float32), np.zeros(size, bool)
        places = slice(None) if piece.positions is None else piece.positions
        dense[places], kept[places] = piece.normals, True
        assert piece.normals.dtype == np.float32
        assert kept.sum() == len(piece.normals), "no place twice"
        normals.append(dense)
        mask.append(kept)
    return np.concatenate(normals), np.concatenate(mask)


def test_what_a_child_is_made_of():
    assert origin(Mutation("bernoulli", 0.1, 1), 5) == (5, 0, 5, 1)
    assert origin(Mutation("static", 0.1, 1), 5) == (0, 0, 5, 1)
    assert origin(Mutation("antithetic", 0.1, 1), 5) == (2, 0, 2, -1)
    assert origin(Mutation("partition", 0.25, 1), 6) == (1, 2, 6, 1)


def test_the_std_of_an_entry_by_rule():
    assert Mutation("bernoulli", 0.25, 0.1, "absolute").std(3.0) == 0.1
    assert Mutation("bernoulli", 0.25, 0.1, "relative").std(3.0) == pytest.approx(0.3)
    assert Mutation("bernoulli", 0.25, 0.1, "norm").std(3.0) == pytest.approx(0.2)


def test_a_dense_mutation_is_everywhere_whatever_the_mode():
    dense, mask = flat(Mutation("dense", 1, 1), 3)
    assert mask.all()
    np.testing.assert_array_equal(flat(Mutation("bernoulli", 1, 1), 3)[0], dense)


@settings(deadline=None, max_examples=40)
@given(blocks=BLOCKS, seed=st.integers(0, 2**31 - 1), sizes=st.lists(st.integers(0, 200), min_size=1, max_size=5))
def test_the_blocks_of_a_partition_are_disjoint_and_complete(blocks, seed, sizes):
    mutation = Mutation("partition", 1 / blocks, 1)
    masks = np.array([flat(mutation, child, sizes, seed)[1] for child in range(blocks)])
    np.testing.assert_array_equal(masks.sum(0), 1)
    # A block holds one entry of every run of K, so that its size is right to within one entry a tensor and run.
    for size in sizes:
        own = [len(next(pieces([size], mutation, child, seed=seed, names=())).normals) for child in range(blocks)]
        assert max(own, default=0) <= -(-size // blocks)


def test_groups_of_a_partition_are_split_anew():
    mutation = Mutation("partition", 0.25, 1)
    assert (flat(mutation, 0)[1] != flat(mutation, 4)[1]).any()


def test_a_static_mask_is_one_mask_for_all_children_and_generations():
    mutation = Mutation("static", 0.3, 1)
    first, mask = flat(mutation, 0)
    other, again = flat(mutation, 1, names=(7,))
    np.testing.assert_array_equal(mask, again)
    assert not np.array_equal(first, other)
    assert (flat(mutation, 0, seed=1)[1] != mask).any()


def test_antithetic_children_cancel():
    mutation = Mutation("antithetic", 0.3, 1)
    np.testing.assert_array_equal(flat(mutation, 4)[0], -flat(mutation, 5)[0])
    assert (flat(mutation, 4)[1] != flat(mutation, 6)[1]).any()


@settings(deadline=None, max_examples=30)
@given(mode=MODE, blocks=BLOCKS, order=st.permutations(range(6)))
def test_a_child_does_not_depend_on_who_is_drawn_before_it(mode, blocks, order):
    mutation = Mutation(mode, 1 / blocks, 1)
    alone = flat(mutation, 2)[0]
    drawn = {child: flat(mutation, child)[0] for child in order}
    np.testing.assert_array_equal(drawn[2], alone)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("density", [0.5, 0.1, 0.01])
def test_densities_and_norms_are_those_asked_for(mode, density):
    size, children = 20_000, 20
    mutation = Mutation(mode, density, 0.1, "norm")
    drawn = [next(pieces([size], mutation, 2 * child, seed=0, names=())) for child in range(children)]
    count = np.array([len(piece.normals) for piece in drawn])
    draws = 1 if mode == "static" else children
    assert count.mean() / size == pytest.approx(density, abs=4 * np.sqrt(density / size / draws))
    # Five standard errors: a square of a normal has variance 2.
    norms = np.array([np.sum((mutation.std(1) * piece.normals.astype(float)) ** 2) for piece in drawn]) / size
    spread = np.sqrt(3 / (density * size * draws))
    assert norms.mean() == pytest.approx(0.01, rel=5 * spread)


def test_every_place_is_equally_likely():
    counts = {mode: np.zeros(60) for mode in ("bernoulli", "partition")}
    for mode, count in counts.items():
        for child in range(4000):
            count[next(pieces([60], Mutation(mode, 0.2, 1), 5 * child, seed=0, names=())).positions] += 1
    # A count is binomial with mean 800 and std 25; the largest of 120 stays within 4.5 std.
    assert max(abs(count - 800).max() for count in counts.values()) < 4.5 * np.sqrt(4000 * 0.2 * 0.8)


def test_a_density_that_is_tiny_draws_almost_nothing():
    drawn = [len(next(pieces([1000], Mutation("bernoulli", 1e-9, 1), c, seed=0, names=())).normals) for c in range(50)]
    assert sum(drawn) == 0
