"""A Snakemake logger plugin that shows jobs in MLflow as they finish.

A job's record is the output named `*record*.parquet` (`evotickets.results.write_record`). The head process only appends
to a journal; a child process of low priority reads it and talks to the store, so that neither a slow store nor MLflow's
imports are felt by the workflow. The child ends when the workflow does, however that happens.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from logging import LogRecord
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

from evotickets.terminal import printable
from evotickets.tracking import journal
from evotickets.tracking.messages import reason
from snakemake_logger_plugin_progress import INTERRUPTED


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """Settings of the plugin, on the command line as `--logger-mlflow-…` and in profiles as `logger-mlflow-…`."""

    uri: str = field(
        default="",
        metadata={"help": "MLflow store: sqlite:///FILE or http://… (default: MLFLOW_TRACKING_URI or mlflow.db)"},
    )
    results: str = field(
        default="results",
        metadata={"help": "Folder with the records; the journal of jobs and the log of tracking are kept there."},
    )
    wait: int = field(
        default=60,
        metadata={"help": "Seconds that the end of the workflow waits for tracking to catch up."},
    )


@dataclass
class _Running:
    rule: str
    wildcards: Mapping[str, str]
    output: Sequence[str]
    log: Sequence[str]
    benchmark: str | None
    start: float
    attempts: int
    ended: bool = False


class LogHandler(LogHandlerBase):
    """Keep the journal of jobs and the child process that tracks them."""

    writes_to_stream = False
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        assert isinstance(self.settings, LogHandlerSettings)
        self.results = Path(self.settings.results)
        self.wait = self.settings.wait
        self.uri = self.settings.uri
        self.jobs: dict[int, _Running] = {}
        self.child: subprocess.Popen[str] | None = None

    def emit(self, record: LogRecord) -> None:
        """Note what happened to a job; a failure here is printed and never reaches the workflow."""
        if self.common_settings.dryrun:
            return
        try:
            self._note(record)
        except Exception as error:
            print(f"tracking: {reason(error)}", file=sys.stderr)

    def _note(self, record: LogRecord) -> None:
        event, details = getattr(record, "event", None), record.__dict__
        if event == LogEvent.WORKFLOW_STARTED:
            self._start()
        elif event == LogEvent.JOB_INFO:
            before = self.jobs.get(details["jobid"])
            self.jobs[details["jobid"]] = _Running(
                rule=details["rule_name"],
                wildcards=dict(details["wildcards"] or {}),
                output=list(details["output"]),
                log=list(details["log"]),
                benchmark=details["benchmark"],
                start=record.created,
                attempts=before.attempts + 1 if before else 1,
            )
        elif event == LogEvent.JOB_FINISHED:
            self._end(details["job_id"], journal.FINISHED, record.created)
        elif event == LogEvent.JOB_ERROR:
            self._end(details["jobid"], journal.FAILED, record.created, details["log"])
        elif event == LogEvent.GROUP_ERROR:
            for info in details["job_error_info"]:
                self._end(info["jobid"], journal.FAILED, record.created, [*info["log"], *details["aux_logs"]])

    def _end(self, jobid: int, status: str, now: float, logs: Sequence[str] = ()) -> None:
        job = self.jobs[jobid]
        if job.ended:
            # Of a group Snakemake says it twice: all together, and one by one.
            return
        job.ended = True
        failed = status == journal.FAILED
        log = journal.last_lines([Path(log) for log in logs]) if failed else ""
        if log.endswith(f"\n{INTERRUPTED}"):
            # It was asked to end, and did not fail; the next run begins it anew.
            return
        record = next((path for path in job.output if fnmatch(Path(path).name, "*record*.parquet")), "")
        seconds, peak_memory = journal.measured(Path(job.benchmark)) if job.benchmark else (None, None)
        journal.append(
            self.results / journal.NAME,
            journal.Job(
                key=Path(record).parent.as_posix()
                if record
                else "/".join([job.rule, *map(str, job.wildcards.values())]),
                rule=job.rule,
                status=status,
                wildcards={name: str(value) for name, value in job.wildcards.items()},
                attempts=job.attempts,
                seconds=now - job.start if failed or seconds is None else seconds,
                end=now,
                record=record,
                peak_memory=None if failed else peak_memory,
                log=log,
            ),
        )

    def _start(self) -> None:
        self.results.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-P", "-m", "evotickets.tracking", "follow", "--results", str(self.results)]
        with (self.results / "tracking.log").open("w", encoding="utf-8") as log:
            # A session of its own: Ctrl-C stops the workflow, and tracking catches up with what was done.
            self.child = subprocess.Popen(
                command + (["--uri", self.uri] if self.uri else []),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                encoding="utf-8",
                start_new_session=True,
            )

    def close(self) -> None:
        """Let tracking catch up, for a bounded time, and print what it says."""
        child, self.child = self.child, None
        if child is not None:
            try:
                said = child.communicate(timeout=self.wait)[0]
                print(said or self._silence(child.returncode), end="", file=sys.stderr)
            except subprocess.TimeoutExpired:
                child.kill()
                child.communicate()
                print(
                    f"tracking: the store did not keep up within {self.wait} s: what is missing is completed by the "
                    "next run or `python -m evotickets.tracking sync`",
                    file=sys.stderr,
                )
        super().close()

    def _silence(self, status: int) -> str:
        log = printable(str(self.results / "tracking.log"))
        return f"tracking: ended with status {status} and without a word: see {log}\n"
