"""What is planned again on a finished study: what depends on a changed computation, and nothing else."""

import os
import random
import shutil
import subprocess
import sys
import tarfile

import pytest

from tests import studies

CLAIMED = {"claims": 1, "table": 1}
"""How many jobs of each rule follow from figures: claims, and their table."""
FOLLOWING = {"tickets_performance": 1, "tickets_strategies": 1, "claims": 1, "table": 2}
"""How many follow from the scores of levels."""
ALL_CHAINS = {"cut_figure": 2, "chain": 2} | FOLLOWING
"""How many follow from the dense level."""


def snakemake(folder, *arguments):
    command = [sys.executable, "-m", "snakemake", "--logger", "progress", "--configfile", "study.yaml", "--cores", "2"]
    return subprocess.run(
        [*command, *arguments],
        cwd=folder, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(folder / "src")}, check=False,
    )  # fmt: skip


def planned(folder):
    return studies.planned(folder, "study.yaml", [folder / "src"])


def checkout(folder):
    """A checkout of its own, whose code a test can edit."""
    for name in ("src", "workflow", "profiles", "Snakefile"):
        if (studies.ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("*.egg-info", "*.pyc.*")
            shutil.copytree(studies.ROOT / name, folder / name, symlinks=True, ignore=ignored)
        elif (studies.ROOT / name).is_file():
            shutil.copy(studies.ROOT / name, folder)
    (studies.ROOT / ".cache").mkdir(exist_ok=True)
    (folder / ".cache").symlink_to(studies.ROOT / ".cache")
    shutil.copy(studies.TINY, folder / "study.yaml")
    return folder


@pytest.fixture(scope="module")
def finished(finished_study, tmp_path_factory):
    """A checkout of its own with the results of the study, and what Snakemake remembers of them."""
    folder = checkout(tmp_path_factory.mktemp("study"))
    for name in ("results", ".snakemake/metadata"):
        shutil.copytree(finished_study / name, folder / name)
    return folder


@pytest.fixture
def edit(finished):
    """Replace text in files of the checkout; they are as before when the test ends, but for their times."""
    originals = {}

    def replace(path, old, new):
        text = path.read_text()
        assert old in text, f"{old} is not in {path}"
        originals.setdefault(path, text)
        path.write_text(text.replace(old, new, 1))

    yield replace
    for path, text in originals.items():
        path.write_text(text)


def files_of(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def shuffle_times(folder):
    """As after a copy that keeps no times, which takes the files in any order."""
    for path in files_of(folder):
        seconds = 1_700_000_000 + random.Random(path.as_posix()).random() * 1000
        os.utime(path, (seconds, seconds))


def test_a_finished_study_has_nothing_to_do_after_a_touch_of_any_file(finished):
    assert planned(finished) == {}
    for path in sorted(files_of(finished / "src") + files_of(finished / "workflow")):
        path.touch()
    (finished / "results/tickets/digits/initial.parquet").touch()
    (finished / "results/tickets/digits/snes/dense/level00/ticket.parquet").touch()
    assert planned(finished) == {}


def test_a_copied_study_has_nothing_to_do_whatever_the_times_of_its_files(finished, tmp_path):
    folder = checkout(tmp_path)
    shutil.copytree(finished / ".snakemake", folder / ".snakemake")
    shutil.copytree(finished / "results", folder / "results")
    shuffle_times(folder / "results")
    assert planned(folder) == {}


def test_copied_results_have_nothing_to_do_without_the_records_of_snakemake(finished, tmp_path):
    folder = checkout(tmp_path)
    with tarfile.open(tmp_path / "results.tar", "w") as archive:
        archive.add(finished / "results", "results")
    with tarfile.open(tmp_path / "results.tar") as archive:
        archive.extractall(folder, filter="data")
    shuffle_times(folder / "results")
    assert planned(folder) == {}


def test_comments_and_docstrings_plan_nothing(finished, edit):
    for path in [*(finished / "src/evotickets").rglob("*.py"), *(finished / "workflow/scripts").glob("*.py")]:
        if path.read_text().startswith('"""'):
            edit(path, '"""', '# A comment.\n"""Word ')
    assert planned(finished) == {}


PACKAGE = "src/evotickets/"


@pytest.mark.parametrize(
    ("file", "old", "new", "jobs"),
    [
        ("workflow/scripts/table.py", "ignore_index=True", "ignore_index=False", FOLLOWING),
        ("workflow/scripts/claims.py", "shown = [", "shown = [None] and [", CLAIMED),
        ("workflow/scripts/level.py", '"kept"', '"left"', {"level": 3} | ALL_CHAINS),
        (f"{PACKAGE}systems/tickets/figures.py", "trainers compared", "all", {"tickets_strategies": 1} | CLAIMED),
        (f"{PACKAGE}systems/tickets/figures.py", "score over density, a panel", "score, a panel", {}),
        (
            f"{PACKAGE}pruning/criteria/trained.py",
            "return abs(mean)",
            "return +abs(mean)",
            {"level": 1, "cut_figure": 1, "chain": 1} | FOLLOWING,
        ),
        (f"{PACKAGE}trainers/strategies.py", "asarray(temperature * ranks", "asarray(ranks * temperature", {}),
        (f"{PACKAGE}trainers/strategies.py", "-temperature * ranks", "ranks * -temperature", {"level": 3} | ALL_CHAINS),
        (f"{PACKAGE}trainers/adam.py", "optax.adam(", "optax.adamw(", {}),
        (f"{PACKAGE}tasks/classic.py", '"Acrobot-v1"', '"Acrobot-v2"', {}),
        (f"{PACKAGE}systems/strong/seekers/genetic.py", "def genetic(", "def genetic_search(", {}),
    ],
)
def test_an_edit_plans_what_depends_on_it(finished, edit, file, old, new, jobs):
    edit(finished / file, old, new)
    assert planned(finished) == jobs


def test_an_edit_is_not_forgotten_when_its_run_is_interrupted(finished, tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(finished, folder, symlinks=True)
    script = folder / "workflow/scripts/initialise.py"
    script.write_text(script.read_text().replace("seed=seed, name", "seed=seed + 1, name"))
    first = "results/tickets/digits/initial.parquet"
    before = (folder / first).read_bytes()
    done = snakemake(folder, first)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (folder / first).read_bytes() != before
    assert planned(folder) == {"level": 3} | ALL_CHAINS
