"""A study: a configuration that was checked, each of its sections resolved into what there is to do.

Reads no data and compiles nothing, because every start of the workflow waits for it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evotickets import lock
from evotickets.configuration.reader import StudyError, check_text, conform, read, schema
from evotickets.systems import registry

__all__ = ["Study", "StudyError", "load", "resolve"]

FOLDERS = {*registry.SYSTEMS, "transfers", "landscape", "claims", "tables", "figures", "logs", "benchmarks"}
"""What a study keeps in its folder of results."""

DEFAULT = Path("results")
"""The folder of results of a study that names none."""


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
        """Name of the study: its folder inside `results`, or the path of another folder; nothing for the default study."""
        inside = self.results.is_relative_to(DEFAULT)
        path = self.results.relative_to(DEFAULT) if inside else self.results
        return "/".join(part for part in path.parts if part not in ("/", ".."))


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
    check_text(config)
    folder = _results(Path(config["results"]))
    present = [name for name in registry.SYSTEMS if name in config]
    if not present:
        raise StudyError(f"the study has none of {', '.join(registry.SYSTEMS)}; add one of them")
    sections = {name: registry.config(name).resolve(config[name]) for name in present}
    return Study(config, config["seed"], config["seeds"], folder, sections)


def _results(folder: Path) -> Path:
    """Check a folder of results; nothing is made.

    Raises:
        StudyError: if it is that of another study, or holds more than results.
    """
    here = Path.cwd()
    if ".." in folder.as_posix().lstrip("./").split("/"):
        raise StudyError(f"results is {folder}, which goes back on itself; write the path without .. after a name")
    if Path(os.path.realpath(here)).is_relative_to(os.path.realpath(folder)):
        raise StudyError(
            f"results is {folder}, which holds the working folder {here}: choose a folder in it or elsewhere"
        )
    for place, name in zip(folder.parents, folder.parts[::-1], strict=False):
        # A folder like /data/tables is nobody's; one inside results may be a study's before it has begun.
        of_study = DEFAULT in (place, *place.parents) or (place / lock.NAME).exists()
        if name in FOLDERS and of_study:
            raise StudyError(f"results is {folder}, where the study in {place} keeps its own; choose another name")
    return folder
