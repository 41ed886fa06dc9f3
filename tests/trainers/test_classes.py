"""Classes of evosax by their own names, and strategies of one's own: where they arrive, and the std of their samples."""

from typing import Annotated

import evosax.algorithms
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evotickets import study
from evotickets.configuration.options import Doc
from evotickets.configuration.reader import StudyError
from evotickets.devices import promoting
from evotickets.own import PartError
from evotickets.trainers import EVOSAX, UNUSABLE, deviation, evolution, strategies, strategy
from evotickets.trainers.asking import ask_tell
from tests.trainers.test_evolution import problem

DISTANT = 0.3 * jnp.asarray(np.random.default_rng(1).normal(size=6), jnp.float32)


def test_every_distribution_based_class_is_there_or_has_a_reason():
    classes = {kind.__name__ for kind in evosax.algorithms.distribution_based_algorithms.values()}
    assert {*EVOSAX, *UNUSABLE} == classes
    assert not set(EVOSAX) & set(UNUSABLE)
    for name in UNUSABLE:
        with pytest.raises(ValueError, match=f"evosax's {name} cannot train a ticket: its? "):
            strategies.recipe(name)


@pytest.mark.parametrize("name", EVOSAX)
def test_the_first_samples_have_the_std_that_was_asked_for(name):
    @jax.jit
    def first(std_init):
        built = strategies.recipe(name)(12, population=16, std_init=std_init)
        state = built.start(built.algorithm.init(jax.random.key(0), jnp.zeros(12), built.params))
        keys = jax.random.split(jax.random.key(1), 5000)
        return built.std(state), jax.lax.map(lambda key: built.algorithm.ask(key, state, built.params)[0], keys)

    for std_init in (0.05, 0.5):
        with promoting():
            stated, drawn = map(np.asarray, first(std_init))
        np.testing.assert_allclose(stated, drawn.reshape(-1, 12).std(0), rtol=deviation.TOLERANCE)
        if name != "CR_FM_NES":
            np.testing.assert_allclose(stated, std_init, rtol=1e-4)
        # That one begins with a random direction v of length one, in which it reaches √(1 + v²) as far.
        assert (stated >= 0.999 * std_init).all()
        assert np.mean((stated / std_init) ** 2) < 1.3


@pytest.mark.parametrize("name", EVOSAX)
def test_the_stated_std_is_that_of_the_samples_after_some_generations(name):
    deviation.verify(name, lambda dimensions: strategies.recipe(name)(dimensions, population=16, std_init=0.3))


@pytest.mark.slow
@pytest.mark.parametrize("name", EVOSAX)
def test_every_class_arrives_at_the_optimum_of_a_sphere(name, monkeypatch):
    # The tests beside this one look at what is stated of the std.
    monkeypatch.setattr(deviation, "verify", lambda *_: None)
    # Left alone at the optimum, the covariance of iAMaLGaM_Full becomes singular, which training says and ends.
    generations = 100 if name == "iAMaLGaM_Full" else 1000
    options = {"trainer": name, "population": 32, "std_init": 0.1, "generations": generations, "evaluations": 2}
    target = problem(jnp.ones(6), DISTANT, 1)
    run = evolution.train(target, jnp.zeros((1, 6)), **options, mean_decay=0.0, key=jax.random.key(0))
    # Where the std stays as it was, the mean goes on moving around the optimum.
    assert run.trajectory.scores["test/loss"][-1][0] < 0.05 * float(jnp.sum(DISTANT**2))


@pytest.mark.slow
@pytest.mark.parametrize("name", EVOSAX)
def test_the_smallest_population_moves_the_mean_and_stays_finite(name):
    options = {"trainer": name, "population": EVOSAX[name][0], "std_init": 0.1, "generations": 10, "evaluations": 1}
    target = problem(jnp.ones(6), DISTANT, 1)
    run = evolution.train(target, jnp.zeros((1, 6)), **options, mean_decay=0.0, key=jax.random.key(0))
    assert np.isfinite(run.mean).all()
    assert np.isfinite(run.std).all()
    assert (run.mean != 0).any()


def config(trainer, criterion="magnitude", **options):
    return {
        "tickets": {
            "densities": [1, 0.5],
            "tasks": {"digits": {"hidden": [8]}},
            "trainers": {"mine": {"trainer": trainer, **options}},
            "chains": [{"task": "digits", "trainers": ["mine"], "criteria": [criterion]}],
        }
    }


@pytest.mark.parametrize(
    ("trainer", "options", "sentence"),
    [
        ("ARS", {"population": 9}, "mine.population is 9; evosax's ARS takes an even number of at least 2 members"),
        ("ESMC", {"population": 2}, "mine.population is 2; evosax's ESMC takes an even number of at least 4 members"),
        ("PersistentES", {}, "evosax's PersistentES cannot train a ticket: it adds up noise"),
        ("SimpleES", {"population": 1}, "population is 1; it must be at least 2"),
        ("pgpe", {"population": 9}, "population is 9; it must be a multiple of 2"),
        ("DiscoveredEs", {}, "no trainer DiscoveredEs; did you mean 'DiscoveredES'"),
    ],
)
def test_what_a_class_cannot_take_is_refused_before_any_job(trainer, options, sentence):
    with pytest.raises(StudyError, match=sentence):
        study.resolve(config(trainer, **options))


def test_every_class_is_a_trainer():
    for name in EVOSAX:
        assert study.resolve(config(name, "snr")).tickets.settings["digits", "mine"]["trainer"] == name


def gaussian(dimensions, population, stated=1.0):
    """(μ/μ, λ) with a std a coordinate that falls with the spread of the better half."""

    def init(key, mean):
        return jnp.full(dimensions, 0.3)

    def ask(key, mean, std):
        return mean[None] + std[None] * jax.random.normal(key, (population, dimensions))

    def tell(key, members, losses, mean, std):
        better = members[jnp.argsort(losses)[: population // 2]]
        return better.mean(0), 0.9 * std + 0.1 * better.std(0)

    return ask_tell(population, init=init, ask=ask, tell=tell, std=stated and (lambda std: stated * std))


@pytest.fixture
def own(monkeypatch):
    """The decorator of strategies, whose additions end with the test."""
    list(strategy)
    monkeypatch.setattr(strategy, "_parts", dict(strategy))
    monkeypatch.setattr(strategy, "facts", dict(strategy.facts))
    return strategy


Members = Annotated[int, Doc("Members.")]
Start = Annotated[float, Doc("Std.")]


def registered(own, *, stated, **facts):
    @own(name="mine", **facts)
    def mine(dimensions, *, population: Members = 32, std_init: Start = 0.3):
        """Take the better half."""
        return gaussian(dimensions, population, stated)

    options = {"trainer": "mine", "population": 32, "generations": 100, "evaluations": 2, "mean_decay": 0.0}
    return lambda: evolution.train(
        problem(jnp.ones(6), DISTANT, 2), jnp.zeros((2, 6)), **options, key=jax.random.key(0)
    )


def test_four_functions_are_a_strategy(own):
    run = registered(own, stated=1.0)()
    assert (run.trajectory.scores["test/loss"][-1] < 1e-3).all()
    assert run.std.shape == (2, 6)
    assert (run.std < 0.3).all()


def test_a_std_that_is_not_that_of_the_samples_is_refused(own):
    with pytest.raises(ValueError, match=r"strategy mine: std\(state\) states .* whose samples have"):
        registered(own, stated=1.05)()
    registered(own, stated=1.01)()


def test_a_strategy_without_a_std_has_none(own):
    assert registered(own, stated=None, std=False)().std is None


@pytest.mark.parametrize(
    "wrong",
    ["def mine(): ...", "def mine(dimensions, *, population=8, std_init=0.1): ...", "def mine(dimensions): ..."],
)
def test_a_strategy_of_another_form_is_refused(own, wrong):
    namespace = {}
    exec(wrong, namespace)
    with pytest.raises(PartError, match=r"the strategy 'mine' .*expected is \(dimensions, \*, population, std_init"):
        own(namespace["mine"])


def test_functions_of_other_shapes_are_refused_with_the_expected_one():
    whole = gaussian(4, 8).algorithm
    state = whole.init(jax.random.key(0), jnp.zeros(4), None)
    few = ask_tell(9, init=whole.begin, ask=whole.sample, tell=whole.update).algorithm
    with pytest.raises(
        ValueError, match=r"ask of a strategy returns members of the shape \(8, 4\); expected is \(9, 4\)"
    ):
        few.ask(jax.random.key(0), state, None)
    flat = ask_tell(8, init=whole.begin, ask=whole.sample, tell=lambda *a: (jnp.zeros(3), a[-1])).algorithm
    members = jnp.zeros((8, 4))
    with pytest.raises(ValueError, match=r"tell of a strategy returns mean of the shape \(3,\); expected is \(4,\)"):
        flat.tell(jax.random.key(0), members, jnp.zeros(8), state, None)
