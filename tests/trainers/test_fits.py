"""Real values as targets: mean squared error, the share of variance that is explained, and the error in the targets' unit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import r2_score

from evotickets import landscape, results, study, tasks
from evotickets.configuration.reader import StudyError
from evotickets.own import PartError
from evotickets.systems.tickets import archive, around, levels, problems
from evotickets.tasks import arrays, scaling
from evotickets.tasks.registry import Facts, Whole
from evotickets.trainers import fits, objectives

RNG = np.random.default_rng(0)
LINE = RNG.normal(size=(200, 3))
PLANE = LINE @ np.array([[3.0, 1.0], [-2.0, 0.0], [0.0, 5.0]]) + np.array([100.0, -7.0])


@pytest.fixture
def own(monkeypatch):
    """The decorator of tasks, whose additions end with the test."""
    list(tasks.task)
    monkeypatch.setattr(tasks.task, "_parts", dict(tasks.task))
    monkeypatch.setattr(tasks.task, "facts", dict(tasks.task.facts))
    return tasks.task


@pytest.fixture
def plane(own):
    own(name="plane", kind="supervised", input_shape=(3,), targets=2, unit="mm")(lambda: Whole(LINE, PLANE))


def test_scores_are_those_of_scikit_learn():
    outputs, targets = RNG.normal(size=(2, 50, 2)).astype(np.float32)
    found = fits.VALUES.scores(jnp.asarray(outputs), jnp.asarray(targets))
    np.testing.assert_allclose(found["r2"], r2_score(targets, outputs), rtol=1e-4)
    np.testing.assert_allclose(found["loss"], np.mean((outputs - targets) ** 2), rtol=1e-5)
    np.testing.assert_allclose(fits.VALUES.losses(outputs.T, targets), ((outputs - targets) ** 2).mean(1), rtol=1e-5)
    # The mean of the targets explains nothing.
    mean = jnp.broadcast_to(targets.mean(0), targets.shape)
    np.testing.assert_allclose(fits.VALUES.score(mean, jnp.asarray(targets)), 0, atol=1e-5)


def test_targets_are_standardised_by_training_samples_and_splits_know_no_classes(plane):
    data = tasks.supervised("plane")
    assert [split.y.shape for split in (data.train, data.validation, data.test)] == [(120, 2), (40, 2), (40, 2)]
    assert (data.classes, data.outputs, data.train.y.dtype) == (0, 2, np.float32)
    np.testing.assert_allclose(data.train.y.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(data.train.y.std(0), 1, rtol=1e-4)
    seen = tasks.replicates("plane", seed=0, count=3)
    assert seen.train.y.shape == (3, 120, 2)
    assert seen.scale.shape == (3, 2)
    for row, scale, tested in zip(seen.test.y, seen.scale, seen.tested, strict=True):
        np.testing.assert_allclose(np.ptp(row, 0) * scale, np.ptp(PLANE[tested], 0), rtol=1e-4)


@pytest.mark.parametrize("trainer", ["adam", "sep_cma_es"])
def test_a_plane_is_learnt_and_its_error_is_in_the_unit_of_the_targets(plane, trainer):
    options = {"trainer": trainer, "batch": 60, "evaluations": 1}
    options |= {"steps": 400, "learning_rate": 0.03} if trainer == "adam" else {"population": 16, "generations": 300}
    data, network = problems.problem_of({"task": "plane", "hidden": []}, seed=0, count=2)
    assert network.shapes == [(3, 2)]
    start = levels.initialise(network, 2, seed=0, name="plane")
    _, run = levels.train(network, data, start, options, key=jax.random.key(0))
    scores = {name: values[-1] for name, values in run.trajectory.scores.items()}
    assert (scores["test/r2"] > 0.99).all()
    np.testing.assert_allclose(scores["test/rmse"], 0, atol=0.4)
    assert problems.unit_of({"task": "plane"}) == {"unit": "mm"}
    # Without weights an output is the mean of the training targets, whose error is about their standard deviation.
    objective = objectives.supervised(network, start.flat(network, "mask"), data, batch=8)
    nothing = objective.evaluate(objective.shared, jnp.zeros(network.parameter_count), jax.random.key(0), 0)
    spread = np.sqrt((data.scale[0] ** 2).mean())
    np.testing.assert_allclose(nothing["train/rmse"], spread, rtol=1e-4)
    np.testing.assert_allclose(nothing["train/r2"], 0, atol=1e-4)


def test_criteria_and_landscape_take_real_values(plane, tmp_path):
    data, network = problems.problem_of({"task": "plane", "hidden": [6]}, seed=0, count=2)
    start = levels.initialise(network, 2, seed=0, name="plane")
    for criterion in ("snip", "grasp", "synflow"):
        cut = levels.cut_initial(network, data, start, criterion, 0.5, rng=np.random.default_rng(0))
        assert cut.flat(network, "mask").sum(1).tolist() == [15, 15]
    options = {"trainer": "pgpe", "batch": 60, "evaluations": 1, "population": 8, "generations": 5}
    trained, _ = levels.train(network, data, cut, options, key=jax.random.key(0))
    results.write_ticket(tmp_path / "ticket.parquet", trained)
    assert archive.dataset(data)["rows"] == 200
    scoring = landscape.on_task(network, data, key=jax.random.key(0))
    rows = around.flatness(network, trained, scoring, draws=2, key=jax.random.key(1))
    assert {row["metric"] for row in rows} == {"r2", "loss"}
    (row, _) = around.curvature(network, data, trained, scoring, probes=2, key=jax.random.key(2))
    assert np.isfinite(list(row.values())).all()
    measures = {row["measure"] for row in around.diversity(network, data, trained)}
    assert measures == {"cosine", "distance", "jaccard"}
    errors = landscape.errors({"test/r2": np.array([0.75])})
    np.testing.assert_array_equal(errors["test/unexplained"], [0.25])


def test_fractions_of_files_are_real_values(tmp_path, own):
    (tmp_path / "houses.csv").write_text("rooms,price\n1,10.5\n2,20.25\n3,30.0\n")
    held = arrays.from_table(tmp_path / "houses.csv", label="price")
    assert held.y.tolist() == [10.5, 20.25, 30.0]
    np.savez(tmp_path / "plane.npz", x=LINE, y=PLANE)
    own(name="filed", kind="supervised", input_shape=(3,), targets=2)(lambda: arrays.from_npz(tmp_path / "plane.npz"))
    assert tasks.supervised("filed").outputs == 2


def test_the_table_of_scikit_learn_is_what_its_loader_gives():
    from sklearn import datasets

    theirs, held = datasets.load_diabetes(scaled=False), tasks.task["diabetes"]()
    np.testing.assert_allclose(held.x, theirs.data, rtol=1e-6)
    np.testing.assert_array_equal(held.y, theirs.target)


@pytest.mark.parametrize(
    ("facts", "y", "sentence"),
    [
        (
            {"targets": 2},
            PLANE[:, 0],
            r"shape \(200,\); its decorator states targets=2: give 2 finite numbers a sample",
        ),
        ({"targets": 2}, np.where(PLANE > 104, np.nan, PLANE), "give 2 finite numbers a sample"),
        ({"targets": 2}, np.ones_like(PLANE), "are all the same in the training split"),
        ({"classes": 3}, PLANE[:, 0], "or state targets=1 for real values"),
    ],
)
def test_targets_that_do_not_fit_the_facts_are_refused(facts, y, sentence):
    with pytest.raises(ValueError, match=sentence):
        scaling.standardised("mine", [(LINE, y)] * 3, Facts("supervised", (3,), **facts))


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"kind": "supervised"}, "states neither classes nor targets; expected is .*targets=… in place of classes"),
        ({"kind": "supervised", "classes": 2, "targets": 1}, "states classes and targets; expected is"),
        ({"kind": "control", "targets": 1}, "'control' states targets; expected is"),
    ],
)
def test_a_task_states_classes_or_targets(own, facts, sentence):
    with pytest.raises(PartError, match=sentence):
        own(name="mine", **facts)(lambda: None)


@pytest.mark.parametrize(
    "config",
    [
        {
            "hybrid": {
                "tasks": {"diabetes": {"hidden": [4]}},
                "methods": {"dense": {}},
                "cells": [{"tasks": ["diabetes"], "methods": ["dense"], "densities": [0.5]}],
            }
        },
        {
            "strong": {
                "tasks": {"diabetes": {"hidden": [4], "classes": 2}},
                "seekers": {"genetic": {}},
                "cells": [{"tasks": ["diabetes"], "seekers": ["genetic"]}],
            }
        },
        {
            "subspace": {
                "parents": {"mine": {"model": "a.Net", "images": "diabetes"}},
                "mutations": [{"parents": ["mine"], "sigmas": [0.1]}],
            }
        },
    ],
    ids=lambda config: next(iter(config)),
)
def test_systems_that_compare_accuracies_refuse_real_values(config):
    refused = (
        "diabetes, whose targets are real values, and what is compared here are|images is 'diabetes'; choose one of"
    )
    with pytest.raises(StudyError, match=refused):
        study.resolve(config)
