"""Tasks by name: data sets and control environments. Names and facts are known without JAX and without reading data."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from evotickets import extras
from evotickets.configuration.reader import StudyError
from evotickets.refusals import hint
from evotickets.tasks.files import Made
from evotickets.tasks.registry import Control, Data, Facts, Images, Kind, Pair, Split, Tasks, Whole, task
from evotickets.tasks.replicates import Replicated, Supervised, replicated
from evotickets.tasks.scaling import scale_of, standardised

__all__ = [
    "ALL",
    "CONTROL",
    "READ",
    "SUPERVISED",
    "Control",
    "Data",
    "Facts",
    "Images",
    "Kind",
    "Pair",
    "Replicated",
    "Split",
    "Supervised",
    "Tasks",
    "Whole",
    "about",
    "check_classes",
    "control",
    "fetch",
    "is_control",
    "kind",
    "load",
    "missing",
    "options",
    "replicated",
    "replicates",
    "stored",
    "supervised",
    "task",
]

NORMALISE = "normalise"
"""The option that all control tasks have."""

SUPERVISED = Tasks("supervised")
READ = Tasks("supervised", "sequence")
"""The data sets that are read whole, those with a label at every step too."""
CONTROL = Tasks("control", "host")
ALL = Tasks("supervised", "sequence", "points", "pool", "control", "host")


def kind(name: str) -> Kind:
    """Tell what kind a task is, without reading data or importing an environment.

    Raises:
        ValueError: if no task has this name.
    """
    if name not in ALL:
        raise ValueError(f"unknown task {name!r}; {hint(name, ALL)}")
    return ALL[name].kind


def is_control(name: str) -> bool:
    """Tell whether a task is a control task; raises as `kind` does."""
    return kind(name) in CONTROL.kinds


def check_classes(name: str, where: str) -> None:
    """Refuse data whose targets are real values where accuracies are compared; other names are somebody else's business.

    Raises:
        StudyError: if the data set of this name has such targets.
    """
    facts = ALL.get(name)
    if facts is not None and facts.targets:
        raise StudyError(
            f"{where} is {name}, whose targets are real values, and what is compared here are accuracies; use it in tickets, "
            "or data with classes"
        )


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
        ValueError: if no control task has this name, or it does not take an option.
    """
    if not is_control(name):
        raise ValueError(f"{name!r} is a {kind(name)} task; control tasks are {', '.join(CONTROL)}")
    for option in options:
        if option not in task.options(name):
            raise ValueError(f"{name} has no option {option!r}; {hint(option, [NORMALISE, *task.options(name)])}")
    return replace(task[name](**options), normalise=normalise)


def stored(name: str, *, seed: int = 0) -> Images:
    """Load the pixels of a supervised task; the seed draws the split where the data set brings none.

    Raises:
        ValueError: if no supervised task has this name or a file is damaged.
        FileNotFoundError: if a file is missing and cannot be downloaded.
    """
    if kind(name) not in READ.kinds:
        raise ValueError(f"{name!r} is a {kind(name)} task; supervised tasks are {', '.join(READ)}")
    held = task[name]()
    if not isinstance(held, Whole):
        return held
    return held.split(np.random.default_rng(seed), alike=not READ[name].targets)


def supervised(name: str, *, seed: int = 0) -> Data:
    """Load a supervised task, standardised by training samples as `scaling` says.

    The seed draws the split where the data set brings none. Raises as `stored` does.
    """
    return _data(name, stored(name, seed=seed))


def replicates(name: str, *, seed: int, count: int, validation: bool = True) -> Replicated:
    """Load a supervised task for `count` seeds, standardised by the training samples of each split as `scaling` says.

    A replicate draws anew what a reader would vary, so the split as well where the data set brings none: with one test set
    for all seeds, an interval over them knows nothing of what other test images would say. Without `validation`, its images
    are trained on too. Raises as `stored` does.
    """
    if kind(name) != "supervised" or not isinstance(held := task[name](), Whole):
        images = stored(name)
        return replicated(_data(name, images if validation else _all_trained(images)))
    from evotickets import streams

    facts = SUPERVISED[name]
    rngs = [streams.generator(seed, name, "split", index) for index in range(count)]
    parts = [held.parts(rng, alike=not facts.targets) for rng in rngs]
    pairs = [[(held.x[part], held.y[part]) for part in own] for own in parts]
    pairs = pairs if validation else [_all_trained(own) for own in pairs]
    drawn = [standardised(name, own, facts) for own in pairs]
    splits = [Split(*map(np.stack, zip(*split, strict=True))) for split in zip(*drawn, strict=True)]
    (train, kept, test), tested = splits, np.stack([test for *_, test in parts])
    scale = np.stack([scale_of(own[0][1], facts) for own in pairs]) if facts.targets else None
    return Replicated(name, facts.classes, train, kept, test, tested, _digest(splits), scale)


def _data(name: str, images: Iterable[Pair]) -> Data:
    pairs, facts = list(images), READ[name]
    splits = standardised(name, pairs, facts)
    train, validation, test = splits
    scale = scale_of(pairs[0][1], facts) if facts.targets else None
    return Data(name, facts.classes, train, validation, test, _digest(splits), scale)


def _all_trained(splits: Iterable[Pair]) -> list[Pair]:
    """Add the images of the validation split to those of training."""
    train, validation, test = splits
    both = np.concatenate([train[0], validation[0]]), np.concatenate([train[1], validation[1]])
    return [both, (validation[0][:0], validation[1][:0]), test]


def _digest(splits: Iterable[Split]) -> str:
    digest = hashlib.sha256()
    for array in (array for split in splits for array in split):
        digest.update(repr(array.shape).encode())
        digest.update(np.ascontiguousarray(array).data)
    # MLflow takes digests of at most 36 characters.
    return digest.hexdigest()[:32]


def missing(name: str) -> str:
    """Say in a sentence what must be installed to have the data of a task; nothing where nothing is missing."""
    facts = ALL[name]
    try:
        extras.require(name, *filter(None, [facts.needs]))
    except extras.MissingError as error:
        return str(error)
    return facts.files.missing() if isinstance(facts.files, Made) else ""


def about(name: str) -> dict[str, dict[str, str]]:
    """Return as `data` what made the files of a task, and their digest; nothing where they are published ones, or none."""
    files = ALL[name].files
    return {"data": files.about()} if isinstance(files, Made) else {}


def load(name: str, *, seed: int = 0, **options: Any) -> Data | Control:
    """Load a supervised task or build a control task with its options, as the name says; raises as those do."""
    return control(name, **options) if is_control(name) else supervised(name, seed=seed)


def fetch(name: str, **options: Any) -> None:
    """Download or make the files of a task that are missing: once; see that its library is there.

    A name that a system gives to a task of its own needs no files. An environment on the host, or one of many, is made once.

    Raises:
        FileNotFoundError: if they cannot be downloaded.
        MissingError: if the library is not installed.
        ValueError: if the environment cannot be made.
    """
    facts = ALL.get(name)
    if facts and facts.needs:
        extras.require(name, facts.needs)
    if facts and facts.files:
        facts.files.fetch()
    if facts and (facts.named or facts.kind == "host"):
        control(name, **options)
