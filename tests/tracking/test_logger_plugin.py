import logging
import os
import signal
import subprocess
import sys
import time

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from evotickets.tracking import journal, record_files, sync
from snakemake_logger_plugin_mlflow import LogHandler, LogHandlerSettings
from tests import stores

SNAKEFILE = """
rule all:
    input:
        expand("results/tickets/digits/{cell}/record.parquet", cell=config["cells"].split(",")),
        "results/summary.txt",

rule cell:
    output:
        "results/tickets/digits/{cell}/record.parquet",
    log:
        "logs/{cell}.log",
    benchmark:
        "benchmarks/{cell}.jsonl"
    script:
        "cell.py"

rule summary:
    output:
        "results/summary.txt",
    shell:
        "touch {output}"
"""

SCRIPT = """
import time
from pathlib import Path
from evotickets.results import Record, write_record

cell, log = snakemake.wildcards.cell, Path(snakemake.log[0])
log.write_text(f"training {cell}\\n")
if cell.startswith("slow"):
    time.sleep(30)
tried = Path(f"tried_{cell}")
if cell == "bad" or (cell == "flaky" and not tried.exists()):
    tried.touch()
    log.write_text(f"training {cell}\\nloss is NaN at generation 7\\n")
    raise SystemExit(1)
if cell == "flaky":
    # Snakemake looks at memory every half second, first when the interpreter has hardly begun.
    time.sleep(1.5)
path = Path(snakemake.output[0])
key, metrics = path.parent.as_posix(), [("test/accuracy", level, 0.9) for level in range(2)]
record = Record(key, "tickets", cell, "chain", {"task": "digits"}, metrics, start=time.time(), end=time.time())
write_record(path, record)
"""


@pytest.fixture
def folder(template, tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "cell.py").write_text(SCRIPT)
    stores.copy(template, tmp_path)
    return tmp_path


def command(cells, *arguments):
    options = ["--cores", "2", "--logger", "mlflow", "--keep-going", *arguments, "--config", f"cells={cells}"]
    return [sys.executable, "-m", "snakemake", *options]


def snakemake(folder, cells, *arguments, uri=""):
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    environment |= {"MLFLOW_TRACKING_URI": uri} if uri else {}
    return subprocess.run(
        command(cells, *arguments), cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def key(cell):
    return f"results/tickets/digits/{cell}"


class TestWorkflow:
    def test_records_costs_and_failures_are_tracked(self, folder):
        run = snakemake(folder, "good,flaky,bad", "--retries", "1")
        assert run.returncode == 1
        assert "runs written" in run.stderr
        held = stores.contents(folder / "mlflow.db")
        assert set(held) == {key("good"), key("flaky")}
        costs = {name: value for name, _, value, _ in held[key("flaky")][0]["metrics"] if name.startswith("job/")}
        assert costs["job/attempts"] == 2
        assert 0 < costs["job/seconds"] < 60
        assert 10 < costs["job/peak_memory_mib"] < 2000
        assert {n: v for n, _, v, _ in held[key("good")][0]["metrics"]}["job/attempts"] == 1
        ((failed,),) = stores.contents(folder / "mlflow.db", "failures").values()
        assert failed["run"][1:3] == (f"{folder.name}: cell bad", "FAILED")
        assert "loss is NaN at generation 7" in failed["tags"]["mlflow.note.content"]
        assert failed["parameters"] == [("cell", "bad"), ("rule", "cell"), ("study", folder.name)]
        jobs = journal.read([folder / "results" / journal.NAME])
        assert {name: (job.status, job.attempts) for name, job in jobs.items()} == {
            key("good"): ("finished", 1),
            key("flaky"): ("finished", 2),
            key("bad"): ("failed", 2),
            "summary": ("finished", 1),
        }
        # A run that has nothing to do writes nothing.
        before = stores.dump(folder / "mlflow.db")
        assert snakemake(folder, "good,flaky").returncode == 0
        assert stores.dump(folder / "mlflow.db") == before

    def test_a_dry_run_starts_nothing(self, folder):
        assert snakemake(folder, "good", "--dry-run").returncode == 0
        assert not (folder / "results").exists()

    def test_a_store_that_is_down_is_said_and_completed_later(self, folder):
        run = snakemake(folder, "good", uri=f"http://127.0.0.1:{stores.free_port()}")
        assert run.returncode == 0
        assert "1 NOT tracked (the next sync tries again)" in run.stderr
        assert "Traceback" not in run.stderr
        assert snakemake(folder, "good").returncode == 0
        ((made,),) = stores.contents(folder / "mlflow.db").values()
        assert ("job/attempts", 0, 1.0) in [metric[:3] for metric in made["metrics"]]

    def test_a_store_that_answers_after_five_seconds_holds_nothing_up(self, folder):
        with stores.Proxy(stores.free_port()) as proxy:
            proxy.fault = lambda number: 5.0
            started = time.monotonic()
            run = snakemake(folder, "good", "--logger-mlflow-wait", "2", uri=proxy.uri)
            assert time.monotonic() - started < 40
            proxy.shutdown()
        assert run.returncode == 0
        assert "did not keep up within 2 s" in run.stderr
        assert sync(record_files(folder / "results"), uri=f"sqlite:///{folder / 'mlflow.db'}").untracked == ()

    def test_a_killed_workflow_is_tracked_as_far_as_it_came(self, folder):
        workflow = subprocess.Popen(
            command("good,slow"),
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_for(lambda: key("good") in journal.read([folder / "results" / journal.NAME]))
        os.killpg(workflow.pid, signal.SIGKILL)
        workflow.wait()
        wait_for(lambda: set(stores.contents(folder / "mlflow.db")) == {key("good")})


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


class Common:
    dryrun = False


class TestHandler:
    def record(self, event, **details):
        record = logging.LogRecord("snakemake", logging.INFO, "", 0, None, None, None)
        record.__dict__.update({"event": event} | details)
        return record

    def handler(self, tmp_path, **settings):
        return LogHandler(Common(), LogHandlerSettings(results=str(tmp_path / "results"), **settings))

    @pytest.mark.parametrize(
        "details",
        [{"event": LogEvent.JOB_FINISHED, "job_id": 7}, {"event": LogEvent.JOB_INFO}, {"event": LogEvent.JOB_ERROR}],
    )
    def test_nothing_that_happens_reaches_the_workflow(self, tmp_path, capsys, details):
        handler = self.handler(tmp_path)
        handler.emit(self.record(**details))
        handler.emit(logging.LogRecord("snakemake", logging.INFO, "", 0, "plain message", None, None))
        handler.close()
        assert capsys.readouterr().err.startswith("tracking: ")

    def test_a_failed_group_fails_each_of_its_jobs(self, tmp_path):
        handler = self.handler(tmp_path)
        (tmp_path / "group.log").write_text("out of memory\n")
        for job in (1, 2):
            details = {"rule_name": "cell", "wildcards": {"cell": job}, "output": [], "log": [], "benchmark": None}
            handler.emit(self.record(LogEvent.JOB_INFO, jobid=job, **details))
        errors = [{"jobid": job, "log": []} for job in (1, 2)]
        aux = [str(tmp_path / "group.log")]
        handler.emit(self.record(LogEvent.GROUP_ERROR, job_error_info=errors, aux_logs=aux))
        # Snakemake goes on with each of them, without the log.
        for job in (1, 2):
            handler.emit(self.record(LogEvent.JOB_ERROR, jobid=job, rule_name="cell", log=[]))
        jobs = journal.read([tmp_path / "results" / journal.NAME])
        assert [(job.key, job.status, job.log) for job in jobs.values()] == [
            ("cell/1", "failed", "out of memory"),
            ("cell/2", "failed", "out of memory"),
        ]

    def test_what_goes_wrong_is_printed_in_one_plain_line(self, tmp_path, capsys):
        (tmp_path / "a\nb\x1b[2J").write_text("a file where the folder should be")
        handler = self.handler(tmp_path / "a\nb\x1b[2J")
        handler.emit(self.record(LogEvent.WORKFLOW_STARTED))
        handler.emit(self.record(LogEvent.JOB_FINISHED, job_id=7))
        path = f"{tmp_path}/a\\nb\\x1b[2J/results"
        assert capsys.readouterr().err == (f"tracking: [Errno 20] Not a directory: '{path}'\ntracking: KeyError: 7\n")

    def test_a_child_that_ends_without_a_word_is_said(self, tmp_path, capsys):
        handler = self.handler(tmp_path)
        handler.emit(self.record(LogEvent.WORKFLOW_STARTED))
        handler.child.kill()
        handler.close()
        log = tmp_path / "results" / "tracking.log"
        assert capsys.readouterr().err == f"tracking: ended with status -9 and without a word: see {log}\n"

    def test_a_full_disk_under_the_journal_is_only_printed(self, tmp_path, capsys):
        (tmp_path / "results").write_text("a file where the folder should be")
        handler = self.handler(tmp_path)
        handler.emit(self.record(LogEvent.WORKFLOW_STARTED))
        assert handler.child is None
        assert capsys.readouterr().err.count("\n") == 1
