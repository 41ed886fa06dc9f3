"""Pure evolution of all weights, with full updates or semi-updates."""

from math import log, sqrt
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from evotickets.configuration.options import Doc, Ge, Le, LearningRate, Std
from evotickets.networks.feedforward import Params
from evotickets.systems.hybrid import method
from evotickets.systems.hybrid.methods import Batches, Masks, Method, Metrics, Setting, UsedBatches
from evotickets.systems.hybrid.updates import over_groups, utilities
from evotickets.trainers import sampling


class Distribution(NamedTuple):
    """A normal distribution with independent coordinates: mean [N] and std [N]."""

    mean: jax.Array
    std: jax.Array


class Directions(NamedTuple):
    """Natural gradients of the mean [N], in units of the std, and of the log std [N]; the members' mean loss."""

    mean: jax.Array
    std: jax.Array
    loss: jax.Array


def directions(noise: jax.Array, weights: jax.Array, loss: jax.Array, *, antithetic: bool = True) -> Directions:
    """Return the natural gradients of noise and utilities [P].

    Args:
        noise: standard normals [P / 2, N] of first members, whose second members mirror them, or [P, N].
        weights: utilities, first members first.
        loss: handed on.
        antithetic: which of the two.

    Source: Schaul, Glasmachers & Schmidhuber (2011), "High dimensions and heavy tails for natural evolution strategies".
    """
    squares = noise**2 - 1
    if not antithetic:
        return Directions(weights @ noise, weights @ squares, loss)
    first, second = jnp.split(weights, 2)
    return Directions((first - second) @ noise, (first + second) @ squares, loss)


def update(state: Distribution, found: Directions, *, learning_rate: float = 1.0) -> Distribution:
    """Move the distribution by one step of SNES; the std has the learning rate (3 + log n) / (5 √n).

    Source: Wierstra et al. (2014), table 1.
    """
    dimensions = state.mean.size
    rate = (3 + log(dimensions)) / (5 * sqrt(dimensions))
    return Distribution(state.mean + learning_rate * state.std * found.mean, state.std * jnp.exp(rate / 2 * found.std))


class Members(NamedTuple):
    """The noise of a group and its members' losses [P / G], first members first."""

    noise: jax.Array
    losses: jax.Array


def try_members(loss: Any, state: Distribution, key: jax.Array, size: int, *, antithetic: bool = True) -> Members:
    """Draw `size` members and return their noise and losses; `loss` takes parameters [N]."""
    noise = sampling.normal(key, (size // 2 if antithetic else size, state.mean.size))
    signs = jnp.array([1.0, -1.0]) if antithetic else jnp.ones(1)
    losses = jax.lax.map(lambda own: jax.vmap(lambda sign: loss(state.mean + sign * state.std * own))(signs), noise)
    return Members(noise, losses.T.ravel())


@method(whole=True)
def evolution(
    setting: Setting,
    *,
    population: Annotated[
        int, Ge(2), Le(1_000_000), Doc("Members of a generation; a multiple of twice the groups.")
    ] = 64,
    groups: Annotated[
        int, Ge(1), Le(100_000), Doc("Groups of members that are ranked by themselves (semi-updates).")
    ] = 1,
    std: Annotated[Std, Doc("Std of the weights around their mean at the start.")] = 0.05,
    learning_rate: Annotated[LearningRate, Doc("Learning rate of the mean.")] = 1.0,
    generations: Annotated[int, Ge(1), Le(100_000), Doc("Generations in a step of a gradient method.")] = 1,
    antithetic: Annotated[bool, Doc("Whether the second half of a group mirrors the first.")] = True,
    batches: UsedBatches = 0,
) -> Method:
    """Evolve all weights by SNES with log-rank utilities; no gradient.

    Args:
        setting: what all methods share; its learning rate and momentum are those of gradients.
        population: members of a generation; a multiple of twice the groups.
        groups: members are ranked in as many groups, whose updates are averaged (semi-updates); 1 is the full update.
        std: of the weights around their mean at the start.
        learning_rate: of the mean.
        generations: in a step of a gradient method, all on its samples.
        antithetic: whether the second half of a group mirrors the first.
        batches: of a step that are used; 0 is all.

    Source: Lenc et al. (2019).
    """
    names = [(parameter.name, parameter.shape) for parameter in setting.architecture.parameters]
    size = population // groups
    _, unravel = ravel_pytree({name: jnp.zeros(shape) for name, shape in names})

    def members(state: Distribution, key: jax.Array, x: jax.Array, y: jax.Array) -> Members:
        return try_members(lambda flat: setting.loss(unravel(flat), x, y), state, key, size, antithetic=antithetic)

    def partial(key: jax.Array, state: Distribution, x: jax.Array, y: jax.Array) -> Directions:
        tried = members(state, key, x, y)
        return directions(tried.noise, utilities(tried.losses), jnp.mean(tried.losses), antithetic=antithetic)

    def start(params: Params, counts: jax.Array, key: jax.Array) -> Distribution:
        del counts, key
        mean, _ = ravel_pytree(params)
        return Distribution(mean, jnp.full(mean.shape, std))

    def step(
        state: Distribution, counts: jax.Array, samples: Batches, at: jax.Array, key: jax.Array
    ) -> tuple[Distribution, Metrics]:
        del counts, at
        own = samples.first(batches)

        def generation(state: Distribution, key: jax.Array) -> tuple[Distribution, jax.Array]:
            found = over_groups(partial, setting.mesh)(jax.random.split(key, groups), state, *own)
            return update(state, found, learning_rate=learning_rate), found.loss

        state, losses = jax.lax.scan(generation, state, jax.random.split(key, generations))
        return state, {"train/loss": jnp.mean(losses)}

    def probe(state: Distribution, counts: jax.Array, samples: Batches, at: jax.Array, key: jax.Array) -> Metrics:
        del counts, at
        own = samples.first(batches)
        tried = jax.lax.map(lambda key: members(state, key, *own), jax.random.split(key, groups))
        semi = jax.vmap(utilities)(tried.losses)
        full = utilities(tried.losses.ravel()).reshape(groups, -1)
        moves = [
            jnp.sum(
                jax.vmap(lambda n, w: directions(n, w, jnp.float32(0), antithetic=antithetic).mean)(tried.noise, w), 0
            )
            for w in (semi, full)
        ]
        return {"update/cosine": jnp.vdot(*moves) / (jnp.linalg.norm(moves[0]) * jnp.linalg.norm(moves[1]))}

    def deployed(state: Distribution, counts: jax.Array) -> tuple[Params, Masks]:
        del counts
        return unravel(state.mean), {}

    passes = float(population * generations * (batches or setting.batches) * setting.batch)
    probing = probe if groups > 1 and setting.mesh is None else None
    return Method(start, step, deployed, passes, dense=True, begins_dense=True, probe=probing)
