"""The section `hybrid` of a configuration: its keys, each with type, bounds, default and one sentence."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from evotickets.configuration.options import (
    Doc,
    Ge,
    Gt,
    Le,
    LearningRate,
    Len,
    Lt,
    Momentum,
    MultipleOf,
    Named,
    Names,
    OneOf,
    Overrides,
    Samples,
    Several,
    Unique,
    Units,
    entry,
)
from evotickets.networks import network
from evotickets.systems.hybrid import ERK, SHARE_OUTS, method

NETWORK = entry(network)
Sparse = Annotated[float, Gt(0), Lt(1)]
Hybrid = Annotated[str, Doc("A name from `methods`, a hybrid.")]
ShareOuts = Several[Annotated[str, OneOf(lambda: SHARE_OUTS)]]
Rates = Annotated[list[LearningRate], Len(0, 100), Unique()]


@dataclass(frozen=True)
class Training:
    """What all methods share."""

    steps: Annotated[int, Ge(1), Le(100_000_000), Doc("Steps of every method.")] = 1000
    batches: Annotated[Units, Doc("Batches of a step; the hybrid tries a pair of masks on each.")] = 4
    batch: Annotated[Samples, Doc("Samples of a batch.")] = 32
    learning_rate: Annotated[
        LearningRate,
        Doc("Learning rate of the weights at the start; it falls to zero along half a cosine."),
    ] = 0.1
    momentum: Annotated[Momentum, Doc("Momentum of the weights.")] = 0.9
    evaluations: Annotated[
        int, Ge(1), Le(10_000), Doc("How often networks are scored; steps are a multiple of it.")
    ] = 10


@dataclass(frozen=True)
class TaskEntry:
    """A data set and the network that is trained on it."""

    task: Annotated[str | None, Doc("The registered data set behind this entry; by default the entry's own name.")] = (
        None
    )
    hidden: Annotated[
        list[Units] | None,
        Len(0, 20),
        Doc("Units of the hidden dense layers, after the convolutions where there are `channels`."),
    ] = None
    channels: Annotated[
        list[Annotated[int, Ge(1), Le(1024)]] | None,
        Len(1, 4),
        Doc("Channels of 5×5 convolutions, each followed by a 2×2 pool."),
    ] = None
    separable: Annotated[
        list[Annotated[int, Ge(1), Le(4096)]] | None,
        Len(1, 40),
        Doc(
            "Widths of depthwise-separable 3×3 layers with batch normalisation; one that is wider than the one before halves "
            "the image."
        ),
    ] = None
    network: Annotated[
        dict[str, Any] | None,
        NETWORK,
        Doc("A registered network of functions, `{network: its name}`, and its options."),
    ] = None
    recurrent: Annotated[Units | None, Doc("Units of a gated recurrent unit that reads rows, or a sequence.")] = None
    optional: Annotated[
        bool, Doc("Whether the task is left out, with a sentence, where what its data need is not installed.")
    ] = False
    training: Annotated[
        dict[str, Any], Overrides(Training), Doc("Settings of the training that differ on this task.")
    ] = field(default_factory=dict)


@dataclass(frozen=True)
class CellEntry:
    """Methods on tasks at densities."""

    tasks: Annotated[Names, Doc("Names from `tasks`.")]
    methods: Annotated[
        Names,
        Doc("Names from `methods`. dense and evolution prune nothing and run once, whatever the densities."),
    ]
    densities: Annotated[
        Several[Sparse],
        Doc("Densities (kept / prunable) below 1; also what the narrower network of small_dense keeps."),
    ]
    layer_densities: Annotated[
        ShareOuts | None, Doc("Share-outs over layers where they are others than those of the section.")
    ] = None
    learning_rates: Annotated[Rates | None, Doc("Learning rates where they are others than those of the section.")] = (
        None
    )


@dataclass(frozen=True)
class EffectsEntry:
    """A hybrid whose mask updates are compared with exact effects."""

    task: Annotated[str, Doc("A name from `tasks`; small networks only.")]
    method: Hybrid
    density: Annotated[Sparse, Doc("Density of the mask.")]
    populations: Annotated[
        Several[Annotated[int, Ge(2), Le(10_000_000), MultipleOf(2)]],
        Doc("Members behind an update; even numbers."),
    ]
    samples: Annotated[int, Ge(1), Le(10_000_000), Doc("Training samples that all of it takes.")] = 500
    draws: Annotated[
        int,
        Ge(1),
        Le(100_000),
        Doc("Masks of the search distribution over which exact effects are averaged."),
    ] = 8


@dataclass(frozen=True)
class OverheadEntry:
    """A hybrid whose step is timed."""

    task: Annotated[str, Doc("A name from `tasks`.")]
    method: Hybrid
    density: Annotated[Sparse, Doc("Density of the mask.")]
    repeats: Annotated[int, Ge(2), Le(10_000), Doc("Times each part is timed.")] = 20


@dataclass(frozen=True)
class Section:
    """Hybrid training: gradients move the weights and evolution moves the mask, beside gradient baselines and null controls."""

    tasks: Annotated[Named[TaskEntry], Doc("Data sets and networks by name. The name is used in paths and tables.")]
    methods: Annotated[
        Named[Annotated[dict[str, Any], entry(method)]],
        Doc("How sparse networks are trained, by name. The name is used in paths and tables."),
    ]
    cells: Annotated[list[CellEntry], Len(1), Doc("Which methods train on which tasks, at which densities.")]
    training: Annotated[Training, Doc("What all methods share.")] = field(default_factory=Training)
    layer_densities: Annotated[
        ShareOuts,
        Doc(
            "How weights are shared out over layers, for all methods alike: every layer the same density (uniform), or the "
            "Erdős–Rényi kernel (erk). Every one is run; effects and times are of the first."
        ),
    ] = field(default_factory=lambda: [ERK])
    learning_rates: Annotated[
        Rates,
        Doc(
            "Learning rates of which validation images choose one for every method, density and share-out; without any, it is "
            "that of the training."
        ),
    ] = field(default_factory=list)
    grids: Annotated[
        dict[str, list[list[dict[str, Any]]]],
        Doc(
            "What else validation images choose for some methods, by their names: axes, each a list of sets, of which a "
            "candidate has one, of the method's options or the training's steps, batches and batch. All see as many samples."
        ),
    ] = field(default_factory=dict)
    tries: Annotated[
        int,
        Ge(1),
        Le(100_000),
        Doc(
            "Candidates of a method that are trained, the first of all and others that are drawn, the same for every task."
        ),
    ] = 24
    replicates: Annotated[
        int,
        Ge(1),
        Le(1000),
        Doc(
            "Trainings of a candidate, which are not reported; where every seed has a split of its own, there is one for each."
        ),
    ] = 1
    effects: Annotated[
        list[EffectsEntry],
        Len(0, 1000),
        Doc("Where the update of the mask is held against the exact effect of leaving out or putting in every weight."),
    ] = field(default_factory=list)
    overhead: Annotated[
        list[OverheadEntry],
        Len(0, 100),
        Doc(
            "Where a step of the hybrid is timed, part by part. Times are the only results that differ from run to run."
        ),
    ] = field(default_factory=list)
