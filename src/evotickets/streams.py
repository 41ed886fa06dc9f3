"""One integer decides everything: named random streams, and how the seed axis `S` is carried through a computation."""

from collections.abc import Callable
from typing import Any
from zlib import crc32

import jax
import numpy as np


def stream(seed: int, *names: str | int) -> jax.Array:
    """Return the random key of a purpose, such as `stream(0, "digits", "snes", "level03")`.

    Streams with different names are independent, and adding one never changes another.
    """
    key = jax.random.key(seed)
    for name in names:
        key = jax.random.fold_in(key, crc32(str(name).encode()))
    return key


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return the NumPy generator of a purpose; the counterpart of `stream` for work on the host."""
    return np.random.default_rng([seed, *(crc32(str(name).encode()) for name in names)])


def split(key: jax.Array, count: int) -> jax.Array:
    """Return one key per seed [S]; the first keys do not depend on how many seeds there are."""
    return jax.vmap(lambda index: jax.random.fold_in(key, index))(jax.numpy.arange(count))


def row_of(shared: Any, row: Any) -> Any:
    """Return what a seed sees of a pytree with leading axis [R]: row `row`, or the only one that there is.

    Of one row, which may be large, no copy is made inside a compiled program. Without a row there is no such axis.
    """
    if row is None:
        return shared
    return jax.tree.map(lambda leaf: leaf[0] if len(leaf) == 1 else leaf[row], shared)


def over_seeds(function: Callable[[Any], Any], arguments: Any) -> Any:
    """Apply a function to every seed of a pytree with leading axis [S], inside one compiled program.

    On a CPU the seeds follow one another, because a vmapped seed axis costs cache and buys nothing there; on an
    accelerator they are vmapped.
    """
    if jax.default_backend() == "cpu":
        return jax.lax.map(function, arguments)
    return jax.vmap(function)(arguments)
