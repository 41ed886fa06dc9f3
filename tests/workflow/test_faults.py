"""What a killed, starved or sleeping run leaves behind: after every fault, run again and find the same tables."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evotickets import lock, results
from tests import studies


@pytest.fixture(scope="module")
def finished(finished_study):
    """A study that nothing disturbed, with tracking."""
    return finished_study


@pytest.fixture
def interrupted(finished, tmp_path):
    """The same study without its last level and what follows from it."""
    return studies.without_last_level(finished, tmp_path / "study")


def level_job(head):
    """The process of the level job under a head, once it trains."""

    def find():
        for child in psutil.Process(head.pid).children(recursive=True):
            try:
                if any("level.py" in part for part in child.cmdline()) and "python" in child.name():
                    return child
            except psutil.NoSuchProcess:
                continue
        return None

    return studies.wait_for(find)


def same_after_another_run(place, finished):
    studies.run(place)
    assert studies.tables(place) == studies.tables(finished)
    assert not studies.leftovers(place)


def test_a_killed_job_is_shown_and_done_again(interrupted, finished):
    process = studies.start(interrupted)
    level_job(process).kill()
    said = process.communicate(timeout=200)[0]
    assert process.returncode
    assert "FAILED: level digits/snes/snr/01" in said
    assert "Run it again" in said
    assert not (interrupted / studies.TABLE).exists()
    same_after_another_run(interrupted, finished)


@pytest.mark.long
def test_a_killed_head_takes_its_jobs_along_and_leaves_no_lock(interrupted, finished):
    process = studies.start(interrupted)
    job = level_job(process)
    head = next(p for p in psutil.Process(process.pid).children() if "evotickets.commands.head" in p.cmdline())
    process.kill()
    head.kill()
    assert any((interrupted / ".snakemake/locks").iterdir()), "Snakemake's lock outlives it"
    # A job must not go on beside the one that replaces it.
    studies.wait_for(lambda: not job.is_running() or job.status() == psutil.STATUS_ZOMBIE, 10)
    same_after_another_run(interrupted, finished)
    assert not (interrupted / "results/.lock").read_bytes()


@pytest.mark.long
def test_a_killed_snakemake_leaves_no_lock_to_a_command_line_that_survives_it(interrupted, finished):
    process = studies.start(interrupted)
    level_job(process)
    head = next(p for p in psutil.Process(process.pid).children() if "evotickets.commands.head" in p.cmdline())
    head.kill()
    said = process.communicate(timeout=200)[0]
    assert process.returncode
    assert "Run it again" in said
    assert any((interrupted / ".snakemake/locks").iterdir()), "Snakemake's lock outlives it"
    same_after_another_run(interrupted, finished)


def test_a_second_run_is_refused_while_the_first_sleeps_and_while_its_command_line_is_dead(interrupted, finished):
    process = studies.start(interrupted)
    level_job(process)
    os.killpg(process.pid, signal.SIGSTOP)
    said = studies.run(interrupted, code=2)
    working = json.loads((interrupted / "results/.lock").read_text())["pid"]
    assert said.startswith(f"process {working} on ")
    assert "is at work in results since" in said
    assert said.count("\n") == 1, said
    os.killpg(process.pid, signal.SIGCONT)
    process.kill()
    assert studies.run(interrupted, code=2) == said
    studies.wait_for(lambda: not _held(interrupted / "results"))
    assert studies.tables(interrupted) == studies.tables(finished)
    process.wait()


def _held(folder):
    try:
        with lock.hold(folder):
            return False
    except lock.BusyError:
        return True


def test_a_full_disk_is_named_and_nothing_half_written_stays(interrupted, finished):
    process = studies.start(interrupted)
    job = level_job(process)
    # No file of this job may grow beyond this: its log fits, its ticket does not.
    resource.prlimit(job.pid, resource.RLIMIT_FSIZE, (4000, 4000))
    said = process.communicate(timeout=200)[0]
    assert process.returncode
    assert "ticket.parquet cannot be written (File too large): make room for it and run again" in said
    assert not studies.leftovers(interrupted)
    assert not (interrupted / studies.LEVEL / "ticket.parquet").exists()
    same_after_another_run(interrupted, finished)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_write_to_a_full_disk_leaves_the_old_file(tmp_path):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], check=False).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    try:
        rows = {"step": 1, "split": "test", "metric": "loss", "seed": range(10)}
        results.write_table(tmp_path / "a.parquet", rows | {"value": [0.0] * 10}, schema=results.HISTORY)
        before = (tmp_path / "a.parquet").read_bytes()
        large = rows | {"seed": range(40_000), "value": [hash(str(i)) / 7 for i in range(40_000)]}
        with pytest.raises(results.ResultError, match=r"a\.parquet cannot be written \(No space left on device\)"):
            results.write_table(tmp_path / "a.parquet", large, schema=results.HISTORY)
        assert (tmp_path / "a.parquet").read_bytes() == before
        assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(content)


def write_foreign(path):
    pq.write_table(pa.table({"step": [1]}), path)


def write_text(path):
    path.write_text("step,value\n1,2\n")


def write_old_schema(path):
    table = pq.read_table(path)
    header = json.loads(table.schema.metadata[b"evotickets"]) | {"version": 0}
    del header["seal"]
    pq.write_table(table.replace_schema_metadata({"evotickets": json.dumps(header)}), path)


def write_other_table(path):
    shutil.copy(path.parents[2] / "tables/tickets.parquet", path)


DAMAGES = {
    cut_short: "is damaged, cut short or no Parquet file: delete it and run the workflow again",
    flip_a_byte: "is damaged, cut short or no Parquet file: delete it and run the workflow again",
    write_foreign: "was not written by evotickets: move it away and run the workflow again",
    write_text: "is damaged, cut short or no Parquet file: delete it and run the workflow again",
    write_old_schema: "has version 0 of the ticket table, this code reads version 1: delete it and run the workflow again",
    write_other_table: "holds a scores table where a ticket table is needed: check the path",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_ticket_is_refused_with_one_sentence(finished, tmp_path, damage):
    shutil.copytree(finished / "results", tmp_path / "results")
    ticket = tmp_path / "results/tickets/digits/initial.parquet"
    damage(ticket)
    with pytest.raises(results.ResultError) as error:
        results.read_ticket(ticket)
    assert str(error.value) == f"{ticket} {DAMAGES[damage]}"


def test_a_damaged_file_stops_the_job_that_needs_it_and_comes_back_once_deleted(finished, tmp_path):
    place = tmp_path / "study"
    shutil.copytree(finished, place, symlinks=True)
    ticket = Path(studies.LEVEL) / "ticket.parquet"
    cut_short(place / ticket)
    said = studies.run(place, code=1)
    assert f"| {ticket} {DAMAGES[cut_short]}" in said
    (place / ticket).unlink()
    same_after_another_run(place, finished)


def verify(place, code):
    done = subprocess.run(
        [sys.executable, "-m", "evotickets", "verify", "--config", "study.yaml"],
        cwd=place, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_finished_study_is_verified_and_what_is_damaged_or_missing_is_named(finished, tmp_path):
    place = tmp_path / "study"
    shutil.copytree(finished, place, symlinks=True)
    # No job reads this figure, so that none is planned; the report would show it.
    figure = "tickets/digits/snes/snr/first_cut.svg"
    (place / "results" / figure).write_text("<script>alert(1)</script>")
    assert f"results/{figure} is damaged, cut short" in studies.run(place, code=2)
    damages = {
        "tables/tickets.parquet": cut_short,
        "tickets/digits/snes/snr/level01/ticket.parquet": flip_a_byte,
        "tickets/digits/snes/magnitude/record.parquet": write_text,
        "figures/tickets/digits_strategies.svg": flip_a_byte,
        "claims/tickets/claims.html": lambda path: path.write_text(""),
    }
    for path, damage in damages.items():
        damage(place / "results" / path)
    missing = "results/tickets/digits/snes/snr/chain.parquet"
    (place / missing).unlink()
    said = verify(place, 1)
    for path in (*damages, figure):
        assert f"results/{path} is damaged, cut short or " in said
    assert f"{missing} is missing\n    made by rule chain\n" in said
    sentence = (
        "results/tables/tickets.parquet is damaged, cut short or no Parquet file: delete it and run the workflow again"
    )
    assert f"{sentence}\n    made by rule table\n" in said
    remedy = re.search(r"^To make them anew: (rm .*), then run the study again", said, re.MULTILINE)[1]
    subprocess.run(remedy, shell=True, cwd=place, check=True)
    same_after_another_run(place, finished)
    assert re.fullmatch(r"All \d+ files of the study are there and hold what was written.\n", verify(place, 0))


def test_a_lock_that_says_nothing_still_refuses(tmp_path):
    with lock.hold(tmp_path) as held:
        held.end()
        with pytest.raises(lock.BusyError, match="another process is at work in"), lock.hold(tmp_path):
            pass


def test_a_lock_tells_whether_the_run_before_was_killed(tmp_path):
    with lock.hold(tmp_path) as held:
        assert not held.abandoned
    child = os.fork()
    if child == 0:
        with lock.hold(tmp_path):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    with lock.hold(tmp_path) as held:
        assert held.abandoned
    with lock.hold(tmp_path) as held:
        assert not held.abandoned
