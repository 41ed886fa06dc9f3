"""A Snakemake logger plugin that shows a run on one screen: jobs done, jobs under way, time left, and what failed.

It takes the place of Snakemake's own messages on the terminal; all of those stay in `.snakemake/log`. On a terminal it
draws one bar, elsewhere it prints a line now and then. Snakemake allows one plugin that writes to the terminal, and any
number that do not. Dry runs and `--verbose` show Snakemake's own messages.
"""

import logging
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase
from tqdm import tqdm

from evotickets.terminal import printable

INTERRUPTED = "interrupted"
"""Last line of the log of a job that was asked to end, and did not fail."""


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """Settings of the plugin, on the command line as `--logger-progress-…` and in profiles as `logger-progress-…`."""

    seconds: int = field(
        default=10, metadata={"help": "Where the output is no terminal, print a line at most this often."}
    )
    lines: int = field(default=15, metadata={"help": "Show this many last lines of the log of a failed job."})


@dataclass(frozen=True)
class Running:
    """A job under way: its rule, its name for people, and its start in Unix seconds."""

    rule: str
    name: str
    start: float


def time_left(
    waiting: Mapping[str, int],
    taken: Mapping[str, Sequence[float]],
    running: Sequence[Running],
    now: float,
    begin: float,
) -> float | None:
    """Estimate the seconds until all jobs are done, from the mean time of finished jobs of the same rule.

    `waiting` counts the jobs of every rule that did not start, `taken` holds the seconds of those that finished. A rule
    without a finished job is taken to last as long as the mean of all, and no job to end before it has lasted as long
    as it did. The work left is spread over as many jobs at a time as there were so far. None before the first job ends.
    """
    done = [seconds for several in taken.values() for seconds in several]
    if not done:
        return None

    def expected(rule: str) -> float:
        ages = [now - job.start for job in running if job.rule == rule]
        return max(fmean(taken.get(rule) or done), *ages, 0.0)

    ages = [now - job.start for job in running]
    left = sum(count * expected(rule) for rule, count in waiting.items())
    left += sum(max(0.0, expected(job.rule) - age) for job, age in zip(running, ages, strict=True))
    at_a_time = max(1.0, (sum(done) + sum(ages)) / max(now - begin, 1e-9))
    return left / at_a_time


def words(seconds: float) -> str:
    """Say a duration as people do: 40 s, 3 min, 2 h 10 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def last_lines(log: str, count: int) -> list[str]:
    """Return the last lines of a log; of a line that was drawn over and over, its last state."""
    try:
        with Path(log).open("rb") as stream:
            stream.seek(max(0, Path(log).stat().st_size - 4096 * count))
            text = stream.read().decode(errors="replace")
    except OSError:
        return []
    lines = [line.rstrip().rsplit("\r", 1)[-1] for line in text.split("\n")]
    return [line for line in lines if line][-count:]


def say_why_groups_fail() -> None:
    """Have Snakemake say why jobs that were submitted as one failed, which it drops: what sbatch refused, for one."""
    from snakemake.jobs import GroupJob
    from snakemake.logging import logger

    told = GroupJob.log_error
    if getattr(told, "says_why", False):
        return

    def log_error(self: GroupJob, msg: str | None = None, aux_logs: list[str] | None = None, **more: Any) -> None:
        if msg:
            logger.error(msg)
        told(self, msg, aux_logs, **more)

    log_error.says_why = True  # type: ignore[attr-defined]
    GroupJob.log_error = log_error


class LogHandler(LogHandlerBase):
    """Follow the events of a run and draw them."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = False
    has_formatter = False
    needs_rulegraph = False

    def __post_init__(self) -> None:
        assert isinstance(self.settings, LogHandlerSettings)
        self.seconds, self.lines = self.settings.seconds, self.settings.lines
        self.stream = sys.stdout if self.common_settings.stdout else sys.stderr
        self.held: list[str] = []
        self.bar: tqdm | None = None
        self.begin = self.printed = 0.0
        self.said: tuple[int, str] | None = None
        self.done = self.total = 0
        self.waiting: dict[str, int] = {}
        self.taken: dict[str, list[float]] = {}
        self.running: dict[int, Running] = {}
        self.failed: dict[int, str] = {}
        self.ended = threading.Event()
        say_why_groups_fail()

    def emit(self, record: logging.LogRecord) -> None:
        """Note what happened and show it; a failure here never reaches the workflow."""
        try:
            if self.common_settings.dryrun or self.common_settings.verbose:
                self._write(self.format(record))
            else:
                self._note(record)
        except Exception:
            self.handleError(record)

    def _note(self, record: logging.LogRecord) -> None:
        details: dict[str, Any] = record.__dict__
        match getattr(record, "event", None):
            case LogEvent.RUN_INFO:
                self._start(details["stats"], record.created)
            case LogEvent.JOB_INFO:
                rule, jobid = details["rule_name"], details["jobid"]
                name = f"{rule} {'/'.join(map(str, (details['wildcards'] or {}).values()))}".strip()
                self.running[jobid] = Running(rule, name, record.created)
                if self.failed.pop(jobid, None) is None:
                    self.waiting[rule] = max(0, self.waiting.get(rule, 0) - 1)
            case LogEvent.JOB_FINISHED:
                job = self.running.pop(details["job_id"], None)
                if job:
                    self.taken.setdefault(job.rule, []).append(record.created - job.start)
            case LogEvent.JOB_ERROR:
                self._fail(details["jobid"], details["rule_name"], details["log"], details["rule_msg"])
            case LogEvent.GROUP_ERROR:
                for info in details["job_error_info"]:
                    self._fail(info["jobid"], info["rule_name"], [*info["log"], *details["aux_logs"]], None)
            case LogEvent.PROGRESS:
                self.done, self.total = details["done"], details["total"]
            case None | LogEvent.ERROR if record.levelno >= logging.WARNING:
                self._write(self.format(record))
            case None if not self.total:
                self.held.append(self.format(record))

    def _start(self, stats: Mapping[str, int], now: float) -> None:
        if self.total:
            return
        self.begin = self.printed = now
        self.waiting = {rule: count for rule, count in stats.items() if rule != "total"}
        self.total = stats["total"]
        if self.stream.isatty():
            self.bar = tqdm(
                total=self.total,
                file=self.stream,
                dynamic_ncols=True,
                bar_format="{n_fmt}/{total_fmt} jobs |{bar:20}| {elapsed}{postfix}",
            )
        else:
            self._write(f"{self.total} jobs to do")
        threading.Thread(target=self._tick, daemon=True).start()

    def _tick(self) -> None:
        while not self.ended.wait(1):
            with self.lock:  # type: ignore[union-attr]
                self._show(time.time())

    def _show(self, now: float) -> None:
        left = time_left(self.waiting, self.taken, list(self.running.values()), now, self.begin)
        names = ", ".join(job.name for job in self.running.values()) or "nothing yet"
        state = f"{f'about {words(left)}' if left is not None else 'unknown time'} left; under way: {names}"
        if self.bar is not None:
            self.bar.n, self.bar.total = self.done, self.total
            self.bar.set_postfix_str(printable(state))
        elif self.done < self.total and now - self.printed >= self.seconds and (self.done, names) != self.said:
            self.printed, self.said = now, (self.done, names)
            self._write(f"{self.done}/{self.total} jobs in {words(now - self.begin)}, {state}")

    def _fail(self, jobid: int, rule: str, logs: Sequence[str], message: str | None) -> None:
        job = self.running.pop(jobid, None)
        if job is None and jobid in self.failed:
            # Of a group Snakemake says it twice: all together, and one by one.
            return
        name = job.name if job else rule
        if any(last_lines(log, 1) == [INTERRUPTED] for log in logs):
            self._write(f"interrupted: {name}")
            return
        self.failed[jobid] = name
        self._write(f"FAILED: {name}" + (f" ({message})" if message else ""))
        for log in logs:
            self._write("\n".join([f"  the end of {log}:", *(f"  | {line}" for line in last_lines(log, self.lines))]))

    def _write(self, text: str | None) -> None:
        if text and text != "None":
            tqdm.write(printable(text, keep="\n\t"), file=self.stream)
            self.stream.flush()

    def close(self) -> None:
        """Say how it ended."""
        self.ended.set()
        if self.bar is not None:
            self.bar.close()
            self.bar = None
        for text in [] if self.total else self.held:
            self._write(text)
        if self.total:
            self._write(f"{self.done}/{self.total} jobs done in {words(time.time() - self.begin)}")
        if self.failed:
            self._write(f"{len(self.failed)} failed: {', '.join(self.failed.values())}")
        self.held, self.total, self.failed = [], 0, {}
        super().close()
