"""Tasks by name: supervised data sets and control environments.

A new task is one decorated function, in `images`, `cifar`, `classic`, `brax` or a module of its own that is imported here.
"""

import hashlib
from typing import Any, Literal

import numpy as np

from evotickets.tasks import brax, cifar, classic, images
from evotickets.tasks.registry import CONTROL, OPTIONS, SUPERVISED, Control, Data, Split

__all__ = [
    "CONTROL",
    "OPTIONS",
    "SUPERVISED",
    "Control",
    "Data",
    "Split",
    "brax",
    "cifar",
    "classic",
    "control",
    "fetch",
    "images",
    "is_control",
    "kind",
    "supervised",
]


def kind(name: str) -> Literal["supervised", "control"]:
    """Tell whether a task is supervised or control, without reading data or importing an environment.

    Raises:
        ValueError: if no task has this name.
    """
    if name in SUPERVISED:
        return "supervised"
    if name in CONTROL:
        return "control"
    raise ValueError(f"unknown task {name!r}; known are {', '.join([*SUPERVISED, *CONTROL])}")


def is_control(name: str) -> bool:
    """Tell whether a task is a control task; raises as `kind` does."""
    return kind(name) == "control"


def control(name: str, **options: Any) -> Control:
    """Build a control task with its options.

    Raises:
        ValueError: if no control task has this name.
    """
    if kind(name) != "control":
        raise ValueError(f"{name!r} is a supervised task; control tasks are {', '.join(CONTROL)}")
    return CONTROL[name](**options)


def supervised(name: str, *, seed: int = 0) -> Data:
    """Load a supervised task, standardised by the mean and standard deviation of all training pixels.

    The seed draws the split where the data set brings none; it belongs to the study, not to the run.

    Raises:
        ValueError: if no supervised task has this name or a file is damaged.
        FileNotFoundError: if a file is missing and cannot be downloaded.
    """
    if kind(name) != "supervised":
        raise ValueError(f"{name!r} is a control task; supervised tasks are {', '.join(SUPERVISED)}")
    task = SUPERVISED[name]
    stored = task.load(seed)
    counts = np.bincount(stored.train[0].ravel(), minlength=256)
    pixels = np.arange(256.0)
    mean = np.average(pixels, weights=counts)
    std = np.sqrt(np.average((pixels - mean) ** 2, weights=counts))
    standardised = ((pixels - mean) / std).astype(np.float32)
    train, validation, test = (Split(np.take(standardised, x), y.astype(np.int32)) for x, y in stored)
    digest = hashlib.sha256()
    for array in (*train, *validation, *test):
        digest.update(repr(array.shape).encode())
        digest.update(array.data)
    # MLflow takes digests of at most 36 characters.
    return Data(name, task.classes, train, validation, test, digest.hexdigest()[:32])


def fetch(name: str) -> None:
    """Download the files of a data set if it has some and they are missing: once, and where there is a network.

    Raises:
        FileNotFoundError: if they cannot be downloaded.
    """
    if name in images.SOURCES:
        images.fetch(*images.SOURCES[name])
    elif name in cifar.NAMES:
        cifar.file()


def load(name: str, *, seed: int = 0, **options: Any) -> Data | Control:
    """Load a supervised task or build a control task with its options, as the name says; raises as those do."""
    return control(name, **options) if is_control(name) else supervised(name, seed=seed)
