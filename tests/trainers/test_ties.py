"""Equal losses: what their members weigh, and a search on a plateau."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as drawn

from evotickets.devices import promoting
from evotickets.trainers import EVOSAX, deviation, evolution, strategies, strategy, ties
from tests.trainers.test_evolution import problem

STRATEGIES = list(strategy)
WEIGHTED = ["snes", "sep_cma_es", "des", "SimpleES"]
"""Strategies whose weights by rank sum to one."""


def built(name, dimensions, **options):
    with promoting():
        made = strategies.recipe(name)(dimensions, **options)
        return made, made.algorithm.init(jax.random.key(1), jnp.full(dimensions, 0.3), made.params)


def weighed(name, losses, population=128):
    made, state = built(name, 10, population=population)
    with promoting():
        return np.asarray(made.algorithm.fitness_shaping_fn(jnp.zeros((population, 10)), losses, state, made.params))


def test_the_mean_weight_of_tied_ranks_by_hand():
    weights = jnp.array([0.5, 0.3, 0.15, 0.05])
    for losses, right in {
        (2.0, 1.0, 3.0, 4.0): [0.3, 0.5, 0.15, 0.05],
        (1.0, 1.0, 3.0, 4.0): [0.4, 0.4, 0.15, 0.05],
        (7.0, 2.0, 2.0, 2.0): [0.05, 0.95 / 3, 0.95 / 3, 0.95 / 3],
        (5.0, 5.0, 5.0, 5.0): [0.25, 0.25, 0.25, 0.25],
        (np.nan, 1.0, np.nan, 0.0): [0.1, 0.3, 0.1, 0.5],
        (np.inf, 1.0, np.nan, 0.0): [0.1, 0.3, 0.1, 0.5],
    }.items():
        np.testing.assert_allclose(ties.shared(weights, jnp.array(losses)), right, rtol=1e-6)


@settings(deadline=None)
@given(drawn.lists(drawn.integers(0, 5) | drawn.just(None), min_size=1, max_size=12), drawn.integers(0, 99))
def test_weights_keep_their_sum_their_order_and_their_members(values, seed):
    losses = np.array([np.nan if value is None else value for value in values], np.float32)
    weights = np.sort(np.random.default_rng(seed).normal(size=len(losses)).astype(np.float32))[::-1]
    found = np.asarray(ties.shared(jnp.asarray(weights), jnp.asarray(losses)))
    np.testing.assert_allclose(found.sum(), weights.sum(), atol=1e-5)
    shown = np.where(np.isnan(losses), np.inf, losses)
    for first, loss in enumerate(shown):
        ranks = np.flatnonzero(np.sort(shown) == loss)
        np.testing.assert_allclose(found[first], weights[ranks].mean(), atol=1e-6)


def test_weights_of_different_losses_are_those_of_their_ranks_bit_for_bit():
    losses = np.random.default_rng(0).permutation(128).astype(np.float32)
    for name in WEIGHTED:
        made, _ = built(name, 10, population=128)
        np.testing.assert_array_equal(weighed(name, losses), np.asarray(made.params.weights)[losses.astype(int)])


@pytest.mark.parametrize("name", WEIGHTED)
@pytest.mark.parametrize("tied", [2, 64, 100, 127, 128])
@pytest.mark.parametrize("where", ["best", "worst"])
def test_weights_sum_to_one_however_many_members_tie(name, tied, where):
    losses = np.arange(128, dtype=np.float32)
    losses[slice(None, tied) if where == "best" else slice(128 - tied, None)] = -1 if where == "best" else 500
    found = weighed(name, jnp.asarray(losses))
    assert found.sum() == pytest.approx(1, abs=1e-5)
    assert len(set(found[losses == losses[0 if where == "best" else -1]].tolist())) == 1


def test_what_evosax_itself_makes_of_ties_is_known():
    """The witness: when this fails, evosax shares weights, and `ties` may go."""
    from evosax.core.fitness_shaping import weights_fitness_shaping_fn

    for name, sums in {"snes": (0.153, 0.025, 0.005), "sep_cma_es": (0.73, 0.42, 0.03)}.items():
        made, state = built(name, 10, population=128)
        for tied, right in zip((64, 100, 128), sums, strict=True):
            losses = jnp.maximum(jnp.arange(128.0), tied - 1)
            with promoting():
                total = weights_fitness_shaping_fn(jnp.zeros((128, 10)), losses, state, made.params).sum()
            assert float(total) == pytest.approx(right, abs=0.01)


@pytest.mark.parametrize("name", ["pgpe", "open_es"])
def test_centred_ranks_of_ties_are_mean_ranks(name):
    found = weighed(name, jnp.array([1.0, 1.0, 0.0, 5.0]), population=4)
    np.testing.assert_allclose(found, np.array([1.5, 1.5, 0, 3]) / 3 - 0.5, rtol=1e-6)


def after(name, losses, generations, dimensions=400, population=128, start=None):
    made, state = built(name, dimensions, population=population, std_init=0.05)
    flat = problem(jnp.ones(dimensions), jnp.zeros(dimensions))._replace(
        losses=lambda s, c, members, key, carry: (losses(key, population), carry),
        pair_losses=lambda s, c, mean, offsets, key, carry: (losses(key, population), carry),
    )

    @jax.jit
    def run(state, key):
        def step(state, key):
            return evolution.generation(made, flat, (), (), state, (), key, 0.0)[0], None

        return jax.lax.scan(step, deviation.strong(state), jax.random.split(key, generations))[0]

    return state if start is None else start, run(state if start is None else start, jax.random.key(2))


def equal(key, population):
    return jnp.full(population, 500.0)


@pytest.mark.parametrize("name", [*STRATEGIES, *EVOSAX])
def test_on_a_plateau_the_mean_stays_and_the_std_does_not_collapse(name):
    made, begin = built(name, 50, population=128, std_init=0.05)
    begin, end = after(name, equal, 20, dimensions=50, start=made.start(begin))
    np.testing.assert_array_equal(end.mean, begin.mean)
    kept = 0.999**20 if name == "pgpe" else 1.0
    with promoting():
        np.testing.assert_allclose(made.std(end), kept * made.std(begin), rtol=1e-5)
    assert int(end.generation_counter) == 20


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_plateau_stops_a_search_that_was_on_its_way(name):
    """Else the momentum of an optimiser and a path go on where nothing tells them to."""
    _, moving = after(name, lambda key, population: jax.random.normal(key, (population,)), 20, dimensions=50)
    begin, end = after(name, equal, 20, dimensions=50, start=moving)
    np.testing.assert_array_equal(end.mean, begin.mean)


def walked(tied, generations=300):
    """How much of the step size of Sep-CMA-ES is left under losses that say nothing, most of them the same.

    Without ties it falls too, because its path begins at zero.
    """

    def losses(key, population):
        return jnp.maximum(jax.random.permutation(key, population), tied).astype(jnp.float32)

    begin, end = after("sep_cma_es", losses, generations)
    return float(end.std / begin.std)


def test_the_step_size_of_separable_cma_falls_no_faster_where_members_tie():
    # Of a path that is normalised by the weights of the ranks .0016 and .00002 would be left; what differs here is a walk.
    untied = walked(0)
    for tied in (64, 100, 125):
        assert walked(tied) == pytest.approx(untied, rel=0.25)


def test_a_search_among_many_ties_still_learns():
    """Of 32 members 28 reach the best return, as on CartPole: the mean moves away from those that do not."""

    def value(members):
        return jnp.where(members[:, 0] > 0.03, jnp.sum(members, 1), -10.0)

    made, state = built("snes", 4, population=32, std_init=0.2)
    flat = problem(jnp.ones(4), jnp.zeros(4))._replace(losses=lambda s, c, m, k, carry: (value(m), carry))
    state = state.replace(mean=jnp.full(4, 0.0))
    for index in range(10):
        state = evolution.generation(made, flat, (), (), state, (), jax.random.key(index), 0.0)[0]
    assert float(state.mean[0]) < -0.1
