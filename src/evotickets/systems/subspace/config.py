"""The section `subspace` of a study, checked and resolved into cells.

Reads no data and no weights and does not import torch, because every start of the workflow waits for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

from evotickets import extras
from evotickets.configuration import limits
from evotickets.configuration.reader import StudyError, known, shown
from evotickets.systems.subspace import DENSE, GRADIENT, LOW_RANK, ONLY, POOLS
from evotickets.systems.subspace.section import Section
from evotickets.tasks import check_classes
from evotickets.tasks.registry import task

__all__ = ["PARENTS", "Cell", "Section", "Subspace", "resolve"]

RESNET = "evotickets.systems.subspace.resnet.ResNet"
PERCEPTRON = "evotickets.systems.subspace.perceptron.Perceptron"


def _cifar(blocks: int, file: str) -> dict[str, Any]:
    return {"model": RESNET, "arguments": {"blocks": blocks}, "checkpoint": f"weights/{file}", "images": "cifar10"}


PARENTS: dict[str, dict[str, Any]] = {
    # A residual network of 8 layers and 19,126 parameters.
    "digits": {
        "model": RESNET,
        "arguments": {"blocks": 1, "widths": [8, 16, 32], "inputs": 1},
        "images": "digits",
        "epochs": 15,
    },
    # Trained until it has seen everything many times, and is surer of it than it is right.
    "fashion": {
        "model": PERCEPTRON,
        "arguments": {"hidden": [300, 100]},
        "images": "fashion_mnist",
        "epochs": 30,
    },
    # Dropout keeps it as sure as it is right.
    "mnist": {
        "model": PERCEPTRON,
        "arguments": {"hidden": [300, 100], "dropout": 0.3},
        "images": "mnist",
        "epochs": 10,
    },
    # Source: github.com/akamaster/pytorch_resnet_cifar10 (BSD-2).
    "resnet20": _cifar(3, "resnet20-12fca82f.th"),
    "resnet32": _cifar(5, "resnet32-d509ac18.th"),
    "resnet56": _cifar(9, "resnet56-4bfd9763.th"),
}
"""Parents that are known by their names."""

MUTATIONS, GRADIENTS, GENERATIONS, TUNING, COSTS = "mutations", "gradients", "generations", "tuning", "costs"


@dataclass(frozen=True)
class Cell:
    """One parent, study and name: what mutates, such as `dense` or `bernoulli_0.1`, and of generations the shift and decay."""

    parent: str
    study: str
    name: str


@dataclass(frozen=True)
class Subspace:
    """The resolved `subspace` section.

    Attributes:
        images: `fitness`, `validation`, `test` (None is all) and `batch`.
        batch_norm: `keep` or `estimate`.
        together: low-rank children that are evaluated at once.
        workers: processes that share the children of a cell.
        parents: `model`, `arguments`, `images`, `options`, and `checkpoint` or `epochs` where there is one, by name.
        cells: settings of every cell.
        kept: names of the networks that are written of every seed of a cell.
    """

    images: dict[str, Any] = field(default_factory=dict)
    batch_norm: str = "keep"
    together: int = 1
    workers: int = 1
    parents: dict[str, dict[str, Any]] = field(default_factory=dict)
    cells: dict[Cell, dict[str, Any]] = field(default_factory=dict)
    kept: dict[Cell, tuple[str, ...]] = field(default_factory=dict)

    @property
    def data(self) -> dict[str, str]:
        """The data that the section asks for, by the key that names it."""
        return {f"subspace.parents.{name}": settings["images"] for name, settings in self.parents.items()}

    def studies(self, parent: str) -> list[str]:
        """Return the studies of a parent."""
        return list(dict.fromkeys(cell.study for cell in self.cells if cell.parent == parent))

    @property
    def used(self) -> list[str]:
        """Return the parents that have cells."""
        return list(dict.fromkeys(cell.parent for cell in self.cells))


def resolve(section: Mapping[str, Any]) -> Subspace:
    """Check a section that conforms to `Section`, and list its cells.

    Raises:
        StudyError: if a name is unknown, a value is impossible, or two entries give a cell different settings.
        MissingError: if PyTorch is not installed.
    """
    extras.require("the section subspace", "torch")
    parents = {name: _parent(name, dict(parent)) for name, parent in section["parents"].items()}
    cells: dict[Cell, dict[str, Any]] = {}
    kept: dict[Cell, tuple[str, ...]] = {}
    for study in (MUTATIONS, GRADIENTS, GENERATIONS, TUNING, COSTS):
        for index, entry in enumerate(section[study]):
            where = f"subspace.{study}[{index}]"
            for option in ("densities", "decays", "learning_rates"):
                limits.check_distinct(entry.get(option, ()), f"{where}.{option}")
            for parent in entry["parents"]:
                known(f"{where}.parents", parent, parents)
                _enough(section, parent, parents[parent]["images"])
                for mode, density, label in _mutations(entry, where):
                    for name, settings in _variants(study, label, entry, where):
                        cell = Cell(parent, study, name)
                        settings = {"mode": mode, "density": density} | settings
                        if cells.setdefault(cell, settings) != settings:
                            raise StudyError(
                                f"{where} gives {parent}/{study}/{name} other settings than an earlier entry; "
                                "put what differs into a study of its own"
                            )
                        kept[cell] = tuple(dict.fromkeys([*kept.get(cell, ()), *_kept(study, settings, entry)]))
    _one_goal(cells)
    if not cells:
        raise StudyError("subspace has no cells; add mutations, gradients, generations, tuning or costs")
    images = {name: section.get(name) for name in ("fitness", "validation", "test", "batch")}
    return Subspace(images, section["batch_norm"], section["together"], section["workers"], parents, cells, kept)


def _one_goal(cells: Mapping[Cell, Mapping[str, Any]]) -> None:
    """Refuse two goals of one parent: the table has one row for what is lowered, whose unit is the goal's."""
    goals: dict[str, str] = {}
    for cell, settings in cells.items():
        if cell.study == TUNING and goals.setdefault(cell.parent, settings["goal"]) != settings["goal"]:
            raise StudyError(
                f"subspace.tuning has the goals {goals[cell.parent]} and {settings['goal']} for {cell.parent}; "
                "give the second one an entry of parents of its own, such as "
                f"{cell.parent}_{settings['goal']}: {{parent: {cell.parent}}}"
            )


def _kept(study: str, settings: Mapping[str, Any], entry: Mapping[str, Any]) -> list[str]:
    """Name the networks of a seed that an entry keeps."""
    if study != MUTATIONS:
        return [] if settings["mode"].startswith(GRADIENT) else entry.get("keep", [])
    return [scaled(kind, **scale) for kind in entry["keep"] for scale in settings["scales"]]


def scaled(kind: str, rule: str, sigma: float) -> str:
    """Return the name of a recombination at a scale, as paths write it."""
    return f"{kind}_{rule}_{sigma:.10g}"


def _parent(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    where = f"subspace.parents.{name}"
    if "model" not in settings:
        base = settings.pop("parent", name)
        known(where, base, PARENTS)
        return _fits(where, {"options": {}} | PARENTS[base] | settings)
    if "parent" in settings:
        raise StudyError(f"{where} has both a parent and a model; keep one")
    if "checkpoint" in settings and "epochs" in settings:
        raise StudyError(f"{where} has a checkpoint and epochs of training; keep one")
    if "entry" in settings and "checkpoint" not in settings:
        raise StudyError(f"{where} has an entry without a checkpoint; add the checkpoint, or take the entry out")
    if "images" not in settings:
        raise StudyError(f"{where} names a model without images; add images: cifar10, digits or folder")
    return _fits(where, {"arguments": {}, "options": {}} | settings)


def _fits(where: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Refuse arguments that no call can have, and options that the images do not take or lack."""
    for name in settings["arguments"]:
        if not (isinstance(name, str) and name.isidentifier()):
            raise StudyError(f"{where}.arguments has {shown(name)}, which cannot be the name of an argument; mend it")
    images, options = settings["images"], settings["options"]
    check_classes(images, f"{where}.images")
    takes = signature(task[images]).parameters if POOLS[images].kind == "pool" else {}
    for name in options:
        if name not in takes:
            raise StudyError(f"{where}.options has {name}, which images of {images} do not take; take it out")
    for name, parameter in takes.items():
        if parameter.default is parameter.empty and name not in options:
            raise StudyError(f"{where} has images of {images} without options.{name}; add it")
    whole = {name: parameter.default for name, parameter in takes.items()} | options
    if whole.get("size", 0) > whole.get("resize", 0):
        raise StudyError(
            f"{where}.options cuts a square of {whole['size']} from images whose shorter side is {whole['resize']}; "
            "raise resize or lower size"
        )
    if {"classes", "classes_file"} <= set(options):
        raise StudyError(f"{where}.options has classes and classes_file, which both number the classes; keep one")
    return settings


def _enough(section: Mapping[str, Any], parent: str, images: str) -> None:
    """Refuse to draw more images than a parent has, as far as is known before they are read."""
    sizes = POOLS[images].samples()
    if sizes is None:
        return
    train, validation, test = sizes
    there = {"fitness": train, "validation": validation, "test": test}
    if POOLS[images].kind == "pool":
        # Whoever trained a checkpoint had no images of validation that we know of: they are of training.
        everything = train + validation
        there |= {"fitness": everything, "validation": max(0, everything - section["fitness"])}
    for name, count in there.items():
        if section.get(name) is not None and section[name] > count:
            raise StudyError(
                f"subspace.{name} is {section[name]}, but {parent} has {count} such images of {images}; lower it"
            )


def _mutations(entry: Mapping[str, Any], where: str) -> list[tuple[str, float, str]]:
    """Return mode, density and label; at density 1 all modes are the dense one."""
    found: dict[tuple[str, float, str], None] = {}
    for density in entry["densities"]:
        for mode in entry["modes"]:
            if density == 1:
                found[DENSE, 1.0, DENSE] = None
                continue
            label = limits.label(density, f"{where}.densities")
            if mode == "partition" and abs(round(1 / density) * density - 1) > 1e-6:
                raise StudyError(
                    f"{where}.densities has {density:g}, which splits nothing into equal blocks; "
                    "a partition needs 1/2, 1/3, … such as 0.5 or 0.1"
                )
            found[mode, float(density), f"{mode}_{label}"] = None
    for rank in entry.get("low_ranks", ()):
        found[f"{LOW_RANK}_{rank}", 1.0, f"{LOW_RANK}_{rank}"] = None
    for name in entry.get("only", ()):
        found[f"{ONLY}_{name}", 1.0, f"{ONLY}_{name}"] = None
    if not found:
        raise StudyError(f"{where} has neither densities nor low_ranks; add one")
    for rate in entry.get("learning_rates", ()):
        label = f"{GRADIENT}_{limits.label(rate, f'{where}.learning_rates')}"
        found[label, 1.0, label] = None
    return list(found)


def _variants(study: str, label: str, entry: Mapping[str, Any], where: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the cells of a mutation by name, and what is theirs beside mode and density."""
    if study == MUTATIONS:
        scales = [{"rule": rule, "sigma": float(sigma)} for rule in entry["rules"] for sigma in entry["sigmas"]]
        return [(label, {"scales": scales, "children": entry["children"], "step": float(entry["step"])})]
    own: dict[str, Any] = {"rule": entry["rule"], "sigma": float(entry["sigma"])}
    if label.startswith(f"{ONLY}_"):
        own |= {"only": entry["only"][label.removeprefix(f"{ONLY}_")]}
    if study == GRADIENTS:
        return [(label, own | {"children": sorted(entry["children"])})]
    if study == COSTS:
        return [(label, own | {"repeats": entry["repeats"]})]
    names = ["generations", "evaluations", "children", "step"]
    names += ["goal", "shaping", "decay"] if study == TUNING else ["shift", "strength"]
    own |= {name: entry[name] for name in names}
    if entry["generations"] % entry["evaluations"]:
        raise StudyError(
            f"{where}.generations is {entry['generations']}; it must be a multiple of evaluations, "
            f"which is {entry['evaluations']}"
        )
    if study == TUNING and label.startswith(GRADIENT):
        # What sigma, its shaping and its decay say is of no concern to gradients.
        own |= {"rule": "none", "sigma": 0.0, "step": 0.0, "shaping": "none", "decay": 0.0, "update": "adam"}
        return [(f"{label}_{entry['goal']}", own)]
    if study == TUNING:
        return [(f"{label}_{update}_{entry['goal']}", own | {"update": update}) for update in entry["updates"]]
    return [
        (f"{label}_{entry['shift']}_decay_{limits.label(decay, f'{where}.decays')}", own | {"decay": float(decay)})
        for decay in entry["decays"]
    ]
