import os

import pytest

from evotickets.results import read_record, write_record
from evotickets.results import records as written
from evotickets.tracking import sync
from evotickets.tracking.artifacts import checked
from tests import stores

ANEW = "delete the record and run the workflow again"


@pytest.fixture
def study(tmp_path):
    """The folder of a record, with a file in it, one beside it in the results, and one out of them."""
    folder = tmp_path / "results" / "cell"
    folder.mkdir(parents=True)
    for path in (folder / "scores.parquet", tmp_path / "results" / "shared.svg", tmp_path / "secret"):
        path.write_text(path.name)
    return folder


def refused(study, name, results=None):
    files, sentences = checked(study / "record.parquet", [name], results)
    assert files == {}
    (sentence,) = sentences
    assert sentence.startswith(f"{study / 'record.parquet'}: artifact {name} ")
    return sentence.removeprefix(f"{study / 'record.parquet'}: artifact {name} ")


def test_files_below_the_folder_of_the_record(study):
    (study / "figures").mkdir()
    (study / "figures" / "a b.svg").touch()
    (study / "link.parquet").symlink_to("scores.parquet")
    names = ["scores.parquet", "figures/a b.svg", "link.parquet"]
    assert checked(study / "record.parquet", names) == ({name: study / name for name in names}, ())


@pytest.mark.parametrize("name", ["/etc/passwd", "//etc/passwd"])
def test_absolute_paths(study, name):
    assert refused(study, name) == f"is an absolute path, and a record names files below its own folder: {ANEW}"


@pytest.mark.parametrize("name", ["..", "../shared.svg", "figures/../../../secret", "figures/../scores.parquet"])
def test_ways_up(study, name):
    assert refused(study, name) == f"leads out of the folder of the record: {ANEW}"


def test_links_out_of_the_results(study, tmp_path):
    (study / "link").symlink_to(tmp_path / "secret")
    (study / "folder").symlink_to(tmp_path)
    sentence = f"leads out of the results by a link, to {tmp_path / 'secret'}: put the file itself in its place"
    for results in (None, tmp_path / "results"):
        assert refused(study, "link", results) == sentence
        assert refused(study, "folder/secret", results) == sentence


def test_links_to_other_results(study, tmp_path):
    (study / "link.svg").symlink_to(tmp_path / "results" / "shared.svg")
    assert refused(study, "link.svg").startswith("leads out of the results by a link")
    assert checked(study / "record.parquet", ["link.svg"], tmp_path / "results").refused == ()


def test_a_study_that_is_a_link_may_have_files_of_its_own(study, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "cell").symlink_to(study)
    assert checked(tmp_path / "other" / "cell" / "record.parquet", ["scores.parquet"], tmp_path / "other").refused == ()


@pytest.mark.parametrize("name", ["gone", "dangling", "loop", "a\0b", "x" * 300])
def test_what_is_missing_is_said(study, name):
    (study / "dangling").symlink_to("gone")
    (study / "loop").symlink_to("loop")
    assert refused(study, name) == "is missing or a link to nothing: run the workflow again to make it"


@pytest.mark.parametrize("name", ["", ".", "folder", "pipe"])
def test_what_is_no_file(study, name):
    (study / "folder").mkdir()
    os.mkfifo(study / "pipe")
    assert refused(study, name) == f"is no file: {ANEW}"


def test_a_record_is_tracked_without_what_is_refused(tmp_path, uri, file, monkeypatch):
    (path, *_) = stores.write_study(tmp_path / "results")
    (tmp_path / "results/tickets/digits/secret").write_text("secret")
    (path.parent / "out").symlink_to(file.parent)
    names = ("scores.parquet", "/etc/passwd", "../../secret", "out/mlflow.db", "a\nb\x1b[2J")
    # `write_record` refuses such names; a record that somebody else made need not.
    monkeypatch.setattr(written, "PurePosixPath", lambda name: written.Path("harmless"))
    write_record(path, read_record(path)._replace(artifacts=names))
    monkeypatch.undo()
    report = sync([path], uri=uri, results=tmp_path / "results")
    assert report.untracked == tuple((str(path), f"{path}: artifact {name} {why}") for name, why in [
        ("/etc/passwd", f"is an absolute path, and a record names files below its own folder: {ANEW}"),
        ("../../secret", f"leads out of the folder of the record: {ANEW}"),
        ("out/mlflow.db", f"leads out of the results by a link, to {file}: put the file itself in its place"),
        ("a\nb\x1b[2J", "is missing or a link to nothing: run the workflow again to make it"),
    ])  # fmt: skip
    assert "artifact a\\nb\\x1b[2J is missing" in str(report)
    assert "\x1b" not in str(report)
    ((run,),) = stores.contents(file).values()
    assert [name for name, _ in run["artifacts"]] == ["scores.parquet"]
    assert run["run"][2] == "FINISHED"


@pytest.mark.parametrize("system", ["/tmp/elsewhere", "../elsewhere", ""])
def test_a_system_cannot_lead_artifacts_out_of_the_store(tmp_path, uri, system):
    (path, *_) = stores.write_study(tmp_path / "results")
    write_record(path, read_record(path)._replace(system=system))
    report = sync([path], uri=uri)
    assert report.untracked == (
        (str(path), f"{path} is of a system named {system!r}: {ANEW.replace('the record', 'it')}"),
    )
