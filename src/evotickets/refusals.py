"""Sentences for calls that cannot be meant: names that are not there, arrays of another shape.

Every start of the workflow reads this file, which therefore imports no big library.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

LISTED = 250
"""Letters of a list of names in a sentence."""


def hint(name: Any, known: Iterable[str]) -> str:
    """Suggest the known name that is closest, or all of them."""
    known = list(known)
    close = get_close_matches(str(name)[:60], known, 1)
    return f"did you mean {close[0]!r}?" if close else f"known are {listed(known)}"


def listed(names: Iterable[str]) -> str:
    """Write down names, as many as a sentence holds."""
    text = ", ".join(names)
    return text if len(text) <= LISTED else f"{text[: text.rindex(', ', 0, LISTED)]}, …"


class UnknownError(KeyError):
    """A name that is not there; unlike other KeyErrors it shows its sentence as it is."""

    def __str__(self) -> str:
        return str(self.args[0])


def check_names(what: str, given: Iterable[str], wanted: Iterable[str], *, more: bool = False) -> None:
    """Refuse names of which some are not wanted, which are harmless with `more`, or that lack some.

    Raises:
        ValueError: names the first that is too many or missing.
    """
    given, wanted = list(given), list(wanted)
    strange, missing = (
        [name for name in these if name not in those] for these, those in ((given, wanted), (wanted, given))
    )
    if strange and not more:
        raise ValueError(f"{what}: there is no {strange[0]!r}; {hint(strange[0], wanted)}")
    if missing:
        raise ValueError(f"{what}: {missing[0]!r} is missing; there are {listed(given) or 'none'}")


def check_shape(what: str, array: Any, *wanted: Any) -> None:
    """Refuse an array of another shape.

    Args:
        what: the array is called.
        array: has a shape, or is refused.
        wanted: its axes: lengths, letters for those of any length, `...` in front for any number of axes.

    Raises:
        ValueError: has the shape and that which is wanted.
    """
    shape = getattr(array, "shape", None)
    if shape is None:
        raise ValueError(f"{what} is {type(array).__name__}; expected is an array of the shape {_axes(wanted)}")
    shape = tuple(shape)
    last = wanted[1:] if wanted and wanted[0] is ... else wanted
    own = shape[len(shape) - len(last) :] if len(last) < len(wanted) else shape
    fits = len(own) == len(last) and all(isinstance(axis, str) or axis == n for axis, n in zip(last, own, strict=True))
    if not fits:
        raise ValueError(f"{what} has the shape {shape}; expected is {_axes(wanted)}")


def _axes(wanted: Iterable[Any]) -> str:
    axes = ["…" if axis is ... else str(axis) for axis in wanted]
    return f"({', '.join(axes)}{',' if len(axes) == 1 else ''})"
