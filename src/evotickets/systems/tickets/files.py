"""Where the files of tickets, of transferred ones and of the landscape around them lie, and which of them a rule needs."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from evotickets.pruning import CONTROLS
from evotickets.systems import files
from evotickets.systems.files import Parts, Place, places
from evotickets.systems.tickets.config import Chain, Tickets, gradient, one_shot, scores, without_std
from evotickets.trainers import EVOLUTION, EVOSAX

AROUND_TABLES = {
    "connectivity": ("connectivity", "barriers", "reliability"),
    "flatness": ("flatness", "curvature"),
    "diversity": ("diversity", "snr_correlation"),
}
"""The looks at what lies around the tickets of a chain, and the tables that they write."""


@dataclass(frozen=True)
class Files(files.Files):
    """The files of the section `tickets`. Patterns of paths have the wildcards of the rules."""

    section: Tickets

    @property
    def chain(self) -> str:
        """Folder of a chain."""
        return f"{self.results}/tickets/{{task}}/{{trainer}}/{{criterion}}"

    @property
    def level(self) -> str:
        """Folder of a level."""
        return f"{self.chain}/level{{level}}"

    @property
    def transferred(self) -> str:
        """Folder of a transfer."""
        source = "{source_task}/{source_trainer}/{source_criterion}"
        return f"{self.results}/transfers/{{task}}/{{trainer}}/{source}"

    @property
    def around(self) -> str:
        """Folder of what lies around the tickets of a chain."""
        return f"{self.results}/landscape/{{task}}/{{trainer}}/{{criterion}}"

    def level_file(self, name: str, place: Any, level: int) -> str:
        """Return a file of a level of a chain; all criteria share the dense level."""
        folder = self.chain.format(
            task=place.task, trainer=place.trainer, criterion=place.criterion if level else "dense"
        )
        return f"{folder}/level{level:02d}/{name}.parquet"

    def level_files(self, name: str, place: Any) -> list[str]:
        """Return a file of every level of a chain."""
        return [self.level_file(name, place, level) for level in self.section.levels]

    def tickets(self, place: Any, levels: Iterable[int]) -> list[str]:
        """Return the tickets of a chain at some levels."""
        return [self.level_file("ticket", place, level) for level in levels]

    def source(self, place: Any) -> str:
        """Return the ticket that a level starts from.

        It is the initial one, that of the level before, or that of the same level of the reference chain.
        """
        level, criterion = int(place.level), place.criterion
        if level == 0 or self._starts_anew(criterion):
            return f"{self.results}/tickets/{place.task}/initial.parquet"
        chain = self._chain(place)
        reference = Chain(chain.task, chain.trainer, chain.reference, chain.reference)
        return self.level_file("ticket", reference, level if chain.reference != criterion else level - 1)

    @staticmethod
    def _starts_anew(criterion: str) -> bool:
        return criterion == "random" or criterion in one_shot()

    @cached_property
    def _chains(self) -> dict[tuple[str, str, str], Chain]:
        return {(chain.task, chain.trainer, chain.criterion): chain for chain in self.section.chains}

    def _chain(self, place: Any) -> Chain:
        return self._chains[place.task, place.trainer, place.criterion]

    def submission(self, place: Any) -> str | None:
        """Name the jobs that go to a cluster as one: levels that each start from the one before, and what collects them.

        None for a level that may run beside others, and for a collection that waits for a figure of some levels.
        """
        criterion = place.criterion
        if criterion == "dense" or self._starts_anew(criterion) or self._chain(place).reference != criterion:
            return None
        if not hasattr(place, "level") and self.first_cut(place):
            return None
        return f"{place.task}_{place.trainer}_{criterion}"

    def task(self, place: Any) -> Parts:
        """Name the task of a job, and its network where that is registered."""
        settings = self.section.tasks[place.task]
        return {"task": settings["task"], "network": settings.get("network", {}).get("network")}

    def training(self, place: Any) -> Parts:
        """Name the parts of a job that trains tickets."""
        name = self.section.settings[place.task, place.trainer]["trainer"]
        if name in gradient():
            return self.task(place) | {"trainer": name, "strategy": None}
        # Classes of evosax are no parts of ours.
        return self.task(place) | {"trainer": EVOLUTION, "strategy": None if name in EVOSAX else name}

    def cutting(self, place: Any) -> Parts:
        """Name the parts of a level."""
        cuts = place.criterion not in ("dense", *CONTROLS)
        return self.training(place) | {"criterion": place.criterion if cuts else None}

    def transferring(self, place: Any) -> Parts:
        """Name the parts of a transfer, whose tickets come from another task."""
        source = self.section.tasks[place.source_task]["task"]
        parts = self.training(place)
        other = self.section.tasks[place.source_task].get("network", {}).get("network")
        networks = tuple(filter(None, dict.fromkeys((parts["network"], other))))
        return parts | {"task": (self.section.tasks[place.task]["task"], source), "network": networks}

    @staticmethod
    def scored(criterion: str) -> bool:
        """Say whether a criterion scores trained weights, so that the masks of a chain are nested."""
        return criterion in scores()

    def first_cut(self, place: Any) -> list[str]:
        """Return the figure of the first cut, where a score made it and the trainer has a std."""
        settings = self.section.settings[place.task, place.trainer]
        drawn = settings["trainer"] not in without_std() and place.criterion in scores()
        names = {"task": place.task, "trainer": place.trainer, "criterion": place.criterion}
        return [f"{self.chain}/first_cut.svg".format(**names)] if drawn and len(self.section.levels) > 1 else []

    def standing(self, place: Any) -> dict[str, str]:
        """Return the criterion that stands for each trainer of a task where trainers are compared."""
        return {chain.trainer: self.section.own(place.task, chain.trainer) for chain in self.section.of(place.task)}

    def transferred_files(self, name: str, **where: str) -> list[str]:
        """Return a file of every level of every transfer, or of those at a place."""
        return [
            f"{self.transferred}/level{level:02d}/{name}.parquet".format(**vars(transfer))
            for transfer in self.section.transfers
            if all(getattr(transfer, key) == value for key, value in where.items())
            for level in transfer.levels
        ]

    def transfer_source(self, place: Any) -> str:
        """Return the ticket that is trained elsewhere."""
        source = Chain(place.source_task, place.source_trainer, place.source_criterion, place.source_criterion)
        return self.level_file("ticket", source, int(place.level))

    def transferred_levels(self, **where: str) -> list[int]:
        """Return the levels of one transfer."""
        (transfer,) = (
            t for t in self.section.transfers if all(getattr(t, key) == value for key, value in where.items())
        )
        return list(transfer.levels)

    @property
    def around_levels(self) -> list[int]:
        """The levels whose tickets are needed to look around: a pair needs the level before and the dense level too."""
        levels = self.section.landscape.levels
        return sorted({0, *levels, *(level - 1 for level in levels if level)})

    @property
    def around_tables(self) -> list[str]:
        """The tables of what lies around the tickets of a chain."""
        return [name for tables in AROUND_TABLES.values() for name in tables]

    @property
    def _around(self) -> list[Place]:
        return [dict(zip(("task", "trainer", "criterion"), c, strict=True)) for c in self.section.landscape.chains]

    @cached_property
    def made(self) -> list[str]:
        """Every file of levels, chains, transfers and landscapes."""
        levels = [
            self.level_file(name, chain, level)
            for chain in self.section.chains
            for level in self.section.levels
            for name in ("ticket", "scores", "history", "record")
        ]
        looks = [
            *(
                f"level{level:02d}/{n}"
                for level in self.section.landscape.levels
                for n in ("noise_copy", "history", "record")
            ),
            *self.around_tables,
            *(f"{look}/record" for look in AROUND_TABLES),
            "record",
        ]
        return [
            *files.fill(f"{self.results}/tickets/{{task}}/initial.parquet", [vars(c) for c in self.section.chains]),
            *dict.fromkeys(levels),
            *(
                f"{self.chain}/{name}.parquet".format(**vars(c))
                for c in self.section.chains
                for name in ("chain", "record")
            ),
            *(file for name in ("ticket", "scores", "history", "record") for file in self.transferred_files(name)),
            *(
                f"{self.transferred}/{name}.parquet".format(**vars(transfer))
                for transfer in self.section.transfers
                for name in ("chain", "record")
            ),
            *(f"{self.around}/{name}.parquet".format(**place) for name in looks for place in self._around),
        ]

    @cached_property
    def tables(self) -> dict[str, list[str]]:
        """Scores of chains and of transfers, and what lies around tickets."""
        tables = {"tickets": [f"{self.chain}/chain.parquet".format(**vars(chain)) for chain in self.section.chains]}
        if self.section.transfers:
            tables["transfers"] = self.transferred_files("scores")
        if self._around:
            for name in self.around_tables:
                tables[name] = files.fill(f"{self.around}/{name}.parquet", self._around)
        return tables

    @cached_property
    def places(self) -> dict[str, list[Place]]:
        """Figures of tasks, and those of single chains and transfers."""
        chains = [{"task": c.task, "trainer": c.trainer, "criterion": c.criterion} for c in self.section.chains]
        lined = places("task", [place["task"] for place in self._around])
        # Only masks that are nested and cut from a search distribution have a signal-to-noise ratio to remember.
        remembering = [
            place["task"]
            for place in self._around
            if self.section.settings[place["task"], place["trainer"]]["trainer"] not in without_std()
            and place["criterion"] in scores()
        ]
        return {
            "tickets": places("task", [chain.task for chain in self.section.chains]),
            "transfers": places("task", [transfer.task for transfer in self.section.transfers]),
            "barriers": lined,
            "flatness": lined,
            "diversity": lined if self.seeds > 1 else [],
            "snr_correlation": places("task", remembering),
            "training_curves": chains,
            "layer_densities": chains,
            "snr_against_magnitude": [
                place for place, chain in zip(chains, self.section.chains, strict=True) if self.first_cut(chain)
            ],
            "transfer_training": [vars(transfer) for transfer in self.section.transfers],
            "interpolation": self._around,
        }

    @cached_property
    def evidence(self) -> dict[str, Any]:
        """The trainers that follow gradients."""
        return {
            "gradient": sorted({name for (_, name), s in self.section.settings.items() if s["trainer"] in gradient()})
        }
