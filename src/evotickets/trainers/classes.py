"""Distribution-based classes of evosax by their own names, with its own defaults: how each takes a first std and samples.

evosax names the std of a search distribution in many ways, some of which are not what its samples have. Each class that can
train a ticket has its line here; `trainers.EVOSAX` says which population sizes it takes, `trainers.UNUSABLE` why others
cannot.

Axes: `D` survivors.
"""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from evotickets.trainers.deviation import coordinate_std

Deviation = Callable[[Any], jax.Array]


class Way(NamedTuple):
    """How a class of evosax takes its first std, and what the std of its next samples is.

    Attributes:
        std: (algorithm, params) -> (state) -> [D].
        scheduled: whether it takes the std as a schedule.
        first: (std_init, algorithm) -> what it must be told for samples of that std.
        start: (state, std_init) -> the state from which it samples at that std.
        eager: whether it computes with NumPy, or sizes of arrays, what JAX has computed: neither can be traced.
    """

    std: Callable[[Any, Any], Deviation] = lambda _, __: coordinate_std
    scheduled: bool = False
    first: Callable[[float, Any], Any] = lambda std_init, _: std_init
    start: Callable[[Any, float], Any] = lambda state, _: state
    eager: bool = False


def _full(algorithm: Any, params: Any) -> Deviation:
    """CMA-ES: std² · C, its diagonal clipped and loaded as evosax does."""
    del algorithm, params
    return lambda state: state.std * jnp.sqrt(jnp.clip(jnp.diagonal(state.C), 0.0, 1e8) + 1e-8)


def _matrix(name: str, axis: int) -> Callable[[Any, Any], Deviation]:
    """A product of normals with a matrix, whose squares are summed over an axis."""
    return lambda _, __: lambda state: state.std * jnp.linalg.norm(getattr(state, name), axis=axis)


def _rank_m(algorithm: Any, params: Any) -> Deviation:
    """Rm-ES: normals of each member, and of all members together along the evolution paths."""

    def std(state: Any) -> jax.Array:
        shares = jnp.sqrt(1 - params.c_1) ** jnp.arange(algorithm.m + 1)[::-1]
        paths = jnp.sum((shares[1:, None] * state.P) ** 2, 0)
        return state.std * jnp.sqrt(shares[0] ** 2 + params.c_1 * paths)

    return std


def _rank_one(algorithm: Any, params: Any) -> Deviation:
    """CR-FM-NES: std² · D (I + v vᵀ) D."""
    del algorithm, params
    return lambda state: state.std * state.D * jnp.sqrt(1 + state.v**2)


def _shifted(algorithm: Any, params: Any) -> Deviation:
    """iAMaLGaM: the covariance, and the anticipated shift of the mean, which a share of the members gets."""
    share = algorithm.ams_population_size / algorithm.population_size

    def std(state: Any) -> jax.Array:
        variance = jnp.diagonal(state.C) if state.C.ndim == 2 else state.C
        shift = state.c_mult * params.delta_ams * state.mean_shift
        return jnp.sqrt(variance + share * (1 - share) * shift**2)

    return std


def _subspace(algorithm: Any, params: Any) -> Deviation:
    """ASEBO: a covariance of trace one, a share of it in the subspace of the last gradients."""

    def std(state: Any) -> jax.Array:
        # The subspace of the next samples is found when they are asked for.
        asked = algorithm.ask(jax.random.key(0), state, params)[1]
        inside = (1 - state.alpha) / jnp.maximum(jnp.trace(asked.UUT), 1.0) * jnp.diagonal(asked.UUT)
        return state.std * jnp.sqrt(state.alpha / algorithm.num_dims + inside + 1e-6)

    return std


def _radii(algorithm: Any, params: Any) -> jax.Array:
    places = -jnp.arange(algorithm.population_size) / params.radius_decay
    return params.radius_min + jnp.exp2(places) * (params.radius_max - params.radius_min)


def _radial(algorithm: Any, params: Any) -> Deviation:
    """Gradientless descent: a radius a member, the same in every generation."""
    std = jnp.sqrt(jnp.mean(_radii(algorithm, params) ** 2))
    return lambda state: jnp.full(state.mean.shape, std)


def _mirrored(algorithm: Any, params: Any) -> Deviation:
    """ESMC: two of the members are the mean itself."""
    del params
    share = (algorithm.population_size - 2) / algorithm.population_size
    return lambda state: jnp.full(state.mean.shape, state.std * share**0.5)


def _scaled(state: Any, std_init: float) -> Any:
    return state.replace(C=state.C * std_init**2)


WAYS = {
    "ARS": Way(scheduled=True),
    "ASEBO": Way(_subspace, True, lambda std_init, algorithm: std_init / (1 / algorithm.num_dims + 1e-6) ** 0.5),
    "CMAAnchoredLES": Way(eager=True),
    "CMA_ES": Way(_full),
    "CR_FM_NES": Way(_rank_one),
    "DiscoveredES": Way(),
    "ESMC": Way(
        _mirrored,
        True,
        lambda std_init, algorithm: std_init * (algorithm.population_size / (algorithm.population_size - 2)) ** 0.5,
    ),
    "GradientlessDescent": Way(_radial),
    "HillClimbing": Way(scheduled=True),
    # A schedule of 0: it is added to the covariance, which alone begins at std_init.
    "iAMaLGaM_Full": Way(_shifted, True, lambda _, __: 0.0, _scaled),
    "iAMaLGaM_Univariate": Way(_shifted, True, lambda _, __: 0.0, _scaled),
    "LearnedES": Way(),
    "MA_ES": Way(_matrix("M", 1)),
    "Open_ES": Way(scheduled=True),
    "PGPE": Way(),
    "Rm_ES": Way(
        # Its paths are empty at first, and normals have their share from the beginning.
        _rank_m,
        first=lambda std_init, algorithm: std_init / (1 - 1 / (3 * algorithm.num_dims**0.5 + 5)) ** (algorithm.m / 2),
    ),
    "Sep_CMA_ES": Way(),
    "SimpleES": Way(),
    "SimulatedAnnealing": Way(scheduled=True),
    "SNES": Way(),
    # It multiplies a std by a matrix, and begins with std_init in both.
    "xNES": Way(_matrix("B", 0), first=lambda std_init, _: std_init**0.5),
}


def build(name: str, dimensions: int, population: int, std_init: float) -> tuple[Any, Any, Deviation, Callable]:
    """Return an algorithm of evosax, its params, the std of its samples, and what its first state becomes.

    Args:
        name: of the class.
        dimensions: `D`.
        population: members of a generation.
        std_init: of the first samples.
    """
    # evosax computes while it is imported, and a job must configure JAX before anything computes.
    import evosax.algorithms

    way = WAYS[name]
    with jax.ensure_compile_time_eval() if way.eager else nullcontext():
        algorithm = getattr(evosax.algorithms, name)(population, jnp.zeros(dimensions))
        params = algorithm.default_params
    told = way.first(std_init, algorithm)
    if way.scheduled:
        algorithm.std_schedule = lambda _: jnp.float32(told)
    elif name == "GradientlessDescent":
        factor = std_init / jnp.sqrt(jnp.mean(_radii(algorithm, params) ** 2))
        params = params.replace(radius_min=params.radius_min * factor, radius_max=params.radius_max * factor)
    else:
        params = params.replace(std_init=jnp.float32(told))
    return algorithm, params, way.std(algorithm, params), lambda state: way.start(state, std_init)
