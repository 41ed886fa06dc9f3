"""The largest scores: on the host, and twice inside compiled programs, each for what it costs there.

`keep_largest` (NumPy) keeps an exact count of every seed, ties broken by a generator; it makes the masks of tickets.
`largest` (JAX) selects an exact count, ties broken by a salt, without a sort: in every step of sparse training. `kth_largest`
(JAX) is a threshold alone, for masks that are used for a step and may hold ties: half the code, and no state.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from evotickets.refusals import check_shape

INTERPOLATIONS = 12
"""Guesses by interpolation before a search halves its bracket; it hardly ever takes as many."""

# Bits of −∞ and of what follows ∞, in the order of floats.
LOWEST, HIGHEST = -0x7F800001, 0x7F800001


def keep_largest(scores: np.ndarray, allowed: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Keep exactly `count` of the allowed entries of each seed: those with the largest scores [S, K].

    Ties are broken by a seeded permutation, never by position. The result [S, K] is nested in `allowed`.

    Raises:
        ValueError: if fewer than `count` entries are allowed, or scores are NaN or of another shape.
    """
    check_shape("allowed", allowed, *scores.shape)
    if np.isnan(scores).any():
        raise ValueError(f"{np.isnan(scores).sum()} of {scores.size} scores are NaN, which ranks nowhere: mend them")
    mask = np.zeros(scores.shape, bool)
    for seed, (row, free) in enumerate(zip(scores, allowed, strict=True)):
        candidates = np.flatnonzero(free)
        if count > len(candidates):
            raise ValueError(
                f"cannot keep {count} weights of {len(candidates)}: densities must fall from level to level"
            )
        values = row[candidates]
        # Sorting takes twenty times as long as finding the threshold.
        threshold = np.partition(values, len(values) - count)[len(values) - count]
        above = np.flatnonzero(values > threshold)
        tied = rng.permutation(np.flatnonzero(values == threshold))
        mask[seed, candidates[above]] = True
        mask[seed, candidates[tied[: count - len(above)]]] = True
    return mask


def kth_largest(values: jax.Array, k: jax.Array) -> jax.Array:
    """Return the k-th largest of non-negative float32 values, by bisection on their bits.

    Non-negative floats are ordered as their bits are. Counting 31 times costs a hundredth of sorting on a CPU.
    """
    bits = jax.lax.bitcast_convert_type(values, jnp.int32).ravel()

    def set_bit(index, found):
        candidate = found | (1 << (30 - index))
        return jnp.where(jnp.sum(bits >= candidate) >= k, candidate, found)

    return jax.lax.bitcast_convert_type(jax.lax.fori_loop(0, 31, set_bit, jnp.int32(0)), jnp.float32)


class Threshold(NamedTuple):
    """Where a selection cut, to begin the next one close by.

    Attributes:
        at: entries at or above it are selected.
        slope: how many entries more are selected when it falls by one; 0 where that is unknown.
    """

    at: jax.Array
    slope: jax.Array


def unknown() -> Threshold:
    """Return where to begin when nothing is known."""
    return Threshold(jnp.float32(0), jnp.float32(0))


def _order(value: jax.Array) -> jax.Array:
    """Return the number of a float32 in the order of floats."""
    bits = jax.lax.bitcast_convert_type(value, jnp.int32)
    return bits ^ ((bits >> 31) & 0x7FFFFFFF)


def _value(order: jax.Array) -> jax.Array:
    """Return the float32 of a number; the inverse of `_order`."""
    return jax.lax.bitcast_convert_type(order ^ ((order >> 31) & 0x7FFFFFFF), jnp.float32)


def _middle(low: jax.Array, high: jax.Array) -> jax.Array:
    """Return the mean of two integers, rounded down, where their sum may be too large."""
    return (low & high) + ((low ^ high) >> 1)


class _Search(NamedTuple):
    """A bracket: more entries than wanted reach `low`, fewer reach `high`; `guess` is reached by `reached`."""

    low: jax.Array
    high: jax.Array
    guess: jax.Array
    reached: jax.Array
    slope: jax.Array
    rounds: jax.Array


def _search(values: jax.Array, count: jax.Array, near: Threshold) -> _Search:
    """Narrow the bracket until `count` entries reach the guess, or only neighbours are left: then there are ties.

    Guesses interpolate between counts, and every value between two entries will do: some six passes over the values do what
    takes a sort a hundred times as long on a CPU.
    """

    def reaching(guess: jax.Array) -> jax.Array:
        return jnp.sum(values >= _value(guess), dtype=jnp.int32)

    def going(state: _Search) -> jax.Array:
        return (state.reached != count) & (_middle(state.low, state.high) != state.low)

    def step(state: _Search) -> _Search:
        more = state.reached > count
        low, high = jnp.where(more, state.guess, state.low), jnp.where(more, state.high, state.guess)
        at = _value(state.guess)
        target = _order(at + (state.reached - count).astype(jnp.float32) / state.slope)
        useful = (state.rounds < INTERPOLATIONS) & (state.slope > 0) & (target > low) & (target < high)
        guess = jnp.where(useful, target, _middle(low, high))
        reached = reaching(guess)
        secant = (state.reached - reached).astype(jnp.float32) / (_value(guess) - at)
        slope = jnp.where(jnp.isfinite(secant) & (secant > 0), secant, state.slope)
        return _Search(low, high, guess, reached, slope, state.rounds + 1)

    guess = jnp.clip(_order(near.at), LOWEST + 1, HIGHEST - 1)
    begin = _Search(jnp.int32(LOWEST), jnp.int32(HIGHEST), guess, reaching(guess), near.slope, jnp.int32(0))
    return jax.lax.while_loop(going, step, begin)


def _scrambled(size: int, salt: jax.Array | int) -> jax.Array:
    """Number the entries, each differently, in an order that a salt decides.

    Source: Appleby, MurmurHash3, the finalizer, which maps integers one-to-one.
    """
    x = jnp.arange(size, dtype=jnp.uint32) ^ jnp.asarray(salt, jnp.uint32)
    for multiplier, shift in ((0x85EBCA6B, 13), (0xC2B2AE35, 16)):
        x = (x ^ (x >> 16)) * jnp.uint32(multiplier)
        x = x ^ (x >> shift)
    return x


def _first(ties: jax.Array, order: jax.Array, count: jax.Array) -> jax.Array:
    """Choose the `count` ties with the smallest numbers, bit by bit of the largest of these."""

    def set_bit(index: jax.Array, last: jax.Array) -> jax.Array:
        candidate = last | (jnp.uint32(1) << (31 - index).astype(jnp.uint32))
        return jnp.where(jnp.sum(ties & (order < candidate), dtype=jnp.int32) < count, candidate, last)

    # The number of the first tie may be 0, which is no more than what is found for none.
    return ties & (order <= jax.lax.fori_loop(0, 32, set_bit, jnp.uint32(0))) & (count > 0)


def largest(
    values: jax.Array, count: jax.Array | int, salt: jax.Array | int = 0, near: Threshold | None = None
) -> tuple[jax.Array, Threshold]:
    """Select exactly `count` of the values, the largest ones: a boolean array of their shape, and the threshold.

    Ties are broken by a salted order of the entries, never by position.

    Args:
        values: float32 of any shape, infinite ones among them but no NaN.
        count: from none to all; it may be traced, so that densities share a compiled program.
        salt: decides among ties.
        near: the threshold of an earlier selection from similar values, which makes this one faster.
    """
    count = jnp.asarray(count, jnp.int32)
    end = _search(values, count, unknown() if near is None else near)
    found = end.reached == count
    at = _value(jnp.where(found, end.guess, end.low))

    def settle() -> jax.Array:
        ties = (values == at).ravel()
        above = values > at
        room = count - jnp.sum(above, dtype=jnp.int32)
        return above | _first(ties, _scrambled(values.size, salt), room).reshape(values.shape)

    return jax.lax.cond(found, lambda: values >= at, settle), Threshold(at, end.slope)
