"""The pipeline as a whole: the miniature study end to end, interruption, and what an edit re-runs."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evotickets import __version__, results, sealed, statistics, study, tasks
from evotickets.claims import registry
from evotickets.systems import registry as systems
from evotickets.systems.hybrid.tables import HYBRID, HYBRID_EFFECTS
from evotickets.systems.tickets.tables import BARRIERS, CONNECTIVITY, FLATNESS, SCORES, TRANSFERS
from tests import notebooks, studies

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def snakemake(folder, *arguments, config="config/test.yaml", **more):
    command = [BIN / "snakemake", "--configfile", config, "--cores", "2", "--workflow-profile", "none", *arguments]
    environment = os.environ | {"PYTHONPATH": str(Path(folder) / "src")}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, **more)


def copy(folder):
    """A checkout of its own, so that tests can edit modules; the compilation cache is shared."""
    for name in ("src", "config", "workflow"):
        shutil.copytree(
            ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("*.egg-info", "*.pyc.*")
        )
    (ROOT / ".cache").mkdir(exist_ok=True)
    (folder / ".cache").symlink_to(ROOT / ".cache")
    return folder


def content(path):
    """What a file says; the header of a table also says with which version of the code it was written."""
    if path.suffix != ".parquet":
        return path.read_bytes()
    sink = pa.BufferOutputStream()
    table = pq.read_table(path).replace_schema_metadata()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


def digests(folder):
    """Digests of everything that must be reproducible: records hold wall times and stay out."""
    files = sorted(
        p for p in Path(folder).rglob("*") if p.suffix in (".parquet", ".svg", ".wav") and p.name != "record.parquet"
    )
    return {str(p.relative_to(folder)): hashlib.sha256(content(p)).hexdigest() for p in files}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The miniature; what this checkout has of it is taken, and made anew where its code has changed since."""
    folder = copy(tmp_path_factory.mktemp("study"))
    for made in ("results/test", ".snakemake/metadata", ".snakemake/incomplete"):
        if (ROOT / made).is_dir():
            shutil.copytree(ROOT / made, folder / made)
    done = snakemake(folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def scores(folder):
    return results.read_table(folder / "results/test/tables/tickets.parquet", schema=SCORES)


def test_the_table_has_one_row_per_cell(finished):
    table = scores(finished)
    plan = study.load(ROOT / "config/test.yaml").tickets
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
    assert len(values.columns) == 4


def test_tickets_are_read_with_one_call_and_nested_where_they_are_by_definition(finished):
    base = finished / "results/test/tickets/digits/snes"
    for criterion in ("magnitude", "snr"):
        higher, lower = (results.read_ticket(base / criterion / f"level0{k}/ticket.parquet") for k in (1, 2))
        for name, mask in lower.mask.items():
            assert not (mask & ~higher.mask[name]).any()
            assert (lower.initial[name] == higher.initial[name]).all()
    reference = results.read_ticket(base / "magnitude/level02/ticket.parquet")
    permuted = results.read_ticket(base / "mask_permuted/level02/ticket.parquet")
    assert not all((permuted.mask[n] == m).all() for n, m in reference.mask.items())


LIBRARY = """
import sys
import evotickets
from evotickets import devices, study

devices.configure(1)
plan = study.load("config/test.yaml").tickets
options = {name: value for name, value in plan.settings["digits", "snes"].items() if name != "trainer"}
task = evotickets.load_task("digits", seeds=2)
network = evotickets.build_network(task, hidden=plan.tasks["digits"]["hidden"])
chain = evotickets.train_chain(network, task, "snes", "snr", plan.densities, seeds=2, **options)
for level, ticket in enumerate(chain.tickets):
    evotickets.write_ticket(f"{sys.argv[1]}/{level}.parquet", ticket)
chain.scores.to_pickle(f"{sys.argv[1]}/scores.pkl")
"""
"""In a process of its own, which compiles as jobs do."""


def test_the_library_makes_the_tickets_of_the_study(finished, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(finished / "src")}
    subprocess.run([sys.executable, "-c", LIBRARY, tmp_path], cwd=finished, env=environment, check=True)
    for level in range(3):
        ticket = results.read_ticket(tmp_path / f"{level}.parquet")
        folder = "snr" if level else "dense"
        stored = results.read_ticket(
            finished / f"results/test/tickets/digits/snes/{folder}/level{level:02d}/ticket.parquet"
        )
        assert ticket.seeds == stored.seeds
        for part in ("initial", "mask", "mean", "std"):
            assert all(
                np.array_equal(array, getattr(stored, part)[name]) for name, array in getattr(ticket, part).items()
            )
    made, table = pd.read_pickle(tmp_path / "scores.pkl"), scores(finished)
    own = table[table["task"].eq("digits") & table["trainer"].eq("snes") & table["criterion"].eq("snr")]
    keys = ["level", "seed", "split", "metric"]
    pd.testing.assert_frame_equal(
        *(rows[table.columns].sort_values(keys, ignore_index=True) for rows in (made, own)), check_dtype=False
    )


def test_the_notebook_of_a_finished_study_runs(finished):
    book = notebooks.run("finished_study.ipynb", finished)
    assert notebooks.pictures(book) == 2
    assert "C1 snr" in notebooks.said(book)


def test_the_metadata_carry_config_code_and_library_versions(finished):
    head = results.read_metadata(finished / "results/test/tables/tickets.parquet")
    assert head["metadata"]["config"]["config"]["tickets"]["densities"] == [1, 0.3, 0.1]
    assert head["code"].startswith(f"{__version__}+")
    assert {"jax", "evosax", "numpy"} <= set(head["libraries"])


def test_a_second_run_has_nothing_to_do(finished):
    again = snakemake(finished)
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout + again.stderr


REDONE = (
    *("tickets/digits/snes/snr", "transfers/digits/adam", "planting/circle", "strong/moons", "hybrid/digits/hybrid"),
    *("subspace/digits/generations", "tables"),
)
"""Folders of results that are made anew after an interruption: of every kind of job that computes some."""


@pytest.mark.long
def test_interrupting_anywhere_and_running_again_gives_the_same_tables(finished, tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(finished, folder, symlinks=True)
    for name in REDONE:
        shutil.rmtree(folder / "results/test" / name)
    # Figures and claims follow from tables, and take as long as all the rest: `make torture` kills those, too.
    tables = [f"results/test/tables/{path.name}" for path in (finished / "results/test/tables").glob("*.parquet")]
    tables.remove("results/test/tables/claims.parquet")
    # No table needs the curves of a transfer.
    tables.append("results/test/transfers/digits/adam/digits/snes/snr/chain.parquet")
    for seconds in (9, 14):
        process = subprocess.Popen(
            [BIN / "snakemake", "--configfile", "config/test.yaml", "--cores", "2", "--workflow-profile", "none", "--nolock",
             "--rerun-incomplete", *tables],
            cwd=folder, env=os.environ | {"PYTHONPATH": str(folder / "src")}, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    done = snakemake(folder, "--rerun-incomplete", "--nolock", *tables)
    assert done.returncode == 0, done.stderr[-3000:]
    (folder / "results/test/tables/claims.parquet").symlink_to(finished / "results/test/tables/claims.parquet")
    made, whole = digests(folder / "results"), digests(finished / "results")
    assert made == {name: whole[name] for name in made}
    assert {Path(name).suffix for name in set(whole) - set(made)} <= {".svg"}


def test_the_report_holds_every_kind_of_figure(finished):
    done = snakemake(finished, "--report", "report.html")
    assert done.returncode == 0, done.stderr[-2000:]
    text = (finished / "report.html").read_text()
    for kind in ("score over density", "cuts", "training", "layer densities", "transfer", "landscape"):
        assert f"Tickets, {kind}" in text
    for kind in ("score over density", "recovery", "layer collapse"):
        assert f"Planting, {kind}" in text
    assert "effects and verdicts" in text


def test_lint_complains_of_nothing():
    done = subprocess.run([BIN / "snakemake", "--lint"], cwd=ROOT, capture_output=True, text=True)
    complaints = {line.strip() for line in (done.stdout + done.stderr).splitlines() if line.startswith("    * ")}
    assert complaints == set()


MODULE = """
module tickets:
    snakefile: "{root}/workflow/Snakefile"
    config: config

use rule * from tickets as tickets_*
"""


def test_another_workflow_imports_this_one(tmp_path):
    (tmp_path / "Snakefile").write_text(MODULE.format(root=ROOT))
    shutil.copy(ROOT / "tests/tiny.yaml", tmp_path / "study.yaml")
    made = "results/tickets/digits/initial.parquet"
    command = [BIN / "snakemake", "--configfile", "study.yaml", "--cores", "1", "--workflow-profile", "none", made]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert results.read_ticket(tmp_path / made).seeds == (0, 1)


@pytest.mark.parametrize("config", sorted((ROOT / "config").rglob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_study_can_be_planned(config):
    more = ("--workflow-profile", "none", "--quiet", "rules", "--nolock")
    code, said = studies.dry_run(ROOT, str(config), [ROOT / "src"], *more)
    assert code == 0, said[-2000:]


def test_mlflow_takes_every_name_in_every_record(finished):
    records = [results.read_record(path) for path in (finished / "results/test").rglob("record.parquet")]
    names = {metric.metric for record in records for metric in record.metrics}
    names |= {name for record in records for name in record.parameters}
    assert len(records) > 50
    assert {name for name in names if not re.fullmatch(r"[\w./: -]+", name)} == set()


def test_a_transferred_ticket_is_that_of_its_source(finished):
    base = finished / "results/test"
    source = results.read_ticket(base / "tickets/digits/snes/snr/level02/ticket.parquet")
    moved = results.read_ticket(base / "transfers/digits/adam/digits/snes/snr/level02/ticket.parquet")
    for name, mask in source.mask.items():
        assert (moved.mask[name] == mask).all()
        assert (moved.initial[name] == source.initial[name]).all()
    assert moved.std is None
    table = results.read_table(base / "tables/transfers.parquet", schema=TRANSFERS)
    tested = table[table["split"].eq("test") & table["metric"].eq("accuracy")]
    assert set(zip(tested["source_trainer"], tested["trainer"], tested["level"], tested["seed"], strict=True)) == {
        (*pair, 2, seed) for pair in (("snes", "adam"), ("adam", "snes")) for seed in (0, 1)
    }


def test_a_noise_copy_is_the_same_ticket_trained_elsewhere(finished):
    level = "digits/snes/snr/level02"
    ticket = results.read_ticket(finished / f"results/test/tickets/{level}/ticket.parquet")
    noise_copy = results.read_ticket(finished / f"results/test/landscape/{level}/noise_copy.parquet")
    for name, mask in ticket.mask.items():
        assert (noise_copy.mask[name] == mask).all()
        assert (noise_copy.initial[name] == ticket.initial[name]).all()
        assert not np.array_equal(noise_copy.mean[name], ticket.mean[name])


def test_a_noise_copy_has_a_record_with_its_training(finished):
    folder = finished / "results/test/landscape/digits/snes/snr/level02"
    record = results.read_record(folder / "record.parquet")
    assert (record.system, record.kind) == ("test/landscape", "level")
    assert record.name == "level02 noise copy of snr snes digits"
    history = results.read_table(folder / "history.parquet", schema=results.HISTORY)
    last = history[history["split"].eq("test") & history["metric"].eq("accuracy") & history["step"].eq(20)]
    assert ("test/accuracy", 20, pytest.approx(last["value"].mean())) in [tuple(metric) for metric in record.metrics]
    assert all((folder / artifact).is_file() for artifact in record.artifacts)


@pytest.mark.parametrize("part", ["connectivity", "flatness", "diversity"])
def test_what_a_look_around_a_chain_cost_is_recorded(finished, part):
    record = results.read_record(finished / f"results/test/landscape/digits/snes/snr/{part}/record.parquet")
    assert (record.system, record.kind, record.name) == ("test/landscape", "chain", f"{part} of snr snes digits")
    assert record.start < record.end
    assert [tuple(metric) for metric in record.metrics] == [("density", 0, 1), ("density", 2, 0.1)]


def test_the_ends_of_every_line_are_the_scores_of_its_tickets(finished):
    base = finished / "results/test/tables"
    lines = results.read_table(base / "connectivity.parquet", schema=CONNECTIVITY)
    place = {"split": "test", "metric": "error", "pair": "level before", "level": 2, "trainer": "snes"}
    ends = lines[(lines[list(place)] == pd.Series(place)).all(axis=1)].pivot(
        index="seed", columns="alpha", values="value"
    )
    table = scores(finished)
    own = table[table["task"].eq("digits") & table["trainer"].eq("snes") & table["criterion"].eq("snr")]
    accuracy = own[own["split"].eq("test") & own["metric"].eq("accuracy")].pivot(
        index="seed", columns="level", values="value"
    )
    np.testing.assert_allclose(1 - ends[1.0], accuracy[2], atol=1e-6)
    np.testing.assert_allclose(1 - ends[0.0], accuracy[1], atol=1e-6)
    heights = results.read_table(base / "barriers.parquet", schema=BARRIERS)
    held = heights[(heights[list(place)] == pd.Series(place)).all(axis=1)].set_index("seed")["value"]
    np.testing.assert_allclose(held, ends.max(axis=1) - (ends[0.0] + ends[1.0]) / 2, atol=1e-6)


def test_a_chain_has_a_record_with_its_matching_density(finished):
    record = results.read_record(finished / "results/test/tickets/digits/adam/magnitude/record.parquet")
    table = scores(finished)
    own = table[table["trainer"].eq("adam") & table["criterion"].eq("magnitude") & table["split"].eq("test")]
    expected = statistics.matching_density(own[own["metric"] == "accuracy"])
    assert [tuple(m) for m in record.metrics if m.metric == "matching_density"] == [("matching_density", 0, expected)]


def test_a_transfer_has_a_record_with_its_scores_over_levels(finished):
    folder = finished / "results/test/transfers/digits/adam/digits/snes/snr"
    record = results.read_record(folder / "record.parquet")
    assert (record.system, record.kind) == ("test/transfers", "chain")
    assert record.name == "digits snes snr to digits adam"
    table = results.read_table(folder / "level02/scores.parquet", schema=TRANSFERS)
    expected = table[table["split"].eq("test") & table["metric"].eq("accuracy")]["value"].mean()
    assert ("test/accuracy", 2, pytest.approx(expected)) in [tuple(metric) for metric in record.metrics]
    assert ("density", 2, 0.1) in [tuple(metric) for metric in record.metrics]
    assert all((folder / artifact).is_file() for artifact in record.artifacts)


def test_a_chain_that_is_looked_at_has_a_record_with_what_lies_around_its_levels(finished):
    folder, place = (
        finished / "results/test/landscape/digits/snes/snr",
        {"trainer": "snes", "level": 2, "split": "test"},
    )
    record = results.read_record(folder / "record.parquet")
    assert (record.system, record.kind, record.name) == ("test/landscape", "chain", "snr snes digits")
    metrics = {(name, step): value for name, step, value in record.metrics}
    heights = results.read_table(finished / "results/test/tables/barriers.parquet", schema=BARRIERS)
    place |= {"metric": "error", "pair": "other noise"}
    held = heights[(heights[list(place)] == pd.Series(place)).all(axis=1)]
    assert metrics["test/barrier/other_noise", 2] == pytest.approx(held["value"].mean())
    assert metrics["test/bump/other_noise", 2] == pytest.approx(held["bump"].mean())
    assert ("test/barrier/level_before", 0) not in metrics
    table = scores(finished)
    own = table[(table["trainer"] == "snes") & (table["criterion"] == "snr") & (table["level"] == 2)]
    accuracy = own[own["task"].eq("digits") & own["split"].eq("test") & own["metric"].eq("accuracy")]["value"].mean()
    assert metrics["test/accuracy", 2] == pytest.approx(accuracy)
    noisy = results.read_table(folder / "flatness.parquet", schema=FLATNESS)
    noisy = noisy[noisy["level"].eq(2) & noisy["metric"].eq("accuracy") & noisy["epsilon"].gt(0)]
    assert metrics["test/accuracy_under_noise", 2] == pytest.approx(noisy["value"].mean())
    assert metrics["snr/correlation_with_dense", 0] == pytest.approx(1)
    assert {"hessian/largest", "diversity/cosine", "diversity/jaccard"} <= {name for name, _ in metrics}
    assert len(record.artifacts) == 8
    assert all((folder / artifact).is_file() for artifact in record.artifacts)
    gradient = results.read_record(finished / "results/test/landscape/digits/adam/magnitude/record.parquet")
    assert "snr/correlation_with_dense" not in {metric.metric for metric in gradient.metrics}


def test_the_page_of_claims_shows_the_figures_of_the_study(finished):
    page = (finished / "results/test/claims/tickets/claims.html").read_text()
    shown = re.findall(r'alt="(\w+)"', page)
    drawn = {
        "performance": 2,
        "transfer": 1,
        "barriers": 1,
        "interpolation": 2,
    }
    # The miniature asks too little for the claims that these would show: they are folded away, without figures.
    assert {"C2", "C3", "C6 flat", "C6 diverse", "C6 disagree"} <= set(
        re.findall(r"<td>(C\d[^<]*)</td>", page.partition("<details>")[2])
    )
    assert {kind: shown.count(kind) for kind in drawn} == drawn
    assert set(shown) == set(drawn)


def test_every_claim_has_a_row(finished):
    decided = results.read_table(finished / "results/test/tables/claims.parquet", schema=results.CLAIMS)
    assert list(dict.fromkeys(decided["system"])) == list(systems.SYSTEMS)
    for system in systems.SYSTEMS:
        systems.claims(system)
        names = list(decided[decided["system"] == system]["claim"])
        # Parts stand behind their claim.
        assert all(any(name.startswith(claim.name) for name in names) for claim in registry.of(system))
    assert set(decided["verdict"]) <= {"supported", "contradicted", "undecided", "not asked"}
    assert (decided["verdict"].eq("not asked") == decided["n"].eq(0)).all()
    # What the miniature asks for can be computed, and what it does not ask for cannot.
    counted = decided.set_index("claim")["n"]
    assert counted[["C1 snr", "C4 ES to GD", "C5 GD runs", "C5 ES levels"]].tolist() == [2] * 4
    assert counted["C4 task to task"] == 0


def test_masks_of_hybrid_training_keep_what_the_study_asks_for(finished):
    table = results.read_table(finished / "results/test/tables/hybrid.parquet", schema=HYBRID)
    plan = study.load(ROOT / "config/test.yaml").hybrid
    assert not table.duplicated(["task", "method", "density", "step", "seed", "split", "metric"]).any()
    cells = set(zip(table["task"], table["method"], table["density"], strict=True))
    assert cells == {(cell.task, cell.method, float(cell.density)) for cell in plan.cells}
    table = table[table["task"] == "digits"]
    kept = table[table["metric"] == "kept"].groupby("method")["value"].unique()
    # 64·8 and 8·10 kernels, a fifth of them each.
    assert {name: values.tolist() for name, values in kept.items()} == {
        cell.method: [592 if cell.method in ("dense", "evolution") else 102 + 16]
        for cell in plan.cells
        if cell.task == "digits"
    }
    mask = results.read_table(finished / "results/test/hybrid/digits/set/0.2/erk/mask.parquet", schema=results.MASK)
    assert [int(np.sum(row)) for row in mask["mask"]] == [118, 118]
    effects = results.read_table(finished / "results/test/tables/hybrid_effects.parquet", schema=HYBRID_EFFECTS)
    assert set(zip(effects["population"], effects["seed"], strict=True)) == {(4, 0), (4, 1), (64, 0), (64, 1)}


def test_networks_of_speech_speak_where_there_is_espeak(finished):
    if sentence := tasks.missing("speech"):
        pytest.skip(sentence)
    table = results.read_table(finished / "results/test/tables/hybrid.parquet", schema=HYBRID)
    bits = table[(table["task"] == "speech") & (table["split"] == "test") & (table["metric"] == "bits")]
    assert bits["value"].between(4, 10).all()
    cell = finished / "results/test/hybrid/speech/hybrid_4x4/0.25/uniform"
    assert len(sealed.read_arrays(cell / "network.safetensors")) == 5
    assert results.read_metadata(cell / "scores.parquet")["metadata"]["data"]["voice"] == "en-us"
    page = sealed.read_page(finished / "results/test/figures/hybrid/speech_speech.html").decode()
    # Three sentences, as they were spoken and as the only network says them.
    assert page.count("<audio") == 6
    assert sum(len(sealed.read_sound(cell / f"sentence{number}.wav")) > 8000 for number in (1, 2, 3)) == 3


def test_learning_shows_in_the_table_of_a_real_setting(finished):
    """Even the miniature must beat chance after training dense: ten classes, so 0.1."""
    table = scores(finished)
    adam = table[(table["trainer"] == "adam") & (table["level"] == 0) & (table["metric"] == "accuracy")]
    assert isinstance(adam, pd.DataFrame)
    assert adam["value"].min() > 0.5
