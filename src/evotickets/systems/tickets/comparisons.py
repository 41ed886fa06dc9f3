"""What a study asks of its chains beyond their scores: where tickets transfer to, and what lies around them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from evotickets import tasks
from evotickets.configuration.reader import StudyError, known
from evotickets.pruning import CONTROLS

Cell = tuple[str, str, str]
"""A chain by its names: task, trainer, criterion."""


@dataclass(frozen=True)
class Transfer:
    """Tickets of a chain, the source, trained by a target's trainer on the target's task without another cut."""

    source_task: str
    source_trainer: str
    source_criterion: str
    task: str
    trainer: str
    levels: tuple[int, ...]


@dataclass(frozen=True)
class Landscape:
    """The resolved section `landscape`.

    Attributes:
        chains: whose trained tickets are looked at.
        levels: of these chains, ascending.
        draws: of noise on the weights, at every noise level.
        probes: random vectors behind the Hessian's trace.
        samples: training samples at most, of a train error or a Hessian.
    """

    chains: tuple[Cell, ...] = ()
    levels: tuple[int, ...] = ()
    draws: int = 0
    probes: int = 0
    samples: int = 0


def transfers(
    entries: Iterable[Mapping[str, Any]],
    networks: Mapping[str, Mapping[str, Any]],
    chains: Collection[Cell],
    count: int,
) -> tuple[Transfer, ...]:
    """Resolve the section `transfers` of a study with `count` levels.

    Raises:
        StudyError: if a source or target is no chain of the study, their networks differ, a level is not there, or a
            transfer is listed twice.
    """
    resolved: dict[tuple[Cell, str, str], Transfer] = {}
    for index, entry in enumerate(entries):
        where = f"tickets.transfers[{index}]"
        source, target = entry["source"], entry["target"]
        cell = _chain(f"{where}.source", source, networks, chains)
        task, trainer = target["task"], target["trainer"]
        known(f"{where}.target.task", task, networks)
        criteria = {c for t, r, c in chains if (t, r) == (task, trainer)}
        if "random" not in criteria or criteria <= set(CONTROLS):
            raise StudyError(
                f"{where}.target is {trainer} on {task}, which has no chain to compare with; "
                "add one with a criterion of its own and random"
            )
        _alike(where, source["task"], task, networks)
        if (cell, task, trainer) in resolved:
            raise StudyError(f"{where} repeats an earlier transfer; list its levels there")
        levels = _levels(where, entry.get("levels", range(1, count)), count)
        resolved[cell, task, trainer] = Transfer(*cell, task, trainer, levels)
    return tuple(resolved.values())


def landscape(
    section: Mapping[str, Any] | None, networks: Mapping[str, Mapping[str, Any]], chains: Collection[Cell], count: int
) -> Landscape:
    """Resolve the section `landscape` of a study with `count` levels.

    Raises:
        StudyError: if a chain is not in the study or listed twice, a level is not there, or an own network has a normaliser.
    """
    if section is None:
        return Landscape()
    where = "tickets.landscape"
    cells = [_chain(f"{where}.chains[{i}]", entry, networks, chains) for i, entry in enumerate(section["chains"])]
    for task in dict.fromkeys(cell[0] for cell in cells):
        settings = networks[task]
        if tasks.is_control(settings["task"]) and "network" in settings and settings.get("normalise", True):
            raise StudyError(
                f"{where}.chains has {task}, whose policies see standardised observations, which cannot become part of a "
                f"network of functions: set tickets.tasks.{task}.normalise to false, or use 'hidden'"
            )
    own = {name: section[name] for name in ("draws", "probes", "samples")}
    return Landscape(tuple(cells), _levels(where, section.get("levels", range(count)), count), **own)


def _chain(where: str, entry: Mapping[str, str], networks: Iterable[str], chains: Collection[Cell]) -> Cell:
    cell = entry["task"], entry["trainer"], entry["criterion"]
    known(f"{where}.task", cell[0], networks)
    known(f"{where}.trainer", cell[1], dict.fromkeys(trainer for task, trainer, _ in chains if task == cell[0]))
    known(f"{where}.criterion", cell[2], [criterion for *pair, criterion in chains if tuple(pair) == cell[:2]])
    return cell


def _levels(where: str, levels: Iterable[int], count: int) -> tuple[int, ...]:
    levels = tuple(sorted(levels))
    if levels and levels[-1] >= count:
        raise StudyError(f"{where}.levels has {levels[-1]}, but the last of the densities is level {count - 1}")
    return levels


def _alike(where: str, first: str, second: str, networks: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse two tasks whose networks differ; the size of a control task is known only to its jobs."""

    beside = {"validation", *tasks.options()}

    def shape(name: str) -> dict[str, Any]:
        settings = {key: value for key, value in networks[name].items() if key not in beside}
        task = settings.pop("task")
        if tasks.is_control(task):
            return settings | {"kind": "control", "activation": settings.get("activation", "tanh")}
        data = tasks.SUPERVISED[task]
        sizes = {"inputs": data.input_shape, "outputs": data.width}
        # What data have first: it says most about why networks differ.
        return sizes | settings | {"activation": settings.get("activation", "relu")}

    mine, other = shape(first), shape(second)
    for key in {**mine, **other}:
        if mine.get(key) != other.get(key):
            raise StudyError(
                f"{where} takes tickets of {first} to {second}, but their networks differ in {key} "
                f"({_words(mine.get(key))} and {_words(other.get(key))}); a ticket fits only a network of its own shape"
            )


def _words(value: Any) -> str:
    if value is None:
        return "none"
    return "×".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
