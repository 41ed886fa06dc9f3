"""A study: a configuration that was checked, each of its sections resolved into what there is to do.

Reads no data and compiles nothing, because every start of the workflow waits for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from evotickets.configuration.reader import StudyError, conform, read
from evotickets.pruning.at_initialisation import ONE_SHOT
from evotickets.pruning.controls import CONTROLS
from evotickets.pruning.scores import SCORES
from evotickets.systems import registry
from evotickets.trainers import GRADIENT

__all__ = ["Study", "StudyError", "load", "resolve", "rules_of"]

FOLDERS = {*registry.SYSTEMS, "transfers", "landscape", "claims", "tables", "figures", "logs", "benchmarks"}
"""What a study keeps in its folder of results."""


@dataclass(frozen=True)
class Study:
    """A checked configuration with every default filled in.

    Attributes:
        config: as it was checked.
        seed: of everything.
        seeds: number of replicates.
        results: folder of results.
        sections: what each system of the study has to do, resolved, in the order of the registry; `study.tickets` is
            short for `study.sections["tickets"]`.
    """

    config: dict[str, Any]
    seed: int
    seeds: int
    results: Path
    sections: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        """Return a section.

        Raises:
            AttributeError: if the study has none of this name.
        """
        try:
            return vars(self)["sections"][name]
        except KeyError:
            raise AttributeError(f"the study has no section {name!r}") from None

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
    present = [name for name in registry.SYSTEMS if name in config]
    if not present:
        raise StudyError(f"the study has none of {', '.join(registry.SYSTEMS)}; add one of them")
    sections = {name: registry.config(name).resolve(config[name], rules) for name in present}
    return Study(config, config["seed"], config["seeds"], folder, sections)
