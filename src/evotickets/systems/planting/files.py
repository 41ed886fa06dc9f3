"""Where the files of planted tickets lie, and which of them a rule needs."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from evotickets.configuration.reader import described
from evotickets.pruning import criterion
from evotickets.systems import files
from evotickets.systems.files import Parts, Place
from evotickets.systems.planting import DENSE, PLANTED, TICKET
from evotickets.systems.planting.config import Planting

WIDEST_DRAWN, DEEPEST_DRAWN = 32, 5
"""Networks of at most this size are drawn edge by edge."""


@dataclass(frozen=True)
class Files(files.Files):
    """The files of the section `planting`. Patterns of paths have the wildcards of the rules."""

    section: Planting

    @property
    def ground(self) -> str:
        """Folder of the mother networks of a target and depth."""
        return f"{self.results}/planting/{{target}}/depth{{depth}}"

    @property
    def cell(self) -> str:
        """Folder of a cell."""
        return f"{self.ground}/{{seeker}}/{{density}}"

    @property
    def _grounds(self) -> list[Place]:
        return [{"target": target, "depth": f"{depth:02d}"} for target, depth in self.section.grounds]

    def cells(self, name: str) -> list[str]:
        """Return a file of every cell."""
        cells = [vars(cell) | {"depth": f"{cell.depth:02d}"} for cell in self.section.cells]
        return files.fill(f"{self.cell}/{name}", cells)

    def drawn_seekers(self, place: Any) -> list[str]:
        """Return the seekers whose networks are drawn beside the planted one: those at ticket density."""
        here = (place.target, int(place.depth), TICKET)
        return [c.seeker for c in self.section.cells if (c.target, c.depth, c.density) == here and c.seeker != PLANTED]

    def drawn_masks(self, place: Any) -> list[str]:
        """Return the masks of the seekers that are drawn."""
        at = {"target": place.target, "depth": place.depth, "density": TICKET}
        return [f"{self.cell}/mask.parquet".format(**at, seeker=name) for name in self.drawn_seekers(place)]

    def seeking(self, place: Any) -> Parts:
        """Name the parts of a cell: its seeker, and the criterion and strategy that it names or is."""
        options = self.section.seekers[place.seeker]
        name = options["seeker"]
        return {
            "seeker": None if name in (DENSE, PLANTED) else name,
            "criterion": options.get("criterion", name if name in described(criterion) else None),
            "strategy": options.get("strategy"),
        }

    @cached_property
    def made(self) -> list[str]:
        """Every file of grounds and cells."""
        return [
            *(
                file
                for name in ("planted", "scales")
                for file in files.fill(f"{self.ground}/{name}.parquet", self._grounds)
            ),
            *(file for name in ("scores", "mask", "record") for file in self.cells(f"{name}.parquet")),
        ]

    @cached_property
    def tables(self) -> dict[str, list[str]]:
        """The measures of all cells."""
        return {"planting": self.cells("scores.parquet")}

    @cached_property
    def places(self) -> dict[str, list[Place]]:
        """Figures of targets, and the drawings of small networks."""
        targets = self.section.targets
        small = [
            place
            for place in self._grounds
            if targets[place["target"]]["width"] <= WIDEST_DRAWN and int(place["depth"]) <= DEEPEST_DRAWN
        ]
        return {"planting": self._grounds, "planted_networks": small}

    @cached_property
    def evidence(self) -> dict[str, Any]:
        """Seekers and targets with their options, and which seekers train nothing before they cut."""
        section = self.section
        return {"seekers": section.seekers, "targets": section.targets, "single_shot": section.single_shot}
