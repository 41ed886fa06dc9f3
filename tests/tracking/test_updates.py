"""What a sync finds, counts and says, whatever is there; that it never raises."""

import contextlib
import json
import os
import sqlite3

import pytest

from evotickets.results import read_record, records, write_record
from evotickets.tracking import journal, record_files, sync, updates
from evotickets.tracking.__main__ import main
from evotickets.tracking.search import search
from evotickets.tracking.store import Report, Store
from tests import stores

ANEW = "delete it and run the workflow again"


class TestLinks:
    def test_a_study_that_lies_elsewhere_is_seen(self, tmp_path, uri, file, capsys):
        stores.write_study(tmp_path / "scratch" / "results")
        (tmp_path / "results").mkdir()
        (tmp_path / "results" / "tickets").symlink_to(tmp_path / "scratch" / "results" / "tickets")
        assert main(["sync", "--uri", uri, "--results", str(tmp_path / "results")]) == 0
        assert capsys.readouterr().out.startswith("tracking: 6 runs written, 0 unchanged\n")
        assert all(len(run["artifacts"]) == 2 for runs in stores.contents(file).values() for run in runs)

    def test_a_results_folder_that_is_a_link(self, tmp_path):
        stores.write_study(tmp_path / "scratch")
        (tmp_path / "results").symlink_to("scratch")
        found = record_files(tmp_path / "results")
        assert len(found) == 6
        assert found[0] == tmp_path / "results/tickets/digits/random/level00/record.parquet"

    def test_loops_end_and_what_holds_the_study_is_left_alone(self, tmp_path):
        written = stores.write_study(tmp_path / "all" / "results")
        stores.write_study(tmp_path / "all" / "other")
        results = tmp_path / "all" / "results"
        (results / "self").symlink_to(".")
        (results / "tickets" / "up").symlink_to("..")
        (results / "out").symlink_to(tmp_path / "all")
        (results / "root").symlink_to("/")
        assert record_files(results) == sorted(written)

    def test_a_linked_study_may_link_on_but_not_back(self, tmp_path):
        far = stores.write_study(tmp_path / "far" / "study")
        near = stores.write_study(tmp_path / "near" / "study", "strong")
        stores.write_study(tmp_path / "near" / "private")
        stores.write_study(tmp_path / "private")
        (tmp_path / "results").mkdir()
        (tmp_path / "results" / "a").symlink_to(tmp_path / "near" / "study")
        (tmp_path / "near" / "study" / "on").symlink_to(tmp_path / "far" / "study")
        (tmp_path / "far" / "study" / "back").symlink_to(tmp_path / "near")
        (tmp_path / "far" / "study" / "home").symlink_to(tmp_path)
        assert {path.resolve() for path in record_files(tmp_path / "results")} == {*far, *near}
        assert len(record_files(tmp_path / "results")) == 12

    def test_two_ways_to_one_record_find_it_once_and_by_its_own_path(self, tmp_path):
        written = stores.write_study(tmp_path)
        (tmp_path / "a").symlink_to("tickets")
        (tmp_path / "aa.record.parquet").symlink_to(written[0])
        assert record_files(tmp_path) == sorted(written)

    def test_a_link_beside_what_lies_around_its_target(self, tmp_path):
        written = stores.write_study(tmp_path / "scratch")
        (tmp_path / "results").mkdir()
        (tmp_path / "results" / "a").symlink_to(tmp_path / "scratch" / "tickets" / "digits" / "snr")
        (tmp_path / "results" / "b").symlink_to(tmp_path / "scratch")
        assert {path.resolve() for path in record_files(tmp_path / "results")} == set(written)

    def test_a_link_to_nothing_is_a_record_that_is_missing(self, tmp_path, uri):
        (tmp_path / "record.parquet").symlink_to("gone")
        report = updates.sync_folder(tmp_path, uri=uri)
        path = str(tmp_path / "record.parquet")
        assert report.untracked == ((path, f"{path} is missing: run the workflow again to make it"),)

    def test_journals_are_found_through_links_too(self, tmp_path):
        (tmp_path / "far").mkdir()
        (tmp_path / "far" / journal.NAME).touch()
        (tmp_path / "results").mkdir()
        (tmp_path / "results" / "a").symlink_to(tmp_path / "far")
        assert search(tmp_path / "results", journal.NAME).files == {
            journal.NAME: [tmp_path / "results" / "a" / journal.NAME]
        }

    def test_a_folder_that_cannot_be_looked_into_is_said(self, tmp_path, monkeypatch, uri):
        stores.write_study(tmp_path)
        closed = str(tmp_path / "tickets" / "digits" / "snr")
        real = os.scandir

        def scandir(path):
            if str(path) == closed:
                raise PermissionError(13, "Permission denied", closed)
            return real(path)

        monkeypatch.setattr(os, "scandir", scandir)
        report = updates.sync_folder(tmp_path, uri=uri)
        assert len(report.tracked) == 3
        sentence = f"{closed} cannot be looked into (Permission denied): get permission and sync again"
        assert report.untracked == ((closed, sentence),)

    def test_a_folder_that_is_none(self, tmp_path, uri, capsys):
        path = tmp_path / "resluts"
        assert main(["sync", "--uri", uri, "--results", str(path)])
        said = capsys.readouterr()
        assert (said.out, said.err) == (
            "",
            f"tracking: {path} is no folder: run a study or name the folder of its results\n",
        )


def job(**changes):
    entry = journal.Job("cell/1", "cell", "failed", {"cell": "1"}, 1, 9.5, 1_700_000_009.0, "", 250.5, "")
    return entry._replace(**changes)


class TestJournal:
    def test_a_line_cut_by_a_crash_does_not_swallow_the_next_job(self, tmp_path):
        path = tmp_path / journal.NAME
        journal.append(path, job())
        whole = path.read_bytes()
        for length in range(len(whole)):
            path.write_bytes(whole + whole[:length])
            journal.append(path, job(key="next"))
            assert journal.read([path]) == {"cell/1": job(), "next": job(key="next")}
        assert path.read_bytes().count(b"\n") == 3

    def test_a_disk_that_fills_up_within_a_line(self, tmp_path, monkeypatch):
        path = tmp_path / journal.NAME
        journal.append(path, job())
        real = os.write
        room = [7, 0]

        def write(descriptor, line):
            count = room.pop(0)
            if not count:
                raise OSError(28, "No space left on device")
            return real(descriptor, line[:count])

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", write)
            with pytest.raises(OSError, match="No space left"):
                journal.append(path, job(key="lost"))
        journal.append(path, job(key="next"))
        assert list(journal.read([path])) == ["cell/1", "next"]

    def test_a_write_that_takes_a_part_is_completed(self, tmp_path, monkeypatch):
        real = os.write
        monkeypatch.setattr(os, "write", lambda descriptor, line: real(descriptor, line[:10]))
        journal.append(tmp_path / journal.NAME, job())
        assert journal.read([tmp_path / journal.NAME]) == {"cell/1": job()}

    @pytest.mark.parametrize(
        "text", ["a\nb\r", "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029", "\x1b[2J\x9b", "caf\udce9 网", "\0"]
    )
    def test_names_and_logs_of_any_characters(self, tmp_path, text):
        path = tmp_path / journal.NAME
        written = job(key=text, rule=text, wildcards={"cell": text}, log=text)
        journal.append(path, written)
        journal.append(path, job())
        assert journal.read([path]) == {text: written, "cell/1": job()}
        assert all(32 <= byte < 127 for byte in path.read_bytes().replace(b"\n", b""))

    @pytest.mark.parametrize(
        "changes",
        [
            {"key": 7},
            {"key": ["cell"]},
            {"wildcards": ["cell"]},
            {"wildcards": {"cell": 7}},
            {"seconds": None},
            {"seconds": "9.5"},
            {"end": float("inf")},
            {"end": float("nan")},
            {"end": 10**400},
            {"attempts": None},
            {"peak_memory": "much"},
            {"log": None},
            {"unknown": 1},
        ],
    )
    def test_a_line_that_is_no_job_is_left_out(self, tmp_path, uri, changes):
        path = tmp_path / journal.NAME
        path.write_text(json.dumps(job()._asdict() | changes) + "\n")
        assert journal.read([path]) == {}
        assert sync([], uri=uri, jobs=[path]) == Report()

    @pytest.mark.parametrize("content", ["[" * 100_000, "null", "7", "[]", "{}", "\ufeff{}", "", " "])
    def test_other_lines(self, tmp_path, content):
        path = tmp_path / journal.NAME
        path.write_text(content + "\n")
        journal.append(path, job())
        assert journal.read([path]) == {"cell/1": job()}

    def test_a_journal_that_cannot_be_read_is_said(self, tmp_path, uri):
        (tmp_path / journal.NAME).mkdir()
        report = sync(stores.write_study(tmp_path), uri=uri, jobs=[tmp_path / journal.NAME])
        assert len(report.tracked) == 6
        path = str(tmp_path / journal.NAME)
        sentence = f"{path} cannot be read (Is a directory): what jobs cost, and which failed, is not known"
        assert report.untracked == ((path, sentence),)

    def test_a_failed_job_with_control_codes_is_tracked_in_plain_text(self, tmp_path, uri, file):
        path = tmp_path / journal.NAME
        journal.append(path, job(wildcards={"cell": "a\nb\udce9"}, log="\x1b[31mloss\x1b[0m\tis NaN\0\nthe end"))
        assert sync([], uri=uri, jobs=[path]).untracked == ()
        ((run,),) = stores.contents(file, "failures").values()
        study = tmp_path.as_posix().lstrip("/")
        assert run["run"][1] == f"{tmp_path.name}: cell a\\nb\\udce9"
        assert run["parameters"] == [("cell", "a\\nb\\udce9"), ("rule", "cell"), ("study", study)]
        assert run["tags"]["mlflow.note.content"] == "```\n\\x1b[31mloss\\x1b[0m\tis NaN\\x00\nthe end\n```"

    def test_more_failures_than_a_page_holds_are_superseded(self, tmp_path, uri, file):
        path = tmp_path / journal.NAME
        journal.append(path, job())
        sync([], uri=uri, jobs=[path])
        columns = {}
        with contextlib.closing(sqlite3.connect(file)) as connection:
            # What a sync would write in a minute.
            for table in ("runs", "tags"):
                columns[table] = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
                copied = ", ".join(
                    "? || run_uuid"
                    if name == "run_uuid"
                    else "replace(value, 'cell/1', ?)"
                    if name == "value"
                    else name
                    for name in columns[table]
                )
                for number in range(2, 2102):
                    given = [f"{number}-"] + [f"cell/{number}"] * ("value" in columns[table])
                    given = given if columns[table].index("run_uuid") == 0 else given[::-1]
                    statement = f"INSERT INTO {table} SELECT {copied} FROM {table} WHERE length(run_uuid) = 32"
                    connection.execute(statement, given)
            connection.commit()
        keys = [f"cell/{number}" for number in range(1, 2102)]
        assert set(stores.contents(file, "failures")) == set(keys)
        store = Store(uri)
        superseded = []
        store._supersede = lambda run: superseded.append(run.data.tags["job_key"])
        store.resolve({(tmp_path.as_posix().lstrip("/"), key) for key in keys})
        assert sorted(superseded) == sorted(keys)


class TestNeverRaises:
    """A record is valid Parquet of the right columns, and yet no record."""

    def wrong(self, path, monkeypatch, **changes):
        good = read_record(path)
        real = json.dumps
        raw = {name: changes.pop(name) for name in list(changes) if isinstance(changes[name], str)}
        given = {id(getattr(good, name)): text for name, text in raw.items()}
        with monkeypatch.context() as patch:
            patch.setattr(records.json, "dumps", lambda value, **named: given.get(id(value)) or real(value, **named))
            write_record(path, good._replace(**changes))

    @pytest.mark.parametrize(
        "changes",
        [
            {"parameters": "{broken"},
            {"parameters": "[1]"},
            {"parameters": "null"},
            {"tags": "7"},
            {"start": float("nan")},
            {"end": float("inf")},
        ],
        ids=str,
    )
    def test_a_record_that_is_none_is_named_and_the_others_tracked(self, tmp_path, uri, monkeypatch, changes):
        written = stores.write_study(tmp_path)
        self.wrong(written[0], monkeypatch, **dict(changes))
        report = sync(written, uri=uri)
        assert len(report.tracked) == 5
        ((path, why),) = report.untracked
        assert path == str(written[0])
        assert why.startswith(f"{path} holds what no record does (")
        assert why.endswith(f"): {ANEW}")

    def test_a_record_of_no_row(self, tmp_path, uri):
        (path, *_) = stores.write_study(tmp_path)
        records.write_table(path, [], schema=records.RECORD)
        report = sync([path], uri=uri)
        sentence = f"{path} holds what no record does (list index out of range): {ANEW}"
        assert report.untracked == ((str(path), sentence),)

    def test_a_store_that_cannot_be_used_is_said_with_nothing_to_track(self, tmp_path):
        (tmp_path / "mlflow.db").mkdir()
        uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
        sentence = f"{tmp_path / 'mlflow.db'} is a folder where the file of the store should be: "
        sentence += "name another store in MLFLOW_TRACKING_URI"
        assert sync([], uri=uri) == Report(untracked=((uri, sentence),))

    def test_what_was_written_is_counted_when_failures_cannot_be_superseded(self, tmp_path, uri, monkeypatch):
        def refuse(self, succeeded):
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(Store, "resolve", refuse)
        journal.append(tmp_path / journal.NAME, job(status="finished"))
        report = sync(stores.write_study(tmp_path), uri=uri, jobs=[tmp_path / journal.NAME])
        assert len(report.tracked) == 6
        assert report.untracked == (
            ("failures", "failures of jobs that succeeded since: [Errno 5] Input/output error"),
        )

    def test_a_journal_or_record_whose_path_no_file_can_have(self, tmp_path, uri):
        report = sync([tmp_path / "a\0b"], uri=uri, jobs=[tmp_path / "a\0b"])
        assert len(report.untracked) == 1


def test_a_report_counts_the_reasons_that_it_does_not_spell_out_and_escapes_the_others():
    untracked = [("key", "often \x1b[2J\n")] * 3 + [("key", f"reason {number:02}") for number in range(12)]
    assert str(Report(untracked=tuple(untracked))).splitlines() == [
        "tracking: 0 runs written, 0 unchanged, 15 NOT tracked (the next sync tries again):",
        "  3 × often \\x1b[2J\\n",
        *(f"  1 × reason {number:02}" for number in range(9)),
        "  3 × other reasons, 3 of them",
    ]


def test_links_and_help_show_neither_codes_nor_passwords(tmp_path, uri, capsys, monkeypatch):
    (path, *_) = stores.write_study(tmp_path / "results")
    write_record(path, read_record(path)._replace(system="mine\x1b[2J\nyours"))
    main(["sync", "--uri", uri, "--results", str(path.parent)])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert out.splitlines()[0] == "tracking: 1 runs written, 0 unchanged"
    assert out.splitlines()[1].startswith("  mine\\x1b[2J\\nyours-levels: http://127.0.0.1:5000/#/experiments/")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@host:5000/%20")
    with pytest.raises(SystemExit):
        main(["sync", "--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert "(default: http://host:5000/%20)" in out
    assert "secret" not in out
