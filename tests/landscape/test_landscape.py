"""Barriers, curvature and overlaps with known answers."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.special import logsumexp

from evotickets import landscape, tasks
from evotickets.devices import promoting
from evotickets.networks import feedforward, layout, masks
from evotickets.networks.layout import Layer, Network
from evotickets.trainers import evolution, rollouts, strategies
from tests.trainers.test_evolution import problem

NETWORK = layout.mlp(6, (5, 4), 3)
POSITIONS = np.arange(8)


def flat_networks(network: Network, count: int, seed: int = 0) -> np.ndarray:
    """Draw networks [count, N] without a zero anywhere."""
    return np.random.default_rng(seed).normal(0, 0.5, (count, network.parameter_count)).astype(np.float32)


@partial(jax.jit, static_argnums=0)
def outputs_of(network: Network, flat: jax.Array, x: jax.Array) -> jax.Array:
    return feedforward.apply(network, layout.unflatten(network, flat), x)


def labelled(network: Network, count: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, *network.input_shape)).astype(np.float32)
    return x, rng.integers(0, network.outputs, count).astype(np.int32)


def bowl(shared, base, direction, steps):
    """Squared distance from a centre."""
    return {"test/loss": jnp.sum((base[None] + steps[:, None] * direction[None] - shared[None]) ** 2, -1)}


def quadratic(shared, flat):
    return flat @ shared @ flat / 2 + flat.sum()


def symmetric(size: int, seed: int = 0) -> np.ndarray:
    matrix = np.random.default_rng(seed).normal(size=(size, size)).astype(np.float32)
    return matrix + matrix.T


def test_barrier_of_a_bump_of_known_height():
    errors = np.array([[0.1, 0.5, 0.2], [0.3, 0.2, 0.3], [0.0, 0.1, 0.2]])
    np.testing.assert_allclose(landscape.barrier(errors), [0.5 - 0.15, 0, 0.1])
    np.testing.assert_allclose(landscape.bump(errors, np.array([0, 0.5, 1])), [0.5 - 0.15, 0, 0], atol=1e-12)


@given(arrays.arrays(float, (31,), elements=st.floats(-1, 1)))
def test_a_barrier_is_not_negative_and_has_no_direction(errors):
    barrier, bump = landscape.barrier(errors), landscape.bump(errors)
    slope = abs(errors[0] - errors[-1]) / 2
    assert barrier >= slope - 1e-12
    assert bump >= -1e-12
    assert barrier == pytest.approx(landscape.barrier(errors[::-1]), abs=1e-12)
    assert bump == pytest.approx(landscape.bump(errors[::-1]), abs=1e-6)
    assert barrier <= bump + slope + 1e-6


def test_a_network_and_itself_have_no_barrier():
    flat, split = flat_networks(NETWORK, 4), {"test": labelled(NETWORK)}
    found = landscape.interpolate(landscape.classifier(NETWORK), split, flat, flat)
    np.testing.assert_array_equal(landscape.barrier(-found["test/accuracy"]), 0)
    np.testing.assert_allclose(landscape.barrier(found["test/loss"]), 0, atol=1e-6)


def test_every_level_is_paired_with_the_one_before_the_dense_one_its_noise_copy_and_other_seeds():
    trained = {level: np.full((3, 2), level) + np.arange(3)[:, None] / 10 for level in (0, 1, 2)}
    copies = {level: 100 + trained[level] for level in (0, 2)}
    found = landscape.pairs(trained, copies, (0, 2))
    assert [(pair.name, pair.level, pair.second[0, 0]) for pair in found] == [
        ("other noise", 0, 100),
        ("other initial weights", 0, 0.1),
        ("level before", 2, 1),
        ("dense level", 2, 0),
        ("other noise", 2, 102),
        ("other initial weights", 2, 2.1),
    ]
    assert all((pair.first == trained[pair.level]).all() for pair in found)
    assert {pair.name for pair in found} == set(landscape.PAIRS)


def test_one_seed_has_no_other_initial_weights():
    names = [pair.name for pair in landscape.pairs({0: np.ones((1, 2))}, {0: np.ones((1, 2))}, [0])]
    assert names == ["other noise"]


def test_errors_are_small_where_scores_are_large():
    found = landscape.errors(
        {"test/accuracy": np.array([0.9]), "test/loss": np.array([2.0]), "a/return": np.array([5.0])}
    )
    assert {name: float(values[0]) for name, values in found.items()} == pytest.approx(
        {"test/error": 0.1, "test/loss": 2, "a/minus_return": -5}
    )


def test_a_task_brings_its_splits_or_its_episodes():
    data = tasks.load("digits")
    network = layout.mlp(64, (3,), 10)
    flat = flat_networks(network, 1)
    on_line, shared = landscape.on_task(network, data, samples=50, key=jax.random.key(0))
    assert {split: y.shape for split, (_, y) in shared.items()} == {"train": (1, 50), "test": (1, len(data.test.y))}
    found = landscape.interpolate(on_line, shared, flat, flat, np.zeros(1, np.float32), rows=np.zeros(1, int))
    right = outputs_of(network, flat[0], data.test.x).argmax(1) == data.test.y
    assert found["test/accuracy"][0, 0] == pytest.approx(right.mean())

    task = tasks.load("cartpole")
    on_line, shared = landscape.on_task(layout.mlp(4, (3,), 2, "tanh"), task, episodes=5, key=jax.random.key(0))
    assert {split: keys.shape for split, keys in shared.items()} == {"test": (1, 5)}


def test_every_network_is_measured_on_the_row_of_its_seed():
    flat, rows = flat_networks(NETWORK, 3), np.array([1, 0, 1])
    pair = [labelled(NETWORK, 30, seed) for seed in range(2)]
    splits = {"test": tuple(np.stack(parts) for parts in zip(*pair, strict=True))}
    on_line, places = landscape.classifier(NETWORK), np.arange(NETWORK.parameter_count)[None].repeat(3, 0)
    lines = landscape.interpolate(on_line, splits, flat, -flat, np.ones(1, np.float32), rows=rows)
    noisy = landscape.noise_curves(on_line, splits, flat, places, rows=rows, draws=2, key=jax.random.key(0))
    loss = landscape.cross_entropy(NETWORK)
    curved = landscape.curvature(loss, splits["test"], flat, places, probes=2, rows=rows, key=jax.random.key(0))
    found = landscape.predictions(NETWORK, flat, splits["test"][0], rows=rows)
    for network, row in enumerate(rows):
        x, y = pair[row]
        outputs = outputs_of(NETWORK, flat[network], x)
        np.testing.assert_array_equal(found[network], outputs.argmax(1))
        right = (np.asarray(outputs).argmax(1) == y).mean()
        assert lines["test/accuracy"][network, 0] == pytest.approx(right)
        assert noisy["test/accuracy"][network, 0] == pytest.approx(right)
        alone = landscape.curvature(loss, pair[row], flat, places, probes=2, key=jax.random.key(0))
        np.testing.assert_allclose(curved.trace[network], alone.trace[network], rtol=1e-4)


def test_a_bowl_along_a_line_is_a_parabola():
    first, second = np.array([[1.0, 2], [0, 0]], np.float32), np.array([[3.0, 2], [0, 4]], np.float32)
    centre, alphas = np.array([1.0, 0], np.float32), np.array([0, 0.25, 1], np.float32)
    found = landscape.interpolate(bowl, centre, first, second, alphas)["test/loss"]
    # alpha = 1 is the first network: (1, 2) and (0, 0); alpha = .25 lies at (2.5, 2) and (0, 3).
    np.testing.assert_allclose(found, [[8, 6.25, 4], [17, 10, 1]], rtol=1e-6)


@pytest.mark.parametrize(
    "network",
    [NETWORK, layout.mlp(6, (5,), 3, "tanh"), layout.mlp(6, (), 3), layout.cnn((4, 4, 1), (2,), 3)],
    ids=["two hidden layers", "one", "none", "convolution"],
)
def test_every_place_on_a_line_scores_what_the_network_there_scores(network):
    first, second = flat_networks(network, 2), flat_networks(network, 2, seed=1)
    splits = {"train": labelled(network, 50), "test": labelled(network, 30, seed=1)}
    alphas = np.array([0, 0.3, 1], np.float32)
    found = landscape.interpolate(landscape.classifier(network), splits, first, second, alphas)
    assert set(found) == {"train/accuracy", "train/loss", "test/accuracy", "test/loss"}
    for split, (x, y) in splits.items():
        for pair, place in np.ndindex(2, 3):
            flat = alphas[place] * first[pair] + (1 - alphas[place]) * second[pair]
            outputs = np.asarray(outputs_of(network, flat, x), float)
            loss = np.mean(logsumexp(outputs, 1) - outputs[np.arange(len(y)), y])
            np.testing.assert_allclose(found[f"{split}/loss"][pair, place], loss, rtol=1e-5)
            np.testing.assert_allclose(
                found[f"{split}/accuracy"][pair, place], np.mean(outputs.argmax(1) == y), rtol=1e-6
            )
    assert np.ptp(found["test/loss"]) > 0.01


def test_swapping_a_pair_turns_its_line_around():
    a, b = flat_networks(NETWORK, 2, seed=1)[:, None]
    evaluate, shared = landscape.classifier(NETWORK), {"test": labelled(NETWORK)}
    there, back = (landscape.interpolate(evaluate, shared, *pair)["test/loss"] for pair in ((a, b), (b, a)))
    np.testing.assert_allclose(there, back[:, ::-1], rtol=1e-5)


def test_pairs_of_different_networks_are_refused():
    with pytest.raises(ValueError, match="same shape"):
        landscape.interpolate(bowl, np.zeros(2), np.zeros((1, 2)), np.zeros((2, 2)))


def test_a_folded_normaliser_changes_no_output():
    network = layout.mlp(4, (5,), 2, "tanh")
    flat, rng = flat_networks(network, 3), np.random.default_rng(0)
    stored = {
        "count": np.array([0, 7, 100], np.float32),
        "mean": rng.normal(size=(3, 4)).astype(np.float32) * np.array([[0], [1], [1]], np.float32),
        "m2": rng.uniform(1, 50, (3, 4)).astype(np.float32),
    }
    observations = rng.normal(size=(20, 4)).astype(np.float32)
    folded = landscape.fold(network, flat, stored)
    for index in range(3):
        statistics = rollouts.Statistics(*(stored[name][index] for name in ("count", "mean", "m2")))
        seen = rollouts.normalise(observations, statistics)
        expected, found = outputs_of(network, flat[index], seen), outputs_of(network, folded[index], observations)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_folding_keeps_pruned_weights_at_zero():
    network = layout.mlp(4, (5,), 2, "tanh")
    flat = flat_networks(network, 1)
    kernels = masks.kernel_positions(network)
    flat[:, kernels[::2]] = 0
    stored = {"count": np.full(1, 9.0), "mean": np.ones((1, 4)), "m2": np.full((1, 4), 3.0)}
    assert not landscape.fold(network, flat, stored)[:, kernels[::2]].any()


def test_policies_are_scored_on_the_episodes_they_were_trained_on():
    task = tasks.control("cartpole")
    network = layout.mlp(task.observation_size, (4,), task.outputs, "tanh")
    flat, rng = flat_networks(network, 2), np.random.default_rng(0)
    stored = {"count": np.full(2, 50.0), "mean": rng.normal(0, 0.1, (2, 4)), "m2": rng.uniform(5, 50, (2, 4))}
    stored = {name: values.astype(np.float32) for name, values in stored.items()}
    keys = jax.random.split(jax.random.key(0), 3)

    def act(weights, observation):
        return feedforward.apply(network, layout.unflatten(network, weights), observation[None])[0]

    expected = []
    for index in range(2):
        statistics = rollouts.Statistics(*(stored[name][index] for name in ("count", "mean", "m2")))
        returns, _ = rollouts.returns(task, act, jnp.asarray(flat[index : index + 1]), keys, statistics)
        expected.append(float(returns.mean()))
    folded = landscape.fold(network, flat, stored)
    evaluate = landscape.policy(network, task)
    found = landscape.interpolate(evaluate, {"test": keys}, folded[:1], folded[1:], np.array([0, 0.5, 1], np.float32))
    np.testing.assert_allclose(found["test/return"][0, [2, 0]], expected)


def test_noise_of_a_bowl_adds_its_variance_on_the_survivors_alone():
    flat = np.zeros((2, 12), np.float32)
    flat[:, :8] = [[2.0], [1.0]]
    places = np.tile(POSITIONS, (2, 1))
    epsilons = np.array([0, 0.5, 1], np.float32)
    centre = np.zeros(12, np.float32)
    found = landscape.noise_curves(bowl, centre, flat, places, epsilons, draws=4000, key=jax.random.key(0))["test/loss"]
    # The RMS of the survivors is 2 and 1: sum of squares RMS² · 8 · (1 + eps²), if no pruned weight moves.
    expected = np.array([[4.0], [1.0]]) * 8 * (1 + epsilons**2)
    np.testing.assert_array_equal(found[:, 0], expected[:, 0])
    # The standard error at eps = 1 is RMS² · sqrt(2 · 8 + 4 · 8) / sqrt(4000) = .11 RMS².
    assert (np.abs(found - expected) < 4 * 0.11 * np.array([[4.0], [1.0]])).all()


def test_noise_never_moves_a_pruned_weight():
    def moved(shared, base, direction, steps):
        return {"test/loss": steps * jnp.abs(direction[8:]).max()}

    flat = np.ones((1, 12), np.float32)
    found = landscape.noise_curves(moved, None, flat, POSITIONS[None], draws=3, key=jax.random.key(0))
    np.testing.assert_array_equal(found["test/loss"], 0)


def test_noise_falls_on_weights_before_they_are_folded():
    """The first of eight survivors is 0 and folding makes it ten times as long: that decides no RMS but meets noise."""
    flat, places = np.zeros((1, 12), np.float32), POSITIONS[None]
    flat[0, 1:8] = 2
    lengths = np.ones((1, 12), np.float32)
    lengths[0, 0] = 10
    found = landscape.noise_curves(
        bowl,
        np.zeros(12, np.float32),
        flat,
        places,
        np.array([0, 1], np.float32),
        fold=lambda weights, held: held * weights,
        statistics=lengths,
        draws=4000,
        key=jax.random.key(0),
    )["test/loss"]
    # Mean square 28 / 8 = 3.5 of the survivors: 28 + 3.5 · (100 + 7), with a standard error of 3.5 · sqrt(2 / 4000) · 100
    # that the long one decides.
    np.testing.assert_allclose(found[0, 0], 28, rtol=2e-7)
    assert abs(found[0, 1] - (28 + 3.5 * 107)) < 4 * 3.5 * np.sqrt(2 / 4000) * 100


def test_a_folded_line_is_a_line():
    network, (a, b) = layout.mlp(4, (5,), 2, "tanh"), flat_networks(layout.mlp(4, (5,), 2, "tanh"), 2)
    stored = {"count": np.float32(9), "mean": np.arange(4, dtype=np.float32), "m2": np.full(4, 3, np.float32)}
    ends, middle = (
        (landscape.folded(network, flat, stored) for flat in (a, b)),
        landscape.folded(network, a + b, stored),
    )
    np.testing.assert_allclose(sum(ends), middle, rtol=1e-5, atol=1e-6)
    assert not np.allclose(middle, a + b)


def test_a_network_without_statistics_is_folded_as_it_is():
    (flat,) = flat_networks(NETWORK, 1)
    assert landscape.folded(NETWORK, flat, {}) is flat


def test_noise_of_a_network_does_not_depend_on_the_others():
    flat, places = np.ones((3, 12), np.float32), np.tile(POSITIONS, (3, 1))
    three, one = (
        landscape.noise_curves(bowl, np.zeros(12), flat[:n], places[:n], draws=4, key=jax.random.key(1))["test/loss"]
        for n in (3, 1)
    )
    np.testing.assert_allclose(three[0], one[0], rtol=1e-6)
    assert not np.allclose(three[0, 1:], three[1, 1:])


@pytest.mark.parametrize("seed", range(3))
def test_curvature_of_a_quadratic_is_exact(seed):
    matrix = symmetric(12, seed)
    flat = np.random.default_rng(seed).normal(size=(2, 12)).astype(np.float32)
    places = np.array([[0, 2, 3, 5, 7, 11], [1, 2, 4, 6, 9, 10]])
    found = landscape.curvature(quadratic, matrix, flat, places, key=jax.random.key(seed))
    for index, rows in enumerate(places):
        restricted = matrix[np.ix_(rows, rows)]
        values = np.linalg.eigvalsh(restricted)
        np.testing.assert_allclose(found.trace[index], np.trace(restricted), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose([found.smallest[index], found.largest[index]], values[[0, -1]], rtol=1e-5)
    np.testing.assert_array_equal(found.trace_error, 0)


def test_one_probe_is_exact_on_a_diagonal():
    matrix = np.diag(np.arange(1, 13)).astype(np.float32)
    found = landscape.curvature(
        quadratic, matrix, np.ones((1, 12), np.float32), np.arange(12)[None], probes=2, key=jax.random.key(0)
    )
    np.testing.assert_allclose(found.trace, 78, rtol=1e-6)
    np.testing.assert_allclose(found.trace_error, 0, atol=1e-5)


def test_probes_are_unbiased_and_know_their_error():
    matrix = symmetric(12)
    flat, places = np.ones((200, 12), np.float32), np.tile(np.arange(12), (200, 1))
    found = landscape.curvature(quadratic, matrix, flat, places, probes=8, key=jax.random.key(0))
    # Var(v' H v) = 2 · sum of squares beside the diagonal for random signs v.
    spread = np.sqrt(2 * (np.sum(matrix**2) - np.sum(np.diag(matrix) ** 2)))
    assert abs(found.trace.mean() - np.trace(matrix)) < 4 * spread / np.sqrt(1600)
    np.testing.assert_allclose(np.sqrt(np.mean(found.trace_error**2)), spread / np.sqrt(8), rtol=0.15)


@pytest.mark.parametrize("values", [[-3.0] * 6, [-5, -5, -5, -2, -2, -2], [4, 4, 4, 4, 4, 1]])
def test_a_space_exhausted_early_invents_no_eigenvalue(values):
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]
    matrix = (basis * values) @ basis.T
    found = landscape.curvature(
        quadratic, matrix.astype(np.float32), np.ones((1, 6), np.float32), np.arange(6)[None], key=jax.random.key(0)
    )
    np.testing.assert_allclose([found.smallest[0], found.largest[0]], [min(values), max(values)], rtol=1e-5)


def test_few_lanczos_steps_find_the_ends_of_a_large_spectrum():
    values = np.concatenate([np.linspace(0, 1, 498), [-4.0, 10.0]]).astype(np.float32)
    flat, places = np.ones((1, 500), np.float32), np.arange(500)[None]
    found = landscape.curvature(quadratic, np.diag(values), flat, places, steps=20, key=jax.random.key(0))
    np.testing.assert_allclose([found.smallest[0], found.largest[0]], [-4, 10], rtol=1e-5)


def test_curvature_of_a_network_is_that_of_its_explicit_hessian():
    network = layout.mlp(6, (5,), 3, "tanh")
    flat, split = flat_networks(network, 1), labelled(network)
    mask = np.arange(network.kernel_count) % 2 == 0
    places = masks.survivors(network, mask)
    flat = np.asarray(masks.scatter(jnp.asarray(flat[:, places]), places, network.parameter_count))
    loss = landscape.cross_entropy(network)
    hessian = jax.jit(jax.hessian(lambda point: loss(split, point)))(flat[0])[np.ix_(places, places)]
    found = landscape.curvature(loss, split, flat, places[None], probes=99, steps=99, key=jax.random.key(0))
    values = np.linalg.eigvalsh(hessian)
    np.testing.assert_allclose(found.trace[0], np.trace(hessian), rtol=1e-4)
    np.testing.assert_allclose(found.largest[0], values[-1], rtol=1e-4)
    np.testing.assert_allclose(found.smallest[0], values[0], rtol=1e-3)


def test_directions_of_moves():
    moves = np.array([[3.0, 4], [6, 8], [-4, 3], [0, 0]])
    similarity = landscape.cosine(moves)
    np.testing.assert_allclose(similarity[:3, :3], [[1, 1, 0], [1, 1, 0], [0, 0, 1]], atol=1e-12)
    assert np.isnan(similarity[3]).all()
    np.testing.assert_allclose(landscape.distance(moves)[0], [0, 5, np.sqrt(50), 5])


def test_overlap_of_masks():
    mask = np.array([[1, 1, 0, 0], [0, 1, 1, 1], [0, 0, 1, 1]], bool)
    np.testing.assert_allclose(landscape.jaccard(mask), [[1, 1 / 4, 0], [1 / 4, 1, 2 / 3], [0, 2 / 3, 1]])


def test_random_masks_overlap_by_chance():
    mask = np.random.default_rng(0).random((2, 200_000)) < 0.3
    assert landscape.jaccard(mask)[0, 1] == pytest.approx(0.3 / 1.7, abs=0.005)


def test_disagreement_counts_inputs():
    classes = np.array([[0, 1, 2, 2], [0, 1, 2, 1], [1, 0, 0, 0]])
    np.testing.assert_array_equal(landscape.disagreement(classes), [[0, 0.25, 1], [0.25, 0, 1], [1, 1, 0]])
    # The first two share the inputs 2, 3 and 5, on which 1 2 2 meets 0 1 2; the third shares 9 with the second alone.
    inputs = np.array([[1, 2, 3, 5], [2, 3, 5, 9], [6, 7, 8, 9]])
    shared = landscape.disagreement(classes, inputs)
    np.testing.assert_allclose(shared, [[0, 2 / 3, np.nan], [2 / 3, 0, 1], [np.nan, 1, 0]])


def test_predictions_are_the_largest_outputs():
    identity = Network((3,), (Layer("dense1", (3, 3)),))
    flat = np.stack(
        [
            layout.flatten(identity, {"dense1/kernel": jnp.eye(3), "dense1/bias": bias})
            for bias in (jnp.zeros(3), jnp.array([0, 0, 9.0]))
        ]
    )
    x = np.array([[1, 0, 0], [0, 2, 1], [0, 1, 2]], np.float32)
    np.testing.assert_array_equal(landscape.predictions(identity, flat, x), [[0, 1, 2], [2, 2, 2]])


def test_snr_correlation_compares_ranks_over_the_final_survivors():
    final = np.array([[True, True, True, False], [False, True, True, True]])
    first = np.array([[1.0, 2, 3, 99], [99, 1, 2, 3]])
    squared, mirrored = first**2, np.array([[3.0, 2, 1, -5], [-5, 3, 2, 1]])
    found = landscape.snr_correlation(np.stack([first, squared, mirrored]), final)
    np.testing.assert_allclose(found, [[1, 1], [1, 1], [-1, -1]])


def test_snr_correlation_of_one_swap():
    # Spearman: 1 - 6 · 2 / (4 · 15) for a swap of two neighbours among four.
    ratios = np.array([[[1.0, 2, 3, 4]], [[2.0, 1, 3, 4]]])
    np.testing.assert_allclose(landscape.snr_correlation(ratios, np.ones((1, 4), bool))[1], 1 - 12 / 60)


def test_a_constant_snr_has_no_correlation():
    assert np.isnan(landscape.snr_correlation(np.ones((2, 1, 4)), np.ones((1, 4), bool))).all()


def test_reliability_is_the_correlation_of_ranks_over_survivors():
    mask = np.array([[True, True, True, False], [True, True, True, True]])
    first = np.array([[1.0, 2, 3, 99], [1, 2, 3, 4]])
    second = np.array([[10.0, 40, 90, 0], [4, 3, 2, 1]])
    np.testing.assert_allclose(landscape.reliability(first, second, mask), [1, -1])
    assert np.isnan(landscape.reliability(np.ones((1, 4)), second[:1], mask[:1])).all()
    # Of 1, 2 and 3 the mean is 2 and the standard deviation √(2/3).
    np.testing.assert_allclose(landscape.spread(first, mask)[0], np.sqrt(2 / 3) / 2)


def test_a_std_without_selection_spreads_as_the_walk_says():
    """SNES under losses that say nothing: the spread of 2000 coordinates after 200 generations, and chance alone."""
    dimensions, generations = 2000, 200
    with promoting():
        built = strategies.recipe("snes")(dimensions, population=64, std_init=0.05, temperature=12)
        state = built.algorithm.init(jax.random.key(0), jnp.zeros(dimensions), built.params)

    def losses(shared, context, members, key, carry):
        return jax.random.normal(key, (len(members),)), carry

    nothing = problem(jnp.ones(dimensions), jnp.zeros(dimensions))._replace(losses=losses)

    @jax.jit
    def run(state, keys):
        def step(state, key):
            return evolution.generation(built, nothing, (), (), state, (), key, 0.0)[0], None

        return jax.lax.scan(step, state, keys)[0]

    std = np.asarray(run(state, jax.random.split(jax.random.key(1), generations)).std)[None]
    walk = landscape.random_walk(built.params, generations)
    np.testing.assert_allclose(landscape.spread(std, np.ones((1, dimensions), bool)), walk, rtol=0.1)
    assert landscape.random_walk(strategies.recipe("open_es")(4, population=4).params, 9) is None
