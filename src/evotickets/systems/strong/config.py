"""The section `strong` of a study, checked and resolved into cells.

Reads no data and compiles nothing, because every start of the workflow waits for it.
"""

from dataclasses import dataclass, field
from typing import Any

from evotickets.configuration import limits
from evotickets.configuration.reader import StudyError, conform_part, known
from evotickets.networks import masks, paths
from evotickets.networks import network as networks
from evotickets.planted import targets
from evotickets.systems.strong import DENSE, FAMILIES, PLANTED, PLANTED_CIRCLE, SHARES, TARGET, seeker
from evotickets.systems.strong.section import Section
from evotickets.systems.strong.weights import network_of
from evotickets.tasks import check_classes

__all__ = ["Cell", "Section", "Strong", "resolve"]

TAKEN = (DENSE, PLANTED)
REFERENCES = ("density", "budget")
"""Options that may name a genetic seeker instead of a number: as dense, or with as many evaluations."""
RARE = 0.001
"""Seekers draw masks until a path leads through each; where fewer have one, they would not come to an end."""


@dataclass(frozen=True)
class Cell:
    """One task and one seeker, by their names."""

    task: str
    seeker: str


@dataclass(frozen=True)
class Strong:
    """The resolved `strong` section.

    Attributes:
        samples: training samples at most.
        training: `epochs`, `batch` and `learning_rate`.
        tasks: settings by name: `task`, `classes`, `hidden`, `initial`, `scale` and `noise`.
        seekers: options by name, `seeker` resolved; `dense` and `planted` among them.
        cells: every cell once. Each task has that of `dense`, those where a ticket is planted that of `planted`, and
            every seeker that names another has that one's beside it.
    """

    samples: int = 0
    training: dict[str, Any] = field(default_factory=dict)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    seekers: dict[str, dict[str, Any]] = field(default_factory=dict)
    cells: tuple[Cell, ...] = ()

    @property
    def data(self) -> dict[str, str]:
        """The data that the section asks for, by the key that names it."""
        return {f"strong.tasks.{name}": settings["task"] for name, settings in self.tasks.items()}

    def reference(self, seeker: str) -> str | None:
        """Return the seeker whose density or budget a seeker takes, if any."""
        named = (self.seekers[seeker].get(option) for option in REFERENCES)
        return next((name for name in named if isinstance(name, str)), None)


def resolve(section: dict[str, Any]) -> Strong:
    """Check a section that conforms to `Section`, and list its cells.

    Raises:
        StudyError: if a name is unknown, or a value is impossible.
    """
    samples, batch = section["samples"], section["training"]["batch"]
    tasks = {name: _task(name, dict(task)) for name, task in section["tasks"].items()}
    seekers = {name: _seeker(name, options) for name, options in section["seekers"].items()}
    for name, options in seekers.items():
        for option in REFERENCES:
            _refers(f"strong.seekers.{name}.{option}", options.get(option), seekers)
    for name, settings in tasks.items():
        there = _samples(settings, samples)
        if batch > there:
            raise StudyError(
                f"strong.training.batch is {batch}, more than the {there} training samples of {name}; lower it"
            )
    seekers |= {name: {"seeker": name} for name in TAKEN}
    strong = Strong(samples, section["training"], tasks, seekers)
    found: dict[Cell, None] = {}
    for index, entry in enumerate(section["cells"]):
        where = f"strong.cells[{index}]"
        for task in entry["tasks"]:
            known(f"{where}.tasks", task, tasks)
            found[Cell(task, DENSE)] = None
            if tasks[task]["task"] == PLANTED_CIRCLE:
                found[Cell(task, PLANTED)] = None
            for name in entry["seekers"]:
                known(f"{where}.seekers", name, section["seekers"])
                _fits(f"strong.seekers.{name}", name, seekers, task, tasks[task])
                reference = strong.reference(name)
                if reference is not None:
                    found[Cell(task, reference)] = None
                found[Cell(task, name)] = None
    return Strong(samples, section["training"], tasks, seekers, tuple(found))


def _samples(settings: dict[str, Any], most: int) -> int:
    """Return how many training samples a task has, as far as is known before its data are read."""
    counts = FAMILIES[settings["task"]].counts if settings["task"] in FAMILIES else ()
    if not counts:
        return most
    of_classes = counts[0][: settings["classes"]]
    return min(most, sum(of_classes if len(counts) > 1 else [round(SHARES[0] * count) for count in of_classes]))


def _fits(where: str, name: str, seekers: dict[str, dict[str, Any]], task: str, settings: dict[str, Any]) -> None:
    """Refuse a seeker whose members no memory holds, whose budget is too small, or whose ticket keeps too little."""
    options, network = seekers[name], None if "network" in settings else network_of(settings)
    members, budget, density = (options.get(option) for option in ("population", "budget", "density"))
    if members is not None and network is not None:
        limits.check_memory(f"{where} on {task}", members=members, weights=network.parameter_count)
    if members is not None and budget is not None:
        # A genetic search evaluates its first individuals, and all migrants of at least so many generations.
        other = seekers.get(budget, {}) if isinstance(budget, str) else {}
        least = other["population"] + other["migrants"] * min(other["least"], other["most"]) if other else budget
        if members > least:
            raise StudyError(
                f"{where}.population is {members}, but a budget of {budget} may be as few as {least} evaluations; lower it"
            )
    if (
        isinstance(density, float)
        and network is not None
        and masks.kept_count(density, network.kernel_count) < len(network.layers)
    ):
        raise StudyError(
            f"{where}.density is {density:g}, which keeps fewer of the {network.kernel_count} weights of {task} than it has "
            "layers; raise it"
        )


def _task(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    where = f"strong.tasks.{name}"
    settings.setdefault("task", name)
    known(where, settings["task"], [*FAMILIES, PLANTED_CIRCLE])
    check_classes(settings["task"], f"{where}.task")
    if settings["task"] == PLANTED_CIRCLE:
        settings |= {"classes": _planted(where, settings), "initial": "planted"}
        _connected(where, settings)
        return settings
    most = FAMILIES[settings["task"]].classes
    if settings["classes"] > most:
        raise StudyError(f"{where}.classes is {settings['classes']}, but {settings['task']} has {most}; lower it")
    _connected(where, settings)
    return settings


def _connected(where: str, settings: dict[str, Any]) -> None:
    """Refuse a network that is too large, or through which hardly any random mask leaves a path."""
    if "network" in settings:
        settings["network"] = conform_part(networks, "", settings["network"], f"{where}.network")
        return
    network = network_of(settings)
    limits.check_weights(network.parameter_count, where)
    share = paths.connected_share(network)
    if share < RARE:
        raise StudyError(
            f"{where}.hidden is {settings['hidden']}, where one of {1 / share:.2g} random masks leaves a path from input to "
            "output; widen the layers or take some away"
        )


def _planted(where: str, settings: dict[str, Any]) -> int:
    """Refuse a network that does not hold the ticket, and return its number of classes."""
    if "network" in settings:
        raise StudyError(f"{where} has a network of functions, but mother networks are perceptrons; use 'hidden'")
    hidden = settings["hidden"]
    if len(set(hidden)) > 1:
        raise StudyError(
            f"{where}.hidden is {hidden}, but mother networks have hidden layers of one width; make them equal"
        )
    needed = targets.build(TARGET, len(hidden) + 1).widest
    if needed > hidden[0]:
        raise StudyError(f"{where}.hidden is {hidden}, but a layer of the ticket has {needed} units; widen all layers")
    return targets.TARGETS[TARGET].classes


def _seeker(name: str, options: dict[str, Any]) -> dict[str, Any]:
    where = f"strong.seekers.{name}"
    if name in TAKEN:
        raise StudyError(f"{where}: this name is taken by what every seeker is compared with; choose another")
    return conform_part(seeker, name, options, where)


def _refers(where: str, name: Any, seekers: dict[str, dict[str, Any]]) -> None:
    if isinstance(name, str):
        known(where, name, [other for other, options in seekers.items() if options["seeker"] == "genetic"])
