"""Small studies in folders of their own, for tests of what happens around the jobs."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from copy import deepcopy
from pathlib import Path

ROOT = Path(__file__).parents[1]
TINY = ROOT / "tests/tiny.yaml"
LEVEL = "results/tickets/digits/snes/snr/level01"
CHAIN = "results/tickets/digits/snes/snr/chain.parquet"
TABLE = "results/tables/tickets.parquet"
JOBS = 14
"""Jobs of the smallest study: 4 tickets, 4 figures, 2 chains, claims, 2 tables, and the one that asks for all."""


def changed(config, *path, value):
    """Return a copy of a configuration with another value at a path of keys."""
    config = deepcopy(config)
    place = config
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return config


def folder(place, config=TINY):
    """Make a working directory: a configuration, no results."""
    place.mkdir(parents=True, exist_ok=True)
    # What this checkout has compiled before need not be compiled again.
    (ROOT / ".cache/jax").mkdir(parents=True, exist_ok=True)
    (place / ".cache").symlink_to(ROOT / ".cache")
    shutil.copy(config, place / "study.yaml")
    return place


def without_last_level(finished, place):
    """Copy a finished study but for the last level of a chain and what follows from it."""
    shutil.copytree(finished, place, symlinks=True)
    shutil.rmtree(place / LEVEL)
    for path in (CHAIN, TABLE):
        (place / path).unlink()
    return place


def start(place, *more, profile="default", **options):
    """Start `evotickets run` as the leader of a group of processes; without tracking, which has tests of its own."""
    command = [sys.executable, "-m", "evotickets", "run", "study.yaml", "--cores", "2"]
    return subprocess.Popen(
        [*command, "--profile", profile, "--", "--logger", "progress", *more],
        cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, **options,
    )  # fmt: skip


def run(place, *more, code=0, **options):
    """Run to the end and return all that was said."""
    process = start(place, *more, **options)
    try:
        said = process.communicate(timeout=400)[0]
    finally:
        end(process)
    assert process.returncode == code, said
    return said


def end(process):
    """Kill a group of processes, whatever is left of it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(condition, seconds=120):
    """Wait until a condition holds and return what it gave."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"nothing happened within {seconds} s")


def tables(place):
    """Return the content of all tables and tickets; records hold wall times and are left out."""
    files = sorted((place / "results").rglob("*.parquet"))
    return {str(path.relative_to(place)): path.read_bytes() for path in files if path.name != "record.parquet"}


def leftovers(place):
    """Return files that a writer began and nobody finished."""
    return list(Path(place, "results").rglob(".*.tmp"))
