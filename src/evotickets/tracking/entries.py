"""The runs of the tracking store as they should stand: one for every record, one for every job that failed."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import isinf, log10, nan
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from evotickets.results import Metric, Record, ResultError
from evotickets.terminal import printable
from evotickets.tracking import charts, studies
from evotickets.tracking.journal import FINISHED, Job

FAILURES = "failures"
LEVELS = "-levels"
POINTS = 100
"""Steps of a metric in the store, at most."""


class Entry(NamedTuple):
    """A run as it should stand in the store; the index of its study decides its colour, and the store knows it."""

    study: str
    experiment: str
    key: str
    name: str
    fingerprint: str
    status: str
    tags: Mapping[str, str]
    parameters: Mapping[str, str]
    metrics: Sequence[Metric]
    artifacts: Mapping[str, Path]
    texts: Mapping[str, str]
    dataset: Mapping[str, str | int] | None
    job: Job | None
    start: int
    end: int

    @property
    def contents(self) -> str:
        """Digest of what may change without making it another run: tags, and names, sizes and times of artifacts."""
        files = {name: (path.stat().st_size, path.stat().st_mtime_ns) for name, path in self.artifacts.items()}
        return digest([self.tags, files])


def of_record(path: Path, record: Record, job: Job | None, files: Mapping[str, Path]) -> Entry:
    """Say what a record, the job that wrote it and those of its artifacts that may be copied become in the store.

    Raises:
        ResultError: if the system of the record could not be the name of an experiment.
    """
    # Artifacts are copied to a folder of this name.
    prefix, _, system = record.system.rpartition("/")
    if not system or PurePosixPath(record.system).is_absolute() or ".." in PurePosixPath(record.system).parts:
        raise ResultError(f"{path} is of a system named {record.system!r}: delete it and run the workflow again")
    study = studies.of_record(path.parent, prefix)
    setting = [record.system, record.kind, dict(record.parameters), list(record.metrics), record.dataset]
    # A job that ended well before this record did made another one; two minutes allow for clocks that differ.
    if job and (job.status != FINISHED or job.end < record.end - 120):
        job = None
    task = record.parameters.get("task", "")
    # The prefix puts every task, with its own scale, into a section of the chart page.
    metrics = [
        Metric(f"{task}/{name}" if task and "/" in name else name, step, value) for name, step, value in record.metrics
    ]
    if record.kind == "chain":
        # The interface has logarithmic axes for steps alone.
        densities = [(step, value) for name, step, value in metrics if name == charts.DENSITY and value > 0]
        metrics += [Metric(charts.LOG_DENSITY, step, log10(value)) for step, value in densities]
    parameters = {"study": study} | dict(record.parameters)
    return Entry(
        study=study,
        experiment=system + LEVELS if record.kind == "level" else system,
        key=record.key,
        name=_titled(study, record.name),
        fingerprint=digest(setting),
        status="FINISHED",
        tags={"kind": record.kind, "study": study} | dict(record.tags),
        parameters={name: f"{v:.6g}" if isinstance(v, float) else str(v) for name, v in parameters.items()},
        metrics=metrics,
        artifacts=files,
        texts={},
        dataset=record.dataset,
        job=job,
        start=round(record.start * 1000),
        end=round(record.end * 1000),
    )


def of_failure(job: Job, study: str) -> Entry:
    """Say what a failed job of a study becomes in the store."""
    # Programs colour what they print, and a database may refuse a control code.
    log = printable(job.log, keep="\n\t")
    return Entry(
        study=study,
        experiment=FAILURES,
        key=job.key,
        name=_titled(study, printable(" ".join([job.rule, *job.wildcards.values()]))),
        fingerprint=digest(job),
        status="FAILED",
        tags={"kind": "failure", "study": study, "mlflow.note.content": f"```\n{log[-4000:]}\n```"},
        parameters={"study": study, "rule": job.rule}
        | {name: printable(value) for name, value in job.wildcards.items()},
        metrics=[Metric("job/attempts", 0, job.attempts), Metric("job/seconds", 0, job.seconds)],
        artifacts={},
        texts={"log.txt": log},
        dataset=None,
        job=None,
        start=round((job.end - job.seconds) * 1000),
        end=round(job.end * 1000),
    )


def _titled(study: str, name: str) -> str:
    """Return the name of a run: the last word of its study first, for lists cut long names."""
    return f"{study.rpartition('/')[2]}: {name}"


def stamped(metrics: Sequence[Metric], start: int, duration: int) -> Iterator[tuple[str, float, int, int]]:
    """Thin every metric to `POINTS` steps and date it by its step, so that logging it again is a no-op.

    Yields name, value, time in milliseconds, step.

    Infinity becomes NaN: the store would make it 1.8e308 and the charts would show nothing else.
    """
    histories: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for name, step, value in metrics:
        histories[name].append((step, nan if isinf(value) else value))
    last = max((metric.step for metric in metrics), default=0) or 1
    # The compare page draws the metric that was logged first.
    for name in charts.ordered(histories):
        history = sorted(histories[name], key=lambda point: point[0])
        count = min(POINTS, len(history))
        for index in range(count):
            step, value = history[index * (len(history) - 1) // max(1, count - 1)]
            yield name, value, start + duration * step // last, step


def digest(content: Any) -> str:
    """Return sixteen characters that name a JSON value."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
