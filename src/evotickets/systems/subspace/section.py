"""The section `subspace` of a configuration: its keys, each with type, bounds, default and one sentence."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from evotickets.configuration.options import (
    Density,
    Doc,
    Ge,
    Gt,
    Le,
    Len,
    Lt,
    Named,
    NameKeys,
    Names,
    OneOf,
    Several,
    Std,
    Unique,
)
from evotickets.systems.subspace import MODES, RECOMBINED, RULES, SHAPINGS, SHIFTS, TUNED, UPDATES
from evotickets.systems.subspace.goals import goal
from evotickets.systems.subspace.parent_section import ParentEntry

Images = Annotated[int, Ge(2), Le(1_000_000)]
Rule = Annotated[str, OneOf(lambda: RULES)]
Children = Annotated[int, Ge(2), Le(99_999), Doc("Children of a generation.")]
Sigma = Annotated[Std, Doc("Std of mutated entries, up to the rule.")]


@dataclass(frozen=True, kw_only=True)
class Mutated:
    """What all studies of a parent share."""

    parents: Annotated[Names, Doc("Names from `parents`.")]
    modes: Annotated[
        Several[Annotated[str, OneOf(lambda: MODES)]],
        Doc(
            "Fresh masks, one mask for all, disjoint masks that split a dense mutation, or fresh masks with both signs; "
            "density 1 is the same for all."
        ),
    ] = field(default_factory=lambda: ["bernoulli"])
    densities: Annotated[Several[Density], Doc("Shares of the parameters that mutate; 1 is the dense mutation.")] = (
        field(default_factory=lambda: [1, 0.1, 0.01])
    )


@dataclass(frozen=True, kw_only=True)
class MutationsEntry(Mutated):
    """One generation at every scale."""

    rules: Annotated[
        Several[Rule],
        Doc("What sigmas multiply, 1 (absolute), the std of each tensor (relative), or 1/√density (norm)."),
    ] = field(default_factory=lambda: ["norm", "absolute"])
    sigmas: Annotated[Several[Sigma], Doc("Std of mutated entries, up to the rule.")]
    children: Children = 16
    step: Annotated[float, Gt(0), Le(1000), Doc("Length of the step along ranks, in mutations.")] = 1
    keep: Annotated[
        list[Annotated[str, OneOf(lambda: RECOMBINED)]],
        Unique(),
        Doc("Recombinations that are written as networks, of every seed at every scale."),
    ] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class GradientsEntry(Mutated):
    """Estimates of the gradient."""

    rule: Annotated[Rule, Doc("What sigma multiplies, as in `rules`.")] = "norm"
    sigma: Sigma
    children: Annotated[
        Several[Annotated[int, Ge(1), Le(99_999)]],
        Doc("Numbers of evaluations after which the estimate is looked at."),
    ] = field(default_factory=lambda: [16, 64])


@dataclass(frozen=True, kw_only=True)
class GenerationsEntry(Mutated):
    """Many generations on a shifted task."""

    rule: Annotated[Rule, Doc("What sigma multiplies, as in `rules`.")] = "norm"
    sigma: Sigma
    shift: Annotated[
        str,
        OneOf(lambda: SHIFTS),
        Doc("What is done to the images, turned by 90 degrees or normal noise added."),
    ] = "noise"
    strength: Annotated[float, Ge(0), Le(10), Doc("Std of the noise, as a share of the largest pixel.")] = 0.2
    generations: Annotated[int, Ge(1), Le(100_000), Doc("Generations; a multiple of `evaluations`.")] = 30
    evaluations: Annotated[int, Ge(1), Le(10_000), Doc("How often the parent is scored on the way.")] = 10
    children: Children = 30
    step: Annotated[float, Gt(0), Le(1000), Doc("Length of a step, in mutations.")] = 0.5
    decays: Annotated[
        Several[Annotated[float, Ge(0), Lt(1)]],
        Doc("Shares of the way back to the original parent that every generation goes."),
    ] = field(default_factory=lambda: [0])
    keep: Annotated[
        list[Literal["last"]], Unique(), Doc("Generations that are written as networks, of every seed.")
    ] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class StructuredEntry(Mutated):
    """Mutations of every structure, side by side."""

    densities: Annotated[
        list[Density], Unique(), Doc("Shares of the parameters that mutate; 1 is the dense mutation.")
    ] = field(default_factory=lambda: [1])
    low_ranks: Annotated[
        list[Annotated[int, Ge(1), Le(1000)]],
        Unique(),
        Doc("Ranks of mutations of matrices that are products of thin ones, beside those of modes and densities."),
    ] = field(default_factory=list)
    only: Annotated[
        dict[str, Annotated[list[Annotated[str, Len(1, 200)]], Len(1, 100)]],
        NameKeys(),
        Doc(
            "Mutations of some layers alone, by a name and patterns of the names of their parameters, such as {head: [fc.*]}."
        ),
    ] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TuningEntry(StructuredEntry):
    """Many generations on the images of the parent's entry, which need not be those that it was trained on."""

    learning_rates: Annotated[
        list[Annotated[float, Gt(0), Le(1000)]],
        Unique(),
        Doc(
            "Rates of the control that follows the gradient of cross-entropy by Adam on the same images, a step for every "
            "three children; none of its networks is written."
        ),
    ] = field(default_factory=list)
    rule: Annotated[Rule, Doc("What sigma multiplies, as in `rules`.")] = "norm"
    sigma: Sigma
    goal: Annotated[str, OneOf(lambda: goal), Doc("What is lowered.")] = "cross_entropy"
    shaping: Annotated[
        str,
        OneOf(lambda: SHAPINGS),
        Doc("Whether losses weigh mutations by their distance in stds, or by their ranks."),
    ] = "z_score"
    updates: Annotated[
        Several[Annotated[str, OneOf(lambda: UPDATES)]],
        Doc(
            "How the parent follows the mean of its children's mutations: as it is, with momentum .9, or as Adam does."
        ),
    ] = field(default_factory=lambda: ["step"])
    generations: Annotated[int, Ge(1), Le(100_000), Doc("Generations; a multiple of `evaluations`.")] = 100
    evaluations: Annotated[int, Ge(1), Le(10_000), Doc("How often the parent is scored on the way.")] = 10
    children: Children = 30
    step: Annotated[float, Gt(0), Le(1000), Doc("Length of a step, in mutations.")] = 0.5
    decay: Annotated[
        float, Ge(0), Lt(1), Doc("Share of the way back to the original parent that every generation goes.")
    ] = 0
    keep: Annotated[
        list[Annotated[str, OneOf(lambda: TUNED)]],
        Unique(),
        Doc("Generations that are written as networks, of every seed: the best on validation images, and the last."),
    ] = field(default_factory=lambda: list(TUNED))


@dataclass(frozen=True, kw_only=True)
class CostsEntry(StructuredEntry):
    """What children cost in time."""

    rule: Annotated[Rule, Doc("What sigma multiplies, as in `rules`.")] = "norm"
    sigma: Sigma
    repeats: Annotated[int, Ge(1), Le(1000), Doc("Children and evaluations of the parent that are timed in turn.")] = 9


@dataclass(frozen=True)
class Section:
    """Subspace evolution: sparse mutations of pretrained networks, one generation or many, and ensembles of children."""

    parents: Annotated[Named[ParentEntry], Doc("Pretrained networks by name. The name is used in paths and tables.")]
    fitness: Annotated[Images, Doc("Training images that children are chosen by; drawn once for every seed.")] = 500
    validation: Annotated[
        Images,
        Doc(
            "Images that decide between sigmas, which a parent that is trained here has not seen; where data bring none, "
            "training images that are not of fitness."
        ),
    ] = 250
    test: Annotated[Images | None, Doc("Held-out images, which decide nothing; by default all that there are.")] = None
    batch: Annotated[int, Ge(1), Le(1_000_000), Doc("Images that are evaluated at once.")] = 250
    batch_norm: Annotated[
        Literal["keep", "estimate"],
        Doc(
            "Whether children keep the parent's statistics of batch norm, or estimate theirs from the images of fitness."
        ),
    ] = "keep"
    together: Annotated[
        int,
        Ge(1),
        Le(1000),
        Doc(
            "Low-rank children that are evaluated at once, which takes the memory of as many; a gain where most weights that "
            "mutate are in the first dense layers. Children with convolutions that mutate are evaluated one by one."
        ),
    ] = 1
    workers: Annotated[
        int,
        Ge(1),
        Le(1000),
        Doc(
            "Jobs that share the children of a cell, on machines that see the same folder of results; seeds and results are "
            "all they exchange."
        ),
    ] = 1
    mutations: Annotated[
        list[MutationsEntry],
        Doc("One generation: children of every mode and density at every scale, recombined and as ensembles."),
    ] = field(default_factory=list)
    gradients: Annotated[list[GradientsEntry], Doc("How well the losses of children estimate the gradient.")] = field(
        default_factory=list
    )
    generations: Annotated[
        list[GenerationsEntry],
        Doc("Many generations on a shifted task, and what is forgotten of the original."),
    ] = field(default_factory=list)
    tuning: Annotated[
        list[TuningEntry],
        Doc("Many generations on data of one's own, by any goal and by mutations side by side; the networks are kept."),
    ] = field(default_factory=list)
    costs: Annotated[
        list[CostsEntry],
        Doc(
            "The time of a child over that of its parent, evaluated plainly; of all results these alone differ from run to run."
        ),
    ] = field(default_factory=list)
