"""Parquet records: tidy tables, tickets, and what a job tells the tracking store.

A file is written whole or not at all, the same content gives the same bytes (no wall times, no paths, except the start
and end of a `Record`), and a reader refuses what it cannot trust with one sentence. Axis letter: `S` seeds.
"""

import hashlib
import json
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata as packages
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    import pandas as pd

LIBRARIES = ("evosax", "gymnax", "jax", "jaxlib", "numpy", "optax", "pyarrow", "scikit-learn", "torch")
_HEADER = b"evotickets"


class ResultError(ValueError):
    """A result file that cannot be trusted or written; the message names it and the remedy."""


@dataclass(frozen=True)
class Schema:
    """The columns of one kind of table; raise `version` whenever the columns or their meaning change."""

    name: str
    version: int
    columns: pa.Schema


SCHEMAS: dict[str, Schema] = {}


def register(
    name: str, columns: Mapping[str, pa.DataType], *, nullable: Sequence[str] = (), version: int = 1
) -> Schema:
    """Name a new kind of table.

    Raises:
        ValueError: if the name is taken.
    """
    if name in SCHEMAS:
        raise ValueError(f"a schema named {name!r} exists already: choose another name or raise its version")
    fields = [pa.field(column, kind, nullable=column in nullable) for column, kind in columns.items()]
    SCHEMAS[name] = Schema(name, version, pa.schema(fields))
    return SCHEMAS[name]


_STRING, _INT, _FLOAT = pa.string(), pa.int32(), pa.float64()
_FLOATS, _BOOLS = pa.list_(pa.float32()), pa.list_(pa.bool_())
_ROWS = {"seed": _INT, "split": _STRING, "metric": _STRING, "value": _FLOAT}

SCORES = register(
    "scores",
    {"system": _STRING, "task": _STRING, "trainer": _STRING, "criterion": _STRING, "level": _INT, "density": _FLOAT}
    | _ROWS,
)
HISTORY = register("history", {"step": _INT} | _ROWS)
TICKET = register(
    "ticket",
    {
        "seed": _INT,
        "tensor": _STRING,
        "shape": pa.list_(_INT),
        "initial": _FLOATS,
        "mask": _BOOLS,
        "mean": _FLOATS,
        "std": _FLOATS,
        "statistic": _FLOATS,
    },
    nullable=("initial", "mask", "mean", "std", "statistic"),
)
RECORD = register(
    "record",
    {
        "key": _STRING,
        "system": _STRING,
        "name": _STRING,
        "kind": _STRING,
        "parameters": _STRING,
        "metrics": pa.list_(pa.struct({"metric": _STRING, "step": pa.int64(), "value": _FLOAT})),
        "artifacts": pa.list_(_STRING),
        "dataset": _STRING,
        "tags": _STRING,
        "start": _FLOAT,
        "end": _FLOAT,
    },
)


@cache
def code_version() -> str:
    """Return the version of this package and a digest of its sources, such as `0.1.0+3f9c2a1b7d04`."""
    digest = hashlib.sha256()
    for module in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(module.name.encode() + b"\0" + module.read_bytes() + b"\0")
    return f"{packages.version('evotickets')}+{digest.hexdigest()[:12]}"


@cache
def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that numbers depend on, where they are installed."""
    versions = {"python": ".".join(map(str, sys.version_info[:3]))}
    for library in LIBRARIES:
        try:
            versions[library] = packages.version(library)
        except packages.PackageNotFoundError:
            continue
    return versions


def write_table(
    path: str | Path,
    table: "pd.DataFrame | pa.Table | Mapping[str, Any] | Sequence[Mapping[str, Any]]",
    *,
    schema: Schema,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write a table atomically: a frame, rows, or columns by name (a scalar is repeated down its column).

    `metadata` is anything JSON can say, usually `{"config": …}`; code and library versions are added.

    Raises:
        ResultError: if the columns do not fit the schema or the disk refuses.
    """
    path = Path(path)
    header = {
        "schema": schema.name,
        "version": schema.version,
        "code": code_version(),
        "libraries": library_versions(),
        "metadata": dict(metadata or {}),
    }
    arrow = _conform(path, table, schema)
    arrow = arrow.replace_schema_metadata({_HEADER: json.dumps(header, sort_keys=True, ensure_ascii=False)})
    sink = pa.BufferOutputStream()
    pq.write_table(arrow, sink, compression="zstd", write_page_checksum=True, row_group_size=max(1, len(arrow)))
    _write_atomically(path, sink.getvalue())


def _conform(path: Path, table: Any, schema: Schema) -> pa.Table:
    if isinstance(table, pa.Table):
        columns = {name: table[name] for name in table.column_names}
    elif isinstance(table, Sequence):
        names = schema.columns.names if not table else list(table[0])
        columns = {name: [row.get(name) for row in table] for name in names}
    elif isinstance(table, Mapping):
        lengths = {len(values) for values in table.values() if not _is_scalar(values)}
        length = lengths.pop() if lengths else 1
        columns = {name: [v] * length if _is_scalar(v) else v for name, v in table.items()}
    else:
        columns = {name: table[name].to_numpy() for name in table.columns}
    wanted = schema.columns.names
    if set(columns) != set(wanted):
        missing, unknown = sorted(set(wanted) - set(columns)), sorted(set(columns) - set(wanted))
        raise ResultError(
            f"{path}: a {schema.name} table has the columns {', '.join(wanted)}; "
            f"missing: {', '.join(missing) or 'none'}, unknown: {', '.join(unknown) or 'none'}"
        )
    arrays = []
    for field in schema.columns:
        try:
            array = columns[field.name]
            array = array.cast(field.type) if isinstance(array, pa.ChunkedArray) else pa.array(array, field.type)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise ResultError(f"{path}: column {field.name} must be {field.type} ({error})") from error
        if array.null_count and not field.nullable:
            raise ResultError(f"{path}: column {field.name} of a {schema.name} table has missing values: fill them in")
        arrays.append(array)
    try:
        return pa.Table.from_arrays(arrays, schema=schema.columns)
    except pa.ArrowInvalid as error:
        raise ResultError(f"{path}: the columns of a {schema.name} table differ in length ({error})") from error


def _is_scalar(values: Any) -> bool:
    return isinstance(values, str) or np.ndim(values) == 0


def _write_atomically(path: Path, content: pa.Buffer) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ResultError(f"{path} cannot be written ({error.strerror}): make room for it and run again") from error


def read_table(path: str | Path, *, schema: Schema) -> "pd.DataFrame":
    """Read a table of this schema.

    Raises:
        ResultError: if the file is missing, damaged, foreign, of another kind or of another version.
    """
    return _read(Path(path), schema).to_pandas()


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Read schema, version, code, libraries and metadata of any result file.

    Raises:
        ResultError: as `read_table`.
    """
    path = Path(path)
    return _header(path, _open(path).schema_arrow)


def _open(path: Path) -> pq.ParquetFile:
    if not path.is_file():
        raise ResultError(f"{path} is missing: run the workflow again to make it")
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> ResultError:
    return ResultError(f"{path} is damaged, cut short or no Parquet file: delete it and run the workflow again")


def _header(path: Path, schema: pa.Schema) -> dict[str, Any]:
    try:
        return json.loads((schema.metadata or {})[_HEADER])
    except (KeyError, ValueError) as error:
        raise ResultError(f"{path} was not written by evotickets: delete it and run the workflow again") from error


def _read(path: Path, schema: Schema) -> pa.Table:
    with _open(path) as file:
        header = _header(path, file.schema_arrow)
        if header["schema"] != schema.name:
            raise ResultError(
                f"{path} holds a {header['schema']} table where a {schema.name} table is needed: check the path"
            )
        if header["version"] != schema.version:
            raise ResultError(
                f"{path} has version {header['version']} of the {schema.name} table and this code reads version "
                f"{schema.version}: delete it and run the workflow again"
            )
        if not file.schema_arrow.equals(schema.columns):
            raise ResultError(
                f"{path} does not have the columns of a {schema.name} table: delete it and run the workflow again"
            )
        try:
            return file.read()
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path) from error


Tensors = dict[str, np.ndarray]


class Ticket(NamedTuple):
    """Tickets of several seeds, by tensor name (`dense1/kernel`, `dense1/bias`), every array [S, …].

    Before training `mean` is None; `std` is None for trainers without one; `mask` names kernels only. `statistics` are
    the observation normaliser's arrays [S, …], without which a control task's score cannot be computed again.
    """

    seeds: tuple[int, ...]
    initial: Tensors
    mask: Tensors
    mean: Tensors | None = None
    std: Tensors | None = None
    statistics: Tensors = {}  # noqa: RUF012 (never mutated)


def flat_names(params: Mapping[str, Mapping[str, Any]]) -> Tensors:
    """Turn `{"dense1": {"kernel": …}}` into `{"dense1/kernel": …}`, as NumPy arrays."""
    return {f"{layer}/{leaf}": np.asarray(array) for layer, leaves in params.items() for leaf, array in leaves.items()}


def nested_names(tensors: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Turn `{"dense1/kernel": …}` into `{"dense1": {"kernel": …}}`; the inverse of `flat_names`."""
    nested: dict[str, dict[str, Any]] = {}
    for name, array in tensors.items():
        layer, leaf = name.rsplit("/", 1)
        nested.setdefault(layer, {})[leaf] = array
    return nested


def write_ticket(path: str | Path, ticket: Ticket, metadata: Mapping[str, Any] | None = None) -> None:
    """Write a ticket, one row per seed and tensor; float32 and boolean arrays come back exactly.

    Raises:
        ResultError: if names, shapes or types disagree, or the disk refuses.
    """
    path = Path(path)
    parts = {"initial": ticket.initial, "mask": ticket.mask, "mean": ticket.mean, "std": ticket.std}
    parts |= {"statistic": ticket.statistics}
    _check_ticket(path, ticket, parts)
    rows = []
    for row, seed in enumerate(ticket.seeds):
        for name in [*ticket.initial, *ticket.statistics]:
            held = {
                part: np.asarray(tensors[name])[row] for part, tensors in parts.items() if tensors and name in tensors
            }
            shape = next(iter(held.values())).shape
            flat = {part: held[part].ravel() if part in held else None for part in parts}
            rows.append({"seed": seed, "tensor": name, "shape": list(shape)} | flat)
    write_table(path, rows, schema=TICKET, metadata=metadata)


def _check_ticket(path: Path, ticket: Ticket, parts: Mapping[str, Tensors | None]) -> None:
    names = set(ticket.initial)
    for part, tensors in parts.items():
        if part in ("mean", "std") and tensors is not None and set(tensors) != names:
            raise ResultError(f"{path}: {part} must name the tensors of initial ({', '.join(sorted(names))})")
        for name, array in (tensors or {}).items():
            wanted = np.bool_ if part == "mask" else np.float32
            like = np.shape(ticket.initial.get(name, array)) if part != "statistic" else np.shape(array)
            if part == "mask" and name not in names:
                raise ResultError(f"{path}: mask names {name}, which initial does not have")
            if part == "statistic" and name in names:
                raise ResultError(f"{path}: statistic {name} has the name of a tensor: rename it")
            if np.asarray(array).dtype != wanted:
                raise ResultError(f"{path}: {part} of {name} must be {wanted.__name__}, not {np.asarray(array).dtype}")
            if np.shape(array) != like or like[:1] != (len(ticket.seeds),):
                raise ResultError(
                    f"{path}: {part} of {name} has shape {np.shape(array)}; it must be {like} with "
                    f"{len(ticket.seeds)} seeds first"
                )


def read_ticket(path: str | Path) -> Ticket:
    """Read a ticket.

    Raises:
        ResultError: as `read_table`.
    """
    path = Path(path)
    table = _read(path, TICKET).combine_chunks()
    seeds = tuple(dict.fromkeys(table["seed"].to_pylist()))
    names, shapes = table["tensor"].to_pylist(), table["shape"].to_pylist()
    width = len(names) // max(1, len(seeds))
    parts: dict[str, Tensors] = {}
    for part in ("initial", "mask", "mean", "std", "statistic"):
        column, parts[part] = table[part], {}
        for index in range(width):
            if column[index].is_valid:
                arrays = [column[i].values.to_numpy(zero_copy_only=False) for i in range(index, len(names), width)]
                parts[part][names[index]] = np.stack(arrays).reshape(len(seeds), *shapes[index])
    return Ticket(
        seeds, parts["initial"], parts["mask"], parts["mean"] or None, parts["std"] or None, parts["statistic"]
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
    row = _read(path, RECORD).to_pylist()[0]
    for column in ("parameters", "dataset", "tags"):
        row[column] = json.loads(row[column])
    row["metrics"] = [Metric(**metric) for metric in row["metrics"]]
    row["artifacts"] = tuple(row["artifacts"])
    return Record(**row)
