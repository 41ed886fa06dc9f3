"""Data of one's own: folders as a model was trained on them, arrays and data sets as it takes them."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from evotickets import study
from evotickets.configuration import reader
from evotickets.systems.subspace import cells, evaluation, pools, problems
from evotickets.systems.subspace.children import Children
from evotickets.systems.subspace.evaluation import Samples


@pytest.fixture
def pets(tmp_path):
    """Two classes of a model that knows five, and what lies around them."""
    for part in ("train", "val"):
        for level, name in ((40, "cat"), (200, "dog")):
            (tmp_path / part / name).mkdir(parents=True)
            for index in range(3):
                Image.fromarray(np.full((8, 8, 3), level, np.uint8)).save(tmp_path / part / name / f"{index}.png")
        (tmp_path / part / ".ipynb_checkpoints").mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / part / ".ipynb_checkpoints/0.png")
        (tmp_path / part / "cat/._0.png").write_bytes(b"of a Mac")
    (tmp_path / "classes.txt").write_text("bird\ndog\nfish\nhorse\ncat\n")
    return tmp_path


def loaded(root, **options):
    return pools.load("folder", 0, {"root": str(root), "size": 8, "resize": 8} | options)


@pytest.mark.parametrize("how", [{"classes": {"cat": 4, "dog": 1}}, {"classes_file": "classes.txt"}])
def test_classes_have_the_numbers_that_the_model_knows(pets, how):
    source = loaded(pets, **how)
    np.testing.assert_array_equal(source.test.labels, [4] * 3 + [1] * 3)
    np.testing.assert_array_equal(source.test.read(np.array([0, 3]))[:, 0, 0, 0], [40, 200])


def test_hidden_folders_and_files_shift_no_label(pets):
    np.testing.assert_array_equal(loaded(pets).train.labels, [0] * 3 + [1] * 3)


def test_two_folders_may_be_one_class(pets):
    np.testing.assert_array_equal(loaded(pets, classes={"cat": 2, "dog": 2}).test.labels, [2] * 6)


def test_images_are_scaled_as_the_study_says(pets):
    source = loaded(pets, mean=[0.5, 0.5, 0.5], std=[0.25, 0.5, 0.5])
    (batch,) = Samples(source.test.read(np.array([3])), np.zeros(1), source.mean, source.std).batches(
        1, torch.device("cpu")
    )
    assert batch[0, :, 0, 0].tolist() == pytest.approx([(200 / 255 - 0.5) / 0.25, *[(200 / 255 - 0.5) / 0.5] * 2])


def test_files_of_other_kinds_are_counted_and_named(pets):
    for name in ("a.heic", "b.heic", "notes.txt"):
        (pets / "train/dog" / name).touch()
    with pytest.warns(
        UserWarning, match=r"train holds files that are left out, as they are no images: 2 .heic, 1 .txt"
    ):
        loaded(pets)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"classes": {"cat": 4}}, "the folder dog has no number: add it to classes, or take it away"),
        ({"classes": {"cat": 4, "dog": 1}, "classes_file": "classes.txt"}, "have classes and classes_file; keep one"),
        ({"classes_file": "absent.txt"}, "absent.txt is missing: it must hold the names of the model's classes"),
        ({"std": [0.1, 0, 0.1]}, "all three must be above 0"),
    ],
)
def test_classes_and_scales_that_do_not_fit_are_refused_with_a_sentence(pets, options, sentence):
    with pytest.raises((ValueError, FileNotFoundError), match=sentence):
        loaded(pets, **options)


def archive(folder, **changed):
    rng = np.random.default_rng(0)
    arrays = {}
    for split, count in (("train", 30), ("validation", 10), ("test", 10)):
        labels = rng.integers(0, 3, count)
        arrays[f"x_{split}"] = np.eye(3)[labels] + rng.normal(0, 0.1, (count, 3))
        arrays[f"y_{split}"] = labels
    np.savez(folder / "own.npz", **arrays | changed)
    return folder / "own.npz"


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(3, 3)


def embedding() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(20, 4), nn.Flatten(), nn.Linear(20, 3))


def test_arrays_reach_the_model_as_they_are_and_are_learnt(tmp_path):
    parent = {"model": f"{__name__}.linear", "arguments": {}, "images": "arrays"}
    parent["options"] = {"root": str(archive(tmp_path))}
    images = {"fitness": 30, "validation": 10, "test": None, "batch": 7}
    found = problems.problem(parent, images, 0, 0)
    assert found.fitness.images.dtype == np.float32
    assert len(found.test.labels) == 10
    settings = {
        "mode": "dense",
        "density": 1.0,
        "scales": [{"rule": "norm", "sigma": 0.3}],
        "children": 30,
        "step": 3.0,
    }
    rows = cells.run(
        "mutations", parent, problems.make(parent, 0, 1), settings, images=images, batch_norm="keep",
        children=Children(None), seed=0, count=1, threads=1,
    )  # fmt: skip
    nll = {row["candidate"]: row["value"] for row in rows if (row["split"], row["metric"]) == ("test", "nll")}
    assert nll["es_step"] < nll["parent"]


def test_whole_numbers_stay_whole_for_models_of_tokens():
    model = embedding().to(torch.bfloat16)
    samples = Samples(np.arange(40).reshape(8, 5) % 20, np.zeros(8, int), (), ())
    assert evaluation.logits(model, samples, 3).shape == (8, 3)


def test_arrays_that_do_not_fit_are_refused_with_a_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"own.npz has inputs .*; expected are numbers, and classes \[n\]"):
        pools.load("arrays", 0, {"root": str(archive(tmp_path, x_test=np.array(["a"] * 10)))})
    whole = tmp_path / "whole.npz"
    np.savez(whole, x=np.zeros((4, 2)), y=np.zeros(4, int))
    with pytest.raises(ValueError, match=r"whole.npz brings no split: name its arrays x_train, y_train"):
        pools.load("arrays", 0, {"root": str(whole)})
    with pytest.raises(ValueError, match=r"inputs float32 of 2 axes are no images of bytes, which alone are shifted"):
        pools.shift(np.zeros((3, 2), np.float32), "rotation", 0, np.random.default_rng(0))


class Points(torch.utils.data.Dataset):
    def __init__(self, count=12):
        self.x = torch.arange(3.0 * count).reshape(count, 3)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        return self.x[index], index % 3


class Targeted(Points):
    targets = (2,) * 12

    def __getitem__(self, index):
        assert index == 4, "labels are read without samples"
        return super().__getitem__(index)


class Single(Points):
    def __getitem__(self, index):
        return self.x[index]


def test_a_data_set_is_named_by_its_import_path():
    source = pools.load(
        "dataset", 0, {"train": f"{__name__}.Points", "test": f"{__name__}.Points", "arguments": {"count": 6}}
    )
    np.testing.assert_array_equal(source.train.labels, [0, 1, 2, 0, 1, 2])
    np.testing.assert_array_equal(source.test.read(np.array([5, 0])), [[15, 16, 17], [0, 1, 2]])
    source = pools.load("dataset", 0, {"train": f"{__name__}.Targeted", "test": f"{__name__}.Points"})
    np.testing.assert_array_equal(source.train.labels, [2] * 12)
    assert source.train.read(np.array([4])).shape == (1, 3)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("os.system", "os.system is no data set and is not called: name a class with __len__ and __getitem__"),
        ("no_such.Set", "the data set no_such.Set cannot be imported"),
        (f"{__name__}.Single", "sample 0 of the data set .*Single is no pair of input and class: return both"),
    ],
)
def test_what_is_no_data_set_is_refused_with_a_sentence(path, sentence):
    with pytest.raises(ValueError, match=sentence):
        pools.load("dataset", 0, {"train": path, "test": f"{__name__}.Points"})


def test_a_study_names_all_of_it():
    def checked(images, options):
        parent = {"model": "a.Net", "images": images, "options": options}
        config = {"subspace": {"parents": {"mine": parent}, "mutations": [{"parents": ["mine"], "sigmas": [0.1]}]}}
        return study.resolve(config).subspace.parents["mine"]["options"]

    own = {"root": "pets", "classes": {"cat": 281}, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
    assert checked("folder", own) == own
    assert checked("arrays", {"root": "own.npz"}) == {"root": "own.npz"}
    assert checked("dataset", {"train": "a.Train", "test": "a.Test", "arguments": {"x": 1}})["test"] == "a.Test"
    with pytest.raises(reader.StudyError, match=r"images of dataset without options.test; add it"):
        checked("dataset", {"train": "a.Train"})
    with pytest.raises(reader.StudyError, match="options has size, which images of arrays do not take"):
        checked("arrays", {"root": "own.npz", "size": 3})


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"arguments": {"inputs": 3}},
            r"ResNet does not take inputs \[1, 8, 8\] of float32, which images of digits are .*channels",
        ),
        ({"arguments": {"inputs": 1, "classes": 4}}, "the model tells 4 classes apart, the labels go up to 9"),
        ({"include": ["haed.*"]}, r"no parameter is named haed.*; there are conv1.weight"),
    ],
)
def test_a_model_that_does_not_fit_its_images_is_refused_before_it_is_trained(monkeypatch, changed, sentence):
    monkeypatch.setattr(problems.training, "train", lambda *_: pytest.fail("it was trained"))
    parent = {"model": "evotickets.systems.subspace.resnet.ResNet", "images": "digits", "options": {}, "epochs": 1}
    with pytest.raises(ValueError, match=sentence):
        problems.make(parent | {"arguments": {"inputs": 1}} | changed, 0, 1)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (
            {"fitness": 31},
            r"^subspace.fitness is 31, but images of arrays are 30: lower it to 30 at most, or give more$",
        ),
        ({"fitness": 5, "validation": 11}, r"^subspace.validation is 11, but images of arrays are 10: lower it to 10"),
        ({"test": 11}, r"^subspace.test is 11, but images of arrays are 10: lower it to 10 at most"),
    ],
)
def test_more_images_than_there_are_are_refused_before_a_parent_is_built_or_trained(
    tmp_path, monkeypatch, asked, sentence
):
    monkeypatch.setattr(problems.parents, "build", lambda *_: pytest.fail("it was built"))
    parent = {"model": f"{__name__}.linear", "arguments": {}, "images": "arrays", "epochs": 1}
    parent["options"] = {"root": str(archive(tmp_path))}
    with pytest.raises(ValueError, match=sentence):
        problems.make(parent, 0, 1, {"fitness": 10, "validation": 10, "test": None, "batch": 5} | asked)


def test_images_of_validation_are_what_fitness_leaves_of_training_where_there_are_no_others():
    options = {"train": f"{__name__}.Points", "test": f"{__name__}.Points"}
    parent = {"model": f"{__name__}.linear", "arguments": {}, "images": "dataset", "options": options}
    problems.make(parent, 0, 1, {"fitness": 8, "validation": 4, "test": 12})
    said = "subspace.validation is 5, but images of dataset are 4 beside those of fitness, as dataset brings none of validation"
    with pytest.raises(ValueError, match=said):
        problems.make(parent, 0, 1, {"fitness": 8, "validation": 5, "test": 12})


def test_a_data_set_without_held_out_images_is_refused_with_a_sentence():
    parent = {"model": f"{__name__}.linear", "arguments": {}, "images": "dataset"}
    options = {"train": f"{__name__}.Points", "test": f"{__name__}.Empty"}
    with pytest.raises(ValueError, match="dataset has no images of training, or none held out: give both"):
        problems.make(parent | {"options": options}, 0, 1)


class Empty(Points):
    def __init__(self):
        super().__init__(0)
