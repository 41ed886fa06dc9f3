"""Episode returns of a population, and the running statistics that normalise observations.

Every member meets the same episodes, so differences between members are not differences in luck.
"""

from collections.abc import Callable
from math import ceil
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from evotickets.devices import over_devices
from evotickets.tasks import Control

STD_FLOOR = 1e-6

# On a CPU, so many members run together: more and their kernels leave the cache, fewer and calls outweigh the work; with
# several episodes a member, small blocks also stop sooner.
BLOCK, BLOCK_OF_FEW = 16, 32
FEW = 4


class Statistics(NamedTuple):
    """Count [], mean [I] and sum of squared deviations m2 [I] of observations, in float32; part of a control ticket."""

    count: jax.Array  # type: ignore[assignment]
    mean: jax.Array
    m2: jax.Array


def initial_statistics(n: int) -> Statistics:
    """Return the statistics of nothing, which leave observations as they are."""
    return Statistics(jnp.zeros(()), jnp.zeros(n), jnp.zeros(n))


def merge(a: Statistics, b: Statistics) -> Statistics:
    """Return the statistics of two sets of observations together.

    Source: Chan, Golub & LeVeque (1979), "Updating formulae and a pairwise algorithm for computing sample variances".
    """
    return _merge_all(jax.tree.map(lambda x, y: jnp.stack([x, y]), a, b))


def normalise(observation: jax.Array, statistics: Statistics) -> jax.Array:
    """Subtract the mean from observations [..., I] and divide by the standard deviation; unchanged before any data."""
    variance = statistics.m2 / jnp.maximum(statistics.count, 1)
    std = jnp.where(statistics.count > 0, jnp.maximum(jnp.sqrt(variance), STD_FLOOR), 1)
    mean, std = (jax.lax.broadcast_to_rank(values, observation.ndim) for values in (statistics.mean, std))
    return (observation - mean) / std


def returns(
    env: Control,
    act: Callable[[Any, jax.Array], jax.Array],
    policies: Any,
    keys: jax.Array,
    statistics: Statistics,
    *,
    mesh: Mesh | None = None,
    block: int | None = None,
) -> tuple[jax.Array, Statistics]:
    """Roll out every member on the same episodes.

    `act(policy, observation [I]) -> outputs` steers one member by normalised observations; `policies` is a pytree with
    leading axis P; `keys` [E] start the episodes; `mesh` spreads the members over devices. Returns the undiscounted
    returns [P, E], −inf where a return is not finite (a broken member ranks worst), and the statistics of exactly the
    observations that the members acted on while their episodes ran: `merge` them into the running statistics once a
    generation when training, drop them when testing.

    On a CPU, members run in blocks (of `block`, if given), and a block stops when its last episode has ended; a vmap
    over seeds becomes a loop, so that seeds do not wait for each other either.
    """
    example = jax.tree.map(lambda leaf: leaf[0], policies), jnp.zeros(env.observation_size)
    # What `act` closes over becomes an argument: neither the loop over seeds nor `shard_map` sees tracers from outside.
    traced = jax.make_jaxpr(act)(*example)
    on_cpu = jax.default_backend() == "cpu"
    size = block or (BLOCK_OF_FEW if len(keys) <= FEW else BLOCK)

    def play(policies: Any, constants: list, keys: jax.Array, statistics: Statistics) -> tuple[jax.Array, Statistics]:
        def outputs(policy: Any, observation: jax.Array) -> jax.Array:
            return jax.core.eval_jaxpr(traced.jaxpr, constants, *jax.tree.leaves((policy, observation)))[0]

        count = jax.tree.leaves(policies)[0].shape[0]
        blocks = ceil(count / size) if on_cpu else 1
        width = ceil(count / blocks)
        order = jnp.minimum(jnp.arange(blocks * width), count - 1).reshape(blocks, width)
        start, states = jax.vmap(env.reset)(keys)

        def roll(chosen: jax.Array) -> tuple[jax.Array, Statistics]:
            chosen_policies = jax.tree.map(lambda leaf: leaf[chosen], policies)
            return _episodes(env, outputs, chosen_policies, start, states, statistics)

        results = jax.lax.map(roll, order)
        return jax.tree.map(lambda leaf: leaf.reshape(blocks * width, *leaf.shape[2:])[:count], results)

    spread = over_devices(play, mesh)
    total, visited = (jax.custom_batching.sequential_vmap(spread) if on_cpu else spread)(
        policies, traced.consts, keys, statistics
    )
    return total, _merge_all(jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), visited))


def _episodes(
    env: Control, act: Callable, policies: Any, start: jax.Array, states: Any, statistics: Statistics
) -> tuple[jax.Array, Statistics]:
    """Return the returns [P, E] from first observations [E, I], and the statistics of each, leading axes [P, E]."""
    members = jax.tree.leaves(policies)[0].shape[0]
    episodes = start.shape[0]
    outputs = jax.vmap(jax.vmap(act, (None, 0)))
    step = jax.vmap(jax.vmap(env.step))

    def lanes(leaf: jax.Array) -> jax.Array:
        return jnp.broadcast_to(leaf, (members, *leaf.shape))

    def unfinished(carry: tuple) -> jax.Array:
        time, running = carry[:2]
        return (time < env.horizon) & running.any()

    def advance(carry: tuple) -> tuple:
        time, running, state, observation, total, seen, first, second = carry
        # Sums are taken about the first observation of the episode, so that squares do not cancel.
        shifted = jnp.where(running[..., None], observation - start[None], 0)
        following, state, reward, done = step(state, outputs(policies, normalise(observation, statistics)))
        return (
            time + 1,
            running & ~done,
            state,
            following,
            total + jnp.where(running, reward, 0),
            seen + running.astype(jnp.float32),
            first + shifted,
            second + shifted**2,
        )

    running = jnp.ones((members, episodes), bool)
    empty = jnp.zeros((members, episodes))
    sums = jnp.zeros((members, *start.shape))
    carry = (0, running, jax.tree.map(lanes, states), lanes(start), empty, empty, sums, sums)
    total, seen, first, second = jax.lax.while_loop(unfinished, advance, carry)[4:]
    mean = first / seen[..., None]
    visited = Statistics(seen, start[None] + mean, second - first * mean)
    return jnp.where(jnp.isfinite(total), total, -jnp.inf), visited


def _merge_all(sets: Statistics) -> Statistics:
    """Merge statistics along a leading axis; sets with a value that is not finite are left out."""
    fine = (jnp.isfinite(sets.mean) & jnp.isfinite(sets.m2)).all(-1)
    count = jnp.where(fine, sets.count, 0)
    mean, m2 = (jnp.where(fine[:, None], a, 0) for a in (sets.mean, sets.m2))
    together = count.sum()
    centre = count @ mean / jnp.maximum(together, 1)
    return Statistics(together, centre, m2.sum(0) + count @ (mean - centre[None]) ** 2)
