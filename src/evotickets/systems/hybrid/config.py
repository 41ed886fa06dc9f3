"""The section `hybrid` of a study, checked and resolved into cells.

Reads no data and compiles nothing, because every start of the workflow waits for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

from evotickets import tasks
from evotickets.configuration import limits
from evotickets.configuration.reader import StudyError, conform_part, described, known
from evotickets.networks import network
from evotickets.systems.hybrid import ERK, SMALL, STOP, UNIFORM, WHOLE, candidates, choice, densities, method, optional
from evotickets.systems.hybrid.section import Section

__all__ = ["Cell", "Effects", "Hybrid", "Overhead", "Section", "resolve"]

SEARCH = "hybrid"
NETWORKS = ("hidden", "channels", "separable", "recurrent", "network")


@dataclass(frozen=True)
class Cell:
    """One task, method, density and share-out over layers.

    Attributes:
        task: by name.
        method: by name.
        density: text as in paths, `1` where nothing is pruned.
        layer_densities: one of `SHARE_OUTS`, or `WHOLE`.
        rates: learning rates of which one is chosen; none where the training's is taken.
    """

    task: str
    method: str
    density: str
    layer_densities: str = ERK
    rates: tuple[float, ...] = ()


@dataclass(frozen=True)
class Effects:
    """A hybrid on a small network, whose mask updates are compared with exact effects."""

    task: str
    method: str
    density: str
    layer_densities: str
    populations: tuple[int, ...]
    samples: int
    draws: int


@dataclass(frozen=True)
class Overhead:
    """A hybrid whose step is timed."""

    task: str
    method: str
    density: str
    layer_densities: str
    repeats: int


@dataclass(frozen=True)
class Hybrid:
    """The resolved `hybrid` section.

    Attributes:
        tasks: settings of network and training by name, `task` resolved.
        methods: options by name, `method` resolved.
        grids: axes of candidates, by the name of the method that has some.
        tries: candidates of a method that are trained.
        replicates: trainings of a candidate.
        cells: every cell once.
        effects: where mask updates are compared with exact effects.
        overhead: where steps are timed.
        left_out: which tasks are left out, and why, in sentences.
    """

    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    methods: dict[str, dict[str, Any]] = field(default_factory=dict)
    grids: dict[str, list[list[dict[str, Any]]]] = field(default_factory=dict)
    tries: int = 24
    replicates: int = 1
    cells: tuple[Cell, ...] = ()
    effects: tuple[Effects, ...] = ()
    overhead: tuple[Overhead, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def data(self) -> dict[str, str]:
        """The data that the section asks for, by the key that names it."""
        return {f"hybrid.tasks.{name}": settings["task"] for name, settings in self.tasks.items()}

    @property
    def chosen(self) -> tuple[Cell, ...]:
        """The cells whose settings validation images choose."""
        return tuple(cell for cell in self.cells if choice.size(self.grids.get(cell.method, []), cell.rates) > 1)


def whole(method_name: str) -> bool:
    """Tell whether a method prunes nothing, and runs once whatever the densities."""
    return described(method)[method_name].get("x-whole", False)


def resolve(section: dict[str, Any]) -> Hybrid:
    """Check a section that conforms to `Section`, and list its cells.

    Raises:
        StudyError: if a name is unknown, or a value is impossible.
    """
    section, left_out = optional.there(section)
    shared = section["training"]
    chosen = {name: _task(name, task, shared) for name, task in section["tasks"].items()}
    methods = {name: _method(name, options) for name, options in section["methods"].items()}
    grids = {name: candidates.checked(name, grid, methods) for name, grid in section["grids"].items()}
    cells: dict[tuple[str, str, str, str], Cell] = {}
    for index, entry in enumerate(section["cells"]):
        where = f"hybrid.cells[{index}]"
        limits.check_distinct(entry["densities"], f"{where}.densities")
        rates = tuple(entry.get("learning_rates", section["learning_rates"]))
        for task in entry["tasks"]:
            known(f"{where}.tasks", task, chosen)
            for name in entry["methods"]:
                known(f"{where}.methods", name, methods)
                variants = candidates.of(where, name, grids.get(name, []), methods[name], task, chosen[task])
                for own, trained in variants:
                    _fits(where, name, own, task, trained)
                # What has a learning rate of its own keeps it.
                own_rates = () if choice.RATE in methods[name] else rates
                for cell in _cells(entry, section, where, task, name, methods[name]["method"], own_rates):
                    for own, _ in variants[:1]:
                        _keeps(where, cell, own, chosen[task])
                    key = (cell.task, cell.method, cell.density, cell.layer_densities)
                    if cells.setdefault(key, cell) != cell:
                        raise StudyError(
                            f"{where} gives {' '.join(key)} other learning rates than an earlier entry; keep one of the two"
                        )
    first = section["layer_densities"][0]
    effects = [
        Effects(
            *_search(f"hybrid.effects[{i}]", entry, chosen, methods, first),
            tuple(entry["populations"]),
            entry["samples"],
            entry["draws"],
        )
        for i, entry in enumerate(section["effects"])
    ]
    for index, one in enumerate(effects):
        options = methods[one.method]
        there = tasks.READ[chosen[one.task]["task"]].samples()
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
        Overhead(*_search(f"hybrid.overhead[{i}]", entry, chosen, methods, first), entry["repeats"])
        for i, entry in enumerate(section["overhead"])
    ]
    for name, listed in (("effects", effects), ("overhead", overhead)):
        places = [(one.task, one.method, one.density) for one in listed]
        for place in places:
            if places.count(place) > 1:
                raise StudyError(f"hybrid.{name} lists {' '.join(place)} twice; keep one")
    searches = (grids, section["tries"], section["replicates"])
    return Hybrid(chosen, methods, *searches, tuple(cells.values()), tuple(effects), tuple(overhead), left_out)


def _cells(
    entry: dict[str, Any],
    section: dict[str, Any],
    where: str,
    task: str,
    name: str,
    kind: str,
    rates: tuple[float, ...],
) -> Iterator[Cell]:
    """Yield the cells of a method in an entry; what prunes nothing has one, and a smaller network no share-out."""
    if whole(kind):
        yield Cell(task, name, "1", WHOLE, rates)
        return
    share_outs = [WHOLE] if kind == SMALL else entry.get("layer_densities", section["layer_densities"])
    for density in entry["densities"]:
        for share_out in share_outs:
            yield Cell(task, name, limits.label(density, f"{where}.densities"), share_out, rates)


def _keeps(where: str, cell: Cell, options: dict[str, Any], settings: dict[str, Any]) -> None:
    """Refuse a cell that keeps nothing of a layer, or another share than it says."""
    if not whole(options["method"]):
        share_out = UNIFORM if cell.layer_densities == WHOLE else cell.layer_densities
        densities.check(where, cell.method, options, cell.task, settings, float(cell.density), share_out)


def _task(name: str, settings: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    where = f"hybrid.tasks.{name}"
    settings = {"task": name, **settings, "training": shared | settings["training"]}
    settings.pop(optional.OPTIONAL, None)
    known(where, settings["task"], tasks.READ)
    tasks.check_classes(settings["task"], f"{where}.task")
    kinds = [key for key in NETWORKS if key in settings]
    if kinds not in (["hidden"], ["channels"], ["hidden", "channels"], ["separable"], ["recurrent"], ["network"]):
        raise StudyError(
            f"{where} needs one network: 'hidden', 'channels' (with or without 'hidden'), 'separable', 'recurrent' or "
            "'network'"
        )
    facts, own = tasks.READ[settings["task"]], settings["training"]
    shape = facts.input_shape
    if facts.labels:
        if kinds != ["recurrent"]:
            raise StudyError(f"{where} reads a sequence; use 'recurrent' in place of {kinds[0]!r}")
        settings["sequence"] = {"labels": facts.labels, "codes": facts.codes}
        said = {"batches": own["batches"], "batch": own["batch"], "labels": facts.labels, "classes": facts.classes}
        limits.check_memory(f"{where}.training", **said)
    elif len(shape) != 3 and kinds not in (["hidden"], ["network"]):
        raise StudyError(f"{where} has no images for {kinds[0]!r}; use 'hidden'")
    height, width = shape[:2] if len(shape) == 3 else (1, 1)
    poolings = len(settings.get("channels", ()))
    if min(height, width) >> poolings == 0:
        raise StudyError(
            f"{where}.channels has {poolings} entries, each halving an image of {height}×{width} until nothing is left; "
            "shorten it"
        )
    if kinds == ["network"]:
        # Its size is known to its jobs alone, which load JAX.
        settings["network"] = conform_part(network, "", settings["network"], f"{where}.network")
    else:
        limits.check_weights(densities.network_of(settings).parameter_count, where)
    limits.check_memory(f"{where}.training", batches=own["batches"], batch=own["batch"], inputs=prod(shape))
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
    weights = 1 if "network" in settings else densities.network_of(settings).parameter_count
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


def _search(
    where: str, entry: dict[str, Any], chosen: dict[str, Any], methods: dict[str, Any], share_out: str
) -> tuple[str, str, str, str]:
    """Return task, method, density and share-out of an entry for a hybrid."""
    known(f"{where}.task", entry["task"], chosen)
    known(f"{where}.method", entry["method"], methods)
    if methods[entry["method"]]["method"] != SEARCH:
        raise StudyError(f"{where}.method is {entry['method']}, which moves no mask by evolution; name a hybrid")
    task, name, density = entry["task"], entry["method"], entry["density"]
    _fits(where, name, methods[name], task, chosen[task])
    densities.check(where, name, methods[name], task, chosen[task], density, share_out)
    return task, name, limits.label(density, f"{where}.density"), share_out
