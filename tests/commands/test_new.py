"""`evotickets new`: a folder with a small study that runs as it is."""

import runpy
import subprocess

import numpy as np
import pytest

from evotickets import __main__, study
from evotickets.commands import WORKFLOW, new
from evotickets.configuration import reader
from evotickets.pruning import criterion, scores


def test_a_new_folder_holds_a_sound_study_own_parts_and_what_git_ignores(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert __main__.main(["new", "mine"]) == 0
    assert capsys.readouterr().out == "Now: cd mine && evotickets run\n"
    files = {
        path.relative_to(tmp_path / "mine").as_posix() for path in (tmp_path / "mine").rglob("*") if path.is_file()
    }
    assert files == {"config/config.yaml", "my_parts.py", "profiles/slurm/profile.yaml", ".gitignore"}
    loaded = study.load("mine/config/config.yaml")
    assert list(loaded.sections) == ["tickets"]
    assert loaded.results.as_posix() == "results"


def test_editors_find_the_schema_that_is_installed(tmp_path):
    new.create(tmp_path / "mine")
    first = (tmp_path / "mine/config/config.yaml").read_text().splitlines()[0]
    assert first == f"# yaml-language-server: $schema={reader.SCHEMA.resolve().as_uri()}"


def test_git_ignores_all_that_a_run_leaves(tmp_path):
    new.create(tmp_path / "mine")
    left = ["results/a.parquet", ".snakemake/log", ".cache/jax/x", "mlflow.db", "mlflow.db-journal", "mlartifacts/0/x"]
    left += ["MUJOCO_LOG.TXT"]
    subprocess.run(["git", "init", "--quiet", tmp_path / "mine"], check=True)
    asked = ["git", "-C", tmp_path / "mine", "check-ignore", *left, "config/config.yaml", "my_parts.py"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert said.split() == left


def test_the_example_of_own_parts_is_a_criterion(tmp_path, monkeypatch):
    monkeypatch.setattr(criterion, "_parts", dict(criterion))
    monkeypatch.setattr(criterion, "facts", dict(criterion.facts))
    new.create(tmp_path / "mine")
    runpy.run_path(str(tmp_path / "mine/my_parts.py"))
    mean, std = np.array([[1.0, -3.0]]), np.array([[0.5, 1.0]])
    np.testing.assert_array_equal(scores.score("shrunk", mean, std), [[0.5, 2.0]])


def test_the_profile_of_a_cluster_is_that_of_the_workflow(tmp_path):
    new.create(tmp_path / "mine")
    written = (tmp_path / "mine/profiles/slurm/profile.yaml").read_text()
    assert written == (WORKFLOW / "profiles/slurm/profile.yaml").read_text()


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/note").write_text("keep")
    with pytest.raises(reader.StudyError, match=r"mine is there and not empty: choose another name"):
        new.create(tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["note"]


def test_an_empty_folder_is_filled(tmp_path):
    new.create(tmp_path)
    assert study.load(tmp_path / "config/config.yaml").tickets


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(reader.StudyError, match=r"file/mine cannot be made \(Not a directory\): choose another place"):
        new.create(tmp_path / "file/mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(reader.StudyError, match=r"link cannot be made \(.+\): choose another place"):
        new.create(tmp_path / "link")
    assert not (tmp_path / "nowhere").exists()
