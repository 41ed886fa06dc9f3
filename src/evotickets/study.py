"""A study: a configuration that was checked, each of its sections resolved into what there is to do.

Reads no data and compiles nothing, because every start of the workflow waits for it.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from evotickets.configuration.reader import StudyError, conform, read, schema
from evotickets.systems.registry import SYSTEMS
from evotickets.systems.tickets.config import OBJECTIVE_ONLY, Chain, Tickets, needs
from evotickets.trainers import GRADIENT

__all__ = [
    "GRADIENT",
    "OBJECTIVE_ONLY",
    "ONE_SHOT",
    "SCORES",
    "Chain",
    "Study",
    "StudyError",
    "Tickets",
    "load",
    "resolve",
]

SECTIONS: dict[str, ModuleType] = {name: import_module(f"evotickets.systems.{name}.config") for name in SYSTEMS}
"""What checks and resolves the section of each system."""

FOLDERS = {*SYSTEMS, "transfers", "landscape", "claims", "tables", "figures", "logs", "benchmarks"}
"""What a study keeps in its folder of results."""

SCORES = tuple(name for name, needed in needs().items() if "mean" in needed)
"""Criteria that rank trained weights."""
ONE_SHOT = tuple(name for name in needs() if name not in SCORES)
"""Criteria that cut the initial parameters of a level at once, without training."""


@dataclass(frozen=True)
class Study:
    """A checked configuration with every default filled in; sections that it lacks are empty.

    Each section is also an attribute: `study.tickets`.
    """

    config: dict[str, Any]
    seed: int
    seeds: int
    results: Path
    sections: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        if name in SYSTEMS:
            return self.sections[name]
        raise AttributeError(f"a study has no {name}; its sections are {', '.join(SYSTEMS)}")

    @property
    def name(self) -> str:
        """Name of the study: the folder inside `results`, or nothing for the default study."""
        return "/".join(self.results.parts[1:])


def load(path: str | Path) -> Study:
    """Read and check a configuration file.

    Raises:
        StudyError: if the file is missing, no YAML or not a study.
    """
    try:
        return resolve(read(path))
    except StudyError as error:
        raise StudyError(str(error) if str(path) in str(error) else f"{path}: {error}") from error


def resolve(config: Any) -> Study:
    """Check a configuration and fill in its defaults.

    Raises:
        StudyError: if a key is unknown, missing or has an impossible value.
    """
    config = conform(config, schema(), "")
    folder = Path(config["results"])
    if FOLDERS & set(folder.parts[1:]):
        raise StudyError(f"results is {folder}, where the study in {folder.parent} keeps its own; choose another name")
    if not any(name in config for name in SYSTEMS):
        raise StudyError(f"the study has none of {', '.join(SYSTEMS)}; add one of them")
    sections = {
        name: module.resolve(config[name]) if name in config else module.EMPTY for name, module in SECTIONS.items()
    }
    return Study(config, config["seed"], config["seeds"], folder, sections)
