"""Where the files of hybrid training lie, and which of them a rule needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from evotickets.systems import files
from evotickets.systems.files import Parts, Place
from evotickets.systems.hybrid import SENTENCES, SPEECH
from evotickets.systems.hybrid.config import Hybrid


@dataclass(frozen=True)
class Files(files.Files):
    """The files of the section `hybrid`. Patterns of paths have the wildcards of the rules."""

    section: Hybrid

    @property
    def cell(self) -> str:
        """Folder of a cell."""
        return f"{self.results}/hybrid/{{task}}/{{method}}/{{density}}/{{layer_densities}}"

    @property
    def effects(self) -> str:
        """Folder of a network whose mask updates are compared with exact effects."""
        return f"{self.results}/hybrid/effects/{{task}}/{{method}}/{{density}}"

    @property
    def overhead(self) -> str:
        """Folder of a hybrid whose step is timed."""
        return f"{self.results}/hybrid/overhead/{{task}}/{{method}}/{{density}}"

    @staticmethod
    def listed(entries: Sequence[Any], place: Any) -> Any:
        """Return the entry of the section that a job is for."""
        here = (place.task, place.method, place.density)
        return next(entry for entry in entries if (entry.task, entry.method, entry.density) == here)

    def candidates(self, place: Any) -> dict[str, Any]:
        """Return what the candidates of a cell are drawn from."""
        here = (place.task, place.layer_densities, place.method, place.density)
        rates = next(
            cell.rates
            for cell in self.section.cells
            if (cell.task, cell.layer_densities, cell.method, cell.density) == here
        )
        return {"rates": list(rates), "grid": self.section.grids.get(place.method, [])}

    def training(self, place: Any) -> Parts:
        """Name the parts of a cell."""
        section = self.section
        settings = section.tasks[place.task]
        parts = {"task": settings["task"], "network": settings.get("network", {}).get("network")}
        return parts | {"method": section.methods[place.method]["method"]}

    @cached_property
    def sequences(self) -> list[str]:
        """Names of the tasks that read sequences."""
        return [name for name, settings in self.section.tasks.items() if "sequence" in settings]

    @cached_property
    def speaking(self) -> list[str]:
        """Names of the tasks whose networks speak."""
        return [name for name, settings in self.section.tasks.items() if settings["task"] == SPEECH]

    @property
    def sentences(self) -> list[str]:
        """What the network of a cell says."""
        return [f"{self.cell}/sentence{number}.wav" for number in range(1, SENTENCES + 1)]

    def methods(self, _: Any) -> dict[str, dict[str, Any]]:
        """Return the options of all methods by name."""
        return self.section.methods

    def said(self, task: str) -> list[Place]:
        """Return the cells of a task whose networks speak."""
        return [vars(cell) for cell in self.section.cells if cell.task == task]

    @staticmethod
    def _each(folder: str, name: str, entries: Sequence[Any], kind: str = "parquet") -> list[str]:
        return files.fill(f"{folder}/{name}.{kind}", [vars(entry) for entry in entries])

    @cached_property
    def made(self) -> list[str]:
        """Every file of cells, effects and times, and the networks and sentences of those that speak."""
        speaking = [cell for cell in self.section.cells if cell.task in self.speaking]
        return [
            *self._each(self.cell, "network", speaking, "safetensors"),
            *(path for sentence in self.sentences for path in files.fill(sentence, [vars(cell) for cell in speaking])),
            *(
                file
                for name in ("scores", "choices", "mask", "record")
                for file in self._each(self.cell, name, self.section.cells)
            ),
            *(f for name in ("effects", "record") for f in self._each(self.effects, name, self.section.effects)),
            *self.timed,
        ]

    @cached_property
    def tables(self) -> dict[str, list[str]]:
        """The scores of all cells, and the effects where the study asks for any."""
        tables = {"hybrid": self._each(self.cell, "scores", self.section.cells)}
        if self.section.chosen:
            tables["hybrid_choices"] = self._each(self.cell, "choices", self.section.chosen)
        if self.section.effects:
            tables["hybrid_effects"] = self._each(self.effects, "effects", self.section.effects)
        return tables

    @cached_property
    def places(self) -> dict[str, list[Place]]:
        """Figures of tasks, the one of all effects, and those of every step that is timed."""
        effects = [vars(entry) for entry in self.section.effects]
        speaking = files.places("task", self.speaking)
        return {
            "hybrid": [vars(cell) for cell in self.section.cells],
            "classes": [vars(cell) for cell in self.section.cells if cell.task not in self.sequences],
            "sequences": files.places("task", self.sequences),
            "speech": speaking,
            "spectrograms": speaking,
            "hybrid_choices": [vars(cell) for cell in self.section.chosen],
            "hybrid_effects": effects,
            "overhead": [vars(entry) for entry in self.section.overhead],
        }

    @cached_property
    def evidence(self) -> dict[str, Any]:
        """Methods with their options, and their grids."""
        return {"methods": self.section.methods, "grids": self.section.grids}

    @cached_property
    def timed(self) -> list[str]:
        """The records of all steps that are timed."""
        return self._each(self.overhead, "record", self.section.overhead)
