"""Data of any shape and type: tables that scikit-learn brings, and arrays, tables and images in files of one's own."""

import jax
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from evotickets import study, tasks
from evotickets.configuration.reader import StudyError
from evotickets.systems.hybrid import cells as hybrid
from evotickets.systems.strong import data as strong
from evotickets.systems.tickets import levels, problems
from evotickets.tasks import arrays, scaling
from evotickets.tasks.registry import Facts, Images

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("name", "samples", "inputs", "classes"), [("breast_cancer", 569, 30, 2), ("wine", 178, 13, 3), ("iris", 150, 4, 3)]
)
def test_tables_of_scikit_learn_are_what_its_loaders_give(name, samples, inputs, classes):
    from sklearn import datasets

    theirs = getattr(datasets, f"load_{name}")()
    held = tasks.task[name]()
    np.testing.assert_array_equal(held.x, theirs.data)
    np.testing.assert_array_equal(held.y, theirs.target)
    data = tasks.supervised(name)
    assert sum(len(split.y) for split in (data.train, data.validation, data.test)) == samples
    assert (data.input_shape, data.classes) == ((inputs,), classes)
    assert (data.train.x.dtype, data.train.y.dtype) == (np.float32, np.int32)
    np.testing.assert_allclose(data.train.x.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(data.train.x.std(0), 1, rtol=1e-4)


def facts(shape, **more):
    return Facts("supervised", shape, 3, **more)


LABELS = np.array([0, 1, 2, 0])


def splits(x):
    return [(x, LABELS), (x[:2], LABELS[:2]), (x[2:], LABELS[2:])]


def test_vectors_are_standardised_entry_by_entry_and_others_together():
    x = np.array([[1.0, 10], [2, 10], [3, 10], [6, 10]])
    train, validation, _ = scaling.standardised("mine", splits(x), facts((2,)))
    std = np.sqrt(3.5)
    np.testing.assert_allclose(train.x, np.array([[-2, 0], [-1, 0], [0, 0], [3, 0]]) / [std, 1], rtol=1e-6)
    np.testing.assert_array_equal(validation.x, train.x[:2])
    together, *_ = scaling.standardised("mine", splits(x[:, :, None]), facts((2, 1)))
    np.testing.assert_allclose(together.x, (x[:, :, None] - 6.5) / x.std(), rtol=1e-6)
    raw, *_ = scaling.standardised("mine", splits(x.astype(np.int64)), facts((2,), standardise="none"))
    np.testing.assert_array_equal(raw.x, x.astype(np.float32))


def test_bytes_and_the_same_numbers_as_floats_are_standardised_alike():
    x = RNG.integers(0, 256, (4, 3, 3, 1))
    bytes_, *_ = scaling.standardised("mine", splits(x.astype(np.uint8)), facts((3, 3, 1)))
    floats, *_ = scaling.standardised("mine", splits(x.astype(float)), facts((3, 3, 1)))
    np.testing.assert_allclose(bytes_.x, floats.x, rtol=1e-6)


@pytest.mark.parametrize(
    ("x", "y", "sentence"),
    [
        (
            np.ones((4, 3)),
            LABELS,
            r"inputs of the shape \(4, 3\) for 4 labels; its decorator states input_shape=\(2,\)",
        ),
        (np.ones((3, 2)), LABELS, r"inputs of the shape \(3, 2\) for 4 labels"),
        (np.full((4, 2), np.nan), LABELS, "not all finite"),
        (np.full((4, 2), "a"), LABELS, "give finite numbers"),
        (np.ones((4, 2)), LABELS + 1, "states classes=3: give one whole number from 0 to 2"),
        (np.ones((4, 2)), LABELS / 2, "labels of float64"),
    ],
)
def test_arrays_that_do_not_fit_the_facts_are_refused(x, y, sentence):
    with pytest.raises(ValueError, match=sentence):
        scaling.standardised("mine", [(x, y)] * 3, facts((2,)))


def test_archives_of_numpy(tmp_path):
    x, y = RNG.normal(size=(6, 2, 5)), np.array(["b", "a", "b", "c", "a", "c"])
    np.savez(tmp_path / "whole.npz", x=x, y=y)
    held = arrays.from_npz(tmp_path / "whole.npz")
    np.testing.assert_array_equal(held.x, x)
    assert held.y.tolist() == [1, 0, 1, 2, 0, 2]
    places = zip(arrays.SPLITS, (slice(3), slice(3, 4), slice(4, 6)), strict=True)
    parts = {f"{kind}_{split}": a[at] for split, at in places for kind, a in (("x", x), ("y", y))}
    np.savez(tmp_path / "split.npz", **parts)
    split = arrays.from_npz(tmp_path / "split.npz")
    assert isinstance(split, Images)
    assert [y.tolist() for _, y in split] == [[1, 0, 1], [2], [0, 2]]
    np.savez(tmp_path / "other.npz", inputs=x)
    with pytest.raises(ValueError, match=r"holds inputs; expected are x and y, or x_train"):
        arrays.from_npz(tmp_path / "other.npz")
    (tmp_path / "damaged.npz").write_bytes(b"PK")
    with pytest.raises(ValueError, match="is damaged or no archive of NumPy"):
        arrays.from_npz(tmp_path / "damaged.npz")
    with pytest.raises(FileNotFoundError, match="is not there"):
        arrays.from_npz(tmp_path / "absent.npz")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_tables_with_a_column_of_labels(tmp_path, ending):
    frame = pd.DataFrame({"length": [1.5, 2.5, 3.5], "species": ["rosa", "iris", "rosa"], "count": [3, 2, 1]})
    path = tmp_path / f"flowers.{ending}"
    frame.to_parquet(path) if ending == "parquet" else frame.to_csv(path, index=False)
    held = arrays.from_table(path, label="species")
    np.testing.assert_array_equal(held.x, [[1.5, 3], [2.5, 2], [3.5, 1]])
    assert held.y.tolist() == [1, 0, 1]
    with pytest.raises(ValueError, match=r"has no column 'kind'; its columns are length, species, count"):
        arrays.from_table(path, label="kind")
    with pytest.raises(ValueError, match=r"the column 'species' holds what is no number"):
        arrays.from_table(path, label="count")


def test_images_in_folders_with_a_class_map(tmp_path):
    for name, value in (("cats", 10), ("lions", 20), ("dogs", 200), ("other", 0)):
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 6), (value,) * 3).save(tmp_path / name / "a.png")
    held = arrays.from_images(tmp_path, {"cats": 0, "lions": 0, "dogs": 1}, size=4)
    assert held.x.shape == (3, 4, 4, 3)
    assert held.x[:, 0, 0, 0].tolist() == [10, 20, 200]
    assert held.y.tolist() == [0, 0, 1]
    with pytest.raises(FileNotFoundError, match="birds is not there"):
        arrays.from_images(tmp_path, {"birds": 0}, size=4)


def config(**task):
    return {
        "tickets": {
            "densities": [1, 0.5],
            "tasks": {"wine": task},
            "trainers": {"snes": {"population": 8, "generations": 4, "evaluations": 2, "batch": 16}},
            "chains": [{"task": "wine", "trainers": ["snes"], "criteria": ["snr"]}],
        }
    }


def test_a_table_runs_in_every_system_that_takes_data():
    section = study.resolve(config(hidden=[5])).tickets
    held, network = problems.problem_of(section.tasks["wine"], seed=0, count=2)
    assert network.shapes == [(13, 5), (5, 3)]
    ticket = levels.initialise(network, 2, seed=0, name="wine")
    trained, run = levels.train(network, held, ticket, section.settings["wine", "snes"], key=jax.random.key(0))
    assert trained.flat(network, "mean").shape == (2, network.parameter_count)
    assert (run.trajectory.scores["test/accuracy"][-1] > 0).all()
    with pytest.raises(StudyError, match=r"tickets.tasks.wine has no images for 'channels'; use 'hidden'"):
        study.resolve(config(channels=[4]))
    assert hybrid.architecture_of(held, {"hidden": [5]}).shapes == [(13, 5), (5, 3)]
    drawn = strong.draw("wine", 3, 60, 0.0, [np.random.default_rng(0)])
    np.testing.assert_allclose(drawn.train.x.mean(1), 0, atol=0.5)
    assert drawn.train.x.shape[-1] == 13
