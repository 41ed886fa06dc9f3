"""Sparse mutations, regenerated from (seed, generation, child): δ = m ⊙ ε with a binary mask m and normal noise ε.

Nothing here knows weights or torch: a mutation is a sequence of pieces, one for each tensor, of which only the entries that
change are ever drawn.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from math import prod, sqrt
from typing import NamedTuple

import numpy as np

from evotickets import streams
from evotickets.systems.subspace import DENSE, LOW_RANK


@dataclass(frozen=True)
class Mutation:
    """How children differ from their parent.

    Attributes:
        mode: `dense`, one of `subspace.MODES`, `low_rank_` and the rank, or `only_` and a name of layers.
        density: share of entries that mutate, in (0, 1].
        sigma: std of a mutated entry, up to the rule.
        rule: what sigma multiplies, one of `subspace.RULES`.
        places: of the tensors that mutate, where others do not; None where all do.
    """

    mode: str
    density: float
    sigma: float
    rule: str = "absolute"
    places: frozenset[int] | None = None

    @property
    def blocks(self) -> int:
        """Children that share a dense mutation: 1/density in a partition, else 1."""
        return round(1 / self.density) if self.mode == "partition" else 1

    @property
    def rank(self) -> int:
        """Rank of the mutation of a matrix; 0 where it is not a product of thin matrices."""
        return int(self.mode.rpartition("_")[2]) if self.mode.startswith(f"{LOW_RANK}_") else 0

    def std(self, tensor_std: float) -> float:
        """Return the std of a mutated entry of a tensor whose weights have this std."""
        if self.rule == "norm":
            return self.sigma / sqrt(self.density)
        return self.sigma * tensor_std if self.rule == "relative" else self.sigma


class Piece(NamedTuple):
    """What one tensor gains: normals [entries] before they are scaled, at flat places [entries], or everywhere (None).

    Of a matrix that is left as `factors` A [rows, rank] and B [columns, rank] they are A Bᵀ / √rank, and not there.
    """

    positions: np.ndarray | None
    normals: np.ndarray
    factors: tuple[np.ndarray, np.ndarray] | None = None


class Origin(NamedTuple):
    """Which draws make a child: the masks of `masks`, the block of them, the normals of `normals`, and their sign."""

    masks: int
    block: int
    normals: int
    sign: int


def origin(mutation: Mutation, child: int) -> Origin:
    """Return which draws make a child.

    Antithetic children come in pairs, and the children of a partition in groups of K whose blocks are disjoint.
    """
    match mutation.mode:
        case "static":
            return Origin(0, 0, child, 1)
        case "antithetic":
            return Origin(child // 2, 0, child // 2, -1 if child % 2 else 1)
        case "partition":
            return Origin(*divmod(child, mutation.blocks), child, 1)
    return Origin(child, 0, child, 1)


def masks(
    sizes: Sequence[int], mutation: Mutation, child: int, *, seed: int, names: tuple[str | int, ...]
) -> Iterator[np.ndarray | None]:
    """Draw the positions that mutate in a child, for each tensor of `sizes` entries; None stands for all.

    Source: Whitaker & Whitley (2023), sparse mutation decompositions.
    Deviates: a partition has one entry of each block in every run of K entries that lie `size / K` apart, instead of
        any; blocks so have the same size, and each is drawn without drawing the others. A static mask is the same in
        every generation.
    """
    drawn_from = origin(mutation, child)
    if mutation.mode == "static":
        names = ()
    rng = streams.generator(seed, "subspace", "mask", *names, drawn_from.masks)
    for place, size in enumerate(sizes):
        if mutation.places is not None:
            yield None if place in mutation.places else np.empty(0, np.int64)
        elif mutation.mode == DENSE or mutation.rank or mutation.density == 1:
            yield None
        elif mutation.mode == "partition":
            yield _block(size, mutation.blocks, drawn_from.block, rng)
        else:
            yield _bernoulli(size, mutation.density, rng)


def pieces(
    sizes: Sequence[int],
    mutation: Mutation,
    child: int,
    *,
    seed: int,
    names: tuple[str | int, ...],
    shapes: Sequence[tuple[int, ...]] = (),
    thin: Container[int] = (),
) -> Iterator[Piece]:
    """Draw the mutation of a child, one piece for each tensor of `sizes` entries, which `shapes` tell for low ranks.

    Of tensors whose places are `thin`, low-rank mutations are left as factors.

    A low-rank mutation of a matrix [rows, columns], of a convolution one row an output, is A Bᵀ / √rank with normals A [rows,
    rank] and B [columns, rank], so that an entry has std 1 as in a dense one; of a vector it is dense.

    Source: Sarkar et al. (2025), "Evolution strategies at the hyperscale" (EGGROLL), §4.

    A piece depends on the sizes, the mode and density, the seed, the names and the child, and on nothing else. It is
    drawn on the host with NumPy, so that it is the same on every device. Its cost is proportional to M.
    """
    drawn_from = origin(mutation, child)
    rng = streams.generator(seed, "subspace", "normals", *names, drawn_from.normals)
    drawn = masks(sizes, mutation, child, seed=seed, names=names)
    for place, size in enumerate(sizes):
        # Nothing is kept here while the caller works: there is one tensor of noise at a time.
        if mutation.rank and len(shapes[place]) > 1:
            next(drawn)
            pair = factors(shapes[place], mutation.rank, rng)
            yield Piece(None, np.empty(0, np.float32), pair) if place in thin else Piece(None, _product(*pair))
            continue
        yield _piece(size, next(drawn), drawn_from.sign, rng)


def _piece(size: int, positions: np.ndarray | None, sign: int, rng: np.random.Generator) -> Piece:
    normals = rng.standard_normal(size if positions is None else len(positions), dtype=np.float32)
    normals *= sign
    return Piece(positions, normals)


def factors(shape: tuple[int, ...], rank: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw A [rows, rank] and B [columns, rank] of a tensor of this shape."""
    left = rng.standard_normal((shape[0], rank), dtype=np.float32)
    return left, rng.standard_normal((prod(shape[1:]), rank), dtype=np.float32)


def _product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return A Bᵀ / √rank [rows · columns]."""
    product = left @ right.T
    product /= np.float32(sqrt(left.shape[1]))
    return product.ravel()


def _bernoulli(size: int, density: float, rng: np.random.Generator) -> np.ndarray:
    """Return the places [entries] of a Bernoulli mask, drawn as the gaps between them."""
    room = int(size * density + 6 * sqrt(size * density) + 10)
    # A gap beyond the tensor ends it; cut there, a sum of gaps of a very sparse mask cannot overflow.
    positions = np.cumsum(np.minimum(rng.geometric(density, room), size + 1)) - 1
    while positions[-1] < size:
        gaps = np.minimum(rng.geometric(density, room), size + 1)
        positions = np.concatenate([positions, positions[-1] + np.cumsum(gaps)])
    return positions[: np.searchsorted(positions, size)]


def _block(size: int, blocks: int, block: int, rng: np.random.Generator) -> np.ndarray:
    """Return the places [entries] of a block of a partition."""
    rows = -(-size // blocks)
    positions = np.arange(rows) + rows * ((rng.integers(blocks, size=rows) + block) % blocks)
    return positions[positions < size]
