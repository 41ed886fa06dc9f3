"""Bring a tracking store up to date with the records of a study: once, or while it runs."""

import threading
import time
from collections.abc import Iterable, Mapping
from math import inf
from pathlib import Path
from typing import IO

from evotickets.results import ResultError, read_record
from evotickets.tracking import charts, entries, journal
from evotickets.tracking.database import reason
from evotickets.tracking.store import Report, Store

LOCAL = "http://127.0.0.1:5000"
_PAUSE = 0.5


def sync(
    records: Iterable[Path], *, uri: str, jobs: Iterable[Path] = (), seconds: float = inf, base: str = LOCAL
) -> Report:
    """Bring the store up to date with record files and journals of jobs; never raises.

    No record is begun after `seconds`. `base` is the address of the interface of a store that is no server.
    """
    deadline = time.monotonic() + seconds
    ended = journal.read(jobs)
    wanted, problems = _wanted(records, ended)
    try:
        store = Store(uri)
        report = store.bring(wanted, deadline)
        store.resolve({entry.key for entry in wanted if entry.experiment != entries.FAILURES}, ended)
        links = {name: charts.address(uri if store.remote else base, id) for name, id in store.identifiers()}
    except Exception as error:
        return Report(untracked=(*problems, *((entry.key, reason(error)) for entry in wanted)))
    return report._replace(untracked=(*problems, *report.untracked), links=links)


def _wanted(
    records: Iterable[Path], ended: Mapping[str, journal.Job]
) -> tuple[list[entries.Entry], list[tuple[str, str]]]:
    wanted: dict[str, entries.Entry] = {}
    problems: list[tuple[str, str]] = []
    for path in records:
        try:
            record = read_record(path)
        except ResultError as error:
            problems.append((str(path), str(error)))
            continue
        if record.key in wanted:
            problems.append((str(path), f"{path} has the key {record.key} of another record: give it its own"))
        else:
            wanted[record.key] = entries.of_record(path, record, ended.get(record.key))
    failed = [job for job in ended.values() if job.status == journal.FAILED and job.key not in wanted]
    return [*wanted.values(), *map(entries.of_failure, failed)], problems


def record_files(results: Path) -> list[Path]:
    """Return all record files below a folder."""
    return sorted(results.rglob("*record*.parquet"))


def journals(results: Path) -> list[Path]:
    """Return all journals below a folder."""
    return sorted(results.rglob(journal.NAME))


def follow(results: Path, uri: str, stream: IO[bytes]) -> Report:
    """Track jobs as the journal grows, until `stream` ends; then bring everything up to date."""
    ended = threading.Event()

    def wait() -> None:
        stream.read()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    jobs, pause = [results / journal.NAME], _PAUSE
    seen = journal.read(jobs)
    sync(record_files(results), uri=uri, jobs=jobs)
    while not ended.wait(pause):
        now = journal.read(jobs)
        changed = [job for key, job in now.items() if job != seen.get(key)]
        if changed:
            report = sync([Path(job.record) for job in changed if Path(job.record).is_file()], uri=uri, jobs=jobs)
            # What did not get through is tried again, ever more rarely; the sync at the end tries everything.
            pause, seen = (min(60.0, 2 * pause), seen) if report.untracked else (_PAUSE, now)
    return sync(record_files(results), uri=uri, jobs=jobs)
