"""What one job tells the tracking store, as a Parquet file of one row: the only result that holds wall times."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pyarrow as pa

from evotickets.results.tables import FLOAT, STRING, ResultError, read_arrow, register, write_table

RECORD = register(
    "record",
    {
        "key": STRING,
        "system": STRING,
        "name": STRING,
        "kind": STRING,
        "parameters": STRING,
        "metrics": pa.list_(pa.struct({"metric": STRING, "step": pa.int64(), "value": FLOAT})),
        "artifacts": pa.list_(STRING),
        "dataset": STRING,
        "tags": STRING,
        "start": FLOAT,
        "end": FLOAT,
    },
)


class Metric(NamedTuple):
    """One measured value; `step` is the generation of a level run and the level of a chain run."""

    metric: str
    step: int
    value: float


class Record(NamedTuple):
    """What one job tells the tracking store.

    `key` is readable and unique (`tickets/digits/snes/snr/level03`); `system` becomes the experiment and `name` the
    run's name; `kind` tells runs over generations (`level`) from runs over levels (`chain`). `artifacts` are files
    below the record's own folder. `dataset` has name, digest, rows and features. `start` and `end` are Unix seconds.
    """

    key: str
    system: str
    name: str
    kind: str
    parameters: Mapping[str, str | int | float]
    metrics: Sequence[Metric | tuple[str, int, float]] = ()
    artifacts: tuple[str, ...] = ()
    dataset: Mapping[str, str | int] | None = None
    tags: Mapping[str, str] = {}
    start: float = 0.0
    end: float = 0.0


def write_record(path: str | Path, record: Record, metadata: Mapping[str, Any] | None = None) -> None:
    """Write a record, one row.

    Raises:
        ResultError: if an artifact lies outside the record's folder, or the disk refuses.
    """
    path = Path(path)
    for artifact in record.artifacts:
        if PurePosixPath(artifact).is_absolute() or ".." in PurePosixPath(artifact).parts:
            raise ResultError(f"{path}: artifact {artifact} must be a path below {path.parent}, relative to it")
    row = record._asdict() | {
        "metrics": [Metric(*metric)._asdict() for metric in record.metrics],
        "artifacts": list(record.artifacts),
    }
    for column in ("parameters", "dataset", "tags"):
        row[column] = json.dumps(row[column], sort_keys=True, ensure_ascii=False)
    write_table(path, [row], schema=RECORD, metadata=metadata)


def read_record(path: str | Path) -> Record:
    """Read a record.

    Raises:
        ResultError: as `read_table`.
    """
    path = Path(path)
    row = read_arrow(path, RECORD).to_pylist()[0]
    for column in ("parameters", "dataset", "tags"):
        row[column] = json.loads(row[column])
    row["metrics"] = [Metric(**metric) for metric in row["metrics"]]
    row["artifacts"] = tuple(row["artifacts"])
    return Record(**row)
