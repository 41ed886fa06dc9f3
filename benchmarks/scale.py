"""Studies of thousands of jobs and stores of thousands of runs: what is paid beside the work.

Rows without a peer of their own are held against a bound. The page is opened in the Chromium of this machine, jobs are
sent to its Slurm, each where there is one.
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import yaml
from timing import row

from evotickets.results import Record, write_record

ROOT = Path(__file__).resolve().parents[1]
PROFILES = ROOT / "workflow/profiles"
NOWHERE = float("nan")
"""These rows have no density."""
METRICS = 20
TABLE = "[data-testid=experiment-view-compare-runs-chart-area]"
CHROMIUM = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


class Used:
    """Wall seconds, seconds of processor time with all that ended, and the most memory at once of a process tree, in MiB."""

    wall = processor = memory = 0.0


@contextmanager
def used() -> Iterator[Used]:
    """Measure what child processes use meanwhile."""
    found, ended = Used(), threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):
            sizes = []
            for child in psutil.Process().children():
                try:
                    sizes.append(child.memory_info().rss / 2**20)
                    # The command line starts the head; what that starts are jobs.
                    sizes += [head.memory_info().rss / 2**20 for head in child.children()]
                except psutil.Error:
                    continue
            found.memory = max(found.memory, *sizes, 0.0)

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    thread = threading.Thread(target=watch, daemon=True)
    begin, before = time.perf_counter(), spent()
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()
        found.wall, found.processor = time.perf_counter() - begin, spent() - before


def held(setting: str, used: Used, bound: float, *, processor: bool = False, note: str = "") -> dict[str, Any]:
    """Compare a time with a bound in seconds."""
    seconds = used.processor if processor else used.wall
    told = f"{used.wall:.0f} s wall, {used.processor:.0f} s processor, largest process {used.memory:.0f} MiB"
    return row(
        "scale",
        setting,
        NOWHERE,
        np.array([1e3 * seconds]),
        "bound",
        np.array([1e3 * bound]),
        f"{told}{note and '; '}{note}",
    )


def command(*arguments: str, cwd: Path, **environment: str) -> int:
    """Run a module of this Python in a folder, quietly unless it fails; return its exit status."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout[-3000:])
    return done.returncode


def write_records(folder: Path, count: int) -> None:
    """Write the records of a study whose chains have ten levels."""
    for number in range(count):
        chain, level = divmod(number, 10)
        parameters = {"task": "digits", "trainer": "snes", "criterion": f"criterion{chain % 20}", "level": level}
        values = [
            (name, step, 1 / (step + 1 + number))
            for name in ("train/loss", "test/loss")
            for step in range(METRICS // 2)
        ]
        place = folder / f"tickets/{chain:05d}/level{level:02d}"
        record = Record(
            key="/".join(place.parts[-3:]),
            system="tickets",
            name=f"{chain} {level}",
            kind="level",
            parameters=parameters | {"density": 0.8**level},
            metrics=values,
            start=1.7e9 + number,
            end=1.7e9 + number + 60,
        )
        write_record(place / "record.parquet", record)


def store(folder: Path, count: int) -> list[dict[str, Any]]:
    """Sync records to a new store, sync them again, and open the page of all."""
    write_records(folder / "results", count)
    found = []
    for what, bound in ((f"sync of {count} runs to a new store", 0.12 * count), ("the same once more", 0.006 * count)):
        with used() as cost:
            assert command("evotickets", "sync", "--results", "results", cwd=folder) == 0
        found.append(held(what, cost, bound, note=f"{METRICS} values a run"))
    return found + page(folder, count)


def page(folder: Path, count: int) -> list[dict[str, Any]]:
    """Serve a store, and wait until its chart page stands in a browser."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("playwright is not installed: the page of the tracking store is left out")
        return []
    browser_file = shutil.which("chromium") or shutil.which("google-chrome")
    found = []
    with used() as cost:
        begin = time.perf_counter()
        server = subprocess.Popen(
            [sys.executable, "-u", "-m", "evotickets", "ui", "--port", "5817"],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        link = ""
        for line in server.stdout or ():
            if "/#/" in line and "levels" in line:
                link = line.strip().split(": ", 1)[1]
            if "Application startup complete" in line:
                break
        served = time.perf_counter() - begin
        # What it says after that would fill the pipe.
        threading.Thread(target=(server.stdout or sys.stdin).read, daemon=True).start()
        try:
            with tempfile.TemporaryDirectory() as profile, sync_playwright() as play:
                opened = play.chromium.launch_persistent_context(
                    profile, executable_path=browser_file, headless=True, args=list(CHROMIUM)
                )
                shown = opened.new_page()
                shown.goto(link)
                shown.locator(TABLE).first.wait_for(timeout=600_000)
                stands = time.perf_counter() - begin
                shown.locator(f"{TABLE} .js-plotly-plot").first.wait_for(timeout=600_000)
                opened.close()
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()
    cost.wall = stands
    found.append(
        held(f"ui of {count} runs until the page stands in Chromium", cost, 60, note=f"server up after {served:.0f} s")
    )
    return found


def study(jobs: int) -> dict[str, Any]:
    """Return a study of so many jobs: chains of ten levels."""
    # A trainer has two criteria of ten levels that share the first, and what collects and draws them.
    trainers = {
        f"trainer{number}": {"trainer": "snes", "population": 8, "generations": 4, "evaluations": 2}
        for number in range(jobs // 25)
    }
    return {
        "seed": 0,
        "seeds": 2,
        "results": "results",
        "tickets": {
            "densities": [round(0.8**level, 4) for level in range(10)],
            "tasks": {"digits": {"hidden": [8]}},
            "trainers": trainers,
            "chains": [{"task": "digits", "trainers": list(trainers), "criteria": ["snr", "random"]}],
        },
    }


def plan(folder: Path, jobs: int) -> list[dict[str, Any]]:
    """Plan a large study without running it."""
    (folder / "study.yaml").write_text(yaml.safe_dump(study(jobs)))
    arguments = ["evotickets", "run", "study.yaml", "--cores", "2", "--", "--dry-run"]
    subprocess.run([sys.executable, "-m", *arguments], cwd=folder, capture_output=True, check=True)
    with used() as cost:
        done = subprocess.run(
            [sys.executable, "-m", *arguments], cwd=folder, capture_output=True, text=True, check=True
        )
    count = next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("total "))
    return [held(f"dry run of {count} jobs, processor time", cost, 10 * int(count) / 3000, processor=True)]


def overhead(
    folder: Path, jobs: int, kind: str, chain: int, profile: str, cores: int, more: Sequence[str] = ()
) -> Used:
    """Run jobs of a second; return what all of them cost."""
    folder.mkdir()
    own = ["--workflow-profile", str(PROFILES / profile)] if kind == "recorded" else ["--workflow-profile", "none"]
    if kind == "recorded":
        assert command("evotickets.tracking", "prepare", cwd=folder) == 0
    with used() as cost:
        arguments = ["snakemake", "--snakefile", str(ROOT / "benchmarks/jobs/Snakefile"), "--cores", str(cores), *own]
        arguments += ["--config", f"count={jobs}", f"chain={chain}", f"kind={kind}", *more]
        assert command(*arguments, cwd=folder) == 0
    return cost


def jobs_of_a_second(folder: Path, jobs: int) -> list[dict[str, Any]]:
    """Compare what a job costs beside its second with that of plain Snakemake, on this machine and on a Slurm."""
    cores = 32
    ours = overhead(folder / "local", jobs, "recorded", 1, "default", cores)
    plain = overhead(folder / "plain", jobs, "plain", 1, "default", cores)
    told = f"{ours.wall:.0f} s wall, plain {plain.wall:.0f} s; head {ours.memory:.0f} MiB"
    found = [
        row("scale", f"processor time of a job of a second, {jobs} of them, {cores} at a time", NOWHERE,
            np.array([1e3 * ours.processor / jobs]), "snakemake, sleep 1", np.array([1e3 * plain.processor / jobs]), told)
    ]  # fmt: skip
    if not shutil.which("sinfo") or subprocess.run(["sinfo"], capture_output=True, check=False).returncode:
        print("no Slurm answers: .ci/slurm start")
        return found
    # One by one they take ten times as long.
    counts = {10: jobs, 1: max(10, jobs // 10)}
    more = ["--latency-wait", "5", "--slurm-init-seconds-before-status-checks", "5"]
    walls = {
        n: overhead(folder / f"slurm{n}", count, "recorded", n, "slurm", 64, more).wall for n, count in counts.items()
    }
    chained, each = (np.array([1e3 * walls[n] / counts[n]]) for n in (10, 1))
    note = f"{walls[10]:.0f} s wall for all, {walls[1]:.0f} s for {counts[1]} one by one, on the cores of one node"
    return [
        *found,
        row("scale", f"Slurm, wall time a job of a second, {jobs} of them in chains of 10", NOWHERE, chained,
            "each submitted", each, note),
    ]  # fmt: skip


def rows(quick: bool) -> list[dict[str, Any]]:
    """Measure a store of 10,000 runs, a plan of 3,000 jobs and 1,000 jobs of a second; a tenth of all where quick."""
    share = 10 if quick else 1
    with tempfile.TemporaryDirectory() as root:
        folders = [Path(root, name) for name in ("plan", "store", "jobs")]
        for folder in folders:
            folder.mkdir()
        return [
            *plan(folders[0], 3000 // share),
            *store(folders[1], 10_000 // share),
            *jobs_of_a_second(folders[2], 1000 // share),
        ]
