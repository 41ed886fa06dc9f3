"""The section `planting` of a study, checked and resolved into cells.

Reads no data and compiles nothing, because every start of the workflow waits for it.
"""

from dataclasses import dataclass, field
from typing import Any

from evotickets.configuration import limits
from evotickets.configuration.reader import StudyError, conform_part, described, known, shown
from evotickets.networks import masks
from evotickets.planted import PRUNED, mother, targets
from evotickets.systems.planting import DENSE, PLANTED, TICKET, seeker
from evotickets.systems.planting.section import Section

__all__ = ["Cell", "Planting", "Section", "resolve"]


@dataclass(frozen=True)
class Cell:
    """One target, depth (weight layers), seeker and density; the density is text as in paths: `0.01` or `ticket`."""

    target: str
    depth: int
    seeker: str
    density: str


@dataclass(frozen=True)
class Planting:
    """The resolved `planting` section.

    Attributes:
        samples: training samples, and as many test samples.
        training: `epochs`, `batch` and `learning_rate`.
        targets: settings by name: `target`, `width`, `noise`, `factor` and `biases`.
        seekers: options by name, `seeker` resolved; `dense` and `planted` among them.
        cells: every cell once. Each target and depth has the cells of `dense`, which all seekers share at density 1,
            and of `planted`.
    """

    samples: int = 0
    training: dict[str, Any] = field(default_factory=dict)
    targets: dict[str, dict[str, Any]] = field(default_factory=dict)
    seekers: dict[str, dict[str, Any]] = field(default_factory=dict)
    cells: tuple[Cell, ...] = ()

    @property
    def data(self) -> dict[str, str]:
        """The data that the section asks for: none, samples are drawn."""
        return {}

    @property
    def grounds(self) -> list[tuple[str, int]]:
        """Every target and depth once."""
        return list(dict.fromkeys((cell.target, cell.depth) for cell in self.cells))

    @property
    def single_shot(self) -> list[str]:
        """The seekers that train nothing before they cut."""
        return [name for name, own in self.seekers.items() if own.get("shots") == 0 or _fact(own, "single_shot")]


def resolve(section: dict[str, Any]) -> Planting:
    """Check a section that conforms to `Section`, and list its cells.

    Raises:
        StudyError: if a name is unknown, or a value is impossible.
    """
    samples, batch = section["samples"], section["training"]["batch"]
    if batch > samples:
        raise StudyError(f"planting.training.batch is {batch}, more than the {samples} samples; lower it")
    chosen = {name: _target(name, dict(target)) for name, target in section["targets"].items()}
    seekers = {name: _seeker(name, options) for name, options in section["seekers"].items()}
    cells: dict[Cell, None] = {}
    for index, entry in enumerate(section["cells"]):
        where = f"planting.cells[{index}]"
        for target in entry["targets"]:
            known(f"{where}.targets", target, chosen)
            for depth in entry["depths"]:
                _fits(target, chosen[target], depth, where)
                cells[Cell(target, depth, PLANTED, TICKET)] = None
                cells[Cell(target, depth, DENSE, "1")] = None
                labels = [
                    _density(density, target, chosen[target], depth, f"{where}.densities")
                    for density in entry["densities"]
                ]
                limits.check_distinct(entry["densities"], f"{where}.densities")
                if set(labels) == {"1"}:
                    raise StudyError(f"{where}.densities has only 1, where nothing is left to seek; add {TICKET}")
                for label in labels:
                    for name in entry["seekers"]:
                        known(f"{where}.seekers", name, seekers)
                        _cuts(name, seekers[name], target, chosen[target], where)
                        _holds(f"{where}: {name}", chosen[target], depth, seekers[name])
                        cells[Cell(target, depth, *((name, label) if label != "1" else (DENSE, "1")))] = None
    seekers |= {name: {"seeker": name} for name in (DENSE, PLANTED)}
    return Planting(samples, section["training"], chosen, seekers, tuple(cells))


def _target(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    settings.setdefault("target", name)
    known(f"planting.targets.{name}", settings["target"], targets.TARGETS)
    return settings


def _seeker(name: str, options: dict[str, Any]) -> dict[str, Any]:
    where = f"planting.seekers.{name}"
    if name in (DENSE, PLANTED):
        raise StudyError(f"{where}: this name is taken by what every seeker is compared with; choose another")
    return conform_part(seeker, name, options, where)


def _fact(options: dict[str, Any], fact: str) -> bool:
    """Tell whether a fact holds for the part that options name."""
    return described(seeker).get(options["seeker"], {}).get(f"x-{fact}", False)


def _cuts(name: str, options: dict[str, Any], target: str, settings: dict[str, Any], where: str) -> None:
    if settings["biases"] == PRUNED and not _fact(options, "cuts_biases"):
        able = [part for part, rules in described(seeker).items() if rules.get("x-cuts_biases")]
        raise StudyError(
            f"{where} lets {name} look in {target}, whose biases are pruned, but {options['seeker']} keeps all biases; take "
            f"it out, or choose among {', '.join(able)}"
        )


def _fits(name: str, settings: dict[str, Any], depth: int, where: str) -> None:
    network = mother.describe(settings["target"], depth, settings["width"])
    limits.check_weights(network.parameter_count, f"planting.targets.{name} at depth {depth}")
    needed = targets.build(settings["target"], depth).widest
    if needed > settings["width"]:
        raise StudyError(
            f"planting.targets.{name}.width is {settings['width']}, but {where} plants {needed} units in a layer of it; "
            f"set width to at least {needed}"
        )


def _holds(where: str, settings: dict[str, Any], depth: int, options: dict[str, Any]) -> None:
    """Refuse a seeker whose members no memory holds."""
    if "population" in options:
        weights = mother.describe(settings["target"], depth, settings["width"]).parameter_count
        limits.check_memory(where, members=options["population"], weights=weights)
        limits.check_memory(where, members=options["population"], batch=options["batch"])


def _density(density: Any, name: str, settings: dict[str, Any], depth: int, where: str) -> str:
    """Return a density as text."""
    if density == TICKET:
        return TICKET
    if isinstance(density, bool) or not isinstance(density, int | float) or not 0 < density <= 1:
        raise StudyError(f"{where} has {shown(density)}; write a number in (0, 1] or {TICKET}")
    network = mother.describe(settings["target"], depth, settings["width"])
    prunable = network.parameter_count if settings["biases"] == PRUNED else network.kernel_count
    count = masks.kept_count(density, prunable)
    if count < depth:
        raise StudyError(
            f"{where} has {density:g}, which keeps {count} weights in the {depth} layers of {name}; raise it"
        )
    return limits.label(density, where)
