"""The one screen of a run: what it estimates and what it prints."""

import io
import logging
import time
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snakemake.jobs import GroupJob
from snakemake.logging import DefaultFormatter
from snakemake.logging import logger as snakemake_logger
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

from snakemake_logger_plugin_progress import (
    LogHandler,
    LogHandlerSettings,
    Running,
    last_lines,
    say_why_groups_fail,
    time_left,
    words,
)


def test_two_jobs_at_a_time_halve_the_time_left():
    # Four jobs of 10 s ended within 20 s: two at a time. Six wait, so three rounds of 10 s.
    assert time_left({"level": 6}, {"level": [10, 10, 10, 10]}, [], now=20, begin=0) == 30


def test_a_job_under_way_counts_for_what_is_left_of_it():
    running = [Running("level", "level a", start=10)]
    assert time_left({}, {"level": [10]}, running, now=14, begin=0) == pytest.approx(6)


def test_a_job_that_outlasts_the_mean_raises_the_estimate_of_its_rule():
    running = [Running("level", "level a", start=10)]
    assert time_left({"level": 1}, {"level": [10]}, running, now=50, begin=0) == pytest.approx(40)


def test_nothing_is_estimated_before_a_job_ends():
    assert time_left({"level": 6}, {}, [Running("level", "level a", 0)], now=20, begin=0) is None


def test_nothing_is_left_at_the_end():
    assert time_left({"level": 0}, {"level": [10]}, [], now=10, begin=0) == 0


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), st.integers(0, 9)), st.lists(st.floats(0, 1e4), min_size=1))
def test_more_work_never_takes_less_time(waiting, taken):
    more = {rule: count + 1 for rule, count in waiting.items()}
    now = sum(taken) + 1
    assert 0 <= time_left(waiting, {"a": taken}, [], now, 0) <= time_left(more, {"a": taken}, [], now, 0)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (89.4, "89 s"), (90, "2 min"), (3600, "60 min"), (5400, "1 h 30 min"), (90000, "25 h 0 min")],
)
def test_durations_in_words(seconds, said):
    assert words(seconds) == said


def test_last_lines_keep_the_last_state_of_a_bar(tmp_path):
    (tmp_path / "a.log").write_bytes(b"begin\n 10%|#\r 50%|##\r100%|###\n\nerror\xff\n")
    assert last_lines(str(tmp_path / "a.log"), 2) == ["100%|###", "error\N{REPLACEMENT CHARACTER}"]
    assert last_lines(str(tmp_path / "none.log"), 2) == []


class Screen(io.StringIO):
    def __init__(self, terminal=False):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


def handler(screen, monkeypatch, dryrun=False, **settings):
    monkeypatch.setattr("sys.stderr", screen)
    common = SimpleNamespace(stdout=False, dryrun=dryrun, verbose=False)
    made = LogHandler(common, LogHandlerSettings(**settings))
    made.setFormatter(DefaultFormatter())
    return made


def tell(to, event=None, level=logging.INFO, msg="", **details):
    record = logging.LogRecord("snakemake", level, "", 0, msg, None, None)
    record.__dict__.update(details, **({"event": event} if event else {}))
    to.handle(record)


def job(jobid, **more):
    wildcards = {"task": "digits", "level": f"0{jobid}"}
    return {"jobid": jobid, "rule_name": "level", "wildcards": wildcards, "log": [], "rule_msg": None} | more


def test_a_line_now_and_then_where_there_is_no_terminal(monkeypatch):
    screen = Screen()
    to = handler(screen, monkeypatch, seconds=0)
    tell(to, msg="Building DAG of jobs...")
    tell(to, LogEvent.RUN_INFO, msg="Job stats", stats={"level": 2, "total": 2})
    tell(to, LogEvent.JOB_INFO, **job(1))
    tell(to, LogEvent.JOB_FINISHED, job_id=1)
    tell(to, LogEvent.PROGRESS, done=1, total=2)
    tell(to, msg="Select jobs to execute...")
    tell(to, LogEvent.JOB_INFO, **job(2))
    limit = time.monotonic() + 10
    while "under way" not in screen.getvalue() and time.monotonic() < limit:
        time.sleep(0.1)
    tell(to, LogEvent.JOB_FINISHED, job_id=2)
    tell(to, LogEvent.PROGRESS, done=2, total=2)
    to.close()
    first, second, last = screen.getvalue().splitlines()
    assert first == "2 jobs to do"
    assert second.startswith("1/2 jobs in ")
    assert second.endswith(" left; under way: level digits/02")
    assert last.startswith("2/2 jobs done in ")


def test_a_bar_on_a_terminal(monkeypatch):
    screen = Screen(terminal=True)
    to = handler(screen, monkeypatch)
    tell(to, LogEvent.RUN_INFO, stats={"level": 2, "total": 2})
    tell(to, LogEvent.JOB_INFO, **job(1))
    limit = time.monotonic() + 10
    while "under way: level digits/01" not in screen.getvalue() and time.monotonic() < limit:
        time.sleep(0.1)
    to.close()
    assert "0/2 jobs |" in screen.getvalue()
    assert "under way: level digits/01" in screen.getvalue()


def test_a_failed_job_shows_the_end_of_its_log_and_is_forgotten_when_it_succeeds(monkeypatch, tmp_path):
    (tmp_path / "level.log").write_text("".join(f"line {i}\n" for i in range(30)) + "the loss is NaN: lower std_init\n")
    screen = Screen()
    to = handler(screen, monkeypatch, lines=3)
    tell(to, LogEvent.RUN_INFO, stats={"level": 2, "total": 2})
    for jobid in (1, 2):
        tell(to, LogEvent.JOB_INFO, **job(jobid))
        tell(to, LogEvent.JOB_ERROR, logging.ERROR, **job(jobid, log=[str(tmp_path / "level.log")]))
    tell(to, LogEvent.JOB_INFO, **job(2))
    tell(to, LogEvent.JOB_FINISHED, job_id=2)
    tell(to, LogEvent.PROGRESS, done=1, total=2)
    to.close()
    said = screen.getvalue()
    assert said.count("FAILED: level digits/0") == 2
    assert "  | line 29\n  | the loss is NaN: lower std_init\n" in said
    assert "line 27" not in said
    assert said.endswith("1 failed: level digits/01\n")


def test_a_failed_group_is_said_once_a_job(monkeypatch):
    """Snakemake says it twice: all together, and one by one."""
    screen = Screen()
    to = handler(screen, monkeypatch)
    tell(to, LogEvent.RUN_INFO, stats={"level": 2, "total": 2})
    for jobid in (1, 2):
        tell(to, LogEvent.JOB_INFO, **job(jobid))
    tell(to, LogEvent.GROUP_ERROR, logging.ERROR, job_error_info=[job(1), job(2)], aux_logs=[])
    for jobid in (1, 2):
        tell(to, LogEvent.JOB_ERROR, logging.ERROR, **job(jobid))
    to.close()
    said = screen.getvalue()
    assert [line for line in said.splitlines() if line.startswith("FAILED")] == [
        "FAILED: level digits/01",
        "FAILED: level digits/02",
    ]
    assert said.endswith("2 failed: level digits/01, level digits/02\n")


def test_snakemake_says_why_a_group_failed():
    say_why_groups_fail()
    say_why_groups_fail()
    said = []
    listener = logging.Handler()
    listener.emit = lambda record: said.append(record.getMessage())
    snakemake_logger.addHandler(listener)
    try:
        GroupJob.log_error(SimpleNamespace(jobs=[], groupid="digits_snes_snr"), "sbatch failed: Invalid gres")
    finally:
        snakemake_logger.removeHandler(listener)
    assert said == ["sbatch failed: Invalid gres", "Error in group digits_snes_snr"]


def test_warnings_and_errors_of_snakemake_are_shown(monkeypatch):
    screen = Screen()
    to = handler(screen, monkeypatch)
    tell(to, LogEvent.RUN_INFO, stats={"level": 1, "total": 1})
    tell(to, level=logging.WARNING, msg="the disk is nearly full")
    tell(to, LogEvent.ERROR, logging.ERROR, msg="WorkflowError: no such rule")
    assert "the disk is nearly full\nWorkflowError: no such rule\n" in screen.getvalue()
    to.close()


def test_what_snakemake_says_is_shown_where_there_is_no_run(monkeypatch):
    screen = Screen()
    to = handler(screen, monkeypatch)
    tell(to, msg="Nothing to be done (all requested files are present and up to date).")
    to.close()
    assert screen.getvalue() == "Nothing to be done (all requested files are present and up to date).\n"


def test_a_dry_run_is_snakemakes_own(monkeypatch):
    screen = Screen()
    to = handler(screen, monkeypatch, dryrun=True)
    tell(to, msg="This was a dry-run (flag -n).")
    to.close()
    assert screen.getvalue() == "This was a dry-run (flag -n).\n"


def test_an_event_it_does_not_understand_never_reaches_the_workflow(monkeypatch):
    screen = Screen()
    to = handler(screen, monkeypatch)
    tell(to, LogEvent.JOB_FINISHED)
    tell(to, LogEvent.PROGRESS)
    to.close()


def test_snakemake_finds_the_plugin():
    assert LoggerPluginRegistry().get_plugin("progress").log_handler is LogHandler
