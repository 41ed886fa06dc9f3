"""CIFAR-10 as networks that were trained on it have not seen it: corrupted, or with other classes."""

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from annotated_doc import Doc
from annotated_types import Ge, Le

from evotickets.configuration.options import OneOf
from evotickets.refusals import hint
from evotickets.tasks.cifar import CIFAR10, SHAPE, cifar10
from evotickets.tasks.registry import Pool, Source, task

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CORRUPTIONS = {"noise": (0.04, 0.06, 0.08, 0.09, 0.10), "contrast": (0.75, 0.5, 0.4, 0.3, 0.15)}
"""Std of normal noise as a share of the largest pixel, and shares of the contrast that are left, by severity."""


@task(kind="pool", input_shape=SHAPE, classes=10, files=CIFAR10)
def cifar10_variant(
    *,
    corruption: Annotated[str | None, OneOf(lambda: CORRUPTIONS), Doc("What is done to all images.")] = None,
    severity: Annotated[int, Ge(1), Le(5), Doc("Of the corruption.")] = 3,
    classes: Annotated[Mapping[str, int] | None, Doc("The number of every class; others are left out.")] = None,
) -> Source:
    """CIFAR-10 as `cifar10` has it, its images corrupted or its classes numbered anew, as in {cat: 0, dog: 0, truck: 1}.

    Source: Hendrycks & Dietterich (2019), "Benchmarking neural network robustness to common corruptions", the severities of
    CIFAR-10-C.

    Raises:
        ValueError: if a file is damaged, or a corruption or class is unknown.
        FileNotFoundError: if the data are missing and cannot be downloaded.
    """
    for names, known, what in (([corruption or "noise"], CORRUPTIONS, "corruption"), (classes or {}, CLASSES, "class")):
        for name in names:
            if name not in known:
                raise ValueError(f"cifar10_variant has no {what} {name!r}; {hint(name, known)}")
    # Names of tasks are read by every start of the workflow, which does without JAX.
    from evotickets import streams

    found = cifar10()

    def variant(pool: Pool, split: str) -> Pool:
        places = np.arange(len(pool.labels))
        if classes is not None:
            numbers = np.array([classes.get(name, -1) for name in CLASSES])
            places = np.flatnonzero(numbers[pool.labels] >= 0)
        labels = pool.labels[places] if classes is None else numbers[pool.labels[places]]

        def read(indices: np.ndarray) -> np.ndarray:
            images = np.asarray(pool.read(places[indices]))
            if corruption is None:
                return images
            rngs = [streams.generator(0, "cifar10_variant", split, int(place)) for place in places[indices]]
            return np.stack([corrupted(*pair, corruption, severity) for pair in zip(images, rngs, strict=True)])

        return Pool(labels, read)

    return Source(variant(found.train, "train"), variant(found.test, "test"), found.mean, found.std)


def corrupted(image: np.ndarray, rng: np.random.Generator, corruption: str, severity: int) -> np.ndarray:
    """Return an image uint8 [height, width, channels] corrupted; the noise of an image is the same whenever it is read."""
    strength, pixels = CORRUPTIONS[corruption][severity - 1], image / 255.0
    if corruption == "noise":
        pixels = pixels + rng.normal(0, strength, image.shape)
    else:
        means = pixels.mean((0, 1), keepdims=True)
        pixels = (pixels - means) * strength + means
    return (np.clip(pixels, 0, 1) * 255).astype(np.uint8)
