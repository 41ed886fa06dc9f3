"""What strategies that shape losses by rank make of equal losses: tied members share what their ranks are worth.

Axes: `P` members.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import jax
import jax.numpy as jnp


def shared(weights: jax.Array, losses: jax.Array) -> jax.Array:
    """Return the weight [P] of each of the losses [P], the smallest having the first of the weights [P] by rank.

    Members whose losses are equal share the mean weight of their ranks, so that the weights always have the same sum; a
    NaN ranks last. Losses of which no two are equal have the weights exactly.
    """
    losses = jnp.where(jnp.isnan(losses), jnp.inf, losses)
    ordered = jnp.sort(losses)
    # Sums over groups, and no differences of a running sum: the weight of a loss without equals is not rounded.
    first = jnp.searchsorted(ordered, ordered)
    sums, counts = (jnp.zeros(weights.shape).at[first].add(value) for value in (weights, 1.0))
    rank = jnp.searchsorted(ordered, losses)
    return sums[rank] / counts[rank]


def plateau(losses: jax.Array) -> jax.Array:
    """Tell whether losses [P] are all the same, all NaN included, so that they say nothing of where to go."""
    return jnp.all((losses == losses[0]) | (jnp.isnan(losses) & jnp.isnan(losses[0])))


def sharing(build: Callable[..., Any]) -> Callable[..., Any]:
    """Have the strategies that a function builds share weights among ties, where evosax shapes them by rank.

    Deviates: evosax gives each of tied members the weight at the floor of their mean rank. With elite weights most of the
    sum is lost, and updates vanish when many members reach the best return that there is.
    """

    @wraps(build)
    def fair(*arguments: Any, **options: Any) -> Any:
        from evosax.core.fitness_shaping import weights_fitness_shaping_fn

        strategy = build(*arguments, **options)
        if strategy.algorithm.fitness_shaping_fn is weights_fitness_shaping_fn:
            strategy.algorithm.fitness_shaping_fn = _shape
        return strategy

    return fair


def _shape(population: jax.Array, losses: jax.Array, state: Any, params: Any) -> jax.Array:
    del population, state
    return shared(params.weights, losses)


def tell(algorithm: Any, key: jax.Array, members: jax.Array, losses: jax.Array, state: Any, params: Any) -> Any:
    """Return the state of an evosax algorithm after losses [P] of members [P, D].

    On a plateau the state stays as it was: neither the sampling noise of weights that are all alike nor the momentum of an
    optimiser moves the mean, and no path shortens. Elsewhere the evolution path of a CMA-ES is normalised by the weights
    that its members have, which are more even than those of the ranks where members tie. Else it would be shorter than a
    path without selection, and the step size would fall although nothing was learnt.
    """
    if hasattr(params, "mu_eff"):
        given = shared(params.weights, losses)
        tied = jnp.any(given != params.weights[jnp.argsort(jnp.argsort(losses))])
        params = params.replace(mu_eff=jnp.where(tied, 1 / jnp.sum(given**2), params.mu_eff))
    told, _ = algorithm.tell(key, members, losses, state, params)
    held = state.replace(generation_counter=told.generation_counter)
    return jax.tree.map(lambda old, new: jnp.where(plateau(losses), old, new), held, told)
