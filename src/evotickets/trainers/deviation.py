"""The standard deviation of a search distribution, coordinate by coordinate, and whether a strategy states it truly.

Axes: `D` survivors, `P` members.
"""

from collections.abc import Callable
from math import ceil
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from evotickets.devices import promoting

DIMENSIONS, GENERATIONS = 8, 10
"""Where a stated std is compared with samples: a small problem, after some generations, when axes differ."""
DRAWS, MEMBERS = 10_000, 2_500_000
"""Populations that are drawn, as what all members of one share varies between them only; fewer if they are large."""
TOLERANCE = 0.03
"""Relative difference between the stated std and that of the samples, whose standard error is below a third of it."""


def axes(state: Any) -> jax.Array | float:
    """Return the square root of a diagonal covariance [D], clipped and loaded as evosax does; 1 without one."""
    covariance = getattr(state, "C", None)
    return 1.0 if covariance is None else jnp.sqrt(jnp.clip(covariance, 0.0, 1e8) + 1e-8)


def coordinate_std(state: Any) -> jax.Array:
    """Return the standard deviation [D] of the next samples, mean + std · normal."""
    return jnp.broadcast_to(state.std * axes(state), state.mean.shape)


def strong(state: Any) -> Any:
    """Return a state without weak types: one that has them at one end of a loop and not at the other compiles it twice."""
    return jax.tree.map(lambda leaf: jax.lax.convert_element_type(leaf, jnp.result_type(leaf)), state)


def verify(name: str, build: Callable[[int], Any]) -> None:
    """Refuse a strategy whose stated std is not that of its samples.

    Args:
        name: of the strategy.
        build: (dimensions) -> `Strategy`.

    Raises:
        ValueError: if they differ by more than 3 % in a coordinate.
    """
    with promoting():
        stated, sampled = jax.jit(lambda: _both(build(DIMENSIONS)))()
    if stated is None:
        return
    stated, sampled = np.asarray(stated), np.asarray(sampled)
    if stated.shape != sampled.shape:
        raise ValueError(f"strategy {name}: std(state) has the shape {stated.shape}; expected is {sampled.shape}")
    wrong = np.abs(stated - sampled) > TOLERANCE * sampled
    if wrong.any() or not np.isfinite(stated).all():
        at = int(np.argmax(np.where(np.isfinite(stated), np.abs(stated / sampled - 1), np.inf)))
        raise ValueError(
            f"strategy {name}: std(state) states {stated[at]:.3g} for a coordinate whose samples have a standard deviation "
            f"of {sampled[at]:.3g}; mend it, or register the strategy with @strategy(std=False)"
        )


def _both(strategy: Any) -> tuple[jax.Array | None, jax.Array]:
    """Return the std [D] that a strategy states after some generations on an ellipsoid, and that of what it draws next."""
    algorithm, params = strategy.algorithm, strategy.params
    curvature = jnp.geomspace(0.1, 10.0, DIMENSIONS)
    state = strategy.start(algorithm.init(jax.random.key(0), jnp.ones(DIMENSIONS), params))

    def step(state: Any, key: jax.Array) -> tuple[Any, None]:
        members, asked = algorithm.ask(key, state, params)
        losses = (members**2) @ curvature
        told, _ = algorithm.tell(key, members, losses, asked, params)
        return strong(told), None

    state, _ = jax.lax.scan(step, strong(state), jax.random.split(jax.random.key(1), GENERATIONS))

    def moments(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        offsets = algorithm.ask(key, state, params)[0] - state.mean[None]
        return offsets.mean(0), (offsets**2).mean(0)

    draws = min(DRAWS, ceil(MEMBERS / algorithm.population_size))
    first, second = jax.lax.map(moments, jax.random.split(jax.random.key(2), draws))
    variance = second.mean(0) - first.mean(0) ** 2
    return None if strategy.std is None else strategy.std(state), jnp.sqrt(variance)
