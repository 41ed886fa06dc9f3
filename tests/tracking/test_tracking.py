import base64
import contextlib
import itertools
import json
import math
import resource
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import psutil
import pytest

from evotickets.figures import style
from evotickets.results import read_record, write_record
from evotickets.tracking import charts, database, journal, record_files, studies, sync
from evotickets.tracking.__main__ import main
from tests import stores

KEYS = [f"tickets/digits/{c}/level{k:02d}" for c in stores.CRITERIA for k in range(stores.LEVELS)]


@pytest.fixture
def records(tmp_path):
    return stores.write_study(tmp_path / "results")


def undisturbed(template, records, folder, system="tickets"):
    """Sync into a store of its own and return what it holds."""
    file = stores.copy(template, folder)
    report = sync(records, uri=f"sqlite:///{file}")
    assert not report.untracked
    return stores.contents(file, system)


class TestSync:
    def test_chains_and_levels_become_flat_runs_of_two_experiments(self, records, uri, file, tmp_path):
        report = sync(records, uri=uri)
        assert (len(report.tracked), report.unchanged, report.untracked) == (6, 0, ())
        assert (
            "the step is the level"
            in database.client(uri).get_experiment_by_name("tickets").tags["mlflow.note.content"]
        )
        assert list(report.links) == ["tickets-levels", "tickets"]
        held = stores.contents(file)
        assert len(held) == 6
        (chain,) = held["results/tickets/digits/snr"]
        assert chain["run"] == ("tickets", f"{tmp_path.name}: snr", "FINISHED", 1_700_000_020_000, 1_700_000_028_000)
        assert chain["metrics"] == [
            ("density", 0, 1.0, 1_700_000_020_000),
            ("density", 1, 0.5, 1_700_000_028_000),
            ("digits/test/accuracy", 0, 0.9, 1_700_000_020_000),
            ("digits/test/accuracy", 1, 0.9, 1_700_000_028_000),
            ("log10 density", 0, 0.0, 1_700_000_020_000),
            ("log10 density", 1, math.log10(0.5), 1_700_000_028_000),
        ]
        assert chain["parameters"] == [
            ("criterion", "snr"),
            ("study", tmp_path.name),
            ("task", "digits"),
            ("trainer", "snes"),
        ]
        assert chain["inputs"] == [("digits", "abc")]
        assert [name for name, _ in chain["artifacts"]] == ["figures/curve.svg", "scores.parquet"]
        assert chain["tags"]["kind"] == "chain"
        (level,) = held["tickets/digits/random/level01"]
        assert level["run"][:2] == ("tickets-levels", f"{tmp_path.name}: random 1")
        assert level["tags"]["kind"] == "level"
        assert ("density", "0.5") in level["parameters"]
        assert not any("parentRunId" in tag for tag in level["tags"])

    def test_twice_changes_nothing(self, records, uri, file):
        sync(records, uri=uri)
        before = stores.dump(file)
        report = sync(records, uri=uri)
        assert (report.tracked, report.unchanged) == ((), 6)
        assert stores.dump(file) == before

    def test_a_deleted_store_is_rebuilt(self, records, template, tmp_path):
        assert undisturbed(template, records, tmp_path / "a") == undisturbed(template, records, tmp_path / "b")

    def test_a_changed_setting_is_a_new_run_and_the_old_one_superseded(self, records, uri, file, tmp_path):
        sync(records, uri=uri)
        before = stores.contents(file)
        stores.write_study(tmp_path / "results", shift=0.05)
        assert len(sync(records, uri=uri).tracked) == 6
        after = stores.contents(file)
        assert {key: len(runs) for key, runs in after.items()} == dict.fromkeys(before, 1)
        old = stores.contents(file, state=("superseded",))
        for key, (run,) in old.items():
            assert run["run"][1] == f"{before[key][0]['run'][1]} (superseded)"
            assert run["metrics"] == before[key][0]["metrics"]
        assert set(old) == set(before)
        # And back again: the first runs are current once more.
        stores.write_study(tmp_path / "results")
        sync(records, uri=uri)
        again = stores.contents(file)
        for key, (run,) in again.items():
            assert run["run"] == before[key][0]["run"]
            assert run["metrics"] == before[key][0]["metrics"]
        assert sync(records, uri=uri).unchanged == 6

    def test_a_new_figure_replaces_the_old_one_in_the_same_run(self, records, uri, file):
        sync(records, uri=uri)
        figure = records[0].parent / "figures" / "curve.svg"
        figure.write_text("<svg>new</svg>")
        before = stores.contents(file)
        assert len(sync(records, uri=uri).tracked) == 1
        after = stores.contents(file)
        key = read_record(records[0]).key
        assert [n for n, _ in after[key][0]["artifacts"]] == [n for n, _ in before[key][0]["artifacts"]]
        assert after[key][0]["artifacts"] != before[key][0]["artifacts"]
        assert after[key][0]["metrics"] == before[key][0]["metrics"]
        assert sync(records, uri=uri).unchanged == 6

    def test_long_histories_are_thinned_and_infinity_is_no_number(self, tmp_path, uri, file):
        (record, *_) = stores.write_study(tmp_path / "results")
        metrics = [("train/loss", step, float(step)) for step in range(1000)] + [("test/accuracy", 0, float("inf"))]
        write_record(record, read_record(record)._replace(metrics=metrics))
        sync([record], uri=uri)
        ((run,),) = stores.contents(file).values()
        steps = [step for name, step, *_ in run["metrics"] if name == "digits/train/loss"]
        assert (len(steps), steps[0], steps[-1]) == (100, 0, 999)
        assert max(b - a for a, b in itertools.pairwise(steps)) <= 11
        assert math.isnan(database.client(uri).search_runs(["1"])[0].data.metrics["digits/test/accuracy"])

    def test_a_finished_store_costs_one_search_an_experiment(self, records, uri, monkeypatch):
        sync(records, uri=uri)
        calls = spy(monkeypatch)
        sync(records, uri=uri)
        assert calls == ["get_experiment_by_name", "search_runs"] * 2

    def test_a_damaged_record_is_named_and_the_others_tracked(self, records, uri):
        records[0].write_bytes(records[0].read_bytes()[:100])
        report = sync(records, uri=uri)
        assert len(report.tracked) == 5
        ((path, reason),) = report.untracked
        assert path == str(records[0])
        assert "damaged, cut short" in reason
        assert "1 NOT tracked" in str(report)

    def test_two_records_with_one_key_are_named(self, records, uri):
        write_record(records[1], read_record(records[0]))
        report = sync(records, uri=uri)
        assert [path for path, _ in report.untracked] == [str(records[1])]
        assert "of another record: give it its own" in report.untracked[0][1]

    def test_no_record_is_begun_after_the_time_is_up(self, records, uri):
        report = sync(records, uri=uri, seconds=0.0)
        assert {reason for _, reason in report.untracked} == {"out of time"}
        assert len(sync(records, uri=uri).tracked) == 6


def spy(monkeypatch, before=lambda number: None, after=lambda number: None):
    """Record the calls that reach the store; `before` and `after` may stop them."""
    calls = []
    real = database.client

    class Client:
        def __init__(self, uri):
            self.client = real(uri)

        def __getattr__(self, name):
            def call(*arguments, **named):
                calls.append(name)
                number = len(calls)
                before(number)
                answer = getattr(self.client, name)(*arguments, **named)
                after(number)
                return answer

            return call

    monkeypatch.setattr(database, "client", Client)
    return calls


class Killed(BaseException):
    """What no error handling catches."""


class TestInterruption:
    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize("error", [Killed, OSError])
    def test_at_every_call_the_next_sync_completes_the_store(self, template, tmp_path, monkeypatch, when, error):
        records = stores.write_study(tmp_path / "results")[1:2]
        expected = undisturbed(template, records, tmp_path / "expected")
        stopped = 0
        while True:
            stopped += 1

            def stop(number, stopped=stopped):
                # An error also meets the second try of the same sync.
                if number == stopped or (error is OSError and number == stopped + 3):
                    raise error("stopped")

            file = stores.copy(template, tmp_path / f"{stopped}")
            with monkeypatch.context() as patch:
                calls = spy(patch, **{when: stop})
                with contextlib.suppress(Killed):
                    sync(records, uri=f"sqlite:///{file}")
            assert not sync(records, uri=f"sqlite:///{file}").untracked
            assert stores.contents(file) == expected
            if len(calls) < stopped:
                break
        assert stopped > 10

    def test_a_full_disk(self, template, tmp_path, file, uri):
        records = stores.write_study(tmp_path / "results", generations=100)
        expected = undisturbed(template, records, tmp_path / "expected")
        limit = file.stat().st_size

        def fill():
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        command = [sys.executable, "-m", "evotickets.tracking", "sync", "--uri", uri, "--results", tmp_path / "results"]
        full = subprocess.run(command, preexec_fn=fill, capture_output=True, text=True)
        assert full.returncode == 1
        assert "NOT tracked (the next sync tries again)" in full.stdout
        assert "disk is full" in full.stdout or "disk I/O error" in full.stdout
        assert full.stderr == ""
        assert not sync(records, uri=uri).untracked
        assert stores.contents(file) == expected


class TestJournal:
    def job(self, status, **changes):
        job = journal.Job(KEYS[0], "level", status, {"level": "00"}, 1, 9.5, 1_700_000_009.0, "", 250.5, "")
        return job._replace(**changes)

    def test_last_job_of_a_key_wins_and_a_torn_line_is_skipped(self, tmp_path):
        path = tmp_path / "results" / "jobs.jsonl"
        assert journal.read([path]) == {}
        journal.append(path, self.job("failed"))
        journal.append(path, self.job("finished"))
        journal.append(path, self.job("finished", key="other"))
        path.write_text(path.read_text() + '{"key": "torn", "rul')
        assert journal.read([path]) == {KEYS[0]: self.job("finished"), "other": self.job("finished", key="other")}

    def test_costs_of_a_job_become_metrics_once(self, records, uri, file, tmp_path):
        path = tmp_path / "jobs.jsonl"
        journal.append(path, self.job("finished", attempts=2))
        sync(records, uri=uri, jobs=[path])
        journal.append(path, self.job("finished", attempts=3))
        assert sync(records, uri=uri, jobs=[path]).unchanged == 6
        (run,) = stores.contents(file)[KEYS[0]]
        costs = {name: value for name, _, value, _ in run["metrics"] if name.startswith("job/")}
        assert costs == {"job/attempts": 2, "job/seconds": 9.5, "job/peak_memory_mib": 250.5}

    def test_costs_of_an_older_job_are_not_those_of_a_record(self, records, uri, file, tmp_path):
        journal.append(tmp_path / "jobs.jsonl", self.job("finished", end=1_600_000_000.0))
        sync(records, uri=uri, jobs=[tmp_path / "jobs.jsonl"])
        (run,) = stores.contents(file)[KEYS[0]]
        assert not [name for name, *_ in run["metrics"] if name.startswith("job/")]

    def test_a_failure_is_a_failed_run_with_its_log_until_the_job_succeeds(self, records, uri, file, tmp_path):
        path = tmp_path / "jobs.jsonl"
        journal.append(path, self.job("failed", log="loss is NaN\nat generation 7"))
        for _ in range(2):
            sync(records[1:], uri=uri, jobs=[path])
        ((run,),) = stores.contents(file, "failures").values()
        study = tmp_path.as_posix().lstrip("/")
        assert run["run"][1:3] == (f"{tmp_path.name}: level 00", "FAILED")
        assert run["tags"]["study"] == study
        assert [name for name, _ in run["artifacts"]] == ["log.txt"]
        assert "at generation 7" in run["tags"]["mlflow.note.content"]
        journal.append(path, self.job("finished"))
        sync(records, uri=uri, jobs=[path])
        assert stores.contents(file, "failures") == {}
        assert len(stores.contents(file, "failures", ("superseded",))) == 1
        before = stores.dump(file)
        sync(records, uri=uri, jobs=[path])
        assert stores.dump(file) == before

    @pytest.mark.parametrize(
        ("name", "text", "expected"),
        [
            ("x.jsonl", '{"s": 2.5, "max_rss": 100.0}\n{"s": 3.5, "max_rss": 90.0}\n', (3.5, 100.0)),
            ("x.tsv", "s\tmax_rss\n2.5\t100.0\n", (2.5, 100.0)),
            ("x.tsv", "s\tmax_rss\n0.1\tNA\n", (0.1, None)),
            ("x.jsonl", "", (None, None)),
            ("x.jsonl", "{broken", (None, None)),
        ],
    )
    def test_benchmark_files(self, tmp_path, name, text, expected):
        (tmp_path / name).write_text(text)
        assert journal.measured(tmp_path / name) == expected
        assert journal.measured(tmp_path / "missing.jsonl") == (None, None)

    def test_last_lines_of_logs(self, tmp_path):
        (tmp_path / "a.log").write_text("".join(f"line {i}\n" for i in range(100_000)))
        (tmp_path / "b.log").write_bytes(b"caf\xe9")
        lines = journal.last_lines([tmp_path / "a.log", tmp_path / "missing.log", tmp_path / "b.log"]).splitlines()
        assert lines == [f"line {i}" for i in range(99_960, 100_000)] + ["caf\ufffd"]


class TestDatabase:
    def test_several_processes_create_one_whole_store(self, tmp_path):
        uri = f"sqlite:///{tmp_path / 'new' / 'mlflow.db'}"
        command = [sys.executable, "-m", "evotickets.tracking", "prepare", "--uri", uri]
        processes = [subprocess.Popen(command) for _ in range(2)]
        assert [process.wait() for process in processes] == [0, 0]
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["mlflow.db"]
        assert database.client(uri).search_experiments()[0].name == "Default"

    def test_an_existing_store_is_left_alone_without_importing_mlflow(self, uri, file):
        before = file.read_bytes()
        script = (
            f"import sys; from evotickets import tracking; tracking.prepare({uri!r}); print('mlflow' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "False\n"
        assert file.read_bytes() == before


class TestCharts:
    METRICS = ("digits/test/accuracy", "digits/train/loss", "CartPole-v1/test/return", "log10 density", "job/seconds")

    PARAMETERS = ("task", "method", "trainer", "criterion", "depth", "seeker", "density")

    def state(self, kind, metrics, parameters=PARAMETERS):
        return saved(charts.view(kind, metrics, parameters))

    def test_metrics_are_logged_with_means_of_test_scores_first(self):
        """The compare page of MLflow draws what was logged first."""
        low, high = (f"digits/intervals/test/accuracy_{end}" for end in ("low", "high"))
        found = charts.ordered([low, "density", "digits/train/loss", high, "digits/test/loss", "digits/test/accuracy"])
        assert found == ["digits/test/accuracy", "digits/test/loss", high, low, "digits/train/loss", "density"]

    def test_a_view_shows_all_current_runs_and_test_scores_first(self):
        state = self.state("chain", self.METRICS)
        assert state["runsHiddenMode"] == "SHOW_ALL"
        assert state["searchFilter"] == "tags.state = 'current'"
        over = [chart for chart in state["compareRunCharts"] if chart.get("selectedXAxisMetricKey")]
        assert [(chart["metricKey"], chart["xAxisKey"]) for chart in over] == [
            ("CartPole-v1/test/return", "metric"),
            ("digits/test/accuracy", "metric"),
        ]
        assert [chart["metricKey"] for chart in state["compareRunCharts"][2:]] == [
            "CartPole-v1/test/return",
            "digits/test/accuracy",
            "digits/train/loss",
            "job/seconds",
            "log10 density",
        ]
        sections = {section["name"]: section["display"] for section in state["compareRunSections"]}
        assert sections == {
            "scores over density": True,
            "CartPole-v1/test": True,
            "digits/test": True,
            "digits/train": True,
            "job": False,
            "Model metrics": True,
        }

    def test_levels_have_parallel_coordinates(self):
        (first, second, *_) = self.state("level", self.METRICS)["compareRunCharts"]
        assert first["type"] == second["type"] == "PARALLEL"
        assert first["selectedParams"] == ["trainer", "criterion", "density"]
        assert first["selectedMetrics"] == ["CartPole-v1/test/return"]

    def test_cells_have_bars_and_parallel_coordinates_of_scores_and_recovery(self):
        names = ["circle/test/weak_accuracy", "circle/test/weak_raw_accuracy", "circle/recovery/recall"]
        names += ["circle/recovery/chance_recall", "circle/mask/kept"]
        charts_ = self.state("cell", names)["compareRunCharts"]
        parallel = [chart for chart in charts_ if chart["type"] == "PARALLEL"]
        assert [chart["selectedMetrics"] for chart in parallel] == [[names[0]], [names[2]]]
        assert parallel[0]["selectedParams"] == ["depth", "seeker", "density"]
        assert {chart["metricKey"] for chart in charts_ if chart["type"] == "BAR"} == set(names)

    def test_axes_are_what_the_runs_have(self):
        names = ["digits/test/ensemble_accuracy"]
        (first, *_) = self.state("cell", names, ["part", "mode", "density", "sigma"])["compareRunCharts"]
        assert first["selectedParams"] == ["part", "mode", "density"]
        assert [chart["type"] for chart in self.state("cell", names, ["sigma"])["compareRunCharts"]] == ["BAR"]

    def test_cells_of_sparse_training_have_curves_and_parallel_coordinates(self):
        names = ["digits/test/accuracy", "digits/mask/churn"]
        charts_ = self.state("sparse", names)["compareRunCharts"]
        assert charts_[0]["selectedParams"] == ["task", "method", "density"]
        assert [chart["metricKey"] for chart in charts_ if chart["type"] == "LINE"] == names

    def test_claims_have_a_bar_for_every_effect(self):
        names = ["effect/C1 snr", "effect/P2"]
        charts_ = self.state("claims", names)["compareRunCharts"]
        assert [(chart["type"], chart["metricKey"]) for chart in charts_] == [("BAR", name) for name in names]

    @pytest.mark.parametrize(
        ("kind", "words"), [("cell", "One run per cell"), ("claims", "parameters are the verdicts")]
    )
    def test_an_experiment_says_what_its_runs_are(self, kind, words, uri, records):
        chains = [path for path in records if read_record(path).kind == "chain"]
        for path in chains:
            write_record(path, read_record(path)._replace(kind=kind))
        sync(chains, uri=uri)
        assert words in database.client(uri).get_experiment_by_name("tickets").tags["mlflow.note.content"]

    def test_a_full_view_leaves_out_what_results_are_compared_with(self):
        names = [f"circle/test/baseline_{index:02}" for index in range(70)] + ["helix/recovery/recall"]
        drawn = self.state("cell", names)["compareRunCharts"]
        assert [chart["metricKey"] for chart in drawn if chart["type"] == "BAR"].count("helix/recovery/recall") == 1
        assert [chart["type"] for chart in drawn].count("PARALLEL") == 1

    def test_a_view_says_what_it_draws_and_fits_into_a_tag(self):
        assert charts.content(charts.view("chain", self.METRICS, self.PARAMETERS)) == (set(self.METRICS), set())
        drawn = charts.content(charts.view("level", self.METRICS, self.PARAMETERS))
        assert drawn == (set(self.METRICS), {"trainer", "criterion", "density"})
        intervals = ["digits/intervals/test/accuracy_low", "digits/intervals/test/accuracy_high"]
        view = charts.view("chain", [*self.METRICS, *intervals], ())
        state = saved(view)
        assert state["compareRunCharts"] == saved(charts.view("chain", self.METRICS, ()))["compareRunCharts"]
        assert [(own["name"], own["display"]) for own in state["compareRunSections"]][-1] == (
            "digits/intervals/test",
            False,
        )
        assert charts.view("chain", charts.content(view).metrics, ()) == view
        many = [f"a task with a long name {i}/layer densities/dense{j}" for i in range(30) for j in range(30)]
        assert len(charts.view("level", many, self.PARAMETERS)) < 5000
        for other in ("somebody else's", "", '{"state": "deflate;x"}'):
            assert charts.content(other) == (set(), set())

    def test_criteria_have_the_colours_of_the_figures(self):
        assert {name: look.color for name, look in style.CRITERIA.items()} == charts.CRITERIA

    def test_trainers_are_shades_and_levels_a_ramp(self):
        snr = [charts.colour("chain", {"criterion": "snr", "trainer": trainer}) for trainer in style.TRAINERS]
        assert snr[0] == "#0072b2"
        assert len(set(snr)) == len(style.TRAINERS)
        ramp = [charts.colour("level", {"criterion": "snr", "density": density}) for density in (1.0, 0.1, 0.01, 0.001)]
        assert ramp == ["#440154", "#21918c", "#addc30", "#addc30"]
        assert charts.colour("chain", {"criterion": "new"}) is None


class TestStudies:
    """Two studies whose files have the same names, from two folders in one store."""

    @pytest.fixture
    def two(self, tmp_path):
        return {
            name: stores.write_study(tmp_path / name / "results", shift=0.01 * number)
            for number, name in enumerate(("wide", "narrow"))
        }

    def test_each_keeps_its_runs(self, two, uri, file):
        for records in two.values():
            assert len(sync(records, uri=uri).tracked) == 6
        for records in two.values():
            assert sync(records, uri=uri).unchanged == 6
        for key, runs in stores.contents(file).items():
            assert sorted(dict(run["parameters"])["study"] for run in runs) == ["narrow", "wide"], key
            assert sorted(run["run"][1].partition(": ")[0] for run in runs) == ["narrow", "wide"]
            assert sorted(run["tags"]["study"] for run in runs) == ["narrow", "wide"]
            assert len({run["tags"]["mlflow.runColor"] for run in runs}) == 2
        assert stores.contents(file, state=("superseded",)) == {}

    def test_each_has_a_view_and_all_have_one(self, two, uri):
        first = sync(two["wide"], uri=uri).links
        assert list(first) == ["tickets-levels", "tickets"]
        links = sync(two["narrow"], uri=uri).links
        assert list(links) == [
            f"{experiment} of {studies}"
            for experiment in ("tickets-levels", "tickets")
            for studies in ("narrow", "all studies")
        ]
        tags = database.client(uri).get_experiment_by_name("tickets-levels").tags
        assert charts.studies(tags) == {"wide": 0, "narrow": 1}
        both, own = (saved(tags[tag]) for tag in (charts.TAG, charts.tag("narrow")))
        assert both["searchFilter"] == "tags.state = 'current'"
        assert own["searchFilter"] == "tags.state = 'current' AND tags.study = 'narrow'"
        assert both["compareRunCharts"][0]["selectedParams"] == ["study", "trainer", "criterion", "density"]
        assert own["compareRunCharts"][0]["selectedParams"] == ["trainer", "criterion", "density"]
        assert charts.tag("narrow").rpartition(".")[2] in links["tickets of narrow"]

    def test_a_failure_of_one_is_not_resolved_by_the_other(self, two, uri, file, tmp_path):
        job = journal.Job("level/00", "level", "failed", {}, 1, 1.0, 1_700_000_030.0)
        paths = {name: tmp_path / name / "results" / journal.NAME for name in two}
        journal.append(paths["wide"], job)
        sync([], uri=uri, jobs=[paths["wide"]])
        journal.append(paths["narrow"], job._replace(status="finished"))
        sync([], uri=uri, jobs=[paths["narrow"]])
        ((run,),) = stores.contents(file, "failures").values()
        assert run["tags"]["study"] == "wide"

    def test_runs_of_before_studies_had_names_are_those_of_the_first_that_has_their_keys(self, two, uri, file):
        sync(two["wide"], uri=uri)
        with contextlib.closing(sqlite3.connect(file)) as connection:
            connection.execute("DELETE FROM tags WHERE key = 'study'")
            connection.execute("DELETE FROM experiment_tags WHERE key LIKE 'mlflow.sharedViewState.study%'")
            connection.commit()
        before = stores.contents(file)
        sync(two["wide"], uri=uri)
        assert {key: len(runs) for key, runs in stores.contents(file).items()} == dict.fromkeys(before, 1)

    @pytest.mark.parametrize(
        ("folder", "prefix", "name"),
        [
            ("/home/me/mine/results/tickets/digits", "", "mine"),
            ("/home/me/mine/results/wide/tickets/digits", "wide", "mine/wide"),
            ("/scratch/me/wide/tickets/digits", "scratch/me/wide", "scratch/me/wide"),
            ("/results/tickets", "", "study"),
            ("/it's $mine/results/tickets", "", "its mine"),
        ],
    )
    def test_names(self, folder, prefix, name, monkeypatch):
        results = Path(folder.partition("/tickets")[0])
        assert studies.of_record(Path(folder), prefix) == studies.of_results(results) == name
        monkeypatch.setenv(studies.VARIABLE, "ours")
        said = {"mine": "ours", "mine/wide": "ours/wide", "study": "ours", "its mine": "ours"}
        assert studies.of_record(Path(folder), prefix) == studies.of_results(results) == said.get(name, name)

    def test_colours_of_two_are_farther_apart_than_those_of_one(self):
        chains = [
            {"criterion": criterion, "trainer": trainer}
            for criterion in ("snr", "magnitude", "random", "mask_reinit")
            for trainer in ("snes", "sep_cma_es", "pgpe", "open_es")
        ]
        colours = [
            [charts.coloured("chain", chain, study)["mlflow.runColor"] for chain in chains] for study in range(3)
        ]
        assert colours[0][0] == charts.CRITERIA["snr"].lower()
        near = min(distance(*pair) for pair in itertools.combinations(colours[0], 2))
        assert min(distance(*pair) for pair in itertools.product(colours[0], colours[1])) > 2 * near
        assert min(distance(*pair) for pair in itertools.product(colours[0] + colours[1], colours[2])) > 5


def distance(first, other):
    """Return the distance of two colours in Lab (CIE 1976); about 2 can just be seen."""
    return sum((a - b) ** 2 for a, b in zip(lab(first), lab(other), strict=True)) ** 0.5


def lab(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def saved(view):
    return json.loads(zlib.decompress(base64.b64decode(json.loads(view)["state"].removeprefix("deflate;"))))


class TestCommandLine:
    def test_sync_and_address_print_links(self, records, uri, tmp_path, capsys):
        assert main(["sync", "--uri", uri, "--results", str(tmp_path / "results")]) == 0
        out = capsys.readouterr().out
        link = "http://127.0.0.1:5000/#/experiments/{}/runs?workflowType=machine_learning&compareRunsMode=CHART"
        assert out.startswith("tracking: 6 runs written, 0 unchanged\n")
        assert f"tickets: {link.format(2)}" in out or f"tickets: {link.format(1)}" in out
        assert main(["address", "--uri", uri]) == 0
        assert capsys.readouterr().out.splitlines() == out.splitlines()[1:]

    @pytest.mark.parametrize("command", ["sync", "prepare", "follow", "address", "ui"])
    def test_help_names_the_store(self, command, capsys):
        with pytest.raises(SystemExit, match="0"):
            main([command, "--help"])
        assert "sqlite:///FILE or http://" in capsys.readouterr().out

    def test_an_unusable_store_is_one_sentence(self, tmp_path, capsys):
        (tmp_path / "text.db").write_text("no database at all")
        assert main(["address", "--uri", f"sqlite:///{tmp_path / 'text.db'}"]) == 1
        assert capsys.readouterr().err.count("\n") == 1


@pytest.fixture(scope="class")
def server(template, tmp_path_factory):
    server = stores.Server(stores.copy(template, tmp_path_factory.mktemp("server"))).start()
    yield server
    server.kill()


@pytest.fixture
def proxy(server):
    with stores.Proxy(server.port) as proxy:
        yield proxy
        proxy.shutdown()


class TestServer:
    """Every test has a system of its own in the one store of the one server."""

    def expected(self, template, tmp_path, system):
        records = stores.write_study(tmp_path / "results", system)
        return records, undisturbed(template, records, tmp_path / "expected", system)

    def test_a_server_holds_what_a_file_would(self, server, template, tmp_path):
        records, expected = self.expected(template, tmp_path, "plain")
        assert len(sync(records, uri=server.uri).tracked) == 6
        assert stores.contents(server.file, "plain") == expected
        report = sync(records, uri=server.uri)
        assert (report.tracked, report.unchanged) == ((), 6)
        assert all(link.startswith(server.uri) for link in report.links.values())

    @pytest.mark.parametrize("fault", ["500", "lost"])
    def test_errors_and_lost_answers(self, server, proxy, template, tmp_path, fault):
        records, expected = self.expected(template, tmp_path, f"fault{fault}")
        proxy.fault = lambda number: fault if number > 5 else None
        assert len(sync(records, uri=proxy.uri).untracked) > 2
        proxy.fault = lambda number: fault if number % 4 == 0 else None
        for _ in range(3):
            sync(records, uri=proxy.uri)
        proxy.fault = lambda number: None
        assert sync(records, uri=proxy.uri).untracked == ()
        assert stores.contents(server.file, f"fault{fault}") == expected

    def test_a_slow_server_is_left_in_time(self, server, proxy, template, tmp_path):
        records, expected = self.expected(template, tmp_path, "slow")
        proxy.fault = lambda number: 0.5
        report = sync(records, uri=proxy.uri, seconds=0.5)
        assert {reason for _, reason in report.untracked} == {"out of time"}
        proxy.fault = lambda number: None
        assert sync(records, uri=proxy.uri).untracked == ()
        assert stores.contents(server.file, "slow") == expected

    def test_the_interface_prints_its_addresses_and_listens_on_this_machine_only(self, server, records, capsys):
        assert sync(records, uri=server.uri).links
        log = (server.file.parent / "server.log").read_text()
        assert log.startswith(f"tracking: http://127.0.0.1:{server.port}\n")
        head = psutil.Process(server.process.pid)
        sockets = [s for p in [head, *head.children(recursive=True)] for s in p.net_connections("all")]
        listening = {s.laddr for s in sockets if s.status == psutil.CONN_LISTEN}
        assert {("127.0.0.1", server.port)} == listening
        others = {
            address.address
            for several in psutil.net_if_addrs().values()
            for address in several
            if address.family == socket.AF_INET
        }
        for address in others - {"127.0.0.1"}:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((address, server.port), 5)
        assert main(["ui", "--uri", server.uri]) == 0
        assert f"{server.uri}/#/experiments/" in capsys.readouterr().out

    def test_nobody_listening_is_said_at_once(self, tmp_path):
        records = stores.write_study(tmp_path / "results")
        started = time.monotonic()
        report = sync(records, uri=f"http://127.0.0.1:{stores.free_port()}")
        assert len(report.untracked) == 6
        assert time.monotonic() - started < 10

    def test_killed_in_the_middle_and_started_again(self, server, proxy, template, tmp_path):
        records, expected = self.expected(template, tmp_path, "killed")
        killer = threading.Thread(target=server.kill)
        proxy.fault = lambda number: killer.start() if number == 25 else None
        assert sync(records, uri=proxy.uri).untracked
        killer.join()
        assert len(sync(records, uri=proxy.uri).untracked) == 6
        server.start()
        assert sync(records, uri=proxy.uri).untracked == ()
        assert stores.contents(server.file, "killed") == expected


def test_record_files_are_found_at_any_depth_and_temporary_ones_ignored(tmp_path):
    (record,) = stores.write_study(tmp_path)[:1]
    (record.parent / ".record.parquet.0a1b.tmp").touch()
    assert record in record_files(tmp_path)
    assert all(path.name == "record.parquet" for path in record_files(tmp_path))
