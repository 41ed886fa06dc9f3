"""Steps that fall: the std of a search and the learning rate of its mean."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evotickets.devices import promoting
from evotickets.trainers import deviation, evolution, schedules, strategies
from tests.trainers.test_evolution import problem

FALLING = ["snes", "sep_cma_es", "des", "open_es"]


def test_a_step_falls_to_its_floor_and_a_factor_of_one_leaves_it():
    falls = schedules.falling(0.1, 0.5, 0.02)
    np.testing.assert_allclose([float(falls(at)) for at in range(5)], [0.1, 0.05, 0.025, 0.02, 0.02], rtol=1e-6)
    assert float(schedules.falling(0.1, 1.0, 0.001)(7)) == pytest.approx(0.1)


def after(name, generations, target=None, start=None, **options):
    """A state after some generations of four survivors; on a plateau unless there is a target."""
    with promoting():
        built = strategies.recipe(name)(4, population=16, std_init=0.5, **options)
        state = built.algorithm.init(jax.random.key(1), jnp.zeros(4), built.params)
        state = state if start is None else state.replace(std=start)
    target = problem(jnp.zeros(4), jnp.zeros(4)) if target is None else target

    @jax.jit
    def step(state, key):
        return evolution.generation(built, target, (), (), state, (), key, 0.0)[0]

    for index in range(generations):
        state = step(state, jax.random.key(index))
    return state


@pytest.mark.parametrize("name", FALLING)
def test_the_std_of_every_strategy_falls_from_generation_to_generation(name):
    for generations, right in ((1, 0.4), (3, 0.256), (12, 0.05)):
        std = deviation.coordinate_std(after(name, generations, std_decay=0.8, std_min=0.05))
        np.testing.assert_allclose(std, right, rtol=1e-5)


def test_coordinates_keep_their_ratios_at_the_floor():
    start = jnp.array([0.5, 0.1, 0.01, 1.0])
    state = after("snes", 30, start=start, std_decay=0.8, std_min=0.05)
    np.testing.assert_allclose(state.std, start / 10, rtol=1e-5)


@pytest.mark.parametrize("name", ["snes", "sep_cma_es", "des"])
def test_the_mean_goes_the_share_of_its_way_that_the_learning_rate_is(name):
    target = problem(jnp.ones(4), jnp.ones(4))
    whole, half = (after(name, 1, target, learning_rate=rate).mean for rate in (1.0, 0.5))
    np.testing.assert_allclose(half, whole / 2, rtol=1e-5)
    assert np.abs(whole).min() > 0
    falling = after(name, 1, target, learning_rate=0.5, learning_rate_decay=0.1).mean
    np.testing.assert_allclose(falling, half, rtol=1e-5)
    # The second step is a twentieth of its way, which begins at the same place with the same std.
    first = after(name, 1, target, learning_rate=0.5)
    steps = [after(name, 2, target, learning_rate=0.5, learning_rate_decay=decay).mean for decay in (1.0, 0.1)]
    np.testing.assert_allclose(steps[1] - first.mean, (steps[0] - first.mean) / 10, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("ratio", "count"), [(0.5, 8), (0.25, 4), (1.0, 16)])
def test_the_elite_ratio_says_how_many_members_have_a_weight(ratio, count):
    with promoting():
        params = strategies.recipe("sep_cma_es")(10, population=16, elite_ratio=ratio).params
    assert int((params.weights > 0).sum()) == count
    assert float(params.weights.sum()) == pytest.approx(1)


def test_the_rank_one_update_of_the_paper_is_134_times_slower_at_400_survivors():
    with promoting():
        ours, paper = (
            strategies.recipe("sep_cma_es")(400, population=64, rank_one=kind).params for kind in ("separable", "full")
        )
    assert ours.c_1 / paper.c_1 == pytest.approx(402 / 3)
    assert paper.c_1 == pytest.approx(2 / ((400 + 1.3) ** 2 + paper.mu_eff))
    assert paper.c_mu == pytest.approx(ours.c_mu)
