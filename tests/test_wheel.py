"""The wheel alone, without a checkout: what it holds, and a study from `evotickets new` to its report."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests import studies

ROOT = Path(__file__).parents[1]
SMALL = {
    "seeds: 3": "seeds: 1",
    "[1, 0.3, 0.1, 0.03]": "[1, 0.3]",
    "population: 32, generations: 100": "population: 8, generations: 10",
    "steps: 200": "steps: 10",
}
"""What makes the study of `evotickets new` a matter of seconds."""


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
    # It takes pictures for the documentation.
    expected.remove("evotickets/workflow/screenshots.py")
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
    return folder / "bin/python"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_new_study_runs_from_the_wheel_to_its_report(python, tmp_path):
    left_out = ("PYTHONPATH", "MLFLOW_TRACKING_URI")
    environment = {name: value for name, value in os.environ.items() if name not in left_out}

    def evotickets(*arguments, place=tmp_path / "mine"):
        done = subprocess.run(
            [python, "-m", "evotickets", *arguments],
            cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout

    evotickets("new", "mine", place=tmp_path)
    where = [python, "-c", "import evotickets; print(evotickets.__file__)"]
    found = subprocess.run(where, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert found.startswith(str(python.parents[1])), "the checkout would be tested, not the wheel"
    config = tmp_path / "mine/config/config.yaml"
    text = config.read_text()
    for old, new in SMALL.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    config.write_text(text)
    # What this checkout has compiled before need not be compiled again.
    (ROOT / ".cache/jax").mkdir(parents=True, exist_ok=True)
    (tmp_path / "mine/.cache").mkdir()
    (tmp_path / "mine/.cache/jax").symlink_to(ROOT / ".cache/jax")
    said = evotickets("run", "--cores", "2")
    assert "NOT tracked" not in said
    assert (tmp_path / "mine/results/report.html").stat().st_size > 100_000
    assert not list((tmp_path / "mine").rglob("*.smk")), "the workflow stays where it is installed"
    shutil.copy(config, tmp_path / "mine/other.yaml")
    assert "Nothing to be done" in evotickets("run", "other.yaml", "--", "--dry-run")
    (tmp_path / "mine/results/report.html").unlink()
    assert "results/report.html" in evotickets("report")
    assert (tmp_path / "mine/results/report.html").is_file()
    assert "tracking: 0 runs written" in evotickets("sync")
    assert studies.leftovers(tmp_path / "mine") == []


def test_a_wheel_shows_its_studies_on_the_page_of_tracking(python, tmp_path):
    said = subprocess.run([python, "-m", "evotickets", "ui"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert "is not there: run a study or evotickets sync" in said.stderr
    assert not list(tmp_path.iterdir())
