"""Evolution strategies on survivors only: our sampling and evaluation, evosax's `tell` as the update.

Axis letters: `S` seeds, `P` members, `D` survivors, `G` generations, `T` evaluations of the mean. The dimension that an
algorithm sees is `D`: pruned coordinates are neither sampled, nor decayed, nor updated, nor counted in its constants.
"""

import inspect
from collections.abc import Callable
from math import log, sqrt
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from evotickets import sampling, seeds
from evotickets.objectives import Objective, scorer
from evotickets.training import EVOSAX, Report, Trained, Trajectory, silent


class Strategy(NamedTuple):
    """An evosax algorithm with its constants, and what evosax leaves to us.

    Attributes:
        algorithm: the evosax instance, for `D` dimensions.
        params: its hyperparameters, every one that matters set explicitly.
        antithetic: whether `tell` expects the second half of the population to mirror the first.
        anneal: what happens to the state after each generation.
        asks: whether the algorithm's own `ask` must sample; ours is used for mean + std · normal.
    """

    algorithm: Any
    params: Any
    antithetic: bool = False
    anneal: Callable[[Any], Any] = lambda state: state
    asks: bool = False


def _evosax() -> Any:
    # evosax computes while it is imported, and a job must configure JAX before anything computes.
    import evosax.algorithms

    return evosax.algorithms


def snes(population: int, dimensions: int, *, std_init: float = 0.05, temperature: float = 16.0) -> Strategy:
    """Separable natural evolution strategy with softmax rank weights.

    Source: Wierstra et al. (2014); weights and learning rates as in Lange & Sprekeler (2023), appendix.
    """
    algorithm = _evosax().SNES(population, jnp.zeros(dimensions))
    ranks = np.arange(population) / (population - 1) - 0.5
    params = algorithm.default_params.replace(
        std_init=std_init,
        weights=jax.nn.softmax(jnp.asarray(-temperature * ranks, jnp.float32)),
        lr_std_init=(3 + log(dimensions)) / (5 * sqrt(dimensions)),
    )
    return Strategy(algorithm, params)


def sep_cma_es(population: int, dimensions: int, *, std_init: float = 0.05) -> Strategy:
    """Separable CMA-ES, elite ratio one half.

    Source: Ros & Hansen (2008), §3: c_1 and c_mu carry the factor (n + 2) / 3, which evosax leaves out. Without it the
    covariance of a network never moves, and the signal-to-noise ratio is the magnitude.
    Deviates: the step size stays above 1e-6, where float32 no longer tells members from their mean.
    """
    algorithm = _evosax().Sep_CMA_ES(population, jnp.zeros(dimensions))
    n, elites = dimensions, population // 2
    weights = np.maximum(np.log(elites + 1) - np.log(np.arange(1, population + 1)), 0)
    weights /= weights.sum()
    mu_eff = 1 / np.sum(weights**2)
    separable = (n + 2) / 3
    c_1 = min(1.0, separable * 2 / ((n + 1.3) ** 2 + mu_eff))
    c_mu = min(1 - c_1, separable * 2 * (mu_eff - 2 + 1 / mu_eff) / ((n + 2) ** 2 + mu_eff))
    c_std = (mu_eff + 2) / (n + mu_eff + 5)
    params = algorithm.default_params.replace(
        std_init=jnp.float32(std_init),
        std_min=1e-6,
        weights=jnp.asarray(weights, jnp.float32),
        mu_eff=mu_eff,
        c_1=c_1,
        c_mu=c_mu,
        c_c=(4 + mu_eff / n) / (n + 4 + 2 * mu_eff / n),
        c_std=c_std,
        d_std=1 + 2 * max(0.0, sqrt((mu_eff - 1) / (n + 1)) - 1) + c_std,
        chi_n=sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2)),
    )
    return Strategy(algorithm, params)


def _schedule(start: float, decay: float, floor: float) -> optax.Schedule:
    return optax.exponential_decay(start, 1, decay, end_value=floor)


def pgpe(
    population: int,
    dimensions: int,
    *,
    std_init: float = 0.05,
    std_learning_rate: float = 0.1,
    std_decay: float = 0.999,
    std_min: float = 0.01,
    learning_rate: float = 0.01,
    learning_rate_decay: float = 0.999,
    learning_rate_min: float = 0.001,
) -> Strategy:
    """Policy gradients with parameter-based exploration: centred ranks, antithetic pairs, Adam on the mean.

    Source: Sehnke et al. (2010); settings of Lange & Sprekeler (2023), appendix.
    Deviates: pairs are indexed correctly. The release behind the paper compared the wrong members, so that its std
    carried no signal.
    """
    optimizer = optax.adam(_schedule(learning_rate, learning_rate_decay, learning_rate_min), b1=0.99, b2=0.999)
    algorithm = _evosax().PGPE(population, jnp.zeros(dimensions), optimizer=optimizer)
    params = algorithm.default_params.replace(std_init=std_init, std_lr=std_learning_rate, std_max_change=0.2)

    def anneal(state):
        return state.replace(std=jnp.where(state.std > std_min, jnp.maximum(state.std * std_decay, std_min), state.std))

    return Strategy(algorithm, params, antithetic=True, anneal=anneal)


def open_es(
    population: int,
    dimensions: int,
    *,
    std_init: float = 0.05,
    learning_rate: float = 0.01,
    learning_rate_decay: float = 0.999,
    learning_rate_min: float = 0.001,
) -> Strategy:
    """OpenAI-ES: one fixed std for all coordinates, antithetic pairs, centred ranks, Adam on the mean.

    Source: Salimans et al. (2017). The isotropic control: its SNR order is its magnitude order.
    """
    algorithm = _evosax().Open_ES(
        population,
        jnp.zeros(dimensions),
        optimizer=optax.adam(_schedule(learning_rate, learning_rate_decay, learning_rate_min), b1=0.99, b2=0.999),
        std_schedule=optax.constant_schedule(std_init),
    )
    return Strategy(algorithm, algorithm.default_params, antithetic=True)


def des(population: int, dimensions: int, *, std_init: float = 0.05, temperature: float = 12.5) -> Strategy:
    """Discovered evolution strategy.

    Source: Lange et al. (2023), "Discovering evolution strategies via meta-black-box optimization".
    """
    algorithm = _evosax().DiscoveredES(population, jnp.zeros(dimensions))
    ranks = np.arange(population) / (population - 1) - 0.5
    weights = jax.nn.softmax(-20 * jax.nn.sigmoid(jnp.asarray(temperature * ranks, jnp.float32)))
    return Strategy(algorithm, algorithm.default_params.replace(std_init=std_init, weights=weights, lr_std=0.1))


STRATEGIES: dict[str, Callable[..., Strategy]] = {f.__name__: f for f in (snes, sep_cma_es, pgpe, open_es, des)}


def _from_evosax(name: str) -> Callable[..., Strategy]:
    """Wrap a class of evosax with its own defaults; its own `ask` samples."""

    def build(population: int, dimensions: int, *, std_init: float = 0.05) -> Strategy:
        algorithm = _evosax().distribution_based_algorithms[name](population, jnp.zeros(dimensions))
        params = algorithm.default_params
        params = params.replace(std_init=std_init) if hasattr(params, "std_init") else params
        return Strategy(algorithm, params, asks=True)

    return build


def recipe(name: str) -> Callable[..., Strategy]:
    """Find a strategy by our name, or a class of evosax by its own.

    Raises:
        ValueError: if there is none of that name.
    """
    if name in STRATEGIES:
        return STRATEGIES[name]
    if name in EVOSAX:
        return _from_evosax(name)
    raise ValueError(f"unknown strategy {name!r}; known are {', '.join([*STRATEGIES, *EVOSAX])}")


def options(name: str) -> dict[str, float]:
    """Return the options of a strategy with their defaults."""
    parameters = inspect.signature(recipe(name)).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def coordinate_std(state: Any) -> jax.Array:
    """Return the standard deviation [D] of the next samples."""
    return jnp.broadcast_to(state.std * _axes(state), state.mean.shape)


def _axes(state: Any) -> jax.Array | float:
    """Return the square root of a diagonal covariance [D], clipped and loaded as evosax does; 1 without one."""
    covariance = getattr(state, "C", None)
    return 1.0 if covariance is None else jnp.sqrt(jnp.clip(covariance, 0.0, 1e8) + 1e-8)


def _strong(state: Any) -> Any:
    # A state whose types are weak at one end of the generations and strong at the other compiles them twice.
    return jax.tree.map(lambda leaf: jax.lax.convert_element_type(leaf, jnp.result_type(leaf)), state)


def _sample(strategy: Strategy, state: Any, key: jax.Array, size: int) -> tuple[jax.Array, Any]:
    """Return offsets from the mean (half a population if antithetic) and the state that `tell` expects."""
    if strategy.asks:
        members, state = strategy.algorithm.ask(key, state, strategy.params)
        return members - state.mean, state
    std = coordinate_std(state)
    if hasattr(state, "D"):
        state = state.replace(D=_axes(state))
    shape = (size // 2 if strategy.antithetic else size, std.shape[0])
    return std * sampling.normal(key, shape), state


def generation(
    strategy: Strategy,
    objective: Objective,
    shared: Any,
    context: Any,
    state: Any,
    carry: Any,
    key: jax.Array,
    mean_decay: float,
) -> tuple[Any, Any, jax.Array]:
    """Sample, evaluate and update once; returns the new state, the new carry and the losses [P].

    A NaN loss ranks worst.
    """
    noise_key, data_key, tell_key = jax.random.split(key, 3)
    offsets, state = _sample(strategy, state, noise_key, strategy.algorithm.population_size)
    if strategy.antithetic:
        losses, carry = objective.pair_losses(shared, context, state.mean, offsets, data_key, carry)
        members = jnp.concatenate([state.mean + offsets, state.mean - offsets])
    else:
        members = state.mean + offsets
        losses, carry = objective.losses(shared, context, members, data_key, carry)
    state, _ = strategy.algorithm.tell(
        tell_key, members, jnp.where(jnp.isnan(losses), jnp.inf, losses), state, strategy.params
    )
    state = strategy.anneal(state.replace(mean=(1 - mean_decay) * state.mean))
    return state, carry, losses


def train(
    objective: Objective,
    initial: jax.Array,
    settings: dict[str, Any],
    *,
    report: Report = silent,
    key: jax.Array,
) -> Trained:
    """Evolve every seed from its initial survivors [S, D] with a fresh search distribution.

    Args:
        objective: the loss.
        initial: [S, D].
        settings: `strategy`, `population`, `generations`, `evaluations` (how often the mean is scored), `mean_decay`,
            and the options of the strategy.
        report: called after each evaluation.
        key: decides everything.

    Source: Lange & Sprekeler (2023), §3 (mean = masked initial weights, fresh paths, mean decay each generation).
    """
    fixed = ("strategy", "population", "generations", "evaluations", "mean_decay")
    size, decay = settings["population"], settings["mean_decay"]
    chosen = {name: value for name, value in settings.items() if name not in fixed}
    steps = settings["generations"] // settings["evaluations"]

    def strategy() -> Strategy:
        # Built while tracing: evosax computes its constants with dozens of tiny eager operations.
        return recipe(settings["strategy"])(size, initial.shape[1], **chosen)

    @jax.jit
    def start(initial, keys):
        def one(argument):
            mean, key = argument
            built = strategy()
            state = built.algorithm.init(key, mean, built.params)
            return _strong(state)

        return seeds.over_seeds(one, (initial, keys))

    @jax.jit
    def advance(shared, context, state, carry, keys):
        def one(argument):
            context, state, carry, key = argument
            built = strategy()

            def step(carried, key):
                state, carry = carried
                state, carry, losses = generation(built, objective, shared, context, state, carry, key, decay)
                worst_safe = jnp.where(jnp.isfinite(losses), losses, jnp.nan)
                return (state, carry), (jnp.nanmean(worst_safe), jnp.nanmin(worst_safe))

            (state, carry), (mean_loss, best_loss) = jax.lax.scan(step, (state, carry), jax.random.split(key, steps))
            scores = {"population/mean_loss": mean_loss[-1], "population/best_loss": best_loss[-1]}
            return _strong(state), carry, coordinate_std(state), objective.spread(context, state.mean), scores

        return seeds.over_seeds(one, (context, state, carry, keys))

    start_key, run_key = jax.random.split(key)
    count, score = len(initial), scorer(objective)
    state = start(initial, seeds.split(start_key, count))
    carry, trajectory, std = objective.carry, Trajectory(), None
    for round_ in range(settings["evaluations"]):
        step_key, score_key = jax.random.split(jax.random.fold_in(run_key, round_))
        keys = seeds.split(step_key, count)
        state, carry, std, parameters, losses = advance(objective.shared, objective.context, state, carry, keys)
        scores = score(objective.shared, parameters, carry, seeds.split(score_key, count))
        trajectory.add((round_ + 1) * steps, losses | scores)
        report((round_ + 1) * steps, trajectory.last("population/mean_loss"))
    return Trained(np.asarray(state.mean), np.asarray(std), jax.tree.map(np.asarray, carry), trajectory)
