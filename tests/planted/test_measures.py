"""What a found ticket is worth: fair and raw quality, collapse, recovery and visibility."""

import numpy as np
import pytest

from evotickets.networks import layout, masks
from evotickets.planted import ground as grounds
from evotickets.planted import measures, samples, targets
from evotickets.systems.planting import cells

CIRCLE = {"target": "circle", "width": 100, "noise": 0.01}
HELIX = {"target": "helix", "width": 40, "noise": 0.01}


def problem(target, seeds=3):
    rngs = [np.random.default_rng(index) for index in range(seeds)]
    return samples.draw(target["target"], 10_000, target["noise"], rngs)


@pytest.mark.parametrize("depth", [2, 4, 9])
def test_a_planted_circle_is_judged_by_its_target_and_not_by_its_scales(depth):
    """The raw largest output says nothing (.16 to .46 in the reference); scales fitted on training samples do."""
    ground = grounds.ground(CIRCLE, depth, seed=0, count=3)
    network, data = cells.network_of(CIRCLE, depth), problem(CIRCLE)
    found = measures.quality(network, data, ground.parameters * masks.spread(network, ground.mask))
    target = targets.build("circle", depth)
    own = [np.mean(targets.outputs(target, x).argmax(1) == y) for x, y in zip(*data.test, strict=True)]
    # The flipped labels pull the fitted thresholds a little apart.
    assert (found.fair > np.array(own) - 0.01).all()
    assert (found.raw < found.fair - 0.3).all()
    assert measures.baseline(data) == pytest.approx([0.45] * 3, abs=0.015)


def test_a_planted_helix_is_judged_without_its_scales():
    ground = grounds.ground(HELIX, 4, seed=0, count=2)
    network, data = cells.network_of(HELIX, 4), problem(HELIX, 2)
    found = measures.quality(network, data, ground.parameters * masks.spread(network, ground.mask))
    assert (found.fair < 2.2e-4).all()
    assert (found.raw > 0.1).all()


def test_constant_outputs_are_worth_the_best_constant():
    for target in (CIRCLE, HELIX):
        network, data = cells.network_of(target, 3), problem(target, 2)
        found = measures.quality(network, data, np.zeros((2, network.parameter_count)))
        np.testing.assert_allclose(found.fair, measures.baseline(data), rtol=1e-4)


def test_fitted_scales_do_not_see_the_test_samples():
    ground = grounds.ground(HELIX, 3, seed=0, count=1)
    network, data = cells.network_of(HELIX, 3), problem(HELIX, 1)
    shuffled = data._replace(train=samples.Samples(data.train.x, data.train.y[:, ::-1]))
    parameters = ground.parameters * masks.spread(network, ground.mask)
    assert measures.quality(network, shuffled, parameters).fair > 100 * measures.quality(network, data, parameters).fair


NETWORK = layout.mlp(2, (3,), 2)


def mask_of(*edges):
    mask = np.zeros((1, NETWORK.kernel_count), bool)
    for layer, source, unit in edges:
        layout.kernels(NETWORK, mask)[layer - 1][0, unit, source] = True
    return mask


def test_recovery_by_hand():
    """Three planted edges, four found, of which two are planted: one of two in layer 1, one of one in layer 2."""
    planted = mask_of((1, 0, 0), (1, 1, 1), (2, 0, 0))
    found = mask_of((1, 0, 0), (1, 1, 0), (2, 0, 0), (2, 2, 1))
    result = measures.recovery(NETWORK, found, planted)
    np.testing.assert_allclose(result.precision, [[2 / 4, 1 / 2, 1 / 2]])
    np.testing.assert_allclose(result.recall, [[2 / 3, 1 / 2, 1]])
    np.testing.assert_allclose(result.jaccard, [[2 / 5, 1 / 3, 1 / 2]])
    # Six weights in each layer, twelve in all: chance finds 4 · 3 / 12 = 1 anywhere, 2 · 2 / 6 and 2 · 1 / 6 by layer.
    np.testing.assert_allclose(result.chance_recall, [[1 / 3, 1 / 3, 1 / 3]])
    np.testing.assert_allclose(result.chance_precision, [[1 / 4, 1 / 3, 1 / 6]])
    np.testing.assert_allclose(result.chance_jaccard[0, 0], 1 / 6)
    np.testing.assert_allclose(result.layer_chance_recall[0, 0], (4 / 6 + 2 / 6) / 3)


def test_recovery_of_a_random_mask_is_chance():
    rng = np.random.default_rng(0)
    planted, found = (rng.random((400, NETWORK.kernel_count)) < share for share in (0.3, 0.5))
    planted[:, 0] = found[:, 0] = True
    result = measures.recovery(NETWORK, found[:, :], planted)
    whole = planted[:, 1:].sum(), (found & planted)[:, 1:].sum()
    assert whole[1] / whole[0] == pytest.approx(0.5, abs=0.05)
    assert np.mean(result.recall[:, 0] - result.chance_recall[:, 0]) == pytest.approx(0.14, abs=0.06)


def test_collapsed_and_severed():
    whole = mask_of((1, 0, 0), (2, 0, 1))
    severed = mask_of((1, 0, 0), (2, 1, 1))
    collapsed = mask_of((1, 0, 0), (1, 0, 1))
    together = np.concatenate([whole, severed, collapsed])
    np.testing.assert_array_equal(measures.collapsed(NETWORK, together), [False, False, True])
    np.testing.assert_array_equal(measures.severed(NETWORK, together), [False, True, True])
    np.testing.assert_array_equal(measures.layer_counts(NETWORK, together), [[1, 1], [1, 1], [2, 0]])


def test_visibility_by_hand():
    """Two planted weights, the largest and the smallest: one of them is among the two largest, beside the second largest."""
    parameters = np.zeros((1, NETWORK.parameter_count))
    places = masks.kernel_positions(NETWORK)
    parameters[0, places] = np.arange(1, 13)
    planted = np.zeros((1, 12), bool)
    planted[0, [0, 11]] = True
    seen = measures.visibility(NETWORK, parameters, planted)
    np.testing.assert_allclose(seen.share, [0.5])
    np.testing.assert_allclose(seen.largest, [12 / np.sqrt(2 / 3)])
    np.testing.assert_allclose(seen.chance, [2 / 12])
    np.testing.assert_allclose(seen.rest, [11 / np.sqrt(2 / 3)])


def test_a_cell_reports_every_measure_for_every_seed():
    target = CIRCLE | {"width": 20}
    ground = grounds.ground(target, 3, seed=0, count=2)
    training = {"epochs": 1, "batch": 32, "learning_rate": 0.001}
    cell = cells.seek(target, 3, ground, {"seeker": "planted"}, "ticket", count=320, training=training, seed=0)
    whole = {(row["split"], row["metric"], row["seed"]): row["value"] for row in cell.rows if row["layer"] == 0}
    assert whole["recovery", "recall", 1] == whole["recovery", "jaccard", 0] == 1
    assert whole["test", "strong_accuracy", 0] > 0.9
    assert {metric for split, metric, _ in whole if split == "test"} == {
        "strong_accuracy", "strong_raw_accuracy", "weak_accuracy", "weak_raw_accuracy", "baseline_accuracy",
    }  # fmt: skip
    assert {row["layer"] for row in cell.rows if row["metric"] == "recall"} == {0, 1, 2, 3}
    assert ("visibility", "share", 0) in whole
    dense = cells.seek(target, 3, ground, {"seeker": "dense"}, "1", count=320, training=training, seed=0)
    assert dense.mask.all()


def test_noise_on_labels_changes_neither_mothers_nor_samples():
    clean = grounds.ground(CIRCLE | {"noise": 0.0}, 4, seed=1, count=2)
    noisy = grounds.ground(CIRCLE, 4, seed=1, count=2)
    other = grounds.ground(CIRCLE, 4, seed=2, count=2)
    np.testing.assert_array_equal(clean.parameters, noisy.parameters)
    assert (other.parameters != noisy.parameters).any()
