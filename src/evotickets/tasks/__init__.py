"""Tasks by name: data sets and control environments. Names and facts are known without JAX and without reading data."""

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np

from evotickets import extras
from evotickets.tasks import scaling
from evotickets.tasks.registry import Control, Data, Facts, Images, Kind, Pair, Split, Tasks, Whole, task

__all__ = [
    "ALL",
    "CONTROL",
    "SUPERVISED",
    "Control",
    "Data",
    "Facts",
    "Images",
    "Kind",
    "Pair",
    "Split",
    "Tasks",
    "Whole",
    "control",
    "fetch",
    "is_control",
    "kind",
    "load",
    "options",
    "stored",
    "supervised",
    "task",
]

NORMALISE = "normalise"
"""The option that all control tasks have."""

SUPERVISED = Tasks("supervised")
CONTROL = Tasks("control")
ALL = Tasks("supervised", "points", "pool", "control")


def kind(name: str) -> Kind:
    """Tell what kind a task is, without reading data or importing an environment.

    Raises:
        ValueError: if no task has this name.
    """
    if name not in ALL:
        raise ValueError(f"unknown task {name!r}; known are {', '.join(ALL)}")
    return ALL[name].kind


def is_control(name: str) -> bool:
    """Tell whether a task is a control task; raises as `kind` does."""
    return kind(name) == "control"


def options() -> dict[str, tuple[str, ...]]:
    """Return what may be said about a control task beside its network, and which of them take it."""
    found: dict[str, tuple[str, ...]] = {NORMALISE: tuple(CONTROL)}
    for name in CONTROL:
        for option in task.options(name):
            found[option] = (*found.get(option, ()), name)
    return found


def control(name: str, *, normalise: bool = True, **options: Any) -> Control:
    """Build a control task with its options; with `normalise`, policies see standardised observations.

    Raises:
        ValueError: if no control task has this name.
    """
    if not is_control(name):
        raise ValueError(f"{name!r} is a {kind(name)} task; control tasks are {', '.join(CONTROL)}")
    return replace(task[name](**options), normalise=normalise)


def stored(name: str, *, seed: int = 0) -> Images:
    """Load the pixels of a supervised task; the seed draws the split where the data set brings none.

    Raises:
        ValueError: if no supervised task has this name or a file is damaged.
        FileNotFoundError: if a file is missing and cannot be downloaded.
    """
    if kind(name) != "supervised":
        raise ValueError(f"{name!r} is a {kind(name)} task; supervised tasks are {', '.join(SUPERVISED)}")
    held = task[name]()
    return held.split(seed) if isinstance(held, Whole) else held


def supervised(name: str, *, seed: int = 0) -> Data:
    """Load a supervised task, standardised by training samples as `scaling` says.

    The seed draws the split where the data set brings none; it belongs to the study, not to the run. Raises as `stored`
    does.
    """
    train, validation, test = scaling.standardised(name, stored(name, seed=seed), SUPERVISED[name])
    digest = hashlib.sha256()
    for array in (*train, *validation, *test):
        digest.update(repr(array.shape).encode())
        digest.update(np.ascontiguousarray(array).data)
    # MLflow takes digests of at most 36 characters.
    return Data(name, SUPERVISED[name].classes, train, validation, test, digest.hexdigest()[:32])


def load(name: str, *, seed: int = 0, **options: Any) -> Data | Control:
    """Load a supervised task or build a control task with its options, as the name says; raises as those do."""
    return control(name, **options) if is_control(name) else supervised(name, seed=seed)


def fetch(name: str) -> None:
    """Download the files of a task that are missing: once, and where there is a network; see that its library is there.

    A name that a system gives to a task of its own needs no files.

    Raises:
        FileNotFoundError: if they cannot be downloaded.
        MissingError: if the library is not installed.
    """
    facts = ALL.get(name)
    if facts and facts.needs:
        extras.require(name, facts.needs)
    if facts and facts.files:
        facts.files.fetch()
