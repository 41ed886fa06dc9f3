"""The section `tickets` of a configuration: its keys, each with type, bounds, default and one sentence."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from evotickets import pruning, tasks
from evotickets.configuration.options import (
    Density,
    Described,
    Doc,
    Entry,
    Ge,
    Gt,
    Le,
    Len,
    Named,
    Names,
    OneOf,
    Several,
    Units,
    entry,
    options_of,
    shared_options,
)
from evotickets.networks import network

TRAINERS = "trainers"
"""Under this name the schema describes all trainers."""


def _trainers() -> Mapping[str, Described]:
    from evotickets.trainers import settings

    return settings.settings()


def _criteria() -> list[str]:
    return [*pruning.of_trained_weights(), *pruning.CONTROLS, *pruning.at_once()]


def _criteria_that_cut() -> list[str]:
    return [*pruning.of_trained_weights(), *pruning.at_once()]


TRAINER = Entry(
    "trainer",
    TRAINERS,
    "The algorithm, a trainer or a distribution-based class of evosax; by default the entry's own name.",
    _trainers,
)
NETWORK = entry(network)


def _task_options() -> Mapping[str, inspect.Parameter]:
    """Return what environments may be told, ours and those of the study's own files."""
    return shared_options("task", {name: options_of(tasks.task[name]) for name in tasks.CONTROL})


Task = Annotated[str, Doc("A name from `tasks`.")]
Trainer = Annotated[str, Doc("A name from `trainers`.")]
Level = Annotated[int, Le(99)]


@dataclass(frozen=True)
class TaskEntry:
    """A task and the network that is trained on it."""

    more: ClassVar = staticmethod(_task_options)
    task: Annotated[str | None, Doc("The registered task behind this entry; by default the entry's own name.")] = None
    hidden: Annotated[list[Units] | None, Len(0, 20), Doc("Units of the hidden layers of a perceptron.")] = None
    channels: Annotated[
        list[Annotated[int, Ge(1), Le(1024)]] | None,
        Len(1, 4),
        Doc("Channels of the convolutions of a convolutional network, instead of `hidden`."),
    ] = None
    activation: Annotated[
        Literal["relu", "tanh"] | None,
        Doc("Activation between layers; relu for data sets and tanh for control unless said otherwise."),
    ] = None
    network: Annotated[
        dict[str, Any] | None,
        NETWORK,
        Doc("A registered network of functions, `{network: its name}`, and its options."),
    ] = None
    normalise: Annotated[
        bool | None,
        Doc("Whether policies see observations less their running mean, over their running std; yes by default."),
    ] = None
    biases: Annotated[
        float | None, Gt(0), Le(10), Doc("Biases of hidden layers start uniform within ± this; by default at zero.")
    ] = None
    validation: Annotated[
        bool | None,
        Doc("Whether a data set keeps images for validation, as it does by default, or trains on them too."),
    ] = None
    torso_mass: Annotated[
        float | None,
        Gt(0),
        Le(1_000_000),
        Doc(
            "What the torso of ant, halfcheetah, hopper or walker2d weighs, in the unit of the other links; by default what "
            "Brax gives it."
        ),
    ] = None
    raw_outputs: Annotated[
        bool | None,
        Doc(
            "Whether the output of a policy is the action of pendulum or mountain_car_continuous, which the environment clips; "
            "by default its tanh is, stretched to the bounds."
        ),
    ] = None


@dataclass(frozen=True)
class ChainName:
    """A chain by its names."""

    task: Task
    trainer: Trainer
    criterion: Annotated[str, Doc("One of the criteria that the chains give this trainer on this task.")]


@dataclass(frozen=True)
class ChainEntry:
    """Trainers on a task under criteria."""

    task: Task
    trainers: Annotated[Names, Doc("Names from `trainers`.")]
    criteria: Annotated[
        Several[Annotated[str, OneOf(_criteria)]],
        Doc(
            "What ranks the weights, or which control replaces the ticket. snip, grasp and synflow cut the initial parameters "
            "at once."
        ),
    ]
    controls_of: Annotated[
        str,
        OneOf(_criteria_that_cut),
        Doc("The criterion whose tickets mask_reinit, weights_permuted and mask_permuted destroy in part."),
    ] = "magnitude"
    settings: Annotated[dict[str, Any], Doc("Settings of the trainers that differ on this task.")] = field(
        default_factory=dict
    )


@dataclass(frozen=True)
class Target:
    """Where tickets are trained."""

    task: Task
    trainer: Trainer


@dataclass(frozen=True)
class TransferEntry:
    """Tickets of a chain that are trained elsewhere."""

    source: Annotated[ChainName, Doc("The chain whose tickets are taken.")]
    target: Annotated[
        Target, Doc("Where they are trained, with the settings that the chains give this trainer on this task.")
    ]
    levels: Annotated[
        Several[Annotated[Level, Ge(1)]] | None,
        Doc("Which levels are transferred; by default all but the dense one."),
    ] = None


@dataclass(frozen=True)
class LandscapeSection:
    """What lies around trained tickets: connectivity, flatness, diversity."""

    chains: Annotated[
        Several[ChainName],
        Doc("The chains to look at; claims need an evolution strategy and a gradient trainer on one task."),
    ]
    levels: Annotated[
        Several[Annotated[Level, Ge(0)]] | None,
        Doc("Which levels of them, the dense one being 0; by default all."),
    ] = None
    draws: Annotated[int, Ge(1), Le(100_000), Doc("Draws of noise on the weights at every noise level.")] = 32
    probes: Annotated[int, Ge(2), Le(100_000), Doc("Random vectors behind the estimate of the Hessian's trace.")] = 32
    samples: Annotated[
        int, Ge(1), Le(10_000_000), Doc("Training samples at most that a train error or a Hessian takes.")
    ] = 10_000


@dataclass(frozen=True)
class Section:
    """Tickets of evolution strategies: chains of levels, each a (task, trainer, criterion)."""

    densities: Annotated[
        list[Density],
        Len(1, 100),
        Doc("Density (kept / prunable) of every level; the first is 1, the dense level, and they fall."),
    ]
    tasks: Annotated[Named[TaskEntry], Doc("Tasks by name. The name is used in paths and tables.")]
    trainers: Annotated[
        Named[Annotated[dict[str, Any], TRAINER]], Doc("Trainers by name. The name is used in paths and tables.")
    ]
    chains: Annotated[list[ChainEntry], Len(1), Doc("Which trainer runs on which task under which criteria.")]
    transfers: Annotated[
        list[TransferEntry],
        Len(0, 1000),
        Doc("Tickets that are trained, without another cut, on a setting they were not made for."),
    ] = field(default_factory=list)
    landscape: Annotated[
        LandscapeSection | None, Doc("What lies around trained tickets: connectivity, flatness, diversity.")
    ] = None
