"""A study in any folder, with results at any path: it runs to its report, or one sentence says why not."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from evotickets import study
from evotickets.commands import WORKFLOW
from evotickets.configuration import reader
from evotickets.configuration.reader import StudyError
from tests import studies


def evotickets(place, *arguments, code=0, python=sys.executable, **options):
    """Run the command line to its end and return what it said."""
    done = subprocess.run(
        [python, "-m", "evotickets", *map(str, arguments)],
        cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options,
    )  # fmt: skip
    assert done.returncode == code, done.stdout
    return done.stdout


def with_results(place, path):
    """Make a working directory for one chain of the smallest study, whose results are kept at a path."""
    studies.folder(place)
    text = studies.TINY.read_text().replace("results: results", f"results: '{path}'")
    text = text.replace("criteria: [magnitude, snr]", "criteria: [snr]")
    (place / "study.yaml").write_text(text, encoding="utf-8")
    return place


def config(path):
    """Return a configuration, as it is read, that asks for a path."""
    return reader.read(studies.TINY) | {"results": path}


LESS = 3
"""Jobs of the smallest study that the other chain has to itself: a ticket, the figure of its cut, and the chain."""

ODD = "größe und 大きさ (a+b) %d #1 =,@^.x"
"""A name of a folder with all kinds of characters that are no command."""


def runs_to_its_report(place, folder, **options):
    """Run the study of a project, whose results are kept in a folder, and find everything again."""
    said = evotickets(place, "run", "study.yaml", "--cores", "2", **options)
    jobs = studies.JOBS - LESS
    assert f"{jobs}/{jobs} jobs done" in said
    assert "runs written" in said
    assert "NOT tracked" not in said
    assert (folder / "report.html").stat().st_size > 100_000
    assert (folder / "tables/tickets.parquet").is_file()
    # Nothing is planned, and tracking has it all.
    assert "Nothing to be done" in evotickets(place, "run", "study.yaml", "--", "--dry-run", **options)
    assert ", 0 unchanged" not in evotickets(place, "sync", "study.yaml", **options)
    assert "tracking: 0 runs written" in evotickets(place, "sync", "--results", folder, **options)
    return {path.name for path in place.iterdir()} - {"study.yaml", ".cache", ".snakemake", "mlflow.db", "mlartifacts"}


@pytest.mark.long
def test_results_may_lie_at_any_absolute_path(tmp_path):
    folder = tmp_path / ODD / "results"
    assert not runs_to_its_report(with_results(tmp_path / "project", folder), folder)


@pytest.mark.slow
def test_a_project_in_a_path_with_spaces_works_with_results_outside(tmp_path):
    """The environment lies in the project: Snakemake itself does not quote the interpreter."""
    place = with_results(tmp_path / "my größe project", f"../{ODD}/results")
    # Where it is called, files hide no module.
    (place / "pandas.py").write_text("raise SystemExit('a file of the project was imported')")
    environment = place / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (site,) = environment.glob("lib/python*/site-packages")
    paths = [path for path in sys.path if "site-packages" in path or path.endswith("src")]
    (site / "shared.pth").write_text("\n".join(paths))
    home = tmp_path / "home"
    home.mkdir()
    options = {"python": environment / "bin/python", "env": os.environ | {"HOME": str(home)}}
    assert runs_to_its_report(place, tmp_path / ODD / "results", **options) == {".venv", "pandas.py"}
    (link,) = (home / ".cache/evotickets").iterdir()
    assert link.readlink() == environment


def test_an_interpreter_that_snakemake_cannot_start_is_refused(tmp_path, monkeypatch):
    from evotickets.commands import processes

    monkeypatch.setattr(processes.sys, "executable", str(tmp_path / "my project/bin/python"))
    monkeypatch.setattr(processes.Path, "home", lambda: tmp_path / "my home")
    monkeypatch.setattr(processes.tempfile, "gettempdir", lambda: str(tmp_path / "my temporaries"))
    with pytest.raises(
        StudyError, match=r"Snakemake cannot start jobs with .*/my project/bin/python, whose path has a space"
    ):
        processes.snakemake("--version")
    assert not list(tmp_path.iterdir())


READ_OTHERWISE = (
    *("a{task}", "a[1]", "a*", "a?", "a;b", "a|b", "a&b", "a<b", "a>b", 'a"b', "a'b", "a`b", "$HOME", "a\\b", "a!b"),
    *("~/a", "-a", " a", "a ", "a\nb", "a\n", "s3://a/b", "a\u202eb", "x" * 1001, ""),
)


@pytest.mark.parametrize("path", READ_OTHERWISE)
def test_a_path_that_a_dependency_would_read_otherwise_is_refused(path):
    with pytest.raises(StudyError) as error:
        study.resolve(config(path))
    assert str(error.value).startswith("results")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("results", ""),
        ("results/mine", "mine"),
        ("results/mine/more", "mine/more"),
        ("out", "out"),
        ("../out", "out"),
        ("/scratch/me/tables", "scratch/me/tables"),
        (f"/scratch/{ODD}", f"scratch/{ODD}"),
    ],
)
def test_other_paths_are_taken_as_they_are(path, name):
    resolved = study.resolve(config(path))
    assert resolved.results == Path(path)
    assert resolved.name == name


def test_a_folder_that_belongs_to_something_else_is_refused(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for path in (".", "..", "/", tmp_path, "../here"):
        with pytest.raises(StudyError, match="which holds the working folder"):
            study.resolve(config(str(path)))
    with pytest.raises(StudyError, match=r"goes back on itself; write the path without \.\. after a name"):
        study.resolve(config("results/../more"))
    with pytest.raises(StudyError, match=r"results/tables, where the study in results keeps its own"):
        study.resolve(config("results/tables"))
    other = tmp_path / "other"
    assert study.resolve(config(f"{other}/tables/mine"))
    other.mkdir()
    (other / ".lock").touch()
    with pytest.raises(StudyError, match=r"where the study in .*/other keeps its own; choose another name"):
        study.resolve(config(f"{other}/tables/mine"))


@pytest.mark.parametrize(
    "line", ["run", "report", "run other.yaml", "sync", "sync --results nowhere", "ui", "run --config none.yaml"]
)
def test_in_another_folder_one_sentence_says_so_and_nothing_is_made(tmp_path, line):
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    done = subprocess.run(
        [sys.executable, "-m", "evotickets", *line.split()],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert not list(tmp_path.iterdir())


def test_a_report_of_what_was_not_run_is_refused(tmp_path):
    place = studies.folder(tmp_path)
    said = evotickets(place, "report", "study.yaml", code=2)
    assert said == "results is not there: evotickets run study.yaml makes it\n"
    assert {path.name for path in place.iterdir()} == {"study.yaml", ".cache"}


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: path.symlink_to("nowhere"), "mend the link results, which leads to nowhere, or"),
        (lambda path: path.write_text("a file"), "it is no folder:"),
        (lambda path: path.symlink_to(path), "mend the link results, which leads to"),
    ],
    ids=["dangling", "file", "loop"],
)
def test_results_that_cannot_be_kept_are_one_sentence(tmp_path, make, sentence):
    place = studies.folder(tmp_path)
    make(place / "results")
    said = evotickets(place, "run", "study.yaml", code=2)
    assert said.startswith("results cannot be kept in results (")
    assert sentence in said
    assert said.endswith("give this study another `results` folder\n")
    assert said.count("\n") == 1
    assert {path.name for path in place.iterdir()} == {"study.yaml", ".cache", "results"}


AS_NOBODY = """
import os, sys
from evotickets import __main__, study, tasks
# All is imported before: another user may not reach the interpreter.
for section in study.load("study.yaml").sections.values():
    [tasks.fetch(name) for name in section.data.values()]
os.setegid(65534)
os.seteuid(65534)
sys.exit(__main__.main(["run", "study.yaml"]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="to become another user needs root")
def test_results_that_may_not_be_written_are_one_sentence():
    """As another user than the one that owns the folder; root may write everywhere."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        base.chmod(0o755)
        place = with_results(base / "project", base / "locked/results")
        (base / "locked").mkdir()

        def refused():
            command = [sys.executable, "-c", AS_NOBODY]
            done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stdout) == (2, ""), done.stderr
            return done.stderr

        place.chmod(0o777)
        remedy = "(Permission denied): give this study another `results` folder\n"
        assert refused() == f"results cannot be kept in {base}/locked/results {remedy}"
        place.chmod(0o755)
        assert (
            refused() == f"{place} cannot be written to, and Snakemake keeps its records there: go to another folder\n"
        )


def test_a_port_that_is_none_is_refused(tmp_path):
    assert "'99999' must be a whole number from 1 to 65535" in evotickets(tmp_path, "ui", "--port", "99999", code=2)
    assert not list(tmp_path.iterdir())


def test_a_profile_is_the_users_own_the_installed_one_or_any_folder(tmp_path, monkeypatch):
    from evotickets.commands import running

    monkeypatch.chdir(tmp_path)
    assert running._profile("slurm") == WORKFLOW / "profiles/slurm"
    for name in ("profiles/slurm", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "profile.yaml").write_text("cores: 1\n")
    assert running._profile("slurm") == Path("profiles/slurm")
    assert running._profile("elsewhere") == Path("elsewhere")
    (tmp_path / "elsewhere/profile.yaml").write_text("[")
    with pytest.raises(StudyError, match=r"elsewhere/profile\.yaml cannot be read as a profile: mend it"):
        running._profile("elsewhere")
