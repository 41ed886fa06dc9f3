"""What the tracking store is told of a job: everything it was asked to do, under the names that a study uses."""

import subprocess
import sys
from types import SimpleNamespace

from evotickets import jobs, results

PARAMS = {
    "code": "digest",
    "experiment": "wide/tickets",
    "network": {"task": "digits", "hidden": [64, 32], "activation": "relu"},
    "settings": {"trainer": "snes", "batch": 128, "mean_decay": 0.0, "seed": None},
    "densities": [1, 0.5, 0.1],
    "seed": 7,
    "seeds_count": 5,
}


class TestSettings:
    def test_all_are_told_by_their_own_names(self):
        assert jobs.settings(PARAMS, {"task": "digits", "trainer": "quick"}) == {
            "task": "digits",
            "hidden": "[64, 32]",
            "activation": "relu",
            "algorithm": "snes",
            "batch": 128,
            "mean_decay": 0.0,
            "densities": "[1, 0.5, 0.1]",
            "seed": 7,
            "seeds": 5,
        }

    def test_a_name_that_says_something_else_elsewhere_is_told_with_its_entry(self):
        params = {"task": {"task": "digits", "steps": 5}, "training": {"steps": 9, "decay": {"every": 2}}}
        assert jobs.settings(params, {"task": "digits_wide"}) == {
            "task.task": "digits",
            "steps": 5,
            "training.steps": 9,
            "every": 2,
        }

    def test_a_long_list_ends_after_a_whole_entry(self):
        (told,) = jobs.settings({"levels": list(range(1000, 2000))}, {}).values()
        assert len(told) <= 510
        assert told.endswith(", …")
        assert all(word.strip(" [").isdigit() for word in told.removesuffix(", …").split(","))


def test_a_record_has_settings_version_and_density(tmp_path):
    job = jobs.Job(SimpleNamespace(params=PARAMS, wildcards={}))
    path = tmp_path / "chain" / "record.parquet"
    told = {"system": "tickets", "kind": "level", "metrics": [("test/accuracy", 40, 0.9)], "artifacts": []}
    job.record(path, parameters={"trainer": "quick", "density": 0.5}, **told)
    record = results.read_record(path)
    assert record.parameters["batch"] == 128
    assert record.parameters["trainer"] == "quick"
    assert record.tags == {"code": results.code_version()}
    assert tuple(record.metrics[-1]) == ("density", 40, 0.5)
    job.record(path, parameters={"P1": "supported"}, **told | {"kind": "claims"})
    assert results.read_record(path).parameters == {"P1": "supported"}


DEAF = """
import gc, os, signal, sys, time
from types import SimpleNamespace
from evotickets import jobs

def at_work(phase, info):
    if phase == "start":
        os.kill(os.getpid(), signal.SIGTERM)
        # What is raised in a callback is ignored.
        time.sleep(0.1)

with jobs.job(SimpleNamespace(log=[sys.argv[1]])):
    gc.callbacks.append(at_work)
    gc.collect()
    gc.callbacks.remove(at_work)
    time.sleep(60)
"""


def test_a_job_that_collects_garbage_when_it_is_asked_to_end_ends_all_the_same(tmp_path):
    log = tmp_path / "job.log"
    done = subprocess.run([sys.executable, "-c", DEAF, log], timeout=30, check=False)
    said = log.read_text()
    assert done.returncode == 1, said
    assert "Exception ignored in" in said, "the case that is meant"
    assert said.endswith(f"\n{jobs.INTERRUPTED}\n")
