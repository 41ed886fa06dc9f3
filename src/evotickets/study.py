"""A study: a configuration that was checked, each of its sections resolved into what there is to do.

Reads no data and compiles nothing, because every start of the workflow waits for it.
"""

from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from evotickets.configuration.reader import StudyError, conform, read
from evotickets.pruning.at_initialisation import ONE_SHOT
from evotickets.pruning.controls import CONTROLS
from evotickets.pruning.scores import SCORES
from evotickets.systems.hybrid import config as hybrid_config
from evotickets.systems.hybrid.config import Hybrid
from evotickets.systems.planting import config as planting_config
from evotickets.systems.planting.config import Planting
from evotickets.systems.strong import config as strong_config
from evotickets.systems.strong.config import Strong
from evotickets.systems.subspace import config as subspace_config
from evotickets.systems.subspace.config import Subspace
from evotickets.systems.tickets import config as tickets_config
from evotickets.systems.tickets.config import OBJECTIVE_ONLY, Chain, Tickets
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
    "rules_of",
]

SECTIONS: dict[str, ModuleType] = {
    "tickets": tickets_config,
    "planting": planting_config,
    "strong": strong_config,
    "hybrid": hybrid_config,
    "subspace": subspace_config,
}
"""A section for each system."""

FOLDERS = {*SECTIONS, "transfers", "landscape", "claims", "tables", "figures", "logs", "benchmarks"}
"""What a study keeps in its folder of results."""


@dataclass(frozen=True)
class Study:
    """A checked configuration with every default filled in; sections that it lacks are empty."""

    config: dict[str, Any]
    seed: int
    seeds: int
    results: Path
    tickets: Tickets = field(default_factory=Tickets)
    planting: Planting = field(default_factory=Planting)
    strong: Strong = field(default_factory=Strong)
    hybrid: Hybrid = field(default_factory=Hybrid)
    subspace: Subspace = field(default_factory=Subspace)

    @property
    def name(self) -> str:
        """Name of the study: the folder inside `results`, or nothing for the default study."""
        return "/".join(self.results.parts[1:])


def load(path: str | Path, schema: str | Path) -> Study:
    """Read and check a configuration file.

    Raises:
        StudyError: if the file is missing, no YAML or not a study.
    """
    try:
        return resolve(read(path), schema)
    except StudyError as error:
        raise StudyError(str(error) if str(path) in str(error) else f"{path}: {error}") from error


def rules_of(schema: str | Path) -> dict[str, Any]:
    """Read the schema; where it says `registered`, the names that the code has registered become the values allowed."""
    rules = yaml.safe_load(Path(schema).read_text())
    names = {
        "criteria": [*SCORES, *CONTROLS, *ONE_SHOT],
        "criteria_that_cut": [*SCORES, *ONE_SHOT],
        "scores": [*SCORES],
        "strategies": [name for name in rules["$defs"]["strategies"] if name not in {*GRADIENT, "evosax"}],
    }

    def fill(rule: Any) -> None:
        for inner in rule.values() if isinstance(rule, dict) else rule if isinstance(rule, list) else ():
            fill(inner)
        if isinstance(rule, dict) and "registered" in rule:
            rule["enum"] = names[rule["registered"]]

    fill(rules)
    return rules


def resolve(config: Any, schema: str | Path) -> Study:
    """Check a configuration and fill in its defaults.

    Raises:
        StudyError: if a key is unknown, missing or has an impossible value.
    """
    rules = rules_of(schema)
    config = conform(config, rules, rules, "")
    folder = Path(config["results"])
    if FOLDERS & set(folder.parts[1:]):
        raise StudyError(f"results is {folder}, where the study in {folder.parent} keeps its own; choose another name")
    present = {name: module for name, module in SECTIONS.items() if name in config}
    if not present:
        raise StudyError(f"the study has none of {', '.join(SECTIONS)}; add one of them")
    sections = {name: module.resolve(config[name], rules) for name, module in present.items()}
    return Study(config, config["seed"], config["seeds"], folder, **sections)
