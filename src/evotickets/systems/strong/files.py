"""Where the files of strong tickets lie, and which of them a rule needs."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from evotickets.systems import files
from evotickets.systems.files import Parts, Place, places
from evotickets.systems.strong import DENSE, PLANTED, PLANTED_CIRCLE
from evotickets.systems.strong.config import Strong


@dataclass(frozen=True)
class Files(files.Files):
    """The files of the section `strong`. Patterns of paths have the wildcards of the rules."""

    section: Strong

    @property
    def cell(self) -> str:
        """Folder of a cell."""
        return f"{self.results}/strong/{{task}}/{{seeker}}"

    def cells(self, name: str) -> list[str]:
        """Return a file of every cell."""
        return files.fill(f"{self.cell}/{name}.parquet", [vars(cell) for cell in self.section.cells])

    def reference(self, place: Any) -> list[str]:
        """Return the scores of the genetic search that sets a seeker's density or budget, if one does."""
        name = self.section.reference(place.seeker)
        return [f"{self.cell}/scores.parquet".format(task=place.task, seeker=name)] if name else []

    def drawn_seekers(self, place: Any) -> dict[str, dict[str, Any]]:
        """Return the seekers of a task whose tickets are drawn, with their options."""
        names = [cell.seeker for cell in self.section.cells if cell.task == place.task and cell.seeker != DENSE]
        return {name: self.section.seekers[name] for name in names}

    def drawn_masks(self, place: Any) -> list[str]:
        """Return the masks of the seekers whose tickets are drawn."""
        return [f"{self.cell}/mask.parquet".format(task=place.task, seeker=name) for name in self.drawn_seekers(place)]

    def objectives(self, _place: Any) -> dict[str, str]:
        """Return what each seeker minimises."""
        return {name: own["objective"] for name, own in self.section.seekers.items() if "objective" in own}

    def task(self, place: Any) -> Parts:
        """Name the task of a job and its network, where they are registered; a planted task is not."""
        settings = self.section.tasks[place.task]
        name = settings["task"]
        network = settings.get("network", {}).get("network")
        return {"task": None if name == PLANTED_CIRCLE else name, "network": network}

    def seeking(self, place: Any) -> Parts:
        """Name the parts of a cell."""
        options = self.section.seekers[place.seeker]
        name = options["seeker"]
        seeker = None if name in (DENSE, PLANTED) else name
        return self.task(place) | {"seeker": seeker, "strategy": options.get("strategy")}

    @cached_property
    def made(self) -> list[str]:
        """Every file of cells."""
        return [file for name in ("scores", "history", "mask", "record") for file in self.cells(name)]

    @cached_property
    def tables(self) -> dict[str, list[str]]:
        """The measures and the histories of all cells."""
        return {"strong": self.cells("scores"), "strong_history": self.cells("history")}

    @cached_property
    def places(self) -> dict[str, list[Place]]:
        """Figures of families of tasks, and of tasks with two inputs and two classes, whose boundaries can be seen."""
        names = [cell.task for cell in self.section.cells]
        kinds = {name: self.section.tasks[name]["task"] for name in names}
        families = places("family", [kinds[name] for name in names])
        plane = places("task", [name for name in names if kinds[name] in ("moons", "circles")])
        return {"strong": families, "strong_history": families, "boundaries": plane}

    @cached_property
    def evidence(self) -> dict[str, Any]:
        """Seekers with their options."""
        return {"seekers": self.section.seekers}
