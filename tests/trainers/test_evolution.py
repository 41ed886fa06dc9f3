"""Every strategy arrives at a known optimum, and every trap of the specification stays closed."""

from functools import cache

import evosax.algorithms
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from evotickets.devices import promoting
from evotickets.pruning import scores
from evotickets.trainers import deviation, evolution, strategies, strategy
from evotickets.trainers.objectives import Objective

STRATEGIES = list(strategy)
DIMENSIONS = 20


def problem(curvature, optimum, seeds=1):
    """A quadratic in the survivors: half the coordinates of a 2D-dimensional problem are pruned and never seen."""

    def value(x):
        return jnp.sum(jnp.broadcast_to(curvature, x.shape) * (x - jnp.broadcast_to(optimum, x.shape)) ** 2, -1)

    def losses(shared, context, members, key, carry):
        return value(members), carry

    def pair_losses(shared, context, mean, offsets, key, carry):
        return value(jnp.concatenate([mean[None] + offsets, mean[None] - offsets])), carry

    def evaluate(shared, mean, key, carry):
        return {"test/loss": value(mean)}

    context = jnp.zeros(seeds)
    return Objective((), context, (), losses, pair_losses, lambda s, c, x, k: value(x), lambda c, x: x, evaluate)


def settings(strategy, generations=1000, **more):
    fast = {
        "snes": {"std_init": 0.5},
        "sep_cma_es": {"std_init": 0.5},
        "pgpe": {"std_init": 0.1, "learning_rate": 0.05, "learning_rate_decay": 0.998, "learning_rate_min": 1e-4},
        "open_es": {"std_init": 0.02, "learning_rate": 0.05, "learning_rate_decay": 0.998, "learning_rate_min": 1e-5},
        "des": {"std_init": 0.5},
    }.get(strategy, {"std_init": 0.5})
    base = {"trainer": strategy, "population": 64, "generations": generations, "evaluations": 2, "mean_decay": 0.0}
    return base | fast | more


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_arrives_at_the_optimum(strategy):
    """Of a sphere within 1,000 generations, of an ellipsoid within 4,000; two seeds each, all in one program."""
    # Half of the 2 * DIMENSIONS coordinates are pruned: the problem that a trainer sees has the survivors only.
    alive = np.random.default_rng(0).permutation(2 * DIMENSIONS)[:DIMENSIONS]
    sphere, ellipsoid = (
        jnp.asarray(condition ** -np.linspace(0, 1, 2 * DIMENSIONS), jnp.float32)[alive] for condition in (1.0, 1e3)
    )
    optimum = jnp.asarray(np.random.default_rng(1).normal(size=2 * DIMENSIONS), jnp.float32)[alive]

    def value(curvature, members):
        return jnp.sum(curvature[None] * (members - optimum[None]) ** 2, -1)

    def pair_losses(shared, curvature, mean, offsets, key, carry):
        return value(curvature, jnp.concatenate([mean[None] + offsets, mean[None] - offsets])), carry

    def evaluate(shared, mean, key, carry):
        return {"test/loss": jnp.sum((mean - optimum) ** 2), "test/farthest": jnp.max(jnp.abs(mean - optimum))}

    target = problem(sphere, optimum)._replace(
        context=jnp.stack([sphere, sphere, ellipsoid, ellipsoid]),
        losses=lambda shared, curvature, members, key, carry: (value(curvature, members), carry),
        pair_losses=pair_losses,
        evaluate=evaluate,
    )
    start = jnp.zeros((4, DIMENSIONS))
    run = evolution.train(target, start, **settings(strategy, 4000, evaluations=4), key=jax.random.key(0))
    assert run.trajectory.steps[0] == 1000
    found = {name: values[0][:2] for name, values in run.trajectory.scores.items() if name.startswith("test/")}
    assert (found["test/loss"] < 1e-3 * float(jnp.sum(optimum**2))).all()
    assert (found["test/farthest"] < 0.05).all()
    left, begin = (np.sum(np.asarray(ellipsoid) * (x - np.asarray(optimum)) ** 2, -1) for x in (run.mean[2:], 0))
    assert (left < 1e-3 * begin).all()


@cache
def adapted(name, dimensions=6, generations=30, population=64):
    """A strategy and its state after some generations on an ellipsoid."""
    with promoting():
        built = strategies.recipe(name)(dimensions, population=population, std_init=0.3)
        state = built.algorithm.init(jax.random.key(1), jnp.zeros(dimensions), built.params)
    target = problem(jnp.linspace(0.1, 3, dimensions), jnp.ones(dimensions))

    @jax.jit
    def step(state, key):
        return evolution.generation(built, target, (), (), state, (), key, 0.0)[0]

    for index in range(generations):
        state = step(state, jax.random.key(index))
    return built, state


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_reported_std_is_the_empirical_std_of_the_samples(strategy):
    built, state = adapted(strategy)
    # evosax's own ask is the witness: what it draws next must have the std that we report.
    ask = jax.jit(jax.vmap(lambda key: built.algorithm.ask(key, state, built.params)[0]))
    with promoting():
        empirical = np.asarray(ask(jax.random.split(jax.random.key(0), 400))).reshape(-1, 6).std(0)
    count = 400 * 64
    np.testing.assert_allclose(np.asarray(deviation.coordinate_std(state)), empirical, rtol=5 / np.sqrt(2 * count))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_our_samples_follow_the_same_distribution(strategy):
    built, state = adapted(strategy)
    sample = jax.jit(jax.vmap(lambda key: evolution._sample(built, state, key, 64)[0]))
    drawn = np.asarray(sample(jax.random.split(jax.random.key(0), 100)))
    std = np.asarray(deviation.coordinate_std(state))
    for coordinate, values in enumerate(drawn.reshape(-1, len(std)).T):
        assert stats.kstest(values / std[coordinate], "norm").pvalue > 1e-4


def test_separable_cma_adapts_its_covariance_at_network_size():
    size, relevant = 4_000, 20
    # At the optimum of a loss that sees twenty coordinates only: selection narrows these and leaves the others alone.
    target = problem(jnp.zeros(size).at[:relevant].set(1.0), jnp.zeros(size))
    with promoting():
        built = strategies.recipe("sep_cma_es")(size, population=128, std_init=0.1)
        theirs = built._replace(params=evosax.algorithms.Sep_CMA_ES(128, jnp.zeros(size)).default_params)

    def narrowing(built):
        def step(state, key):
            return evolution.generation(built, target, (), (), state, (), key, 0.0)[0], None

        params = built.params.replace(std_init=jnp.float32(0.1))
        with promoting():
            state = built.algorithm.init(jax.random.key(1), jnp.zeros(size), params)
        state, _ = jax.jit(lambda s: jax.lax.scan(step, s, jax.random.split(jax.random.key(0), 100)))(state)
        std = np.asarray(deviation.coordinate_std(state))
        return 1 - std[:relevant].mean() / std[relevant:].mean()

    assert narrowing(built) > 0.05
    assert narrowing(theirs) < 0.0005
    assert float(built.params.c_mu / theirs.params.c_mu) == pytest.approx((size + 2) / 3, rel=0.05)


def test_scalar_std_makes_the_signal_to_noise_order_the_magnitude_order():
    run = evolution.train(
        problem(jnp.ones(DIMENSIONS), jnp.arange(DIMENSIONS) / 7), jnp.zeros((1, DIMENSIONS)),
        **settings("open_es", 50), key=jax.random.key(0),
    )  # fmt: skip
    orders = [np.argsort(scores.score(name, run.mean, run.std)[0]) for name in ("snr", "magnitude")]
    np.testing.assert_array_equal(*orders)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_nan_loss_ranks_worst(strategy):
    """Members with x₀ > 0 lose their loss to NaN: the search must walk away from there, though the optimum lies there."""

    def value(x):
        return jnp.where(x[..., 0] > 0, jnp.nan, jnp.sum((x + 1) ** 2, -1))

    def pair_losses(shared, context, mean, offsets, key, carry):
        return value(jnp.concatenate([mean[None] + offsets, mean[None] - offsets])), carry

    base = problem(jnp.ones(4), jnp.zeros(4))
    broken = base._replace(losses=lambda s, c, m, k, carry: (value(m), carry), pair_losses=pair_losses)
    run = evolution.train(broken, jnp.zeros((1, 4)), **settings(strategy, 300), key=jax.random.key(0))
    assert np.isfinite(run.mean).all()
    assert np.isfinite(run.std).all()
    np.testing.assert_allclose(run.mean, -1, atol=0.25)


def test_a_population_of_nan_ends_with_one_sentence():
    base = problem(jnp.ones(4), jnp.zeros(4))
    lost = base._replace(losses=lambda s, c, m, k, carry: (jnp.full(len(m), jnp.nan), carry))
    with pytest.raises(FloatingPointError, match="population/best_loss is NaN at step 5 for seed indices"):
        evolution.train(lost, jnp.zeros((1, 4)), **settings("snes", 10), key=jax.random.key(0))


def test_constants_use_the_survivors_dimension():
    with promoting():
        few, many = (strategies.snes(n, population=8).params.lr_std_init for n in (10, 1000))
    assert few == pytest.approx((3 + np.log(10)) / (5 * np.sqrt(10)))
    assert many == pytest.approx((3 + np.log(1000)) / (5 * np.sqrt(1000)))


def test_mean_decay_shrinks_the_mean_each_generation():
    flat = problem(jnp.zeros(3), jnp.zeros(3))
    run = evolution.train(flat, jnp.ones((1, 3)), **settings("open_es", 100, mean_decay=0.01, learning_rate=1e-12),
                          key=jax.random.key(0))  # fmt: skip
    np.testing.assert_allclose(run.mean, 0.99**100, rtol=1e-3)


def test_pgpe_anneals_its_std_to_the_floor_and_not_below():
    flat = problem(jnp.zeros(3), jnp.zeros(3))
    chosen = settings("pgpe", 200, std_decay=0.9, std_min=0.02, std_learning_rate=0.0)
    run = evolution.train(flat, jnp.ones((1, 3)), **chosen, key=jax.random.key(0))
    np.testing.assert_allclose(run.std, 0.02, rtol=1e-6)


def test_same_key_same_result_and_seeds_differ():
    target = problem(jnp.ones(5), jnp.ones(5), 3)
    first, again = (
        evolution.train(target, jnp.zeros((3, 5)), **settings("snes", 20), key=jax.random.key(4)) for _ in range(2)
    )
    np.testing.assert_array_equal(first.mean, again.mean)
    assert not np.array_equal(first.mean[0], first.mean[1])
    fewer = evolution.train(problem(jnp.ones(5), jnp.ones(5), 1), jnp.zeros((1, 5)), **settings("snes", 20),
                            key=jax.random.key(4))  # fmt: skip
    np.testing.assert_array_equal(first.mean[:1], fewer.mean)


def test_an_unknown_strategy_is_refused():
    with pytest.raises(ValueError, match="unknown strategy 'sness'"):
        strategies.recipe("sness")
