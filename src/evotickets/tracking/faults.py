"""What is wrong with a tracking store: each fault in one true sentence, with a remedy that loses nothing.

No sentence advises to delete a file; to move it away only where it is unreadable or unfinished and nobody locks it.
"""

import os
import re
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from evotickets.results import ResultError
from evotickets.tracking.messages import public, reason

SCHEME = "sqlite:///"
PATIENCE = 20.0
"""Seconds to wait for a lock."""
ELSEWHERE = "name another store in MLFLOW_TRACKING_URI"
_AGAIN = "move it away and sync again, which makes a new one from the records"
_CORE = {"experiments", "runs"}
"""Tables that every MLflow store has had since its first version."""
_VERSION = "alembic_version"
"""The table that holds the schema of a store."""
_OF_DISKS = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_READONLY)
_DRIVERS = {"psycopg2": "'evotickets[postgres]'", "MySQLdb": "mysqlclient"}
"""Python packages whose names are not those of their modules."""


def file(uri: str) -> Path | None:
    """Return the file of a SQLite store, None for other stores."""
    return Path(uri.removeprefix(SCHEME)).absolute() if uri.startswith(SCHEME) else None


def size(path: Path) -> int | None:
    """Return the size of an ordinary file, None where there is nothing."""
    try:
        status = path.stat()
    except FileNotFoundError:
        if not path.is_symlink():
            return None
        raise ResultError(
            f"{path} is a link to {path.readlink()}, which does not exist: bring that file back or remove the link, "
            "and sync again"
        ) from None
    except OSError as error:
        raise ResultError(f"{path} cannot be reached ({error.strerror}): correct the path or {ELSEWHERE}") from error
    if stat.S_ISDIR(status.st_mode):
        raise ResultError(f"{path} is a folder where the file of the store should be: {ELSEWHERE}")
    if not stat.S_ISREG(status.st_mode):
        raise ResultError(f"{path} is no ordinary file: {ELSEWHERE}")
    return status.st_size


def permitted(path: Path, mode: int) -> bool:
    """Return whether this process may read (`os.R_OK`) or write (`os.W_OK`) a file or folder."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=PATIENCE, isolation_level=None)


def check(path: Path) -> None:
    """Accept a whole store of the installed MLflow; change and import nothing.

    Raises:
        ResultError: if the file is anything else.
    """
    if not permitted(path, os.R_OK):
        raise ResultError(f"{path} may not be read by this user: get permission or {ELSEWHERE}")
    tables, revision = _contents(path)
    if not tables & _CORE:
        held = ", ".join(sorted(tables)[:3]) + (", …" if len(tables) > 3 else "")
        raise ResultError(f"{path} is a SQLite file of another program (tables: {held or 'none'}): {ELSEWHERE}")
    if revision is None or not tables >= _CORE:
        raise ResultError(f"{path} is a store whose making was cut short: if no process is making it now, {_AGAIN}")
    known, newest = _revisions()
    if newest and revision not in known:
        raise ResultError(
            f"{path} has a schema that the installed MLflow does not know ({revision}): install the MLflow that wrote "
            f"it or {ELSEWHERE}"
        )
    if newest and revision != newest:
        raise ResultError(
            f"{path} was written by an older MLflow (schema {revision}, the installed one has {newest}): make a copy "
            f"of it, run `mlflow db upgrade {SCHEME}{path}` and sync again"
        )


def _contents(path: Path) -> tuple[set[str], str | None]:
    """Return the names of the tables of a SQLite file, and the schema of a store."""
    revision = None
    try:
        with closing(_connect(path)) as connection:
            # One transaction, so that nobody writes between the questions.
            connection.execute("BEGIN")
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if tables >= {*_CORE, _VERSION}:
                (revision, *_) = connection.execute(f"SELECT * FROM {_VERSION}").fetchone() or (None,)
    except sqlite3.Error as error:
        raise ResultError(_sentence(path, error)) from error
    return tables, revision


@cache
def _revisions() -> tuple[frozenset[str], str | None]:
    """Return the schemas that the installed MLflow knows, and its own, None if that cannot be told; imports nothing."""
    found = find_spec("mlflow")
    folders = found.submodule_search_locations if found else None
    texts = [
        path.read_text(encoding="utf-8")
        for path in Path(next(iter(folders or [""]))).glob("store/db_migrations/versions/*.py")
    ]
    named = [dict(re.findall(r'^(revision|down_revision) = "(\w+)"', text, re.MULTILINE)) for text in texts]
    known = frozenset(names["revision"] for names in named if "revision" in names)
    heads = known - {names.get("down_revision") for names in named}
    return known, next(iter(heads)) if len(heads) == 1 else None


def check_that_nobody_holds(path: Path) -> None:
    """Accept an empty file that no other program is filling.

    Raises:
        ResultError: if somebody locks it.
    """
    try:
        with closing(_connect(path)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise ResultError(_sentence(path, error)) from error


def closed_file(path: Path) -> str:
    """Say that the file of a store may not be written."""
    return f"{path} may not be written by this user: get permission or {ELSEWHERE}"


def closed_folder(path: Path) -> str:
    """Say that the folder of a store may not be written."""
    return (
        f"the folder {path.parent} may not be written by this user, and SQLite writes beside {path.name}: get permission "
        f"or {ELSEWHERE}"
    )


def _sentence(path: Path, error: sqlite3.Error) -> str:
    """Say why a file cannot be used, and the remedy."""
    # The low byte is the kind of an error, the others tell its variants apart.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"{path} is locked by another process: wait for it or end it, and sync again"
    if code == sqlite3.SQLITE_NOTADB:
        return f"{path} is no SQLite file: {_AGAIN}, or {ELSEWHERE}"
    if code == sqlite3.SQLITE_CORRUPT:
        return f"{path} is damaged ({error}): end what uses it, {_AGAIN}"
    if code == sqlite3.SQLITE_FULL:
        return f"{path} cannot be written ({error}): make room for it and sync again"
    if path.exists() and not permitted(path, os.W_OK):
        return closed_file(path)
    if not permitted(path.parent, os.W_OK | os.X_OK):
        return closed_folder(path)
    if code in _OF_DISKS:
        return f"{path} cannot be used ({error}): see that its disk works, has room and knows locks, and sync again"
    return f"{path} refused what was asked of it ({error}): sync again"


def explain(error: BaseException, uri: str) -> str:
    """Return why a store could not be used, in one line, and the remedy where the cause is known."""
    path, causes = file(uri), list(_causes(error))
    for cause in causes:
        if path and isinstance(cause, sqlite3.Error):
            return reason(ResultError(_sentence(path, cause)))
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = _DRIVERS.get(error.name, error.name)
        return f"{public(uri)} needs {error.name}, which is not installed: pip install {package}, and sync again"
    if path is None and any(_is_connection_error(cause) for cause in causes):
        last = causes[-1]
        why = getattr(last, "strerror", None) or str(last)
        return f"{public(uri)} did not answer ({reason(OSError(why))}): start the server there or {ELSEWHERE}, and sync again"
    # What SQLAlchemy raises for a data base of any make that cannot be reached or entered.
    if path is None and type(error).__name__ == "OperationalError":
        return (
            f"{public(uri)} cannot be used ({reason(error)}): start its server, see that data base, user and password are "
            f"right, or {ELSEWHERE}, and sync again"
        )
    return reason(error)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_connection_error(error: BaseException) -> bool:
    from requests import ConnectionError, Timeout

    return isinstance(error, ConnectionError | Timeout)
