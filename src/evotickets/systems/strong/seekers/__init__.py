"""All seekers of strong tickets: one registered function each, in a module of this package."""

from typing import Annotated, Any, Literal

from evotickets import streams
from evotickets.configuration.options import Doc, Ge, Le
from evotickets.refusals import hint
from evotickets.supermasks.instance import Instance
from evotickets.systems.strong import seeker
from evotickets.systems.strong.search import Found, Method, Progress, quiet, search

Objective = Annotated[
    Literal["accuracy", "cross_entropy"],
    Doc("What is minimised on all training samples; accuracy stands for the share of errors."),
]
Budget = Annotated[
    int | str,
    Ge(1),
    Le(1_000_000_000),
    Doc("Evaluations of a mask at most, or the genetic seeker whose mean number is taken."),
]
GENETIC = "genetic"


def number(value: Any, option: str) -> Any:
    """Return the value of an option that may name a genetic seeker, where a number was put in its place.

    Raises:
        ValueError: if it still is a name.
    """
    if isinstance(value, str):
        raise ValueError(f"{option} names the seeker {value}: put the number in its place that its cell has")
    return value


def seek(name: str, instance: Instance, *, progress: Progress = quiet, **options: Any) -> Found:
    """Return what a seeker finds.

    Raises:
        ValueError: if there is no such seeker, or an option still names another seeker instead of its number.
    """
    if name not in seeker:
        raise ValueError(f"unknown seeker {name!r}; {hint(name, sorted(seeker))}")
    return seeker[name](instance, progress=progress, **options)


def run(method: Method, instance: Instance, objective: str, progress: Progress) -> Found:
    """Search an instance with a method; its type's name and the objective name the random stream."""
    key = streams.stream(instance.seed, *instance.names, type(method).__name__, objective)
    return search(
        method, instance.network, instance.problem, instance.parameters, objective, progress=progress, key=key
    )
