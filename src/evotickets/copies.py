"""Results that were copied here without Snakemake's records of how they were made.

Their times say when they were copied, in any order, and not what is older than what it was made from.
"""

import os
import time
from base64 import urlsafe_b64encode
from contextlib import suppress
from pathlib import Path

RECORDS = Path(".snakemake/metadata")
"""Where Snakemake keeps a record of each file that it made, by the file's name in base 64."""


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
