"""Ways into an MLflow store: a client that does not retry by itself, and a SQLite file that is created whole."""

import logging
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from evotickets.results import ResultError

if TYPE_CHECKING:
    from mlflow import MlflowClient

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # A retried POST may create a run twice; a whole sync is retried instead, which finds what the first try left.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
_SCHEME = "sqlite:///"


def client(uri: str) -> "MlflowClient":
    """Return a client of a store."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    # Errors are reported once by whoever called; the library would print each with its traceback.
    logging.getLogger("mlflow").setLevel(logging.CRITICAL)
    return MlflowClient(uri)


def file(uri: str) -> Path | None:
    """Return the file of a SQLite store, None for other stores."""
    return Path(uri.removeprefix(_SCHEME)).absolute() if uri.startswith(_SCHEME) else None


def reason(error: Exception) -> str:
    """Return an error in one line."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]


def prepare(uri: str) -> None:
    """Create a SQLite store if there is none, whole or not at all; several processes may try at once.

    Raises:
        ResultError: if the file exists and is no MLflow store.
    """
    path = file(uri)
    if path is None:
        return
    if path.is_file() and path.stat().st_size:
        with closing(sqlite3.connect(path, timeout=20)) as connection:
            try:
                connection.execute("SELECT 1 FROM alembic_version, experiments LIMIT 1").fetchone()
            except sqlite3.DatabaseError as error:
                raise ResultError(f"{path} is no complete MLflow store ({error}): delete it and sync again") from error
        return
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        client(f"{_SCHEME}{temporary}").search_experiments(max_results=1)
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
