"""What no study can have: arrays that no memory holds, and densities that paths and tables write alike."""

from collections.abc import Sequence
from math import prod

from evotickets.configuration.reader import StudyError

MEMORY = 2**38
"""Bytes; a job that asks for a larger array of single precision finds no machine."""
WEIGHTS = 2**31 - 1
"""Positions of weights are whole numbers of 32 bits."""


def label(value: float, where: str) -> str:
    """Return a density or another share as paths and tables write it, with ten digits.

    Raises:
        StudyError: if that is 1 for what is less.
    """
    text = f"{value:.10g}"
    if value < 1 <= float(text):
        raise StudyError(f"{where} has {value!r}, which paths and tables write as {text}: round it")
    return text


def check_distinct(values: Sequence[float | str], where: str) -> None:
    """Refuse two values that paths and tables write alike.

    Raises:
        StudyError: if there are two.
    """
    seen: dict[str, float | str] = {}
    for value in values:
        text = value if isinstance(value, str) else label(value, where)
        if text in seen:
            raise StudyError(
                f"{where} has {seen[text]!r} and {value!r}, which paths and tables both write as {text}: keep one"
            )
        seen[text] = value


def check_weights(count: int, where: str) -> None:
    """Refuse a network with more weights than positions can tell apart.

    Raises:
        StudyError: if it has.
    """
    if count > WEIGHTS:
        raise StudyError(
            f"{where} is a network of {count:.3g} weights, more than the {WEIGHTS:.3g} that fit: make it smaller"
        )


def check_memory(where: str, **sizes: int) -> None:
    """Refuse an array whose sizes by name are so large that no memory holds it.

    Raises:
        StudyError: if they are.
    """
    numbers = prod(sizes.values())
    if 4 * numbers > MEMORY:
        told = " × ".join(f"{size} {name.replace('_', ' ')}" for name, size in sizes.items())
        raise StudyError(
            f"{where} asks for {told}, {numbers:.2g} numbers at once, which no memory holds: lower one of them"
        )
