"""Ways into an MLflow store: a client that does not retry by itself, and a SQLite file that is made whole or not at all.

A file that is there is never touched unless it is empty; `faults` says what is wrong with it.
"""

import fcntl
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from evotickets.results import ResultError
from evotickets.tracking import faults
from evotickets.tracking.faults import ELSEWHERE, SCHEME, file
from evotickets.tracking.messages import reason

if TYPE_CHECKING:
    from mlflow import MlflowClient

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # A retried POST may create a run twice; a whole sync is retried instead, which finds what the first try left.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
_IN_MEMORY = ("sqlite://", SCHEME, f"{SCHEME}:memory:")


def client(uri: str) -> "MlflowClient":
    """Return a client of a store."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    # Errors are reported once by whoever called; the library would print each with its traceback.
    logging.getLogger("mlflow").setLevel(logging.CRITICAL)
    return MlflowClient(uri)


def prepare(uri: str) -> None:
    """Create a SQLite store if there is none, whole or not at all; several processes may try at once.

    Raises:
        ResultError: if it cannot be made, or if what is there is no store that the installed MLflow reads.
    """
    if uri in _IN_MEMORY:
        raise ResultError(f"{uri} is a store in memory, which ends with this process: {ELSEWHERE}")
    path = file(uri)
    if path is None:
        return
    if faults.size(path):
        faults.check(path)
    else:
        _create(path.resolve())


def _create(path: Path) -> None:
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultError(
            f"the folder {folder} of the store cannot be made ({error.strerror}): correct the path or {ELSEWHERE}"
        ) from error
    if not faults.permitted(folder, os.W_OK | os.X_OK):
        raise ResultError(faults.closed_folder(path))
    if faults.size(path) is None:
        _make(path, new=True)
    else:
        _fill(path)
    faults.check(path)


def _fill(path: Path) -> None:
    if not faults.permitted(path, os.R_OK | os.W_OK):
        raise ResultError(faults.closed_file(path))
    with path.open("r+b") as stream:
        # Where the file system knows no locks, nobody waits.
        with suppress(OSError):
            fcntl.flock(stream, fcntl.LOCK_EX)
        # Another process may have filled it while this one waited.
        if faults.size(path) == 0:
            faults.check_that_nobody_holds(path)
            _make(path, new=False)


def _make(path: Path, *, new: bool) -> None:
    for leftover in (path.with_name(path.name + suffix) for suffix in ("-journal", "-wal")):
        # SQLite would play it back into the new file.
        if leftover.exists():
            raise ResultError(f"{leftover} is left of a store that is gone: move it away and sync again")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        client(f"{SCHEME}{temporary}").search_experiments(max_results=1)
        if new:
            with suppress(FileExistsError):
                os.link(temporary, path)
        else:
            temporary.replace(path)
    except Exception as error:
        raise ResultError(f"{path} cannot be made ({reason(error)}): remove the cause or {ELSEWHERE}") from error
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            temporary.with_name(temporary.name + suffix).unlink(missing_ok=True)
