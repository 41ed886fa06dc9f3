"""Which files of a record are copied to the store: those that lie where a record may have files."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

_ANEW = "delete the record and run the workflow again"


class Artifacts(NamedTuple):
    """Files by the names that a record gives them, and a sentence on every one that is refused."""

    files: dict[str, Path]
    refused: tuple[str, ...]


def checked(record: Path, names: Sequence[str], results: Path | None = None) -> Artifacts:
    """Sort out the artifacts that a record names.

    A link may lead to a file in the folder of the record, or anywhere in the folder `results`.
    """
    folder = record.parent
    allowed = [place.resolve() for place in (folder, results) if place]
    problems = {name: _problem(folder, name, allowed) for name in names}
    return Artifacts(
        {name: folder / name for name, problem in problems.items() if not problem},
        tuple(f"{record}: artifact {name} {problem}" for name, problem in problems.items() if problem),
    )


def _problem(folder: Path, name: str, allowed: Sequence[Path]) -> str:
    pure = PurePosixPath(name)
    if pure.is_absolute():
        return f"is an absolute path, and a record names files below its own folder: {_ANEW}"
    if ".." in pure.parts:
        return f"leads out of the folder of the record: {_ANEW}"
    try:
        target = (folder / pure).resolve(strict=True)
    # A loop of links is a RuntimeError, a name that no file can have a ValueError.
    except (OSError, RuntimeError, ValueError):
        return "is missing or a link to nothing: run the workflow again to make it"
    if not any(target.is_relative_to(place) for place in allowed):
        return f"leads out of the results by a link, to {target}: put the file itself in its place"
    return "" if target.is_file() else f"is no file: {_ANEW}"
