"""Cells of hybrid training on the digits: scores, costs, churn, reproducibility."""

import jax
import numpy as np
import pytest

from evotickets import tasks
from evotickets.systems import hybrid
from evotickets.systems.hybrid import cells, effects

TRAINING = {"steps": 60, "batches": 2, "batch": 32, "learning_rate": 0.1, "momentum": 0.9, "evaluations": 3}
TASK = {"task": "digits", "hidden": [16], "training": TRAINING}
KERNELS = 64 * 16 + 16 * 10


@pytest.fixture(scope="module")
def digits():
    return tasks.supervised("digits")


def rows(found, name, step=60):
    split, metric = name.split("/")
    return [
        row["value"]
        for row in found.trajectory.rows([0, 1])
        if (row["split"], row["metric"], row["step"]) == (split, metric, step)
    ]


@pytest.fixture(scope="module")
def run(digits):
    """Train a cell of two seeds; tests that look at the same one share it."""
    found = {}

    def once(method, density=0.25, task=TASK, share_out="uniform", **options):
        asked = repr((method, density, task, share_out, options))
        if asked not in found:
            whole = {"method": method, **options}
            found[asked] = cells.run(digits, task, whole, density, layer_densities=share_out, seed=0, count=2)
        return found[asked]

    return once


@pytest.mark.parametrize("name", sorted(hybrid.method))
def test_every_method_trains_and_keeps_exactly_what_it_may(digits, run, name):
    changes = {key: {"every": 10} for key in ("set", "rigl", "gmp")}
    # At a quarter four units are left to a small dense network, which trains slowly.
    density = 0.5 if name == "small_dense" else 0.25
    share_out = "whole" if name in ("dense", "evolution", "small_dense") else "uniform"
    options = ({"evolution": {"population": 8}} | changes).get(name, {})
    found = run(name, density, share_out=share_out, **options)
    assert found.trajectory.steps == [20, 40, 60]
    whole = cells.architecture_of(digits, TASK)
    if name in ("dense", "evolution"):
        kept = KERNELS
    elif name == "small_dense":
        kept = cells.architectures.small((8, 8, 1), 10, TASK, density)[0].kernel_count
    else:
        kept = 256 + 40
    assert rows(found, "mask/kept") == [kept, kept]
    assert rows(found, "mask/kept", 20)[0] > kept or name != "gmp"
    assert found.masks.sum(1).tolist() == [kept, kept]
    if name != "small_dense":
        assert found.masks.shape == (2, whole.kernel_count)
    assert (found.masks[0] != found.masks[1]).any() or kept in (KERNELS, found.masks.shape[1])
    # Far better than chance, which is .1 with a standard error of .016.
    assert min(rows(found, "test/accuracy")) > 0.4


def test_every_seed_has_its_own_images():
    data = tasks.replicates("digits", seed=0, count=2)
    found = cells.run(data, TASK, {"method": "dense"}, 0.25, seed=0, count=2)
    architecture = cells.architecture_of(data, TASK)
    for seed in range(2):
        own = jax.tree.map(lambda leaf, seed=seed: leaf[seed], found.params)
        for split in ("validation", "test"):
            x, y = (part[seed] for part in getattr(data, split))
            outputs, _ = architecture.forward(own, x, None)
            right = float(np.mean(np.argmax(outputs, -1) == y))
            assert rows(found, f"{split}/accuracy")[seed] == pytest.approx(right, abs=1e-6)
    # The first seed alone sees the same images, batches and first weights.
    alone = cells.run(tasks.replicates("digits", seed=0, count=1), TASK, {"method": "dense"}, 0.25, seed=0, count=1)
    for name, leaf in alone.params.items():
        np.testing.assert_allclose(leaf[0], found.params[name][0], rtol=1e-5, atol=1e-6)


def test_scores_are_those_of_the_deployed_network(digits, run):
    found = run("hybrid")
    architecture = cells.architecture_of(digits, TASK)
    for seed, accuracy in enumerate(rows(found, "test/accuracy")):
        own = jax.tree.map(lambda leaf, seed=seed: leaf[seed], found.params)
        outputs, _ = architecture.forward(own, digits.test.x, None)
        assert accuracy == pytest.approx(float(np.mean(np.argmax(outputs, -1) == digits.test.y)), abs=1e-6)
        kernels = np.concatenate([np.ravel(own[p.name]) for p in architecture.prunable])
        assert not kernels[~found.masks[seed]].any()


def test_costs_and_churn(run):
    samples = 60 * 2 * 32
    hybrid, static = run("hybrid"), run("static")
    assert rows(hybrid, "cost/passes") == [6 * samples] * 2
    assert rows(static, "cost/passes") == [3 * samples] * 2
    assert rows(static, "cost/passes", 20) == [samples] * 2
    assert rows(static, "mask/churn") == [0, 0]
    assert min(rows(hybrid, "mask/churn", 20)) > 0.2
    still = run("hybrid", mask_rate=0.0)
    assert rows(still, "mask/churn", 20) == [0, 0]
    half = rows(run("small_dense"), "cost/passes")[0]
    assert half == pytest.approx(0.25 * 3 * samples, rel=0.15)


def test_the_same_seed_gives_the_same_and_seeds_do_not_depend_on_their_number(digits, run):
    first = run("hybrid")
    again = cells.run(digits, TASK, {"method": "hybrid"}, 0.25, seed=0, count=2)
    np.testing.assert_array_equal(first.masks, again.masks)
    alone = cells.run(digits, TASK, {"method": "hybrid"}, 0.25, seed=0, count=1)
    np.testing.assert_array_equal(first.masks[:1], alone.masks)


def test_block_masks_of_a_recurrent_network(digits, run):
    task = TASK | {"recurrent": 8}
    found = run("hybrid", 0.25, task, block=(4, 4))
    architecture = cells.architecture_of(digits, task)
    start = 0
    for parameter in architecture.prunable:
        own = found.masks[:, start : start + parameter.size].reshape(2, *parameter.shape)
        start += parameter.size
        rows_, columns = -(-parameter.shape[0] // 4), -(-parameter.shape[1] // 4)
        corners = own[:, ::4, ::4]
        assert (corners.sum((1, 2)) == round(0.25 * rows_ * columns)).all()
        spread = np.repeat(np.repeat(corners, 4, 1), 4, 2)[:, : parameter.shape[0], : parameter.shape[1]]
        np.testing.assert_array_equal(own, spread)


def test_correlations_of_every_seed_and_population(digits):
    task = {"task": "digits", "hidden": [2], "training": TRAINING | {"steps": 20, "evaluations": 1}}
    method = {"method": "hybrid", "std": 1.0}
    found = effects.measure(digits, task, method, 0.25, [4, 512], samples=100, draws=2, seed=0, count=2)
    assert [(row["seed"], row["population"], row["weights"]) for row in found] == [
        (0, 4, 148), (1, 4, 148), (0, 512, 148), (1, 512, 148),
    ]  # fmt: skip
    assert all(-1 <= row["value"] <= 1 for row in found)
    with pytest.raises(ValueError, match="effects are those of single weights"):
        effects.measure(digits, task, method | {"block": (4, 1)}, 0.25, [4], samples=10, draws=1, seed=0, count=1)


def test_ranks_are_correlated():
    assert effects.correlation(np.array([1.0, 2, 3]), np.array([0.0, 10, 1000])) == pytest.approx(1)
    assert effects.correlation(np.array([1.0, 2, 3]), np.array([5.0, 4, -8])) == pytest.approx(-1)
