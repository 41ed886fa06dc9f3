"""Evolution strategies by name: evosax algorithms, every constant that matters set explicitly."""

from collections.abc import Callable
from math import log, sqrt
from typing import Annotated, Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from evotickets.configuration.options import Doc, Even, Ge, Gt, Le, LearningRate, Std
from evotickets.refusals import hint
from evotickets.trainers import EVOSAX, UNUSABLE, classes, strategy, ties
from evotickets.trainers.deviation import coordinate_std
from evotickets.trainers.schedules import RateDecay, RateMin, StdDecay, StdMin, Step, falling, mean_step, std_falls

Population = Annotated[int, Ge(2), Le(1_000_000), Doc("Members of a generation.")]
Start = Annotated[Std, Doc("Standard deviation of the search distribution at the start of a level.")]
MeanRate = Annotated[LearningRate, Doc("Learning rate of Adam on the mean.")]
EliteRatio = Annotated[float, Gt(0), Le(1), Doc("Share of the members that have a weight.")]


class Strategy(NamedTuple):
    """An evosax algorithm with its constants, and what evosax leaves to us.

    Attributes:
        algorithm: the evosax instance, for `D` dimensions.
        params: its hyperparameters, every one that matters set explicitly.
        antithetic: whether `tell` expects the second half of the population to mirror the first.
        anneal: what happens to the state after each generation.
        asks: whether the algorithm's own `ask` must sample; ours is used for mean + std · normal.
        std: (state) -> standard deviation [D] of the next samples; None where coordinates have none.
        start: what the first state of a level becomes.
        step: (generation, from 0) -> the share of its way that the mean goes; all of it without one.
    """

    algorithm: Any
    params: Any
    antithetic: bool = False
    anneal: Callable[[Any], Any] = lambda state: state
    asks: bool = False
    std: Callable[[Any], jax.Array] | None = coordinate_std
    start: Callable[[Any], Any] = lambda state: state
    step: Callable[[jax.Array], jax.Array] | None = None


def _evosax() -> Any:
    # evosax computes while it is imported, and a job must configure JAX before anything computes.
    import evosax.algorithms

    return evosax.algorithms


@strategy
def snes(
    dimensions: int,
    *,
    population: Population = 128,
    std_init: Start = 0.05,
    temperature: Annotated[float, Gt(0), Le(10_000), Doc("Temperature of the softmax over ranks.")] = 16,
    learning_rate: Step = 1.0,
    learning_rate_decay: RateDecay = 1.0,
    learning_rate_min: RateMin = 0.0,
    std_decay: StdDecay = 1.0,
    std_min: StdMin = 0.0,
) -> Strategy:
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
    return Strategy(
        algorithm,
        params,
        anneal=std_falls(std_init, std_decay, std_min),
        step=mean_step(learning_rate, learning_rate_decay, learning_rate_min),
    )


@strategy
def sep_cma_es(
    dimensions: int,
    *,
    population: Population = 128,
    std_init: Start = 0.05,
    elite_ratio: EliteRatio = 0.5,
    rank_one: Annotated[
        Literal["separable", "full"],
        Doc(
            "Learning rate of the rank-one update: as in Ros & Hansen, or of the full CMA-ES, as the paper's evosax has it."
        ),
    ] = "separable",
    learning_rate: Step = 1.0,
    learning_rate_decay: RateDecay = 1.0,
    learning_rate_min: RateMin = 0.0,
    std_decay: StdDecay = 1.0,
    std_min: StdMin = 0.0,
) -> Strategy:
    """Separable CMA-ES.

    Source: Ros & Hansen (2008), §3: c_1 and c_mu carry the factor (n + 2) / 3, which evosax leaves out. Without it the
    covariance of a network never moves, and the signal-to-noise ratio is the magnitude. With `rank_one` "full" only c_mu
    carries it, as in evosax 0.1.4, the release behind Lange & Sprekeler (2023): c_1 is 134 times smaller with 400 survivors,
    so that the std comes from the members and not from the path of the mean.
    Deviates: the step size stays above 1e-6, where float32 no longer tells members from their mean.
    """
    algorithm = _evosax().Sep_CMA_ES(population, jnp.zeros(dimensions))
    n, elites = dimensions, max(1, int(elite_ratio * population))
    weights = np.maximum(np.log(elites + 1) - np.log(np.arange(1, population + 1)), 0)
    weights /= weights.sum()
    mu_eff = 1 / np.sum(weights**2)
    separable = (n + 2) / 3
    c_1 = min(1.0, (separable if rank_one == "separable" else 1) * 2 / ((n + 1.3) ** 2 + mu_eff))
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
    return Strategy(
        algorithm,
        params,
        anneal=std_falls(std_init, std_decay, std_min),
        step=mean_step(learning_rate, learning_rate_decay, learning_rate_min),
    )


@strategy
def pgpe(
    dimensions: int,
    *,
    population: Even = 128,
    std_init: Start = 0.05,
    std_learning_rate: Annotated[float, Ge(0), Le(100), Doc("Learning rate of the std.")] = 0.1,
    std_decay: Annotated[float, Gt(0), Le(1), Doc("Factor on the std, each generation.")] = 0.999,
    std_min: Annotated[float, Ge(0), Le(100), Doc("Decay stops at this std.")] = 0.01,
    learning_rate: MeanRate = 0.01,
    learning_rate_decay: RateDecay = 0.999,
    learning_rate_min: RateMin = 0.001,
) -> Strategy:
    """Policy gradients with parameter-based exploration: centred ranks, antithetic pairs, Adam on the mean.

    Source: Sehnke et al. (2010); settings of Lange & Sprekeler (2023), appendix.
    Deviates: pairs are indexed correctly. The release behind the paper compared the wrong members, so that its std
    carried no signal.
    """
    optimizer = optax.adam(falling(learning_rate, learning_rate_decay, learning_rate_min), b1=0.99, b2=0.999)
    algorithm = _evosax().PGPE(population, jnp.zeros(dimensions), optimizer=optimizer)
    params = algorithm.default_params.replace(std_init=std_init, std_lr=std_learning_rate, std_max_change=0.2)

    def anneal(state):
        return state.replace(std=jnp.where(state.std > std_min, jnp.maximum(state.std * std_decay, std_min), state.std))

    return Strategy(algorithm, params, antithetic=True, anneal=anneal)


@strategy
def open_es(
    dimensions: int,
    *,
    population: Even = 128,
    std_init: Start = 0.05,
    learning_rate: MeanRate = 0.01,
    learning_rate_decay: RateDecay = 0.999,
    learning_rate_min: RateMin = 0.001,
    std_decay: StdDecay = 1.0,
    std_min: StdMin = 0.0,
) -> Strategy:
    """OpenAI-ES: one std for all coordinates, antithetic pairs, centred ranks, Adam on the mean.

    Source: Salimans et al. (2017). The isotropic control: its SNR order is its magnitude order.
    """
    algorithm = _evosax().Open_ES(
        population,
        jnp.zeros(dimensions),
        optimizer=optax.adam(falling(learning_rate, learning_rate_decay, learning_rate_min), b1=0.99, b2=0.999),
        std_schedule=optax.constant_schedule(std_init),
    )

    def anneal(state):
        # evosax takes the std of a generation from its schedule, one too late and not on a plateau.
        return state.replace(std=falling(std_init, std_decay, std_min)(state.generation_counter))

    return Strategy(algorithm, algorithm.default_params, antithetic=True, anneal=anneal)


@strategy
def des(
    dimensions: int,
    *,
    population: Population = 128,
    std_init: Start = 0.05,
    temperature: Annotated[float, Gt(0), Le(10_000), Doc("Temperature of the sigmoid over ranks.")] = 12.5,
    learning_rate: Step = 1.0,
    learning_rate_decay: RateDecay = 1.0,
    learning_rate_min: RateMin = 0.0,
    std_decay: StdDecay = 1.0,
    std_min: StdMin = 0.0,
) -> Strategy:
    """Discovered evolution strategy.

    Source: Lange et al. (2023), "Discovering evolution strategies via meta-black-box optimization".
    """
    algorithm = _evosax().DiscoveredES(population, jnp.zeros(dimensions))
    ranks = np.arange(population) / (population - 1) - 0.5
    weights = jax.nn.softmax(-20 * jax.nn.sigmoid(jnp.asarray(temperature * ranks, jnp.float32)))
    return Strategy(
        algorithm,
        algorithm.default_params.replace(std_init=std_init, weights=weights, lr_std=0.1),
        anneal=std_falls(std_init, std_decay, std_min),
        step=mean_step(learning_rate, learning_rate_decay, learning_rate_min),
    )


def evosax(name: str) -> Callable[..., Strategy]:
    """Wrap a distribution-based class of evosax with its own defaults; its own `ask` samples."""

    def build(dimensions: int, *, population: Population = 128, std_init: Start = 0.05) -> Strategy:
        """Build any other distribution-based class of evosax, by its name."""
        algorithm, params, std, start = classes.build(name, dimensions, population, std_init)
        return Strategy(algorithm, params, asks=True, std=std, start=start)

    return build


def recipe(name: str) -> Callable[..., Strategy]:
    """Find a strategy by our name, or a class of evosax by its own.

    Raises:
        ValueError: if there is none of that name.
    """
    if name in strategy:
        return ties.sharing(strategy[name])
    if name in EVOSAX:
        return ties.sharing(evosax(name))
    if name in UNUSABLE:
        raise ValueError(f"evosax's {name} cannot train a ticket: {UNUSABLE[name]}")
    raise ValueError(f"unknown strategy {name!r}; {hint(name, [*strategy, *EVOSAX])}")
