"""Somebody's own parts in a file beside the study: from configuration to report, and what an edit plans."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from evotickets import results
from tests import studies

OUTSIDER = studies.ROOT / "tests/outsider"
FOLLOWING = {
    "tickets_performance": 1, "tickets_strategies": 1, "tickets_drifts": 1, "claims": 1, "table": 2,
}  # fmt: skip
"""Jobs that follow from the scores of levels."""
ALL = {"initialise": 1, "level": 3, "cut_figure": 2, "chain": 2}
ONE_CHAIN = {"cut_figure": 1, "chain": 1} | FOLLOWING


def python(folder, *arguments):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path(folder)))}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)


def path(folder):
    return [studies.ROOT / "src", folder / "installed"]


def planned(folder):
    return studies.planned(folder, "study/study.yaml", path(folder))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A working directory with the study and its parts in another folder, run to its report."""
    folder = tmp_path_factory.mktemp("outsider")
    (folder / "workflow").symlink_to(studies.ROOT / "workflow")
    (folder / ".cache").mkdir()
    (studies.ROOT / ".cache/jax").mkdir(parents=True, exist_ok=True)
    (folder / ".cache/jax").symlink_to(studies.ROOT / ".cache/jax")
    shutil.copytree(OUTSIDER, folder / "study")
    done = python(
        folder, "evotickets", "run", "--config", "study/study.yaml", "--cores", "2", "-q", "--", "--logger", "progress"
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


@pytest.fixture
def edit(finished):
    """Replace text in files of the study; they are as before when the test ends."""
    originals = {}

    def replace(name, old, new):
        path = finished / "study" / name
        text = path.read_text()
        assert text.count(old) == 1, (old, text.count(old))
        originals.setdefault(path, text)
        path.write_text(text.replace(old, new))

    yield replace
    for path, text in originals.items():
        path.write_text(text)


def test_own_parts_reach_tables_claims_figures_and_report(finished):
    claims = results.read_table(finished / "results/tables/claims.parquet", schema=results.CLAIMS).set_index("claim")
    assert claims.loc["X1", "n"] == 2
    assert (finished / "results/figures/tickets/brightness_drifts.svg").is_file()
    assert "drifts" in (finished / "results/report.html").read_text()
    assert planned(finished) == {}


@pytest.mark.parametrize(
    ("name", "old", "new", "jobs"),
    [
        ("my_parts.py", "@criterion", "# Why.\n@criterion", {}),
        ("my_parts.py", '"""Return |mean', '"""Give |mean', {}),
        ("my_parts.py", "initial) / std", "initial) / std**2", {"level": 1} | ONE_CHAIN),
        ("arithmetic.py", "return abs", "return +abs", {"level": 1} | ONE_CHAIN),
        ("my_parts.py", "default_rng(0)", "default_rng(1)", ALL | FOLLOWING),
        ("my_parts.py", 'scores["density"] < 1', 'scores["density"] < 0.9', {"claims": 1, "table": 1}),
        ("my_parts.py", '"test score")', '"score")', {"tickets_drifts": 1, "claims": 1, "table": 1}),
        ("my_parts.py", "claim = About", "def unused():\n    return 1\n\n\nclaim = About", {}),
    ],
)  # fmt: skip
def test_an_edit_plans_what_depends_on_it(finished, edit, name, old, new, jobs):
    edit(name, old, new)
    assert planned(finished) == jobs


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("ratio(mean, std, initial, mask)", "ratio(mean, sigma)", "takes \\(mean, sigma\\); expected is \\(any of mean"),
        ("def drift_ratio(", "def magnitude(", "two parts of kind criterion named 'magnitude'"),
        ("import arithmetic", "import arithmetics", "my_parts.py, line 5: ModuleNotFoundError: No module named 'arithmetics'"),
        ("import numpy as np", "import numpy as np)", "my_parts.py, line 6: SyntaxError"),
        ('"X1"', '"C1 snr"', "two claims named 'C1 snr'"),
        ('"figures/tickets/{task}_drifts.svg"', '"figures/{task}.svg"', "its path must begin with figures/<system>/"),
        ('tables=("tickets",)', 'tables=("ticket",)', "drawn from tables, .*tickets"),
        ('kind="supervised"', 'kind="images"', "kind='images'; expected is @task"),
        ('About("tickets")', 'About("ticket")', "a claim about ticket; systems are tickets"),
    ],
)  # fmt: skip
def test_what_fits_no_kind_is_refused_before_any_job(finished, edit, old, new, sentence):
    edit("my_parts.py", old, new)
    done = python(finished, "evotickets", "run", "--config", "study/study.yaml", "--cores", "2", "-q")
    assert done.returncode == 2
    assert re.search(sentence, done.stderr), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    code, said = studies.dry_run(finished, "study/study.yaml", path(finished))
    assert code != 0
    assert re.search(sentence, said), said
