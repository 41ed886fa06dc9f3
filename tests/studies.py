"""Small studies in folders of their own, for tests of what happens around the jobs."""

import atexit
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from copy import deepcopy
from functools import cache
from pathlib import Path

import yaml

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


def finished_once(shared):
    """Return the smallest study, run with tracking, in a folder that all workers share; none may change it."""
    place = shared / "finished study"
    with (shared / "finished study.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "done").exists():
            folder(place)
            said = run(place, "--logger", "progress", "mlflow")
            assert f"{JOBS}/{JOBS} jobs done" in said
            (place / "done").touch()
    return place


def without_last_level(finished, place):
    """Copy a finished study but for the last level of a chain and what follows from it."""
    shutil.copytree(finished, place, symlinks=True)
    shutil.rmtree(place / LEVEL)
    for path in (CHAIN, TABLE):
        (place / path).unlink()
    return place


@cache
def untracked(profile):
    """Return a profile without tracking, which has tests of its own.

    Said after `--`, it would have every start of a study read the command line with Snakemake's parser first, which takes a
    second to import.
    """
    kept = yaml.safe_load((ROOT / "workflow/profiles" / profile / "profile.yaml").read_text())
    place = ROOT / ".cache/untracked" / profile / "profile.yaml"
    place.parent.mkdir(parents=True, exist_ok=True)
    own = place.with_name(f"{os.getpid()}.tmp")
    own.write_text(yaml.safe_dump(kept | {"logger": ["progress"]}))
    own.replace(place)
    return place.parent


def start(place, *more, profile="default", **options):
    """Start `evotickets run` as the leader of a group of processes; without tracking, unless `more` asks for it."""
    command = [sys.executable, "-m", "evotickets", "run", "study.yaml", "--cores", "2"]
    return subprocess.Popen(
        [*command, "--profile", untracked(profile), *(["--", *more] if more else [])],
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


MOTHER = """
import json, os, sys
from snakemake import cli

for line in sys.stdin:
    path, folder, said, *arguments = json.loads(line)
    child = os.fork()
    if child == 0:
        for number in (1, 2):
            os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
        os.chdir(folder)
        sys.path[:0] = path
        os.environ["PYTHONPATH"] = os.pathsep.join(path)
        try:
            cli.main(arguments)
        except SystemExit as end:
            sys.stdout.flush()
            os._exit(end.code if isinstance(end.code, int) else end.code is not None)
        os._exit(99)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""A process that has imported Snakemake, and nothing of ours, starts others from there: half of a dry run is that import."""


@cache
def mother():
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", MOTHER], env=environment, **pipes)
    atexit.register(process.kill)
    return process


def dry_run(folder, config, path, *more):
    """Have Snakemake say what it would do in a folder, with modules on a path; return its exit code and all it said."""
    arguments = ["--logger", "progress", "--configfile", config, "--cores", "2", "--dry-run", *more]
    with tempfile.NamedTemporaryFile("r") as said:
        mother().stdin.write(json.dumps([[*map(str, path)], str(folder), said.name, *arguments]) + "\n")
        mother().stdin.flush()
        code = int(mother().stdout.readline())
        return code, said.read()


def planned(folder, config, path):
    """How many jobs of each rule a dry run plans."""
    code, said = dry_run(folder, config, path)
    assert code == 0, said
    if "Nothing to be done" in said:
        return {}
    stats = re.findall(r"^(\w+) +(\d+)$", said, re.MULTILINE)
    return {rule: int(count) for rule, count in stats if rule not in ("all", "total")}


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
