"""Results that came without Snakemake's records get one time; damaged records are made anew with their files."""

import os
import threading
from base64 import urlsafe_b64encode

import pytest

from evotickets import provenance


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("a/one.parquet", "two.parquet")):
        path = tmp_path / "results/study" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (1000 + number, 1000 + number))
    provenance.RECORDS.mkdir(parents=True)
    return (tmp_path / "results/study").relative_to(tmp_path)


def times(results):
    return [path.stat().st_mtime for path in sorted(results.rglob("*.parquet"))]


def record(name):
    (provenance.RECORDS / urlsafe_b64encode(name.encode()).decode()).touch()


def test_copied_results_get_one_time_that_is_later_than_all_they_were_made_from(results, tmp_path):
    (tmp_path / "data").touch()
    record("results/other/two.parquet")
    assert provenance.make_times_equal(results)
    assert len(set(times(results))) == 1
    assert times(results)[0] >= (tmp_path / "data").stat().st_mtime


def test_results_that_snakemake_knows_keep_their_times(results):
    record("results/study/two.parquet")
    assert not provenance.make_times_equal(results)
    assert times(results) == [1000, 1001]


def test_a_record_of_a_long_name_is_found_too(results):
    (provenance.RECORDS / f"@{urlsafe_b64encode(b'results/study/a').decode()}").mkdir()
    assert not provenance.make_times_equal(results)


def test_without_results_there_is_nothing_to_do(tmp_path):
    assert not provenance.make_times_equal(tmp_path / "results")


@pytest.mark.parametrize("content", [b'{"rule": "le\xf2el"}', b'{"rule": ', b"", b"[]", b"null", b"\0" * 50])
def test_a_damaged_record_becomes_the_mark_of_an_unfinished_file(results, content):
    path = provenance.RECORDS / urlsafe_b64encode(b"results/study/two.parquet").decode()
    path.write_bytes(content)
    long = provenance.RECORDS / "@cmVz" / "dWx0"
    long.parent.mkdir()
    long.write_text('{"rule": "level"}')
    assert provenance.mark_damaged() == 1
    assert not path.exists()
    assert long.exists()
    assert [mark.name for mark in provenance.UNFINISHED.iterdir()] == [path.name]
    assert provenance.mark_damaged() == 0


def test_a_damaged_mark_stays_one(results):
    provenance.UNFINISHED.mkdir()
    mark = provenance.UNFINISHED / "cmVz"
    mark.write_bytes(b'{"external_jobid": \xf2')
    assert provenance.mark_damaged() == 0
    assert mark.read_text() == "{}"


def test_a_record_that_is_being_written_is_not_taken_for_a_damaged_one(results):
    path = provenance.RECORDS / "cmVz"
    path.write_text('{"rule": ')
    timer = threading.Timer(provenance.WRITING / 5, path.write_text, ['{"rule": "level"}'])
    timer.start()
    assert provenance.mark_damaged() == 0
    timer.join()
    assert path.exists()
    assert not provenance.UNFINISHED.exists()
