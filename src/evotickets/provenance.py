"""Snakemake's records of how results were made: where there are none, and where they are damaged.

Times of results that were copied here without their records say when they were copied, in any order, and not what is older
than what it was made from.
"""

import json
import os
import time
from base64 import urlsafe_b64encode
from contextlib import suppress
from pathlib import Path

RECORDS = Path(".snakemake/metadata")
"""Where Snakemake keeps a record of each file that it made, by the file's name in base 64."""
UNFINISHED = Path(".snakemake/incomplete")
"""Where it keeps a mark of each file, by the same name, that a job has begun and not finished."""
WRITING = 0.5
"""Seconds within which Snakemake has written a record, which it does in place."""


def make_times_equal(results: Path, *, records: Path = RECORDS) -> bool:
    """Give all files of results one time if there is no record of any; return whether it was so.

    Equal times, later than those of all that results were made from, are to Snakemake those of a finished study.
    """
    if not results.is_dir() or _recorded(results, records):
        return False
    now = time.time()
    for folder, _, names in os.walk(results):
        for name in names:
            with suppress(OSError):
                os.utime(Path(folder, name), (now, now))
    return True


def _recorded(results: Path, records: Path) -> bool:
    # Three bytes make four letters: the letters of a name begin with those of its first bytes.
    prefix = f"{results.as_posix()}/".encode()
    letters = urlsafe_b64encode(prefix[: len(prefix) // 3 * 3]).decode()
    # Names that are too long for a file are folders that begin with @.
    return records.is_dir() and any(each.name.removeprefix("@").startswith(letters) for each in records.iterdir())


def mark_damaged(*, records: Path = RECORDS, unfinished: Path = UNFINISHED) -> int:
    """Take records that cannot be read for those of unfinished files, which are made anew; return how many there are.

    Snakemake ends with a traceback at some, and passes over others, with all that it knew of how the file was made.
    """
    damaged = _unreadable(records)
    for path in damaged:
        mark = unfinished / path.relative_to(records)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text("{}", encoding="ascii")
        path.unlink(missing_ok=True)
    for path in _unreadable(unfinished):
        # What a mark holds besides its name is for jobs of a cluster that go on without their head.
        path.write_text("{}", encoding="ascii")
    return len(damaged)


def _unreadable(folder: Path) -> list[Path]:
    files = [Path(place, name) for place, _, names in os.walk(folder) for name in names]
    found = [path for path in files if not _readable(path)]
    if found:
        # A run beside a dry run may be in the middle of writing one.
        time.sleep(WRITING)
    return [path for path in found if path.exists() and not _readable(path)]


def _readable(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_bytes().decode()), dict)
    except (ValueError, FileNotFoundError):
        return False
