"""CIFAR-10 corrupted and with other classes, and ResNet-20 tuned to it: on real images, where they are there."""

import numpy as np
import pandas as pd
import pytest

from evotickets import streams
from evotickets.systems.subspace import cells, pools, problems
from evotickets.systems.subspace.children import Children
from evotickets.tasks import cifar_variants
from evotickets.tasks.cifar import CIFAR10
from evotickets.tasks.cifar_variants import corrupted
from evotickets.tasks.files import data_folder
from evotickets.tasks.registry import Pool, Source

WEIGHTS = "weights/resnet20-12fca82f.th"
LIVING = ("bird", "cat", "deer", "dog", "frog", "horse")


@pytest.fixture
def small(monkeypatch):
    """Ten images, one a class, whose pixels are 100 and 140 in turn."""
    images = np.full((10, 4, 4, 3), 100, np.uint8)
    images[:, ::2] = 140
    pool = Pool.of(images, np.arange(10))
    monkeypatch.setattr(cifar_variants, "cifar10", lambda: Source(pool, pool, (0.5,) * 3, (0.25,) * 3))
    return images


def test_contrast_is_a_share_of_the_distance_from_the_mean():
    image = np.array([[[50], [150]]], np.uint8).repeat(3, 2)
    rng = np.random.default_rng(0)
    # The mean is 100, and .15 of 50 is 7.5.
    assert corrupted(image, rng, "contrast", 5)[0, :, 0].tolist() == [92, 107]


def test_noise_has_its_std_and_is_that_of_the_image(small):
    source = pools.load("cifar10_variant", 0, {"corruption": "noise", "severity": 5})
    read = source.test.read(np.arange(10)).astype(float) - small
    assert read.std() == pytest.approx(0.1 * 255, rel=0.1)
    np.testing.assert_array_equal(source.test.read(np.array([7])), source.test.read(np.array([3, 7]))[1:])
    assert (source.test.read(np.arange(2)) != source.train.read(np.arange(2))).any()
    rng = streams.generator(0, "cifar10_variant", "test", 7)
    np.testing.assert_array_equal(source.test.read(np.array([7]))[0], corrupted(small[7], rng, "noise", 5))


def test_classes_are_numbered_anew_and_others_are_left_out(small):
    source = pools.load("cifar10_variant", 0, {"classes": {"cat": 1, "dog": 1, "truck": 0}})
    assert source.train.labels.tolist() == [1, 1, 0]
    np.testing.assert_array_equal(source.train.read(np.arange(3)), small[:3])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"corruption": "nois"}, "cifar10_variant has no corruption 'nois'; .*noise"),
        ({"classes": {"dgo": 1}}, "cifar10_variant has no class 'dgo'; .*dog"),
    ],
)
def test_what_is_unknown_is_refused_with_a_sentence(small, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        pools.load("cifar10_variant", 0, options)


def test_resnet_20_is_tuned_to_other_classes_and_suffers_from_noise():
    for file in (CIFAR10.prepared, WEIGHTS):
        if not (data_folder() / file).exists():
            pytest.skip(f"{file} is not in the folder of data, which EVOTICKETS_DATA names")
    parent = {
        "model": "evotickets.systems.subspace.resnet.ResNet", "arguments": {"blocks": 3}, "checkpoint": WEIGHTS,
        "include": ["linear.*"], "images": "cifar10_variant",
        "options": {"classes": {name: int(name in LIVING) for name in cifar_variants.CLASSES}},
    }  # fmt: skip
    settings = {
        "mode": "dense", "density": 1.0, "rule": "norm", "sigma": 0.5, "goal": "cross_entropy", "shaping": "z_score",
        "update": "step", "generations": 20, "evaluations": 1, "children": 12, "step": 1.0, "decay": 0.0,
    }  # fmt: skip
    asked = {"batch_norm": "keep", "children": Children(None), "seed": 0, "count": 1, "threads": 2}
    images = {"fitness": 100, "validation": 50, "test": 200, "batch": 100}

    def scores(parent, settings):
        rows = cells.run("tuning", parent, problems.make(parent, 0, 1), settings, images=images, **asked)
        return pd.DataFrame(rows).set_index(["split", "metric", "step"])["value"]

    living = scores(parent, settings)
    # Before, it says the ten classes that it knows.
    assert living["test", "accuracy", 0] < 0.3
    assert living["test", "accuracy", 20] > 0.8
    noisy = parent | {"options": {"corruption": "noise", "severity": 5}}
    before = scores(noisy, settings | {"generations": 1, "children": 2})["test", "accuracy", 0]
    assert 0.15 < before < 0.6
