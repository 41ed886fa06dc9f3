"""The section `planting` of a configuration: its keys, each with type, bounds, default and one sentence."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from evotickets.configuration.options import (
    Doc,
    Ge,
    Le,
    LearningRate,
    Len,
    Named,
    Names,
    OneOf,
    Passes,
    Several,
    Share,
    Units,
    entry,
)
from evotickets.planted import KEPT, PRUNED, plant
from evotickets.systems.planting import seeker


@dataclass(frozen=True)
class Training:
    """How tickets are trained."""

    epochs: Passes = 10
    batch: Annotated[Units, Doc("Samples of a gradient step.")] = 32
    learning_rate: Annotated[LearningRate, Doc("Learning rate of Adam.")] = 0.001


@dataclass(frozen=True)
class TargetEntry:
    """A target and its mother network."""

    target: Annotated[
        str | None,
        Doc("The family of targets behind this entry (relu, helix, circle); by default the entry's own name."),
    ] = None
    width: Annotated[int, Ge(1), Le(10_000), Doc("Units of every hidden layer of the mother network.")] = 100
    noise: Annotated[
        Share,
        Doc("Share of training labels flipped to the second-best class, or std of what is added to training values."),
    ] = 0.01
    factor: Annotated[
        str,
        OneOf(lambda: plant.FACTORS),
        Doc(
            "What a unit's parameters are divided by when they take the place of the mother's: projection keeps them within "
            "the mother's norm; least_squares is the paper's text, whose planted weights stand out."
        ),
    ] = plant.PROJECTION
    biases: Annotated[
        str,
        OneOf(lambda: (KEPT, PRUNED)),
        Doc("Whether biases are all kept and not counted, or are scored, counted and pruned as weights are."),
    ] = KEPT


@dataclass(frozen=True)
class CellEntry:
    """Seekers of targets at depths and densities."""

    targets: Annotated[Names, Doc("Names from `targets`.")]
    depths: Annotated[
        Several[Annotated[int, Ge(2), Le(99)]],
        Doc("Weight layers of target and mother network. The paper counts layers of neurons, one more."),
    ]
    seekers: Annotated[Names, Doc("Names from `seekers`.")]
    densities: Annotated[
        Several[Annotated[Any, Doc("A number in (0, 1], or `ticket`.")]],
        Doc("Densities (kept / prunable) to reach; `ticket` is that of the planted ticket."),
    ]


@dataclass(frozen=True)
class Section:
    """Planting: known tickets hidden in random networks, and seekers that look for them."""

    targets: Annotated[Named[TargetEntry], Doc("What is planted, by name. The name is used in paths and tables.")]
    seekers: Annotated[
        Named[Annotated[dict[str, Any], entry(seeker)]],
        Doc("Who looks for it, by name. The name is used in paths and tables; `dense` and `planted` are taken."),
    ]
    cells: Annotated[
        list[CellEntry], Len(1), Doc("Which seekers look for which targets, at which depths and densities.")
    ]
    samples: Annotated[
        int,
        Ge(32),
        Le(1_000_000),
        Doc("Training samples of a problem, and as many test samples; drawn anew for every seed."),
    ] = 10_000
    training: Annotated[
        Training,
        Doc("How every ticket is trained once it is found, and on the way where a seeker trains with Adam."),
    ] = field(default_factory=Training)
