"""The wheel alone, without a checkout: what it holds, and the study of an outsider from `evotickets new` to its report."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests import studies

ROOT = Path(__file__).parents[1]
OUTSIDER = ROOT / "tests/outsider"
PACKAGE = {
    "outsider_pack/__init__.py": "",
    "outsider_pack/parts.py": (OUTSIDER / "package/parts.py").read_text(),
    "outsider_pack-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: outsider-pack\nVersion: 1.0\n",
    "outsider_pack-1.0.dist-info/entry_points.txt": "[evotickets.parts]\nturned = outsider_pack.parts\n",
}
"""An installed package with a part, as pip leaves it behind."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build it from the files that git knows, as somebody does who has cloned the repository."""
    folder = tmp_path_factory.mktemp("wheel")
    command = ["git", "ls-files", "-z", "--", "src", "workflow", "pyproject.toml", "README.md", "LICENSE"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / "source" / name, follow_symlinks=False)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
    subprocess.run([*command, "--wheel-dir", folder, folder / "source"], check=True)
    (built,) = folder.glob("*.whl")
    return built


def workflow_files():
    return {path.relative_to(ROOT).as_posix() for path in (ROOT / "workflow").rglob("*") if path.is_file()}


def test_the_wheel_holds_the_workflow_and_all_data_of_the_package(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {f"evotickets/{name}" for name in workflow_files() if "__pycache__" not in name}
    # These take pictures for the documentation and set up the environment of a checkout.
    expected -= {"evotickets/workflow/screenshots.py", "evotickets/workflow/environment.py"}
    assert {name for name in names if name.startswith("evotickets/workflow/")} == expected
    package = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*") if path.is_file()}
    package = {name for name in package if "__pycache__" not in name and ".egg-info/" not in name}
    metadata = {name for name in names if ".dist-info/" in name}
    assert names - metadata == package | expected


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """A fresh environment: the wheel, and the libraries of this one, but not this checkout."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--quiet", "--target", site, wheel]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    # No line of this file is a path of a checkout, and editable installations of this environment are not carried out.
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    (site / "libraries.pth").write_text("\n".join(libraries))
    for name, text in PACKAGE.items():
        (site / name).parent.mkdir(exist_ok=True)
        (site / name).write_text(text)
    return folder / "bin/python"


ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MLFLOW_TRACKING_URI")}


def evotickets(python, place, *arguments):
    """Run the command line of an environment; return all that it says."""
    done = subprocess.run(
        [python, "-m", "evotickets", *arguments],
        cwd=place, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture
def mine(python, tmp_path):
    """A folder that the wheel made, with a study of own parts of every kind."""
    around = tmp_path / "any folder ü"
    around.mkdir()
    evotickets(python, around, "new", "mine")
    mine = around / "mine"
    assert "level" in evotickets(python, mine, "run", "--", "--dry-run"), "the study of the template"
    config = mine / "config/config.yaml"
    shutil.copy(OUTSIDER / "everything.yaml", config)
    shutil.copy(OUTSIDER / "everything.py", config.parent)
    # What this checkout has compiled before need not be compiled again.
    (ROOT / ".cache/jax").mkdir(parents=True, exist_ok=True)
    (mine / ".cache").mkdir(exist_ok=True)
    (mine / ".cache/jax").symlink_to(ROOT / ".cache/jax")
    return mine


@pytest.mark.slow
def test_jobs_with_own_parts_run_from_the_wheel(python, mine):
    where = [python, "-c", "import evotickets; print(evotickets.__file__)"]
    found = subprocess.run(where, cwd=mine, env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout
    assert found.startswith(str(python.parents[1])), "the checkout would be tested, not the wheel"
    made = ["tickets/plane/better_half/drift/level01/ticket.parquet", "strong/sides/large/mask.parquet"]
    evotickets(python, mine, "run", "-q", "--cores", "2", "--", *(f"results/{path}" for path in made))
    for path in made:
        assert (mine / "results" / path).is_file(), path
    assert not list(mine.rglob("*.smk")), "the workflow stays where it is installed"
    assert "claims" in evotickets(python, mine, "run", "--", "--dry-run"), "all of the study"


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_study_of_own_parts_of_every_kind_runs_from_the_wheel_to_its_report(python, mine):
    tmp_path, config = mine.parent, mine / "config/config.yaml"

    def here(*arguments):
        return evotickets(python, mine, *arguments)

    said = here("run", "--cores", "2")
    assert "NOT tracked" not in said
    assert (tmp_path / "mine/results/report.html").stat().st_size > 100_000
    for made in (
        "tickets/plane/better_half/drift/level01/ticket.parquet",
        "tickets/corridor/better_half/turned/level01/ticket.parquet",
        "strong/sides/large/mask.parquet",
        "hybrid/sides/single/0.5/erk/mask.parquet",
        "figures/tickets/plane_moves.svg",
    ):
        assert (tmp_path / "mine/results" / made).is_file(), made
    claims = pd.read_parquet(tmp_path / "mine/results/tables/claims.parquet").set_index("claim")
    assert np.isfinite(claims.loc["X2", "effect"])
    assert "smallest" in set(pd.read_parquet(tmp_path / "mine/results/tables/planting.parquet")["seeker"])
    shutil.copy(config, tmp_path / "mine/other.yaml")
    shutil.copy(OUTSIDER / "everything.py", tmp_path / "mine")
    assert "Nothing to be done" in here("run", "other.yaml", "--", "--dry-run")
    (tmp_path / "mine/results/report.html").unlink()
    assert "results/report.html" in here("report")
    assert (tmp_path / "mine/results/report.html").is_file()
    assert "tracking: 0 runs written" in here("sync")
    assert studies.leftovers(tmp_path / "mine") == []


def test_a_wheel_shows_its_studies_on_the_page_of_tracking(python, tmp_path):
    said = subprocess.run([python, "-m", "evotickets", "ui"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert "is not there: run a study or evotickets sync" in said.stderr
    assert not list(tmp_path.iterdir())
