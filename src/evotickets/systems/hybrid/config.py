"""The section `hybrid` of a study, checked and resolved into cells.

Reads no data and compiles nothing, because every start of the workflow waits for it.
"""

from dataclasses import dataclass, field
from math import prod
from typing import Any

from evotickets import tasks
from evotickets.configuration import limits
from evotickets.configuration.reader import StudyError, conform_part, described, known
from evotickets.systems.hybrid import STOP, densities, method
from evotickets.systems.hybrid.section import Section

__all__ = ["Cell", "Effects", "Hybrid", "Overhead", "Section", "resolve"]

SEARCH = "hybrid"
NETWORKS = ("hidden", "channels", "separable", "recurrent")


@dataclass(frozen=True)
class Cell:
    """One task, method and density; the density is text as in paths, `1` where nothing is pruned."""

    task: str
    method: str
    density: str


@dataclass(frozen=True)
class Effects:
    """A hybrid on a small network, whose mask updates are compared with exact effects."""

    task: str
    method: str
    density: str
    populations: tuple[int, ...]
    samples: int
    draws: int


@dataclass(frozen=True)
class Overhead:
    """A hybrid whose step is timed."""

    task: str
    method: str
    density: str
    repeats: int


@dataclass(frozen=True)
class Hybrid:
    """The resolved `hybrid` section.

    Attributes:
        tasks: settings of network and training by name, `task` resolved.
        methods: options by name, `method` resolved.
        cells: every cell once.
        effects: where mask updates are compared with exact effects.
        overhead: where steps are timed.
    """

    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    methods: dict[str, dict[str, Any]] = field(default_factory=dict)
    cells: tuple[Cell, ...] = ()
    effects: tuple[Effects, ...] = ()
    overhead: tuple[Overhead, ...] = ()

    @property
    def data(self) -> dict[str, str]:
        """The data that the section asks for, by the key that names it."""
        return {f"hybrid.tasks.{name}": settings["task"] for name, settings in self.tasks.items()}


def whole(method_name: str) -> bool:
    """Tell whether a method prunes nothing, and runs once whatever the densities."""
    return described(method)[method_name].get("x-whole", False)


def resolve(section: dict[str, Any]) -> Hybrid:
    """Check a section that conforms to `Section`, and list its cells.

    Raises:
        StudyError: if a name is unknown, or a value is impossible.
    """
    shared = section["training"]
    chosen = {name: _task(name, task, shared) for name, task in section["tasks"].items()}
    methods = {name: _method(name, options) for name, options in section["methods"].items()}
    cells: dict[Cell, None] = {}
    for index, entry in enumerate(section["cells"]):
        where = f"hybrid.cells[{index}]"
        limits.check_distinct(entry["densities"], f"{where}.densities")
        for task in entry["tasks"]:
            known(f"{where}.tasks", task, chosen)
            for name in entry["methods"]:
                known(f"{where}.methods", name, methods)
                _fits(where, name, methods[name], task, chosen[task])
                if whole(methods[name]["method"]):
                    cells[Cell(task, name, "1")] = None
                    continue
                for density in entry["densities"]:
                    densities.check(where, name, methods[name], task, chosen[task], density)
                    cells[Cell(task, name, limits.label(density, f"{where}.densities"))] = None
    effects = [
        Effects(
            *_search(f"hybrid.effects[{i}]", entry, chosen, methods),
            tuple(entry["populations"]),
            entry["samples"],
            entry["draws"],
        )
        for i, entry in enumerate(section["effects"])
    ]
    for index, one in enumerate(effects):
        options = methods[one.method]
        there = tasks.SUPERVISED[chosen[one.task]["task"]].samples()
        if there and one.samples > there[0]:
            raise StudyError(
                f"hybrid.effects[{index}].samples is {one.samples}, but {one.task} has {there[0]} training samples; lower it"
            )
        if options["block"] != [1, 1] or options["noise"] != "normal":
            raise StudyError(
                f"hybrid.effects[{index}].method is {one.method}, whose masks have blocks or whose noise is not normal; "
                "choose one with block [1, 1] and normal noise"
            )
    overhead = [
        Overhead(*_search(f"hybrid.overhead[{i}]", entry, chosen, methods), entry["repeats"])
        for i, entry in enumerate(section["overhead"])
    ]
    for name, listed in (("effects", effects), ("overhead", overhead)):
        places = [(one.task, one.method, one.density) for one in listed]
        for place in places:
            if places.count(place) > 1:
                raise StudyError(f"hybrid.{name} lists {' '.join(place)} twice; keep one")
    return Hybrid(chosen, methods, tuple(cells), tuple(effects), tuple(overhead))


def _task(name: str, settings: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    where = f"hybrid.tasks.{name}"
    settings = {"task": name, **settings, "training": shared | settings["training"]}
    known(where, settings["task"], tasks.SUPERVISED)
    kinds = [key for key in NETWORKS if key in settings]
    if kinds not in (["hidden"], ["channels"], ["hidden", "channels"], ["separable"], ["recurrent"]):
        raise StudyError(
            f"{where} needs one network: 'hidden', 'channels' (with or without 'hidden'), 'separable' or 'recurrent'"
        )
    shape = tasks.SUPERVISED[settings["task"]].input_shape
    if len(shape) != 3 and kinds != ["hidden"]:
        raise StudyError(f"{where} has no images for {kinds[0]!r}; use 'hidden'")
    height, width = shape[:2] if len(shape) == 3 else (1, 1)
    poolings = len(settings.get("channels", ()))
    if min(height, width) >> poolings == 0:
        raise StudyError(
            f"{where}.channels has {poolings} entries, each halving an image of {height}×{width} until nothing is left; "
            "shorten it"
        )
    built = densities.network_of(settings)
    limits.check_weights(built.parameter_count, where)
    own = settings["training"]
    inputs = prod(tasks.SUPERVISED[settings["task"]].input_shape)
    limits.check_memory(f"{where}.training", batches=own["batches"], batch=own["batch"], inputs=inputs)
    if own["steps"] % own["evaluations"]:
        raise StudyError(
            f"{where}: steps is {own['steps']}, no multiple of evaluations, {own['evaluations']}; change one of them"
        )
    return settings


def _method(name: str, options: dict[str, Any]) -> dict[str, Any]:
    where = f"hybrid.methods.{name}"
    options = conform_part(method, name, options, where)
    if options["method"] == "evolution":
        parts = options["groups"] * (2 if options["antithetic"] else 1)
        if options["population"] % parts or options["population"] < 2 * options["groups"]:
            raise StudyError(
                f"{where}.population is {options['population']}; it must be a multiple of {parts}, so that every group has "
                "as many members"
            )
    return options


def _fits(where: str, name: str, options: dict[str, Any], task: str, settings: dict[str, Any]) -> None:
    """Refuse a method that a task's training has too few batches or steps for, or no memory holds."""
    batches, steps = settings["training"]["batches"], settings["training"]["steps"]
    weights = densities.network_of(settings).parameter_count
    if options["method"] == SEARCH:
        limits.check_memory(f"{where}: {name} on {task}", batches=batches, weights=weights)
    if "population" in options:
        limits.check_memory(f"{where}: {name} on {task}", members=options["population"], weights=weights)
    if options.get("rounds", 1) > steps:
        raise StudyError(
            f"{where}: {name} has {options['rounds']} rounds, more than the {steps} steps of {task}; lower rounds"
        )
    if options.get("batches", 0) > batches:
        raise StudyError(f"{where}: {name} takes {options['batches']} batches, but {task} has {batches}; lower it")
    if options["method"] == SEARCH and batches % options["groups"]:
        raise StudyError(
            f"{where}: {name} has {options['groups']} groups, which do not divide the {batches} batches of {task}"
        )
    if options.get("every", 0) > STOP * steps:
        raise StudyError(
            f"{where}: {name} changes its mask every {options['every']} steps, never in the first three quarters of the "
            f"{steps} of {task}; lower it"
        )


def _search(where: str, entry: dict[str, Any], chosen: dict[str, Any], methods: dict[str, Any]) -> tuple[str, str, str]:
    """Return task, method and density of an entry for a hybrid."""
    known(f"{where}.task", entry["task"], chosen)
    known(f"{where}.method", entry["method"], methods)
    if methods[entry["method"]]["method"] != SEARCH:
        raise StudyError(f"{where}.method is {entry['method']}, which moves no mask by evolution; name a hybrid")
    task, name, density = entry["task"], entry["method"], entry["density"]
    _fits(where, name, methods[name], task, chosen[task])
    densities.check(where, name, methods[name], task, chosen[task], density)
    return task, name, limits.label(density, f"{where}.density")
