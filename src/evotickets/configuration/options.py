"""Words in which options and sections are annotated: each has its type, bounds, default and one sentence in one place.

    population: Annotated[int, Ge(2), Le(1_000_000), Doc("Members of a generation.")] = 128

Every start of the workflow reads this file, which therefore imports no big library.
"""

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple, TypeVar

from annotated_doc import Doc
from annotated_types import Ge, Gt, Le, Len, Lt, MultipleOf

from evotickets.own import PartError
from evotickets.parts import Parts, is_described, signature

__all__ = [
    "Density", "Described", "Doc", "Entry", "Environment", "Even", "Ge", "Gt", "Horizon", "Le", "LearningRate", "Len",
    "Lt", "Momentum", "MultipleOf", "NameKeys", "Named", "Names", "OneOf", "Overrides", "Passes", "Pattern", "Rate",
    "Samples", "Several", "Share", "Std", "Unique", "Units", "WeightDecay", "catalogue", "entry", "options_of",
    "sentence_of", "shared_options",
]  # fmt: skip

T = TypeVar("T")


@dataclass(frozen=True)
class Pattern:
    """Text of this form."""

    regex: str


@dataclass(frozen=True)
class OneOf:
    """One of the names that are there when the schema is generated."""

    names: Callable[[], Iterable[str]]


class Described(NamedTuple):
    """A part: one sentence, its options, and what else must be known before it is imported."""

    sentence: str
    options: Mapping[str, inspect.Parameter]
    facts: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Entry:
    """Options of the part that a key names, by default of the part that is called as the entry is.

    Attributes:
        key: names the part.
        catalogue: under which the schema describes all parts of this kind.
        sentence: about the key.
        parts: returns all parts of this kind.
    """

    key: str
    catalogue: str
    sentence: str
    parts: Callable[[], Mapping[str, Described]]


@dataclass(frozen=True)
class Overrides:
    """Fields of a dataclass that are changed in one place; those that are left out stay as they are."""

    of: type


@dataclass(frozen=True)
class Unique:
    """A list without repetitions."""


@dataclass(frozen=True)
class NameKeys:
    """A map whose keys are names for paths and tables."""


def options_of(*functions: Callable[..., Any], without: Collection[str] = ()) -> dict[str, inspect.Parameter]:
    """Return the options of functions: keyword-only arguments that a sentence describes."""
    parameters = [p for function in functions for p in signature(function).parameters.values()]
    return {p.name: p for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in without and is_described(p)}


def shared_options(kind: str, parts: Mapping[str, Mapping[str, inspect.Parameter]]) -> dict[str, inspect.Parameter]:
    """Return the options of parts that stand in one map, by the name of the part.

    Raises:
        PartError: if two have one of the same name that takes something else.
    """
    found: dict[str, tuple[str, inspect.Parameter]] = {}
    for name, options in parts.items():
        for option, parameter in options.items():
            first, known = found.setdefault(option, (name, parameter))
            if known.annotation != parameter.annotation:
                raise PartError(
                    f"the options {option!r} of the {kind}s {first!r} and {name!r} differ in type, bounds or sentence: "
                    "rename one, or make them alike"
                )
    return {option: parameter for option, (_, parameter) in found.items()}


def catalogue(parts: Parts) -> str:
    """Return the name under which the schema describes the parts of a kind."""
    return parts.places[0].removeprefix("evotickets.")


def sentence_of(documented: Any) -> str:
    """Return the first line of a docstring."""
    return (inspect.getdoc(documented) or "").partition("\n")[0]


def entry(parts: Parts) -> Entry:
    """Describe the entries of a configuration that name a part and give it options."""
    return Entry(
        parts.kind,
        catalogue(parts),
        f"The registered {parts.kind}; by default the entry's own name.",
        lambda: {
            name: Described(sentence_of(part), options_of(part), parts.facts[name]) for name, part in parts.items()
        },
    )


Named = Annotated[dict[str, T], Len(1), NameKeys()]
Several = Annotated[list[T], Len(1), Unique()]
Names = Several[str]

Density = Annotated[float, Gt(0), Le(1)]
Environment = Annotated[
    str,
    Doc(
        "Its own name of an environment in Gymnasium, such as CartPole-v1 or module:Name-v0, or in MuJoCo Playground, such as "
        "CartpoleBalance."
    ),
]
Even = Annotated[int, Ge(2), Le(1_000_000), MultipleOf(2), Doc("Members of a generation; even.")]
Horizon = Annotated[
    int | None, Ge(1), Le(1_000_000), Doc("Steps at most of an episode; by default what the library of the task says.")
]
LearningRate = Annotated[float, Gt(0), Le(100)]
Momentum = Annotated[float, Ge(0), Lt(1)]
Passes = Annotated[int, Ge(1), Le(10_000), Doc("Passes over the training samples.")]
Rate = Annotated[float, Ge(0), Le(1000)]
Samples = Annotated[int, Ge(1), Le(1_000_000)]
Share = Annotated[float, Ge(0), Le(1)]
Std = Annotated[float, Gt(0), Le(100)]
Units = Annotated[int, Ge(1), Le(100_000)]
WeightDecay = Annotated[float, Ge(0), Le(1)]
