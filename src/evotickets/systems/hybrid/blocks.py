"""Blocks of a kernel that are kept or pruned together, as tiles of a kernel seen as a matrix of inputs by outputs."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jax


def grid(shape: tuple[int, ...], block: tuple[int, int]) -> tuple[int, int]:
    """Return how many blocks [rows, columns] cover a kernel [..., outputs] seen as a matrix of inputs by outputs."""
    return -(-prod(shape[:-1]) // block[0]), -(-shape[-1] // block[1])


def entries(shape: tuple[int, ...], block: tuple[int, int], count: int) -> tuple[int, int]:
    """Return the fewest and the most entries of a kernel that so many blocks have: those at its edges may stick out."""
    sides = []
    for step, length, number in zip(block, (prod(shape[:-1]), shape[-1]), grid(shape, block), strict=True):
        sides.append([(step, number - 1), (length - step * (number - 1), 1)])
    kinds = sorted((rows * columns, n * m) for rows, n in sides[0] for columns, m in sides[1])
    return _taken(kinds, count), _taken(kinds[::-1], count)


def _taken(kinds: list[tuple[int, int]], count: int) -> int:
    """Return the entries of the first so many blocks of kinds, each with its size and number."""
    total = 0
    for size, number in kinds:
        total, count = total + size * min(number, count), count - min(number, count)
    return total


def sums(kernel: jax.Array, block: tuple[int, int]) -> jax.Array:
    """Return the sums over the blocks [rows, columns] of a kernel [..., outputs]."""
    import jax.numpy as jnp

    rows, columns = grid(kernel.shape, block)
    matrix = kernel.reshape(-1, kernel.shape[-1])
    edges = [(0, rows * block[0] - matrix.shape[0]), (0, columns * block[1] - matrix.shape[1])]
    return jnp.sum(jnp.pad(matrix, edges).reshape(rows, block[0], columns, block[1]), (1, 3))


def means(kernel: jax.Array, block: tuple[int, int]) -> jax.Array:
    """Return the means over the blocks [rows, columns] of a kernel, at its edges over the entries that are there."""
    import jax.numpy as jnp

    if block == (1, 1):
        return kernel.reshape(grid(kernel.shape, block))
    return sums(kernel, block) / sums(jnp.ones(kernel.shape, kernel.dtype), block)


def expand(chosen: jax.Array, shape: tuple[int, ...], block: tuple[int, int]) -> jax.Array:
    """Spread values of blocks [rows, columns] over a kernel of a shape; blocks at its lower and right edge may stick out."""
    import jax.numpy as jnp

    expanded = chosen
    for axis, size in enumerate(block):
        expanded = jnp.repeat(expanded, size, axis) if size > 1 else expanded
    return expanded[: prod(shape[:-1]), : shape[-1]].reshape(shape)
