"""The grids of a study: what validation images choose from for each method, checked before any job."""

from typing import Any

from evotickets.configuration.reader import StudyError, conform_part, known
from evotickets.systems.hybrid import choice, method

CANDIDATES = 10_000
"""All of a grid are checked before any job."""


def checked(
    name: str, grid: list[list[dict[str, Any]]], methods: dict[str, dict[str, Any]]
) -> list[list[dict[str, Any]]]:
    """Check a grid set by set and return it with its options as methods take them.

    Raises:
        StudyError: if its method is not there, or a set is none of its options.
    """
    where = f"hybrid.grids.{name}"
    known("hybrid.grids", name, methods)
    if not all(grid):
        raise StudyError(f"{where} has an axis without options; take it out, or write {{}} for what the method has")
    if choice.size(grid) > CANDIDATES:
        raise StudyError(f"{where} has {choice.size(grid)} candidates, more than {CANDIDATES}; shorten an axis")
    found = []
    for index, axis in enumerate(grid):
        sets = []
        for place, options in enumerate(axis):
            if choice.RATE in options:
                raise StudyError(
                    f"{where}[{index}][{place}] has a learning_rate; name those of all methods, learning_rates"
                )
            own = conform_part(method, name, methods[name] | choice.of_method(options), f"{where}[{index}][{place}]")
            for key, value in choice.of_training(options).items():
                if type(value) is not int or value < 1:
                    raise StudyError(
                        f"{where}[{index}][{place}].{key} is {value!r}; it must be a whole number, 1 or more"
                    )
            sets.append({key: own.get(key, value) for key, value in options.items()})
        found.append(sets)
    return found


def of(
    where: str,
    name: str,
    grid: list[list[dict[str, Any]]],
    options: dict[str, Any],
    task: str,
    settings: dict[str, Any],
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return options and settings of all candidates of a method on a task; they see as many samples and are scored as often.

    Raises:
        StudyError: if one sees other samples, or its steps are no multiple of its evaluations.
    """
    found = []
    training = settings["training"]
    samples = training["steps"] * training["batches"] * training["batch"]
    for candidate in choice.every(grid):
        own = training | choice.of_training(candidate)
        seen = own["steps"] * own["batches"] * own["batch"]
        if seen != samples:
            raise StudyError(
                f"{where}: a candidate of {name} sees {seen} samples on {task}, other methods {samples}; change its steps, "
                "batches or batch so that their product is that of the training"
            )
        if own["steps"] % own["evaluations"]:
            raise StudyError(
                f"{where}: a candidate of {name} has {own['steps']} steps on {task}, no multiple of evaluations, "
                f"{own['evaluations']}; change one of them"
            )
        found.append((options | choice.of_method(candidate), settings | {"training": own}))
    return found
