"""Ctrl-C ends a run in good order, as interrupted and not as failed; a second one ends it at once."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from evotickets import jobs, lock, results
from evotickets.tracking import journal
from snakemake_logger_plugin_progress import INTERRUPTED
from tests import stores, studies

LONG = studies.TINY.read_text().replace("generations: 4", "generations: 1000000")
"""A study whose first job takes hours."""


@pytest.fixture
def running(tmp_path):
    """A run in a session of its own, as in a terminal, while a job trains."""
    place = studies.folder(tmp_path)
    (place / "study.yaml").write_text(LONG)
    process = studies.start(place, "--logger", "progress", "mlflow")
    try:
        log = place / "results/logs/tickets/digits/snes/dense/level00.log"
        studies.wait_for(lambda: log.is_file() and "step" in log.read_text())
        yield place, process
    finally:
        studies.end(process)


def below(process):
    return psutil.Process(process.pid).children(recursive=True)


def is_free(place):
    """Tell whether a run could begin; whether the one before was killed is still said after that."""
    try:
        with lock.hold(place / "results") as held:
            held.killed = held.abandoned
    except lock.BusyError:
        return False
    return True


def failures(place):
    """What tracking is told of failed jobs."""
    return [job for job in journal.read([place / "results" / journal.NAME]).values() if job.status == journal.FAILED]


def all_gone(processes, seconds=1):
    """Tell whether processes have ended; what only nobody has waited for yet does nothing any more."""
    left = psutil.wait_procs(processes, timeout=seconds)[1]
    return all(process.status() == psutil.STATUS_ZOMBIE for process in left)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "to_all"),
    [
        pytest.param(signal.SIGINT, True, id="Ctrl-C"),
        pytest.param(signal.SIGINT, False, id="SIGINT", marks=pytest.mark.long),
        pytest.param(signal.SIGTERM, False, id="SIGTERM"),
        pytest.param(signal.SIGHUP, False, id="SIGHUP", marks=pytest.mark.long),
    ],
)
def test_one_signal_ends_the_run_as_interrupted(running, number, to_all):
    place, process = running
    started = below(process)
    (os.killpg if to_all else os.kill)(process.pid, number)
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 130
    assert said.count("Interrupted: the jobs are ended; once more ends them at once.") == 1
    assert said.endswith("The study was interrupted. Run it again to go on.\n")
    for word in ("FAILED", "failed", "Traceback", "Error"):
        assert word not in said, said
    assert all_gone(started, 10)
    assert is_free(place)
    assert not list(place.glob(".snakemake/locks/*"))
    assert not studies.leftovers(place)
    assert not failures(place)
    log = (place / "results/logs/tickets/digits/snes/dense/level00.log").read_text()
    assert log.endswith(f"\n{jobs.INTERRUPTED}\n")
    assert "Traceback" not in log
    # Nothing stands in the way of the next run, whatever the signal was.
    if not to_all:
        return
    study = place / "study.yaml"
    study.write_text(studies.TINY.read_text())
    ticket = f"{studies.LEVEL}/ticket.parquet"
    studies.run(place, ticket)
    assert results.read_ticket(place / ticket).mean is not None


@pytest.mark.slow
def test_a_second_signal_ends_it_within_seconds_and_the_lock_with_it(running):
    place, process = running
    started = below(process)
    # A job that hears nothing: it is stopped.
    for child in started:
        if any("level.py" in word for word in child.cmdline()):
            child.suspend()
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    begin = time.monotonic()
    process.communicate(timeout=60)
    assert time.monotonic() - begin < 3
    assert process.returncode == 130
    assert all_gone(started)
    assert is_free(place)


@pytest.mark.long
def test_a_job_that_hears_nothing_is_killed_after_a_while(running):
    place, process = running
    started = below(process)
    for child in started:
        if any("level.py" in word for word in child.cmdline()):
            child.suspend()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert all_gone(started)
    assert is_free(place)


def test_before_snakemake_listens_a_signal_ends_it_too(tmp_path):
    place = studies.folder(tmp_path)
    process = studies.start(place)
    studies.wait_for(lambda: any("head" in " ".join(child.cmdline()) for child in below(process)))
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=100)[0]
    assert process.returncode == 130
    assert "Traceback" not in said
    assert is_free(place)


def test_a_signal_while_the_lock_of_a_killed_run_is_removed_leaves_it_to_the_next_run(tmp_path):
    place = studies.folder(tmp_path)
    for path in ("results/.lock", ".snakemake/locks/0.input.lock"):
        (place / path).parent.mkdir(parents=True)
        (place / path).write_text("{}")
    process = studies.start(place)
    studies.wait_for(lambda: any("--unlock" in child.cmdline() for child in below(process)))
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=100)[0]
    assert process.returncode == 130
    assert "jobs to do" not in said
    assert list((place / ".snakemake/locks").iterdir())
    with lock.hold(place / "results") as held:
        assert held.abandoned


def test_snakemake_by_itself_shows_what_was_interrupted_and_not_a_failure(running):
    """Without the command line Ctrl-C reaches the jobs, which say that they were interrupted."""
    place, process = running
    for child in below(process):
        if any("level.py" in word for word in child.cmdline()) and "python" in child.name():
            child.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=60)[0]
    assert "interrupted: level digits/snes/dense/00" in said
    assert "FAILED" not in said
    assert not failures(place)


def test_what_jobs_say_is_what_the_screen_looks_for():
    assert jobs.INTERRUPTED == INTERRUPTED


@pytest.mark.slow
def test_the_tracking_interface_ends_with_ctrl_c(tmp_path):
    tracking = [sys.executable, "-m", "evotickets.tracking", "prepare"]
    subprocess.run(tracking, cwd=tmp_path, check=True)
    command = [sys.executable, "-m", "evotickets", "ui", "--port", str(stores.free_port())]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        for line in process.stdout:
            if "Application startup complete" in line:
                break
        started = below(process)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=100)[0]
    finally:
        studies.end(process)
    assert "Traceback" not in said
    assert all_gone(started, 10)
