"""The journal of jobs: what each job of a workflow cost and how it failed, one JSON line per job that ended.

The head process appends, the tracking store is brought up to date from it; a line that a crash cut short is skipped.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

NAME = "jobs.jsonl"
FINISHED, FAILED = "finished", "failed"


class Job(NamedTuple):
    """A job that ended.

    `key` is the folder of the job's record and `record` its path, or rule and wildcards and nothing for a job without;
    `seconds` is the wall time of the last attempt, `peak_memory` in MiB, None where no benchmark file says; `log` holds
    the last lines of a failed job; `end` is in Unix seconds.
    """

    key: str
    rule: str
    status: str
    wildcards: Mapping[str, str]
    attempts: int
    seconds: float
    end: float
    record: str = ""
    peak_memory: float | None = None
    log: str = ""


def append(path: Path, job: Job) -> None:
    """Add a job, on a line of its own, to a file that may not exist yet or whose last line a crash cut short.

    Raises:
        OSError: if the line cannot be written whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # ASCII holds every name, also one that is no text, and nothing that ends a line or that a terminal obeys.
    line = json.dumps(job._asdict(), sort_keys=True).encode() + b"\n"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        # A disk that fills up takes a part of the line without an error.
        while line:
            line = line[os.write(descriptor, line) :]
    finally:
        os.close(descriptor)


def read(paths: Iterable[Path]) -> dict[str, Job]:
    """Return the last job of every key; a journal that does not exist or cannot be read is empty."""
    jobs: dict[str, Job] = {}
    for path in paths:
        with suppress(OSError):
            jobs |= read_file(path)
    return jobs


def read_file(path: Path) -> dict[str, Job]:
    """Return the last job of every key of one journal, whatever other lines it has.

    Raises:
        OSError: if the journal cannot be read.
    """
    # No other line end counts: a name or a log may hold those that Unicode knows.
    jobs = map(_job, path.read_bytes().split(b"\n"))
    return {job.key: job for job in jobs if job}


def _job(line: bytes) -> Job | None:
    """Return the job of a line, None if it was cut short or is no such line."""
    try:
        job = Job(**json.loads(line.decode(errors="replace")))
        texts = [job.key, job.rule, job.status, job.record, job.log, *job.wildcards, *job.wildcards.values()]
        numbers = [job.attempts, job.seconds, job.end, 0 if job.peak_memory is None else job.peak_memory]
        sound = all(isinstance(text, str) for text in texts) and all(isfinite(number) for number in numbers)
    except (TypeError, ValueError, AttributeError, OverflowError, RecursionError):
        return None
    return job if sound else None


def measured(benchmark: Path) -> tuple[float | None, float | None]:
    """Return wall seconds and largest resident memory in MiB of a Snakemake benchmark file (`.jsonl` or `.tsv`).

    A value that the file does not hold is None; of repeated runs the last time and the largest memory count.
    """
    try:
        lines = benchmark.read_text(encoding="utf-8").splitlines()
        if benchmark.suffix == ".jsonl":
            rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
        else:
            rows = [dict(zip(lines[0].split("\t"), line.split("\t"), strict=True)) for line in lines[1:]]
        peaks = [float(row["max_rss"]) for row in rows if row["max_rss"] not in (None, "NA")]
        return float(rows[-1]["s"]), max(peaks, default=None)
    except (OSError, ValueError, KeyError, IndexError):
        return None, None


def last_lines(logs: Sequence[Path], count: int = 40) -> str:
    """Return the last lines of every log file that can be read."""
    parts = []
    for log in logs:
        with suppress(OSError), log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - 200 * count))
            parts.append("\n".join(stream.read().decode(errors="replace").splitlines()[-count:]))
    return "\n".join(parts)
