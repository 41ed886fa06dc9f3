"""Genetic search and its baselines: known optima first, then what must hold of every generation."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evotickets.networks import layout, masks
from evotickets.supermasks.instance import Problem, Samples
from evotickets.systems.strong import choice, evaluator, logits, search, seeker, weights
from evotickets.systems.strong.seekers import genetic
from evotickets.systems.strong.seekers.baselines import OnePlusOne, RandomSearch

KEY = jax.random.key(0)
SMALL = layout.mlp(2, (4,), 2)


def rules_of(**changed):
    defaults = {name: seeker.options("genetic")[name] for name in genetic.Genetic._fields}
    return genetic.Genetic(**defaults | changed)


def problem(seeds=1, count=60, inputs=2, classes=2):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(seeds, count, inputs)).astype(np.float32)
    y = (x[..., 0] + np.abs(x[..., 1]) > 0.5).astype(np.int32) + (x[..., 0] > 0.7) * (classes > 2)
    held = Samples(x, y.astype(np.int32))
    return Problem(classes, held, held, held)


def frozen(network, seeds=1):
    rngs = [np.random.default_rng(index) for index in range(seeds)]
    return np.stack([weights.initialise(network, "uniform", 1.0, rng) for rng in rngs])


def judge(bits, value):
    """Genomes are judged by a function of bits alone, and every one is connected."""
    return search.Evaluator(value, value, lambda genomes: jnp.ones(len(genomes), bool), bits)


def ends_with(method, judged, steps, key=KEY):
    def step(state, index):
        return method.step(judged, state, jax.random.fold_in(key, index)), None

    start = method.start(judged, jax.random.fold_in(key, steps))
    return jax.jit(lambda start: jax.lax.scan(step, start, jnp.arange(steps))[0])(start)


def born(rules, bits, genomes):
    """Children and mutants of genomes whose loss is the share of their bits, and how many of the rows exist."""
    judged = judge(bits, lambda genomes: jnp.mean(genomes, -1))
    rows, count = jax.jit(lambda genomes: genetic.offspring(rules, judged, genomes, KEY))(genomes)
    return np.asarray(rows), int(count)


def by_hand(network, parameters, genome, x):
    """Outputs [n, O] of one masked network in NumPy."""
    tensors = layout.unflatten(network, np.asarray(parameters, np.float64)[None])
    kept = layout.unflatten(network, np.asarray(genome, float)[None])
    for index, layer in enumerate(network.layers):
        kernel = tensors[f"{layer.name}/kernel"][0] * kept[f"{layer.name}/kernel"][0]
        x = (x if index == 0 else np.maximum(x, 0)) @ kernel + tensors[f"{layer.name}/bias"][0]
    return x


def every_genome(bits):
    return (np.arange(2**bits)[:, None] >> np.arange(bits) & 1).astype(bool)


@pytest.mark.parametrize("method", [rules_of(bound=0), OnePlusOne(5000)], ids=["genetic", "one_plus_one"])
def test_one_max_is_solved(method):
    judged = judge(64, lambda genomes: 1.0 - jnp.mean(genomes, -1))
    state = ends_with(method, judged, {"Genetic": 300, "OnePlusOne": 4999}[type(method).__name__])
    assert float(state.losses[0]) == 0
    assert bool(jnp.all(state.genomes[0]))


def test_of_equal_losses_the_sparser_wins():
    """The loss asks for four certain bits only; the best of all genomes has no other."""
    judged = judge(24, lambda genomes: 4.0 - jnp.sum(genomes[:, :4], -1, dtype=jnp.float32))
    state = ends_with(rules_of(bound=0), judged, 250)
    np.testing.assert_array_equal(np.flatnonzero(state.genomes[0]), [0, 1, 2, 3])


@pytest.mark.parametrize("objective", ["accuracy", "cross_entropy"])
def test_the_best_of_all_masks_of_a_small_network_is_found(objective):
    """2-4-2 has 16 weights, and so 65,536 masks, of which those without a path are of no use."""
    data, parameters = problem(), frozen(SMALL)
    score = jax.jit(evaluator.scorer(SMALL, objective, parameters[0], data.train.x[0], data.train.y[0]))
    genomes = every_genome(16)
    losses = np.concatenate([score(part) for part in np.split(genomes, 16)])
    best = np.lexsort((genomes.sum(1), losses))[0]
    rules = rules_of(bound=0, mutation=0.5, least=200, most=500, patience=200)
    starts = 8
    repeated = Problem(2, *(Samples(*(np.repeat(part, starts, 0) for part in split)) for split in data[1:]))
    found = search.search(rules, SMALL, repeated, np.repeat(parameters, starts, 0), objective, key=KEY)
    assert (found.evaluations < 0.4 * 2**16).all()
    ends = np.array([float(score(jnp.asarray(own[:1]))[0]) for own in found.candidates])
    np.testing.assert_allclose(ends.min(), losses[best], rtol=1e-6)
    np.testing.assert_allclose(ends, losses[best], rtol=1e-3)
    assert found.candidates[ends == ends.min(), 0].sum(1).min() == genomes[best].sum()


@pytest.mark.parametrize("objective", ["accuracy", "cross_entropy"])
def test_an_evolution_strategy_over_logits_comes_close_to_the_best_of_all_masks(objective):
    data, parameters = problem(), frozen(SMALL)
    score = jax.jit(evaluator.scorer(SMALL, objective, parameters[0], data.train.x[0], data.train.y[0]))
    losses = np.concatenate([score(part) for part in np.split(every_genome(16), 16)])
    starts = 8
    repeated = Problem(2, *(Samples(*(np.repeat(part, starts, 0) for part in split)) for split in data[1:]))
    settings = {"trainer": "snes", "population": 50, "std_init": 1.0}
    found = logits.search(SMALL, repeated, np.repeat(parameters, starts, 0), objective, 5000, settings, key=KEY)
    ends = np.array([float(score(jnp.asarray(own[:1]))[0]) for own in found.candidates])
    # Of all 65,536 masks, few are better than most ends, and one in a hundred than the worst. Accuracy has plateaus, on which
    # all members tie and a search stays.
    better = np.array([np.sum(losses < end * (1 - 1e-6)) for end in ends])
    assert np.median(better) <= {"accuracy": 80, "cross_entropy": 6}[objective]
    assert better.max() <= 655


@pytest.mark.parametrize("hidden", [(4,), (5, 3)], ids=["table", "engine"])
@pytest.mark.parametrize("classes", [2, 3])
def test_losses_are_those_of_the_masked_network(hidden, classes):
    network = layout.mlp(2, hidden, classes)
    data, parameters = problem(classes=classes), frozen(network)[0]
    genomes = np.random.default_rng(1).random((20, network.kernel_count)) < 0.5
    x, y = data.train.x[0], data.train.y[0]
    outputs = np.stack([by_hand(network, parameters, genome, x) for genome in genomes])
    shares = outputs - np.log(np.exp(outputs).sum(-1, keepdims=True))
    entropy = -np.mean(np.take_along_axis(shares, y[None, :, None], -1)[..., 0], -1)
    found = evaluator.scorer(network, "cross_entropy", parameters, x, y)(jnp.asarray(genomes))
    np.testing.assert_allclose(found, entropy, rtol=2e-5)
    errors = np.mean(outputs.argmax(-1) != y, -1)
    found = evaluator.scorer(network, "accuracy", parameters, x, y)(jnp.asarray(genomes))
    np.testing.assert_allclose(found, errors, rtol=1e-6)
    assert len(np.unique(found)) == len(np.unique(errors.round(9))), "equal counts are equal losses"


def test_a_network_without_a_path_is_as_good_as_a_constant():
    data, parameters = problem(), frozen(SMALL)[0]
    nothing = jnp.zeros((1, 16), bool)
    error = evaluator.scorer(SMALL, "accuracy", parameters, data.train.x[0], data.train.y[0])(nothing)[0]
    always = int(np.argmax(parameters[-2:]))
    assert float(error) == pytest.approx(np.mean(data.train.y[0] != always))


def test_the_evaluation_of_some_says_nothing_of_the_others():
    score = lambda genomes: genomes.sum(-1).astype(jnp.float32)  # noqa: E731
    for count in (0, 1, 16, 17, 40):
        losses = evaluator.of_some(score, jnp.ones((40, 3), bool), jnp.int32(count))
        np.testing.assert_array_equal(losses, [3.0] * count + [np.inf] * (40 - count))


def test_a_path_is_a_chain_of_edges():
    connected = evaluator.connector(layout.mlp(2, (2,), 1))
    # Input 1 to unit 0, unit 0 to the output; then unit 1 instead, which nothing reaches.
    genomes = jnp.array([[0, 1, 0, 0, 1, 0], [0, 1, 0, 0, 0, 1], [0, 0, 0, 0, 1, 1], [1, 1, 1, 1, 0, 0]], bool)
    np.testing.assert_array_equal(connected(genomes), [True, False, False, False])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_random_genomes_are_connected(seed):
    connected = evaluator.connector(layout.mlp(1, (1, 1), 1))
    judged = search.Evaluator(lambda g: g, lambda g: g, connected, 3)
    assert bool(jnp.all(search.immigrants(judged, 7, jax.random.key(seed))))


def test_bernoulli_draws_are_fair_and_independent():
    tossed = np.asarray(search.bernoulli(KEY, (2000, 70)), float)
    assert abs(tossed.mean() - 0.5) < 0.005
    correlation = np.corrcoef(tossed.T) - np.eye(70)
    assert np.abs(correlation).max() < 0.12


def test_so_many_are_born_as_the_paper_says():
    """30 children, (100 + 30) / 10 mutants and 10 migrants: 300 generations of one population."""
    rules, judged = rules_of(bound=0), judge(40, lambda genomes: jnp.mean(genomes, -1))
    genomes = search.bernoulli(KEY, (100, 40))
    born = jax.jit(jax.vmap(lambda key: genetic.offspring(rules, judged, genomes, key)[1]))
    counts = np.asarray(born(jax.random.split(KEY, 300)))
    # Of a child comes .1 mutant more, so that the variance is 100 · .3 · .7 · 1.1² + (100 + 30) · .1 · .9.
    assert counts.mean() == pytest.approx(53, abs=4 * np.sqrt(37.11 / 300))
    assert counts.var() == pytest.approx(37.11, rel=4 * np.sqrt(2 / 300))


def test_parents_and_children_have_mutants_that_differ_in_one_bit():
    rules = rules_of(bound=0, population=60, mates=10, recombination=1.0, mutation=1.0, migrants=5)
    genomes = search.bernoulli(KEY, (60, 50))
    rows, count = born(rules, 50, genomes)
    assert count == 60 + 120 + 5
    children, mutants = rows[:60], rows[60:180]
    flipped = mutants ^ np.concatenate([genomes, children])
    np.testing.assert_array_equal(flipped.sum(1), 1)
    assert flipped.any(0).sum() > 35, "any bit may be flipped"


def test_a_mutant_of_a_child_that_was_not_born_does_not_exist():
    rules = rules_of(bound=0, recombination=0.0, mutation=1.0, migrants=0)
    genomes = search.bernoulli(KEY, (100, 50))
    rows, count = born(rules, 50, genomes)
    assert count == 100
    np.testing.assert_array_equal((rows[:100] ^ np.asarray(genomes)).sum(1), 1)


def test_nobody_mates_outside_the_best():
    rules = rules_of(bound=0, recombination=1.0, mutation=0.0, migrants=0)
    # All the best are empty: whatever a child has, it has from itself.
    genomes = np.where(np.arange(100)[:, None] < 30, False, search.bernoulli(KEY, (100, 50)))
    children, count = born(rules, 50, genomes)
    assert count == 100
    children = children[:100]
    assert not np.any(children & ~np.asarray(genomes))
    assert children[30:].sum() / np.asarray(genomes)[30:].sum() == pytest.approx(0.5, abs=0.03)


def test_the_best_never_gets_worse():
    data, parameters = problem(seeds=3), frozen(SMALL, 3)
    found = search.search(rules_of(least=10, most=60, patience=5), SMALL, data, parameters, "accuracy", key=KEY)
    for seed in range(3):
        losses = [row["value"] for row in found.history if (row["seed"], row["metric"]) == (seed, "loss")]
        assert losses == sorted(losses, reverse=True)
        last = [row["step"] for row in found.history if row["seed"] == seed][-1]
        assert last == found.evaluations[seed]


@pytest.mark.parametrize(("settled", "waits"), [("loss", False), ("loss_and_density", True)])
def test_the_search_ends_when_nothing_changes_but_not_too_early(settled, waits):
    rules = rules_of(bound=0, population=20, mates=5, migrants=2, least=20, most=90, patience=30, settled=settled)
    judged = judge(6, lambda genomes: jnp.ones(len(genomes)) * 1.0)

    def step(state, index):
        state = rules.step(judged, state, jax.random.fold_in(KEY, index))
        return state, (state.done, state.genomes[0].sum(), state.unchanged)

    _, (done, kept, unchanged) = jax.jit(lambda start: jax.lax.scan(step, start, jnp.arange(89)))(
        rules.start(judged, KEY)
    )
    # Nothing but density can change, and it does until it is none; the loss never does.
    last = int(np.argmin(kept))
    assert kept[last] == 0
    assert unchanged[last] == (0 if waits else last + 1)
    first = int(np.argmax(done))
    assert first == (max(last + 30, 19) if waits else 29)
    assert not np.any(done[:first])
    assert np.all(done[first:])


def test_the_bound_falls_when_the_draws_are_used_up():
    judged = judge(10, lambda genomes: 1 - 0.7 * jnp.ones(len(genomes)))
    genomes, drawn, bound = genetic.initial_population(rules_of(bound=0.85, draws=200), judged, KEY)
    # Nobody reaches .85, .8 and .75; everybody reaches .7.
    assert float(bound) == pytest.approx(0.7)
    assert int(drawn) == 3 * 200 + 100
    assert genomes.shape == (100, 10)


def test_the_first_population_reaches_the_bound():
    judged = judge(12, lambda genomes: 1 - jnp.mean(genomes, -1))
    genomes, drawn, bound = genetic.initial_population(rules_of(bound=0.75, draws=100_000), judged, KEY)
    assert np.all(np.asarray(genomes).mean(1) >= 0.75)
    assert float(bound) == 0.75
    assert int(drawn) > 500


@pytest.mark.parametrize("budget", [1, 250])
def test_budgets_are_kept_exactly(budget):
    data, parameters = problem(seeds=2), frozen(SMALL, 2)
    for method in (RandomSearch(budget), OnePlusOne(budget)):
        found = search.search(method, SMALL, data, parameters, "accuracy", key=KEY)
        np.testing.assert_array_equal(found.evaluations, budget)
        assert found.history[-1]["step"] == budget


def test_random_search_finds_the_best_of_what_it_draws():
    data, parameters = problem(), frozen(SMALL)
    found = search.search(RandomSearch(200_000), SMALL, data, parameters, "accuracy", key=KEY)
    score = jax.jit(evaluator.scorer(SMALL, "accuracy", parameters[0], data.train.x[0], data.train.y[0]))
    genomes = every_genome(16)
    connected = np.asarray(jax.jit(evaluator.connector(SMALL))(genomes))
    losses = np.concatenate([score(part) for part in np.split(genomes, 16)])[connected]
    assert found.history[-2]["value"] == pytest.approx(losses.min())


def test_seeds_decide_everything_and_do_not_know_each_other():
    data, parameters = problem(seeds=3), frozen(SMALL, 3)
    # The rules, and so the program, of the test that the best never gets worse.
    rules = rules_of(least=10, most=60, patience=5)
    both = [search.search(rules, SMALL, data, parameters, "accuracy", key=KEY) for _ in range(2)]
    np.testing.assert_array_equal(both[0].candidates, both[1].candidates)
    fewer = Problem(2, *(Samples(split.x[:2], split.y[:2]) for split in data[1:]))
    alone = search.search(rules, SMALL, fewer, parameters[:2], "accuracy", key=KEY)
    np.testing.assert_array_equal(alone.candidates, both[0].candidates[:2])


def test_a_candidate_is_chosen_by_errors_then_by_density_then_by_rank():
    network, parameters = layout.mlp(1, (1,), 2), np.array([[1.0, 0, 1, -1, 0, 0.1]])
    # Positive inputs are class 0, others 1 by the bias; without the edges everything is 1.
    samples = Samples(np.array([[[1.0], [-1.0]]], np.float32), np.array([[0, 1]], np.int32))
    candidates = np.array([[[0, 0, 0], [1, 1, 1], [1, 0, 1], [1, 1, 0]]], bool)
    np.testing.assert_array_equal(choice.choose(network, candidates, parameters, samples)[0], [1, 0, 1])
    assert choice.choose(network, candidates[:, [0, 3, 2]], parameters, samples)[0].tolist() == [True, True, False]


def test_pruning_leaves_only_edges_that_are_needed():
    data, parameters = problem(seeds=2), frozen(SMALL, 2)
    genomes = np.ones((2, 16), bool)
    rngs = [np.random.default_rng(index) for index in range(2)]
    pruned = choice.prune(SMALL, genomes, parameters, data.validation, rngs=rngs)
    assert np.all(pruned <= genomes)
    for seed in range(2):
        score = evaluator.scorer(SMALL, "accuracy", parameters[seed], data.validation.x[seed], data.validation.y[seed])
        before, after = np.asarray(score(jnp.asarray(np.stack([genomes[seed], pruned[seed]]))))
        assert after <= before
        assert pruned[seed].sum() < 16


def test_grades_are_those_of_the_masked_network():
    data, parameters = problem(), frozen(SMALL)
    genome = np.random.default_rng(0).random(16) < 0.5
    masked = np.asarray(evaluator.masked(SMALL, jnp.asarray(parameters[0]), jnp.asarray(genome)[None]))
    found = choice.grade(SMALL, data, masked)
    outputs = by_hand(SMALL, parameters[0], genome, data.test.x[0])
    assert found["test", "accuracy"][0] == pytest.approx(np.mean(outputs.argmax(1) == data.test.y[0]))
    assert set(found) == set(itertools.product(("train", "validation", "test"), ("accuracy", "loss")))


def test_masked_parameters_keep_all_biases():
    network = layout.mlp(3, (4, 2), 2)
    parameters = jnp.arange(1.0, network.parameter_count + 1)
    genome = np.random.default_rng(0).random(network.kernel_count) < 0.5
    found = np.asarray(evaluator.masked(network, parameters, jnp.asarray(genome)[None]))[0]
    kept = masks.survivors(network, np.asarray(genome))
    np.testing.assert_array_equal(np.flatnonzero(found), kept)


@pytest.mark.parametrize("scheme", weights.SCHEMES)
def test_initial_weights(scheme):
    network = layout.mlp(50, (200,), 10)
    flat = weights.initialise(network, scheme, 2.5, np.random.default_rng(0))
    assert flat.shape == (network.parameter_count,)
    kernel, bias = flat[:10_000], flat[10_000:10_200]
    match scheme:
        case "uniform":
            assert np.abs(flat).max() <= 2.5
            assert flat.std() == pytest.approx(2.5 / np.sqrt(3), rel=0.02)
        case "kaiming_normal":
            assert kernel.std() == pytest.approx(0.2, rel=0.02)
        case "signed_constant":
            np.testing.assert_allclose(np.abs(kernel), 0.2, rtol=1e-6)
    assert np.all(bias != 0)
    with pytest.raises(ValueError, match="unknown initialisation 'zeros'; known are uniform"):
        weights.initialise(network, "zeros", 1.0, np.random.default_rng(0))
