"""Every fault of a store: the whole sentence, and that nothing sound is touched."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
import sqlalchemy

from evotickets.results import ResultError
from evotickets.tracking import database, faults, prepare, sync
from evotickets.tracking.__main__ import main
from tests import stores

AGAIN = "move it away and sync again, which makes a new one from the records"
ELSEWHERE = "name another store in MLFLOW_TRACKING_URI"


def fault(path):
    with pytest.raises(ResultError) as caught:
        prepare(f"sqlite:///{path}")
    return str(caught.value)


@contextlib.contextmanager
def held(path, begin):
    """Let another process hold a lock of the file, with a change to it that is not written yet."""
    script = f"""
import sqlite3, sys
connection = sqlite3.connect({str(path)!r}, isolation_level=None)
connection.execute("{begin}")
print("held", flush=True)
sys.stdin.read()
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    try:
        yield
    finally:
        process.communicate()
        assert process.returncode == 0


class TestLocked:
    def sentence(self, path):
        return f"{path} is locked by another process: wait for it or end it, and sync again"

    def test_a_locked_store_is_not_a_broken_one(self, file, tmp_path, monkeypatch):
        monkeypatch.setattr(faults, "PATIENCE", 0.2)
        records = stores.write_study(tmp_path / "results")
        with held(file, "BEGIN EXCLUSIVE"):
            assert fault(file) == self.sentence(file)
            report = sync(records, uri=f"sqlite:///{file}")
            assert {why for _, why in report.untracked} == {self.sentence(file)}
            assert len(report.untracked) == 6
        report = sync(records, uri=f"sqlite:///{file}")
        assert (len(report.tracked), report.untracked) == (6, ())

    def test_a_lock_that_ends_in_time_is_waited_for(self, file):
        with contextlib.ExitStack() as stack:
            stack.enter_context(held(file, "BEGIN EXCLUSIVE"))
            timer = threading.Timer(0.5, stack.close)
            timer.start()
            prepare(f"sqlite:///{file}")
            timer.join()

    @pytest.mark.slow
    def test_a_store_that_is_locked_for_writing_only(self, file, tmp_path):
        # MLflow waits for twenty seconds.
        records = stores.write_study(tmp_path / "results")[:1]
        with held(file, "BEGIN IMMEDIATE"):
            report = sync(records, uri=f"sqlite:///{file}", seconds=1.0)
        assert [why for _, why in report.untracked] == [self.sentence(file)]
        assert sync(records, uri=f"sqlite:///{file}").untracked == ()

    def test_an_empty_file_that_another_process_is_filling(self, tmp_path, monkeypatch):
        monkeypatch.setattr(faults, "PATIENCE", 0.2)
        path = tmp_path / "mlflow.db"
        path.touch()
        with held(path, "BEGIN EXCLUSIVE"):
            assert fault(path) == self.sentence(path)
        assert path.read_bytes() == b""


class TestOtherFiles:
    def test_garbage(self, tmp_path):
        path = tmp_path / "mlflow.db"
        path.write_text("no database at all, but long enough to be one")
        assert fault(path) == f"{path} is no SQLite file: {AGAIN}, or {ELSEWHERE}"
        assert path.read_text() == "no database at all, but long enough to be one"

    @pytest.mark.parametrize(
        ("statements", "tables"),
        [
            (["CREATE TABLE b (x)", "CREATE TABLE a (x)"], "a, b"),
            ([f"CREATE TABLE t{number} (x)" for number in range(4)], "t0, t1, t2, …"),
            (["CREATE TABLE alembic_version (x)"], "alembic_version"),
            (["CREATE TABLE a (x)", "DROP TABLE a"], "none"),
        ],
    )
    def test_a_file_of_another_program(self, tmp_path, statements, tables):
        path = tmp_path / "mlflow.db"
        with contextlib.closing(sqlite3.connect(path)) as connection:
            for statement in statements:
                connection.execute(statement)
        before = path.read_bytes()
        assert fault(path) == f"{path} is a SQLite file of another program (tables: {tables}): {ELSEWHERE}"
        assert path.read_bytes() == before

    def test_a_name_of_a_table_cannot_command_the_terminal(self, tmp_path, capsys):
        path = tmp_path / "mlflow.db"
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute('CREATE TABLE "\x1b[2J\n" (x)')
        assert main(["prepare", "--uri", f"sqlite:///{path}"]) == 1
        said = capsys.readouterr().err
        assert said == (f"tracking: {path} is a SQLite file of another program (tables: \\x1b[2J\\n): {ELSEWHERE}\n")

    @pytest.mark.parametrize(
        "statement", ["DROP TABLE alembic_version", "DELETE FROM alembic_version", "DROP TABLE experiments"]
    )
    def test_a_store_whose_making_was_cut_short(self, file, statement):
        with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute(statement)
        assert fault(file) == (f"{file} is a store whose making was cut short: if no process is making it now, {AGAIN}")

    def test_a_store_that_is_cut_short(self, file):
        with file.open("r+b") as stream:
            stream.truncate(file.stat().st_size - 5000)
        assert fault(file) == f"{file} is damaged (database disk image is malformed): end what uses it, {AGAIN}"

    def test_a_store_whose_pages_are_overwritten(self, file):
        with file.open("r+b") as stream:
            stream.seek(100)
            stream.write(b"\xff" * 8000)
        assert fault(file) == (f"{file} is damaged (database disk image is malformed): end what uses it, {AGAIN}")

    def test_damage_that_only_a_sync_meets(self, file, tmp_path):
        records = stores.write_study(tmp_path / "results")[:1]
        with contextlib.closing(sqlite3.connect(file)) as connection:
            (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'experiments'").fetchone()
            (size,) = connection.execute("PRAGMA page_size").fetchone()
        with file.open("r+b") as stream:
            stream.seek((page - 1) * size)
            stream.write(b"\xff" * size)
        prepare(f"sqlite:///{file}")
        report = sync(records, uri=f"sqlite:///{file}")
        sentence = f"{file} is damaged (database disk image is malformed): end what uses it, {AGAIN}"
        assert [why for _, why in report.untracked] == [sentence]

    def test_a_store_of_a_newer_mlflow(self, file):
        with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("UPDATE alembic_version SET version_num = 'feedc0ffee00'")
        assert fault(file) == (
            f"{file} has a schema that the installed MLflow does not know (feedc0ffee00): install the MLflow that wrote "
            f"it or {ELSEWHERE}"
        )

    def test_a_store_of_an_older_mlflow_can_be_upgraded_as_the_sentence_says(self, tmp_path):
        from alembic import command
        from mlflow.store.db import utils
        from mlflow.store.tracking.dbmodels.initial_models import Base

        path = tmp_path / "mlflow.db"
        engine = sqlalchemy.create_engine(f"sqlite:///{path}")
        Base.metadata.create_all(engine)
        command.upgrade(utils._get_alembic_config(f"sqlite:///{path}"), "f5a4f2784254")
        engine.dispose()
        newest = utils._get_latest_schema_revision()
        before = path.read_bytes()
        assert fault(path) == (
            f"{path} was written by an older MLflow (schema f5a4f2784254, the installed one has {newest}): make a copy "
            f"of it, run `mlflow db upgrade sqlite:///{path}` and sync again"
        )
        assert path.read_bytes() == before
        subprocess.run([sys.executable, "-m", "mlflow", "db", "upgrade", f"sqlite:///{path}"], check=True)
        records = stores.write_study(tmp_path / "results")
        assert len(sync(records, uri=f"sqlite:///{path}").tracked) == 6

    @pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
    def test_a_store_that_would_vanish_with_the_process(self, uri):
        with pytest.raises(ResultError) as caught:
            prepare(uri)
        assert str(caught.value) == f"{uri} is a store in memory, which ends with this process: {ELSEWHERE}"


class TestPaths:
    def test_a_folder(self, tmp_path):
        (tmp_path / "mlflow.db").mkdir()
        assert fault(tmp_path / "mlflow.db") == (
            f"{tmp_path / 'mlflow.db'} is a folder where the file of the store should be: {ELSEWHERE}"
        )

    def test_a_pipe(self, tmp_path):
        os.mkfifo(tmp_path / "mlflow.db")
        assert fault(tmp_path / "mlflow.db") == f"{tmp_path / 'mlflow.db'} is no ordinary file: {ELSEWHERE}"

    def test_a_link_to_nothing_stays(self, tmp_path):
        path = tmp_path / "mlflow.db"
        path.symlink_to(tmp_path / "scratch" / "store.db")
        assert fault(path) == (
            f"{path} is a link to {tmp_path / 'scratch' / 'store.db'}, which does not exist: bring that file back or "
            "remove the link, and sync again"
        )
        assert path.is_symlink()

    def test_a_link_to_itself(self, tmp_path):
        path = tmp_path / "mlflow.db"
        path.symlink_to(path)
        assert fault(path) == (
            f"{path} cannot be reached (Too many levels of symbolic links): correct the path or {ELSEWHERE}"
        )

    def test_a_link_to_a_store_is_a_store(self, file, tmp_path):
        (tmp_path / "link.db").symlink_to(file)
        assert sync(stores.write_study(tmp_path / "results"), uri=f"sqlite:///{tmp_path / 'link.db'}").untracked == ()
        assert (tmp_path / "link.db").is_symlink()
        assert len(stores.contents(file)) == 6

    @pytest.mark.parametrize("linked", [False, True])
    def test_an_empty_file_becomes_a_store(self, tmp_path, template, linked):
        path = tmp_path / "there" / "empty.db"
        path.parent.mkdir()
        path.touch()
        named = tmp_path / "link.db" if linked else path
        if linked:
            named.symlink_to(path)
        prepare(f"sqlite:///{named}")
        assert path.stat().st_size == template.stat().st_size
        assert named.is_symlink() == linked
        assert [entry.name for entry in path.parent.iterdir()] == ["empty.db"]

    @pytest.mark.slow
    def test_several_processes_fill_one_empty_file_and_keep_what_the_first_wrote(self, tmp_path):
        (tmp_path / "mlflow.db").touch()
        stores.write_study(tmp_path / "results")
        command = [sys.executable, "-m", "evotickets.tracking", "sync", "--uri", f"sqlite:///{tmp_path / 'mlflow.db'}"]
        processes = [
            subprocess.Popen([*command, "--results", tmp_path / "results"], stdout=subprocess.DEVNULL) for _ in range(2)
        ]
        for process in processes:
            process.wait()
        assert len(stores.contents(tmp_path / "mlflow.db")) == 6

    def test_a_file_where_the_folder_should_be(self, tmp_path):
        (tmp_path / "here").touch()
        path = tmp_path / "here" / "mlflow.db"
        assert fault(path) == f"{path} cannot be reached (Not a directory): correct the path or {ELSEWHERE}"

    @pytest.mark.parametrize("suffix", ["-journal", "-wal"])
    def test_what_is_left_of_a_store_that_is_gone_is_not_played_back_into_a_new_one(self, tmp_path, suffix):
        left = tmp_path / f"mlflow.db{suffix}"
        left.write_bytes(b"pages of old")
        assert fault(tmp_path / "mlflow.db") == (f"{left} is left of a store that is gone: move it away and sync again")
        assert [path.name for path in tmp_path.iterdir()] == [left.name]


@pytest.fixture
def foreign(template):
    """A folder with a store that another user may look at, and this process not be allowed what only root is."""
    folder = Path(tempfile.mkdtemp())
    stores.copy(template, folder)
    stores.write_study(folder / "results")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755)
    # Root may write everything; nobody may not.
    database.client(f"sqlite:///{folder / 'mlflow.db'}").search_experiments()
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield folder
    if root:
        os.seteuid(0)
    folder.chmod(0o755)
    shutil.rmtree(folder)


class TestPermissions:
    def deny(self, *paths, mode):
        for path in paths:
            with contextlib.suppress(PermissionError):
                path.chmod(mode)

    def untracked(self, folder):
        records = sorted((folder / "results").rglob("record.parquet"))[:1]
        report = sync(records, uri=f"sqlite:///{folder / 'mlflow.db'}", seconds=1.0)
        return [why for _, why in report.untracked]

    def test_a_file_that_may_only_be_read(self, foreign):
        path = foreign / "mlflow.db"
        self.deny(path, mode=0o444)
        assert self.untracked(foreign) == [f"{path} may not be written by this user: get permission or {ELSEWHERE}"]

    def test_a_store_that_may_only_be_read_can_be_looked_at(self, foreign, capsys):
        self.deny(foreign / "mlflow.db", mode=0o444)
        assert main(["address", "--uri", f"sqlite:///{foreign / 'mlflow.db'}"]) == 0
        assert capsys.readouterr().err == ""

    def test_a_folder_that_may_not_be_written(self, foreign):
        if os.geteuid() == 65534:
            os.seteuid(0)
            (foreign / "mlflow.db").chmod(0o666)
            os.seteuid(65534)
        self.deny(foreign, mode=0o555)
        sentence = (
            f"the folder {foreign} may not be written by this user, and SQLite writes beside mlflow.db: get permission "
            f"or {ELSEWHERE}"
        )
        assert self.untracked(foreign) == [sentence]
        assert fault(foreign / "new.db") == sentence.replace("mlflow.db", "new.db")

    def test_a_file_that_may_not_be_read(self, foreign):
        path = foreign / "mlflow.db"
        if os.geteuid() == 65534:
            os.seteuid(0)
            path.chmod(0o600)
            os.seteuid(65534)
        else:
            path.chmod(0o000)
        assert self.untracked(foreign) == [f"{path} may not be read by this user: get permission or {ELSEWHERE}"]

    def test_a_folder_that_cannot_be_made(self, foreign):
        self.deny(foreign, mode=0o555)
        path = foreign / "new" / "mlflow.db"
        assert fault(path) == (
            f"the folder {foreign / 'new'} of the store cannot be made (Permission denied): correct the path or {ELSEWHERE}"
        )


class TestServers:
    def test_a_server_that_is_not_up(self, tmp_path):
        records = stores.write_study(tmp_path)
        uri = f"http://127.0.0.1:{stores.free_port()}"
        sentence = f"{uri} did not answer (Connection refused): start the server there or {ELSEWHERE}, and sync again"
        report = sync(records, uri=uri)
        assert {why for _, why in report.untracked} == {sentence}
        assert str(report) == (
            f"tracking: 0 runs written, 0 unchanged, 6 NOT tracked (the next sync tries again):\n  6 × {sentence}"
        )

    def test_a_server_whose_name_nobody_knows(self, tmp_path):
        report = sync(stores.write_study(tmp_path)[:1], uri="http://me:secret@nobody.invalid:5000")
        ((_, why),) = report.untracked
        assert why.startswith("http://nobody.invalid:5000 did not answer (")
        assert why.endswith(f"): start the server there or {ELSEWHERE}, and sync again")

    @pytest.mark.parametrize(
        ("scheme", "module", "package"),
        [("postgresql", "psycopg2", "'evotickets[postgres]'"), ("mysql+pymysql", "pymysql", "pymysql")],
    )
    def test_a_database_whose_driver_is_missing(self, tmp_path, monkeypatch, scheme, module, package):
        monkeypatch.setitem(sys.modules, module, None)
        report = sync(stores.write_study(tmp_path)[:1], uri=f"{scheme}://me:secret@localhost/runs")
        ((_, why),) = report.untracked
        assert why == (
            f"{scheme}://localhost/runs needs {module}, which is not installed: pip install {package}, and sync again"
        )

    def test_a_database_server_that_is_not_up_says_so_in_full(self):
        said = 'connection to server at "localhost" (::1), port 5432 failed: Connection refused\n\tIs the server running?\n'
        error = sqlalchemy.exc.OperationalError("SELECT 1" * 1000, None, Exception(said))
        assert faults.explain(error, "postgresql://localhost/runs") == (
            "postgresql://localhost/runs cannot be used ((builtins.Exception) connection to server at "
            '"localhost" (::1), port 5432 failed: Connection refused Is the server running?): start its server, see that '
            "data base, user and password are right, or name another store in MLFLOW_TRACKING_URI, and sync again"
        )


def test_a_data_base_that_cannot_be_entered_is_said_with_the_remedy():
    class OperationalError(Exception):
        """As SQLAlchemy names it for every make."""

    error = OperationalError('connection to server at "host" failed: FATAL:  no such user\n[SQL: SELECT 1]')
    assert faults.explain(error, "postgresql://me:secret@host/runs") == (
        'postgresql://host/runs cannot be used (connection to server at "host" failed: FATAL:  no such user): start its '
        "server, see that data base, user and password are right, or name another store in MLFLOW_TRACKING_URI, and sync again"
    )
