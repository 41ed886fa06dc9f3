"""The section `strong` of a configuration: its keys, each with type, bounds, default and one sentence."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any

from evotickets.configuration.options import (
    Doc,
    Ge,
    Gt,
    Le,
    LearningRate,
    Len,
    Named,
    Names,
    OneOf,
    Passes,
    Share,
    Units,
    entry,
)
from evotickets.networks import network
from evotickets.systems.strong import FAMILIES, PLANTED_CIRCLE, seeker

NETWORK = entry(network)


def _schemes() -> Iterable[str]:
    from evotickets.systems.strong import weights

    return weights.SCHEMES


@dataclass(frozen=True)
class Training:
    """How the dense network is trained."""

    epochs: Passes = 50
    batch: Annotated[Units, Doc("Samples of a gradient step.")] = 128
    learning_rate: Annotated[
        LearningRate, Doc("Learning rate of Adam at the start; it falls to zero along half a cosine.")
    ] = 0.05


@dataclass(frozen=True)
class TaskEntry:
    """A data set and the network that is masked for it."""

    task: Annotated[
        str | None,
        Doc(
            f"The data set behind this entry ({', '.join([*FAMILIES, PLANTED_CIRCLE])}); by default the entry's own name."
        ),
    ] = None
    classes: Annotated[
        int,
        Ge(2),
        Le(10),
        Doc("Number of classes; digits and mnist keep those below it, planted_circle has four."),
    ] = 2
    hidden: Annotated[list[Annotated[int, Ge(1), Le(10_000)]], Len(1, 20), Doc("Units of the hidden layers.")] = field(
        default_factory=lambda: [20]
    )
    network: Annotated[
        dict[str, Any] | None,
        NETWORK,
        Doc(
            "A registered network of functions, `{network: its name}`, and its options, instead of `hidden`; it draws its own "
            "weights."
        ),
    ] = None
    initial: Annotated[
        str,
        OneOf(_schemes),
        Doc("How the weights are drawn that are never trained; planted_circle has those of its mother network."),
    ] = "uniform"
    scale: Annotated[float, Gt(0), Le(1000), Doc("Largest weight where they are uniform.")] = 1.0
    noise: Annotated[
        Share,
        Doc("Std of what is added to moons and circles, or share of labels of planted_circle that are flipped."),
    ] = 0.07


@dataclass(frozen=True)
class CellEntry:
    """Seekers on tasks."""

    tasks: Annotated[Names, Doc("Names from `tasks`.")]
    seekers: Annotated[Names, Doc("Names from `seekers`.")]


@dataclass(frozen=True)
class Section:
    """Strong tickets: masks of untrained weights, found by genetic search and by its baselines."""

    tasks: Annotated[
        Named[TaskEntry],
        Doc("Data sets with the networks that are masked for them, by name. The name is used in paths and tables."),
    ]
    seekers: Annotated[
        Named[Annotated[dict[str, Any], entry(seeker)]],
        Doc(
            "Who looks for strong tickets, by name. The name is used in paths and tables; `dense` and `planted` are taken."
        ),
    ]
    cells: Annotated[list[CellEntry], Len(1), Doc("Which seekers look for tickets of which tasks.")]
    samples: Annotated[
        int,
        Ge(10),
        Le(1_000_000),
        Doc("Training samples of a task at most, and as many test samples where they are drawn."),
    ] = 5000
    training: Annotated[
        Training,
        Doc(
            "How the dense network is trained that every ticket is held against; seekers that take gradients share the batch."
        ),
    ] = field(default_factory=Training)
