"""A study: a configuration that was checked, each of its sections resolved into what there is to do.

Reads no data and compiles nothing, because every start of the workflow waits for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evotickets.configuration import extension
from evotickets.configuration.reader import StudyError, conform, read, schema
from evotickets.own import Own
from evotickets.systems import registry

__all__ = ["Study", "StudyError", "load", "resolve"]

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
        own: the modules that hold parts beside ours.
    """

    config: dict[str, Any]
    seed: int
    seeds: int
    results: Path
    sections: Mapping[str, Any]
    own: tuple[Own, ...] = ()

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


def load(path: str | Path) -> Study:
    """Read and check a configuration file.

    Raises:
        StudyError: if the file is missing, no YAML or not a study.
    """
    try:
        return resolve(read(path), Path(path).parent)
    except StudyError as error:
        raise StudyError(str(error) if str(path) in str(error) else f"{path}: {error}") from error


def resolve(config: Any, folder: Path | str = ".") -> Study:
    """Check a configuration and fill in its defaults; its own parts are in files relative to a folder.

    Raises:
        StudyError: if a key is unknown, missing or has an impossible value, or a part cannot be used.
    """
    own = extension.use(config, Path(folder))
    config = conform(config, schema(), "")
    results = Path(config["results"])
    if FOLDERS & set(results.parts[1:]):
        raise StudyError(
            f"results is {results}, where the study in {results.parent} keeps its own; choose another name"
        )
    present = [name for name in registry.SYSTEMS if name in config]
    if not present:
        raise StudyError(f"the study has none of {', '.join(registry.SYSTEMS)}; add one of them")
    sections = {name: registry.config(name).resolve(config[name]) for name in present}
    return Study(config, config["seed"], config["seeds"], results, sections, own)
