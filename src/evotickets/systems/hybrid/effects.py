"""How well the update of a mask agrees with what every weight is worth, measured by leaving it out or putting it in."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from evotickets import streams
from evotickets.networks import architectures
from evotickets.networks.description import Description
from evotickets.networks.feedforward import Params
from evotickets.systems.hybrid import UNIFORM, cells
from evotickets.systems.hybrid.methods import Masks, Setting, coevolution, masked
from evotickets.systems.hybrid.methods.coevolution import Masking, Search
from evotickets.systems.hybrid.updates import utilities
from evotickets.tasks import Supervised, replicated
from evotickets.trainers.history import Report, silent

SIDE_BY_SIDE = 32
"""Networks that are evaluated at once."""


def exact(loss: Callable[[Params], jax.Array], architecture: Description, params: Params, masks: Masks) -> jax.Array:
    """Return the loss without each weight less the loss with it [K], all others as the masks say.

    Above zero a weight is worth keeping, or worth putting in.

    Args:
        loss: of parameters.
        architecture: the network.
        params: all weights, pruned ones too.
        masks: which are kept.
    """
    flat = architectures.join(architecture, masks)

    def change(index: jax.Array) -> jax.Array:
        flipped = flat.at[index].set(~flat[index])
        return loss(masked(params, architectures.split(architecture, flipped)))

    flipped = jax.lax.map(change, jnp.arange(flat.size), batch_size=SIDE_BY_SIDE)
    difference = flipped - loss(masked(params, masks))
    return jnp.where(flat, difference, -difference)


def expected(
    loss: Callable[[Params], jax.Array],
    architecture: Description,
    masks: Masking,
    state: Search,
    counts: jax.Array,
    std: float,
    draws: int,
    key: jax.Array,
) -> jax.Array:
    """Return the mean of `exact` [K] over masks drawn from the search distribution, which is what its update estimates."""

    def one(total: jax.Array, key: jax.Array) -> tuple[jax.Array, None]:
        scores = state.mean + std * jax.random.normal(key, state.mean.shape)
        own = masks.choose(scores, counts, state.salt, state.near)[0]
        return total + exact(loss, architecture, state.weights.params, own), None

    total, _ = jax.lax.scan(one, jnp.zeros_like(state.mean), jax.random.split(key, draws))
    return total / draws


def move(
    loss: Callable[[Params], jax.Array],
    masks: Masking,
    state: Search,
    counts: jax.Array,
    std: float,
    members: int,
    key: jax.Array,
) -> jax.Array:
    """Return the full update of the scores' mean [K], in units of the std, of that many members on the same samples.

    Noise is drawn again for the update instead of being kept, so that members may be many.
    """

    def noise(key: jax.Array) -> jax.Array:
        return jax.random.normal(key, state.mean.shape)

    def pair(key: jax.Array) -> jax.Array:
        drawn = noise(key)
        chosen = [masks.choose(state.mean + sign * std * drawn, counts, state.salt, state.near)[0] for sign in (1, -1)]
        return jnp.stack([loss(masked(state.weights.params, own)) for own in chosen])

    keys = jax.random.split(key, members // 2)
    losses = jax.lax.map(pair, keys, batch_size=min(SIDE_BY_SIDE, members // 2))
    chosen = utilities(losses.T.ravel(), pairwise=True).reshape(2, -1)

    def add(total: jax.Array, inputs: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        key, weight = inputs
        return total + weight * noise(key), None

    return jax.lax.scan(add, jnp.zeros_like(state.mean), (keys, chosen[0] - chosen[1]))[0]


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return Spearman's rank correlation of values [K].

    Ranks, because the effects of a few weights are a thousand times those of others.
    """
    # Importing it takes half a second, which each job that trains would pay.
    from scipy import stats

    return float(stats.spearmanr(a, b).statistic)


def measure(
    data: Supervised,
    task: Mapping[str, Any],
    method: Mapping[str, Any],
    density: float,
    populations: Sequence[int],
    *,
    layer_densities: str = UNIFORM,
    samples: int,
    draws: int,
    seed: int,
    count: int,
    report: Report = silent,
) -> list[dict[str, Any]]:
    """Train with the hybrid, then hold its mask update on a set of samples against the exact effects on the same.

    Effects are those of leaving a weight out of, or putting it into, masks drawn from the search distribution with the std
    that training began with; at its end that is zero, and all masks are one.

    Returns one row per seed and population: `seed`, `population`, `weights` and `value`, the correlation.

    Args:
        data: of the task.
        task: as in `cells.prepare`.
        method: the hybrid and its options; one score per weight, normal noise.
        density: of the mask.
        populations: members; even numbers.
        layer_densities: how the density is shared out over layers.
        samples: of the training set, at most.
        draws: masks whose effects are averaged.
        seed: of the study.
        count: number of seeds.
        report: of the training.

    Raises:
        ValueError: if the method's masks come in blocks.
    """
    given: dict[str, Any] = {"layer_densities": layer_densities, "seed": seed, "count": count}
    prepared = cells.prepare(data, task, method, density, **given)
    setting = prepared.setting
    if prepared.method.block != (1, 1):
        raise ValueError("effects are those of single weights: measure a method whose block is [1, 1]")
    trained = cells.run(data, task, method, density, **given, report=report)
    masks = coevolution.masking(setting)
    rng = streams.generator(seed, "hybrid", task["task"], "effects")
    seen = replicated(data)
    chosen = rng.permutation(seen.train.y.shape[1])[:samples]
    x, y = (jnp.asarray(part[:, chosen]) for part in seen.train)
    splits = seen.rows(count)
    counts = jnp.asarray(prepared.counts)
    keys = streams.split(streams.stream(seed, "hybrid", task["task"], "effects"), count)

    std = method["std"]

    @jax.jit
    def worth(
        states: Any, keys: jax.Array, rows: jax.Array, x: jax.Array, y: jax.Array, counts: jax.Array
    ) -> jax.Array:
        def one(argument: Any) -> jax.Array:
            state, key, row = argument
            key, samples = jax.random.fold_in(key, 1), streams.row_of((x, y), row)
            return expected(
                lambda params: setting.loss(params, *samples),
                setting.architecture,
                masks,
                state,
                counts,
                std,
                draws,
                key,
            )

        return streams.over_seeds(one, (states, keys, rows))

    values = np.asarray(worth(trained.state, keys, splits, x, y, counts))
    rows = []
    for population in populations:
        found = np.asarray(_moves(setting, masks, population, std)(trained.state, keys, splits, x, y, counts))
        for index, (own, exactly) in enumerate(zip(found, values, strict=True)):
            row = {"seed": index, "population": population, "weights": len(own)}
            rows.append(row | {"value": correlation(own, exactly)})
    return rows


def _moves(setting: Setting, masks: Masking, population: int, std: float) -> Any:
    """Return the compiled (states, keys, rows, x, y, counts) -> updates [S, K]."""

    @jax.jit
    def moves(
        states: Any, keys: jax.Array, rows: jax.Array, x: jax.Array, y: jax.Array, counts: jax.Array
    ) -> jax.Array:
        def one(argument: Any) -> jax.Array:
            state, key, row = argument
            samples = streams.row_of((x, y), row)
            return move(lambda params: setting.loss(params, *samples), masks, state, counts, std, population, key)

        return streams.over_seeds(one, (states, keys, rows))

    return moves
