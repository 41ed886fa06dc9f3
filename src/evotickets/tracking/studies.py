"""Which study a record or a journal of jobs belongs to: a store may hold many.

A study's name is that of the folder that it was run in, and the path of its results inside `results`: `mine`, `mine/wide`.
`EVOTICKETS_STUDY` says another name for that folder, for those who run everything in `/work`.
"""

import os
import re
from pathlib import Path

VARIABLE = "EVOTICKETS_STUDY"
_RESULTS = "results"


def of_record(folder: Path, prefix: str) -> str:
    """Return the study of a record in a folder, whose study has its results in `results/prefix`, or the folder `/prefix`."""
    absolute = Path(os.path.normpath(folder.absolute()))
    return _name("" if prefix and absolute.is_relative_to(f"/{prefix}") else _project(absolute), prefix)


def of_results(folder: Path) -> str:
    """Return the study whose results are in a folder."""
    absolute = Path(os.path.normpath(folder.absolute()))
    _, found, inside = absolute.as_posix().rpartition(f"/{_RESULTS}")
    if not found or (inside and not inside.startswith("/")):
        return _name("", absolute.as_posix().lstrip("/"))
    return _name(_project(absolute), inside.lstrip("/"))


def _project(absolute: Path) -> str:
    """Return the name of the folder that the last `results` of a path is in."""
    said = os.environ.get(VARIABLE, "")
    *above, last = absolute.parts
    for name, below in zip(reversed(above), reversed([*above, last][1:]), strict=True):
        if below == _RESULTS:
            return said or name.strip("/")
    return said


def _name(*words: str) -> str:
    """Join words to a name that every store takes, and that a search in it can quote."""
    return re.sub(r"[^\w./: -]", "", "/".join(filter(None, words))) or "study"
