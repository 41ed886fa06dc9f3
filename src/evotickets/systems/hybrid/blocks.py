"""Blocks of a kernel that are kept or pruned together, as tiles of a kernel seen as a matrix of inputs by outputs."""

from math import prod

import jax
import jax.numpy as jnp


def grid(shape: tuple[int, ...], block: tuple[int, int]) -> tuple[int, int]:
    """Return how many blocks [rows, columns] cover a kernel [..., outputs] seen as a matrix of inputs by outputs."""
    return -(-prod(shape[:-1]) // block[0]), -(-shape[-1] // block[1])


def expand(chosen: jax.Array, shape: tuple[int, ...], block: tuple[int, int]) -> jax.Array:
    """Spread values of blocks [rows, columns] over a kernel of a shape; blocks at its lower and right edge may stick out."""
    expanded = chosen
    for axis, size in enumerate(block):
        expanded = jnp.repeat(expanded, size, axis) if size > 1 else expanded
    return expanded[: prod(shape[:-1]), : shape[-1]].reshape(shape)
