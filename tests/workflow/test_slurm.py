"""The tiny study on a real Slurm (`.ci/slurm start`), and what killed jobs and daemons leave behind."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from tests import studies

# A look at the queue that finds no job finished makes the next one wait ten seconds longer: the first comes when most have.
QUICK = [
    "--jobs", "2", "--latency-wait", "5", "--slurm-init-seconds-before-status-checks", "8",
    "--default-resources", "runtime=10", "mem_mb=1000",
]  # fmt: skip


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    return done.stdout if done.returncode == 0 else ""


def slurm_answers():
    return bool(shutil.which("sinfo")) and "idle" in output("sinfo", "--noheader", "--format=%T")


pytestmark = pytest.mark.skipif(not slurm_answers(), reason="no Slurm answers here: .ci/slurm start")


@pytest.fixture(scope="module")
def local(finished_study):
    """The study, run on this machine without Slurm."""
    return finished_study


def submitted(job):
    """Slurm's number of the job of a rule, once it runs; Snakemake's comment on a job names its rule."""

    def find():
        for line in output("squeue", "--noheader", "--states=running", "--format=%i %k").splitlines():
            number, comment = line.split(maxsplit=1)
            if job in comment:
                return number
        return None

    return studies.wait_for(find)


def test_jobs_and_a_daemon_are_killed_and_the_tables_are_the_same(local, tmp_path):
    place = studies.folder(tmp_path)
    process = studies.start(place, *QUICK, profile="slurm")
    try:
        # A job is cancelled: the profile tries it again, with more memory and more time.
        first = submitted("rule_level")
        subprocess.run(["scancel", first], check=True)
        second = studies.wait_for(lambda: (n := submitted("rule_level")) != first and n)
        asked = [int(_field(number, "MinMemoryNode").removesuffix("M")) for number in (first, second)]
        assert asked[1] == 2 * asked[0]
        assert [_field(number, "TimeLimit") for number in (first, second)] == ["01:00:00", "02:00:00"]
        # The daemon of the node dies under a job and comes back: the job goes on.
        daemon = Path(_setting("SlurmdPidFile"))
        os.kill(int(daemon.read_text()), signal.SIGKILL)
        time.sleep(1)
        subprocess.run(["slurmd", "-N", "localhost"], check=True)
        said = process.communicate(timeout=400)[0]
    finally:
        studies.end(process)
    assert process.returncode == 0, said
    assert "FAILED: level digits/snes/dense/00" in said
    assert f"{studies.JOBS}/{studies.JOBS} jobs done" in said
    assert studies.tables(place) == studies.tables(local)
    assert not studies.leftovers(place)
    assert (place / "results/logs/tickets/digits/snes/snr/level01.log").exists()
    assert not output("squeue", "--noheader"), "no job is left behind"


@pytest.mark.long
def test_a_killed_head_is_replaced_while_its_jobs_are_in_the_queue(local, tmp_path):
    place = studies.without_last_level(local, tmp_path / "study")
    process = studies.start(place, *QUICK, profile="slurm")
    submitted("digits_snes_snr")
    studies.end(process)
    said = studies.run(place, *QUICK, profile="slurm")
    assert "jobs done" in said
    assert studies.tables(place) == studies.tables(local)
    assert not studies.leftovers(place)


def test_jobs_ask_for_what_their_rule_states(local, tmp_path):
    """A GPU that this cluster does not have is asked for, and refused by Slurm in so many words."""
    place = studies.without_last_level(local, tmp_path / "study")
    more = ["--set-resources", "level:gpu=1", "--retries", "0"]
    said = studies.run(place, *QUICK, *more, profile="slurm", code=1)
    assert "level digits/snes/snr/01" in said
    assert "gres" in said.lower()


def test_the_profile_tries_again_and_waits_for_files():
    profile = yaml.safe_load((studies.ROOT / "workflow/profiles/slurm/profile.yaml").read_text())
    assert profile["executor"] == "slurm"
    assert profile["retries"] > 0
    assert profile["latency-wait"] > 5
    assert profile["slurm-status-command"] == "squeue"


def _field(number, name):
    shown = output("scontrol", "show", "job", number)
    return next(part.split("=", 1)[1] for part in shown.split() if part.startswith(f"{name}="))


def _setting(name):
    shown = output("scontrol", "show", "config")
    return next(line.split("=", 1)[1].strip() for line in shown.splitlines() if line.startswith(name))
