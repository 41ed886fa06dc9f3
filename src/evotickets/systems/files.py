"""Where the results of a system lie: what its rules make, which tables a study collects, and where figures are drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from evotickets.figures.declaration import Figure

Place = dict[str, str]
"""The wildcards of a path and their values."""
Parts = dict[str, str | tuple[str, ...] | None]
"""The parts that a job names, by kind; None where it names none of a kind that it could name."""


@dataclass(frozen=True)
class Files:
    """The files of one system in one study; every system has a class `Files` that fills in what it has.

    Attributes:
        section: the resolved section of the study.
        results: the folder of the study's results.
        seeds: number of seeds of the study.
    """

    section: Any
    results: str
    seeds: int

    @cached_property
    def made(self) -> list[str]:
        """Every file that the rules of the system make, but for tables of the study and figures.

        All of them, not the last ones only: Snakemake leaves out what is missing between an old file and its old source.
        """
        return []

    @cached_property
    def tables(self) -> dict[str, list[str]]:
        """The parts of every table that the study collects, by the name of the table."""
        return {}

    @cached_property
    def places(self) -> dict[str, list[Place]]:
        """Where figures are drawn: by table, by the part of a system that they are of, or by a figure without tables."""
        return {}

    @cached_property
    def evidence(self) -> dict[str, Any]:
        """What claims are decided from beside tables: the arguments of `claims.evidence`."""
        return {}

    @cached_property
    def timed(self) -> list[str]:
        """Records whose times decide claims."""
        return []

    def table(self, name: str) -> str:
        """Return the path of a table of the study."""
        return f"{self.results}/tables/{name}.parquet"

    def drawn(self, figure: Figure) -> list[str]:
        """Return the files of a figure; none where the study lacks what it is drawn from."""
        sources = [*figure.tables, *filter(None, [figure.study])] or [figure.name]
        if not all(source in self.places for source in sources):
            return []
        groups = [fill(f"{self.results}/{figure.path}", self.places[source]) for source in sources]
        return [path for path in groups[0] if all(path in others for others in groups[1:])]


def places(wildcard: str, values: Sequence[str]) -> list[Place]:
    """Return a place for every value of one wildcard, each once."""
    return [{wildcard: value} for value in dict.fromkeys(values)]


def fill(pattern: str, entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a path for every entry, each once."""
    return list(dict.fromkeys(pattern.format(**entry) for entry in entries))
