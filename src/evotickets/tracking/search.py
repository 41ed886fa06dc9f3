"""Files of a study, wherever links lead: every folder once, and nothing that holds the study itself."""

import os
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple


class Found(NamedTuple):
    """Files by pattern, sorted, and (folder, sentence) of what could not be looked into."""

    files: dict[str, list[Path]]
    problems: tuple[tuple[str, str], ...]


def search(folder: Path, *patterns: str) -> Found:
    """Look for files whose names match, in a folder and all folders in it, through symbolic links too.

    A file or folder that several paths lead to is found once, by a path without links where there is one.
    """
    problems: list[tuple[str, str]] = []

    def refuse(error: OSError) -> None:
        name = str(error.filename or folder)
        problems.append((name, f"{name} cannot be looked into ({error.strerror}): get permission and sync again"))

    if not folder.is_dir():
        return Found(
            {pattern: [] for pattern in patterns},
            ((str(folder), f"{folder} is no folder: run a study or name the folder of its results"),),
        )
    paths: dict[str, list[Path]] = {pattern: [] for pattern in patterns}
    # With every path the folders, as they really lie, that the way there went through.
    waiting: deque[tuple[Path, tuple[Path, ...]]] = deque([(folder, ())])
    seen: set[tuple[int, int]] = set()
    while waiting:
        top, way = waiting.popleft()
        target = top.resolve()
        # A link to what holds the folder it lies in is a loop, and may lead out to the whole disk.
        if any(place.is_relative_to(target) for place in way):
            continue
        for place, folders, names in os.walk(top, onerror=refuse):
            if not _first(Path(place), seen):
                folders.clear()
                continue
            links = [path for path in (Path(place, name) for name in sorted(folders)) if path.is_symlink()]
            waiting.extend((link, (*way, Path(place).resolve())) for link in links)
            for pattern in patterns:
                paths[pattern] += [Path(place, name) for name in names if fnmatch(name, pattern)]
    return Found({pattern: _once(found) for pattern, found in paths.items()}, tuple(problems))


def _once(paths: Iterable[Path]) -> list[Path]:
    seen: set[tuple[int, int]] = set()
    # Links last: a file is known by its own path.
    return sorted(path for path in sorted(paths, key=Path.is_symlink) if _first(path, seen))


def _first(path: Path, seen: set[tuple[int, int]]) -> bool:
    """Note what a path leads to; return False if that was noted before. What leads to nothing is left to who reads it."""
    with suppress(OSError):
        status = path.stat()
        identity = status.st_dev, status.st_ino
        if identity in seen:
            return False
        seen.add(identity)
    return True
