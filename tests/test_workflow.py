"""The pipeline as a whole: the miniature study end to end, interruption, and what an edit re-runs."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from evotickets import results, study

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
BIN = Path(sys.executable).parent


def snakemake(folder, *arguments, config="config/test.yaml", **more):
    command = [BIN / "snakemake", "--configfile", config, "--cores", "2", "--workflow-profile", "none", *arguments]
    environment = os.environ | {"PYTHONPATH": str(Path(folder) / "src")}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, **more)


def copy(folder):
    """A checkout of its own, so that tests can edit modules; the compilation cache is shared."""
    for name in ("src", "config", "workflow"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "Snakefile", folder)
    (ROOT / ".cache").mkdir(exist_ok=True)
    (folder / ".cache").symlink_to(ROOT / ".cache")
    return folder


def digests(folder):
    """Bytes of everything that must be reproducible: records hold wall times and stay out."""
    files = sorted(
        p for p in Path(folder).rglob("*") if p.suffix in (".parquet", ".svg") and p.name != "record.parquet"
    )
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = copy(tmp_path_factory.mktemp("study"))
    done = snakemake(folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def scores(folder):
    return results.read_table(folder / "results/test/tables/tickets.parquet", schema=results.SCORES)


def test_the_table_has_one_row_per_cell(finished):
    table = scores(finished)
    plan = study.load(ROOT / "config/test.yaml", SCHEMA).tickets
    cells = ["system", "task", "trainer", "criterion", "level", "density", "seed", "split", "metric"]
    assert not table.duplicated(cells).any()
    tested = table[table["split"].eq("test") & table["metric"].isin(["accuracy", "return"])]
    assert len(tested) == len(plan.chains) * len(plan.densities) * 2
    assert set(tested["density"]) == set(plan.densities)
    assert tested["value"].notna().all()
    assert set(zip(table["task"], table["trainer"], table["criterion"], strict=True)) == {
        (c.task, c.trainer, c.criterion) for c in plan.chains
    }


def test_all_criteria_share_the_dense_level(finished):
    table = scores(finished)
    dense = table[(table["level"] == 0) & (table["task"] == "digits") & (table["trainer"] == "snes")]
    values = dense.pivot_table("value", ["seed", "split", "metric"], "criterion")
    assert (values.nunique(axis=1) == 1).all()
    assert len(values.columns) == 7


def test_tickets_are_read_with_one_call_and_nested_where_they_are_by_definition(finished):
    base = finished / "results/test/tickets/digits/snes"
    for criterion in ("magnitude", "snr", "snr_variance"):
        higher, lower = (results.read_ticket(base / criterion / f"level0{k}/ticket.parquet") for k in (1, 2))
        for name, mask in lower.mask.items():
            assert not (mask & ~higher.mask[name]).any()
            assert (lower.initial[name] == higher.initial[name]).all()
    reference = results.read_ticket(base / "magnitude/level02/ticket.parquet")
    for control, same in {"mask_reinit": True, "weights_permuted": True, "mask_permuted": False}.items():
        ticket = results.read_ticket(base / control / "level02/ticket.parquet")
        assert all((ticket.mask[n] == m).all() for n, m in reference.mask.items()) == same


def test_the_metadata_carry_config_code_and_library_versions(finished):
    head = results.read_metadata(finished / "results/test/tables/tickets.parquet")
    assert head["metadata"]["config"]["config"]["tickets"]["densities"] == [1, 0.3, 0.1]
    assert head["code"].startswith("0.1.0+")
    assert {"jax", "evosax", "numpy"} <= set(head["libraries"])


def test_a_second_run_has_nothing_to_do_and_a_touch_changes_nothing(finished):
    (finished / "src/evotickets/evolution.py").touch()
    again = snakemake(finished)
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout + again.stderr


def rerun(folder, module):
    """Rules that a change of one module would re-run."""
    path = folder / "src/evotickets" / module
    before = path.read_text()
    path.write_text(before + "\n# changed\n")
    try:
        planned = snakemake(folder, "--dry-run", "--rerun-triggers", "mtime", "code", "params", "input", "software-env")
    finally:
        path.write_text(before)
    assert planned.returncode == 0, planned.stderr[-2000:]
    rules = ("initialise", "level", "chain", "cut_figure", "tickets_table", "tickets_figures")
    text = planned.stdout + planned.stderr
    return {rule for rule in rules if f"\n{rule} " in text[text.find("Job stats") :]}


def test_editing_a_module_reruns_what_it_feeds_and_nothing_else(finished):
    assert rerun(finished, "figures/tickets.py") == {"chain", "cut_figure", "tickets_figures"}
    assert rerun(finished, "tracking/store.py") == set()
    assert "level" in rerun(finished, "evolution.py")


def test_interrupting_anywhere_and_running_again_gives_the_same_tables(finished, tmp_path):
    folder = copy(tmp_path)
    for seconds in (9, 14):
        process = subprocess.Popen(
            [BIN / "snakemake", "--configfile", "config/test.yaml", "--cores", "2", "--workflow-profile", "none", "--nolock",
             "--rerun-incomplete"],
            cwd=folder, env=os.environ | {"PYTHONPATH": str(folder / "src")}, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    done = snakemake(folder, "--rerun-incomplete", "--nolock")
    assert done.returncode == 0, done.stderr[-3000:]
    assert digests(folder / "results") == digests(finished / "results")


def test_the_report_holds_every_kind_of_figure(finished):
    done = snakemake(finished, "--report", "report.html")
    assert done.returncode == 0, done.stderr[-2000:]
    text = (finished / "report.html").read_text()
    for caption in ("Tickets, score over density", "Tickets, cuts", "Tickets, training", "Tickets, layer densities"):
        assert caption in text


def test_lint_complains_of_nothing_but_environments():
    done = subprocess.run([BIN / "snakemake", "--lint"], cwd=ROOT, capture_output=True, text=True)
    complaints = {line.strip() for line in (done.stdout + done.stderr).splitlines() if line.startswith("    * ")}
    assert all("conda environment" in line or "EVOTICKETS_HEAD" in line for line in complaints), complaints


@pytest.mark.parametrize("config", sorted((ROOT / "config").rglob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_study_can_be_planned(config, tmp_path):
    planned = snakemake(ROOT, "--dry-run", "--quiet", "rules", "--nolock", config=str(config))
    assert planned.returncode == 0, planned.stderr[-2000:]


def test_learning_shows_in_the_table_of_a_real_setting(finished):
    """Even the miniature must beat chance after training dense: ten classes, so 0.1."""
    table = scores(finished)
    adam = table[(table["trainer"] == "adam") & (table["level"] == 0) & (table["metric"] == "accuracy")]
    assert isinstance(adam, pd.DataFrame)
    assert adam["value"].min() > 0.5
