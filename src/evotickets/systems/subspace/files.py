"""Where the files of subspace evolution lie, and which of them a rule needs."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from evotickets.systems import files
from evotickets.systems.files import Parts, Place, places
from evotickets.systems.subspace import shards
from evotickets.systems.subspace.config import Cell, Subspace
from evotickets.tasks.files import data_folder


@dataclass(frozen=True)
class Files(files.Files):
    """The files of the section `subspace`. Patterns of paths have the wildcards of the rules."""

    section: Subspace

    @property
    def parent(self) -> str:
        """Folder of a parent."""
        return f"{self.results}/subspace/{{parent}}"

    @property
    def cell(self) -> str:
        """Folder of a cell."""
        return f"{self.parent}/{{study}}/{{cell}}"

    def cells(self, name: str) -> list[str]:
        """Return a file of every cell."""
        cells = [{"parent": cell.parent, "study": cell.study, "cell": cell.name} for cell in self.section.cells]
        return files.fill(f"{self.cell}/{name}.parquet", cells)

    @property
    def network(self) -> str:
        """A network that is kept."""
        return f"{self.cell}/networks/{{network}}_seed{{index}}.safetensors"

    @property
    def networks(self) -> list[str]:
        """Return all networks that are kept."""
        entries = [
            {"parent": cell.parent, "study": cell.study, "cell": cell.name, "network": name, "index": f"{index:02d}"}
            for cell, names in self.section.kept.items()
            for name in names
            for index in range(self.seeds)
        ]
        return files.fill(self.network, entries)

    def images(self, place: Any) -> Parts:
        """Name the task whose images the networks of a parent see."""
        return {"task": self.section.parents[place.parent]["images"]}

    def checkpoint(self, place: Any) -> list[str]:
        """Return the files of a parent's checkpoint, so that another one makes parent and children anew.

        What is not there is none as long as the parent is not made, so that a job says so; a study that was copied away from
        its data is finished all the same.
        """
        named = self.section.parents[place.parent].get("checkpoint")
        if named is None:
            return []
        path = data_folder() / named
        made = Path(self.parent.format(parent=place.parent), "weights.safetensors").exists()
        return [str(file) for file in shards.files(path) if made or file.exists()]

    def parts(self, place: Any) -> Parts:
        """Name the parts that the children of a cell meet: their images, and the goal that they are judged by."""
        return {**self.images(place), "goal": self.settings(place).get("goal", ())}

    def settings(self, place: Any) -> dict[str, Any]:
        """Return the settings of a cell."""
        return self.section.cells[Cell(place.parent, place.study, place.cell)]

    def helpers(self, place: Any) -> list[str]:
        """Return what tells that the jobs that share a cell are done; nothing where one job does it alone."""
        folder = self.cell.format(parent=place.parent, study=place.study, cell=place.cell)
        workers = range(self.section.workers) if self.section.workers > 1 else []
        return [f"{folder}/worker{worker:03d}.done" for worker in workers]

    @property
    def _parents(self) -> list[Place]:
        return places("parent", self.section.used)

    @cached_property
    def made(self) -> list[str]:
        """Every file of parents and cells."""
        return [
            *(
                file
                for name in ("weights.safetensors", "scores.parquet")
                for file in files.fill(f"{self.parent}/{name}", self._parents)
            ),
            *(file for name in ("scores", "record") for file in self.cells(name)),
            *self.networks,
        ]

    @cached_property
    def tables(self) -> dict[str, list[str]]:
        """The scores of all parents and cells."""
        return {"subspace": [*files.fill(f"{self.parent}/scores.parquet", self._parents), *self.cells("scores")]}

    @cached_property
    def places(self) -> dict[str, list[Place]]:
        """Figures of parents, as far as their studies have them."""
        studies: dict[str, list[Place]] = {"subspace": self._parents}
        for place in self._parents:
            for study in self.section.studies(place["parent"]):
                studies.setdefault(study, []).append(place)
        return studies
