"""Bring a tracking store up to date with the records of a study: once, or while it runs."""

import threading
import time
from collections.abc import Iterable, Mapping
from math import inf
from pathlib import Path
from typing import IO

from evotickets.results import ResultError, read_record
from evotickets.tracking import artifacts, entries, faults, journal, studies
from evotickets.tracking.messages import reason
from evotickets.tracking.search import search
from evotickets.tracking.store import Report, Store

LOCAL = "http://127.0.0.1:5000"
_PAUSE = 0.5
_RECORDS = "*record*.parquet"
Problems = list[tuple[str, str]]
"""Key or file, and the reason why it is not tracked."""


def sync(
    records: Iterable[Path],
    *,
    uri: str,
    jobs: Iterable[Path] = (),
    seconds: float = inf,
    base: str = LOCAL,
    results: Path | None = None,
) -> Report:
    """Bring the store up to date with record files and journals of jobs; never raises.

    No record is begun after `seconds`. `base` is the address of the interface of a store that is no server. Links among
    the artifacts may lead anywhere in the folder `results`, without it only into the folder of their record.
    """
    deadline = time.monotonic() + seconds
    problems: Problems = []
    wanted: list[entries.Entry] = []
    try:
        ended = _ended(jobs, problems)
        wanted += _wanted(records, ended, results, problems)
        store = Store(uri)
        report = store.bring(wanted, deadline)
    except Exception as error:
        why = faults.explain(error, uri)
        return Report(untracked=(*problems, *([(entry.key, why) for entry in wanted] or [(uri, why)])))
    recorded = {(entry.study, entry.key) for entry in wanted if entry.experiment != entries.FAILURES}
    finished = {(study, key) for key, (job, study) in ended.items() if job.status == journal.FINISHED}
    try:
        if ended:
            store.resolve(recorded | finished)
    except Exception as error:
        why = faults.explain(error, uri)
        if why not in {known for _, known in report.untracked}:
            problems.append((entries.FAILURES, f"failures of jobs that succeeded since: {why}"))
    return report._replace(untracked=(*problems, *report.untracked), links=store.links(base))


def _ended(jobs: Iterable[Path], problems: Problems) -> dict[str, tuple[journal.Job, str]]:
    """Return the last job of every key, and its study."""
    ended: dict[str, tuple[journal.Job, str]] = {}
    for path in jobs:
        try:
            study = studies.of_results(path.parent)
            ended |= {key: (job, study) for key, job in journal.read_file(path).items()}
        except FileNotFoundError:
            continue
        except OSError as error:
            why = f"{path} cannot be read ({error.strerror}): what jobs cost, and which failed, is not known"
            problems.append((str(path), why))
    return ended


def _wanted(
    records: Iterable[Path],
    ended: Mapping[str, tuple[journal.Job, str]],
    results: Path | None,
    problems: Problems,
) -> list[entries.Entry]:
    wanted: dict[str, entries.Entry] = {}
    for path in records:
        try:
            record = read_record(path)
            files, refused = artifacts.checked(path, record.artifacts, results)
            job, _ = ended.get(record.key, (None, ""))
            entry = entries.of_record(path, record, job, files)
        except ResultError as error:
            problems.append((str(path), str(error)))
            continue
        except Exception as error:
            why = f"{path} holds what no record does ({reason(error)}): delete it and run the workflow again"
            problems.append((str(path), why))
            continue
        if record.key in wanted:
            problems.append((str(path), f"{path} has the key {record.key} of another record: give it its own"))
        else:
            problems += [(str(path), sentence) for sentence in refused]
            wanted[record.key] = entry
    failed = [each for each in ended.values() if each[0].status == journal.FAILED and each[0].key not in wanted]
    return [*wanted.values(), *(entries.of_failure(job, study) for job, study in failed)]


def sync_folder(results: Path, *, uri: str, jobs: Iterable[Path] | None = None, seconds: float = inf) -> Report:
    """Bring the store up to date with all records in a folder, and some or all journals of jobs; never raises."""
    found = search(results, _RECORDS, journal.NAME)
    jobs = found.files[journal.NAME] if jobs is None else jobs
    report = sync(found.files[_RECORDS], uri=uri, jobs=jobs, seconds=seconds, results=results)
    return report._replace(untracked=(*found.problems, *report.untracked))


def record_files(results: Path) -> list[Path]:
    """Return all record files below a folder, through links too."""
    return search(results, _RECORDS).files[_RECORDS]


def follow(results: Path, uri: str, stream: IO[bytes]) -> Report:
    """Track jobs as the journal grows, until `stream` ends; then bring everything up to date."""
    ended = threading.Event()

    def wait() -> None:
        stream.read()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    jobs, pause = [results / journal.NAME], _PAUSE
    seen = journal.read(jobs)
    sync_folder(results, uri=uri, jobs=jobs)
    while not ended.wait(pause):
        now = journal.read(jobs)
        changed = [job for key, job in now.items() if job != seen.get(key)]
        if changed:
            records = [Path(job.record) for job in changed if Path(job.record).is_file()]
            report = sync(records, uri=uri, jobs=jobs, results=results)
            # What did not get through is tried again, ever more rarely; the sync at the end tries everything.
            pause, seen = (min(60.0, 2 * pause), seen) if report.untracked else (_PAUSE, now)
    return sync_folder(results, uri=uri, jobs=jobs)
