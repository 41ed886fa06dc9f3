"""Tidy tables as Parquet files with explicit schemas.

A file is written whole or not at all, the same content gives the same bytes (no wall times, no paths), and a reader
refuses what it cannot trust with one sentence.
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import metadata as packages
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evotickets import sealed
from evotickets.sealed import ResultError

if TYPE_CHECKING:
    import pandas as pd

LIBRARIES = ("evosax", "gymnax", "jax", "jaxlib", "numpy", "optax", "pyarrow", "scikit-learn", "torch")
_HEADER = b"evotickets"
_SEAL = re.compile(rb'"seal": "([0-9a-f]{64})"')
"""Checksums of Parquet are of pages alone: a bit of the footer may name another column or another study."""


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


STRING, INT, FLOAT, BOOL = pa.string(), pa.int32(), pa.float64(), pa.bool_()
BOOLS, FLOATS = pa.list_(BOOL), pa.list_(pa.float32())
VALUE = {"seed": INT, "split": STRING, "metric": STRING, "value": FLOAT}
"""The last columns of a table of measured values: one row per seed, split and metric."""

HISTORY = register("history", {"step": INT} | VALUE)
MASK = register("mask", {"seed": INT, "mask": BOOLS})
CLAIMS = register(
    "claims",
    dict.fromkeys(("claim", "system", "statement", "source"), STRING)
    | dict.fromkeys(("effect", "low", "high"), FLOAT)
    | {"verdict": STRING, "rule": STRING, "n": INT, "unit": STRING, "confidence": FLOAT},
    version=2,
)

TABLES = {"claims": CLAIMS}
"""The tables that a study collects from all its systems, by the name of their file; the others are in the systems' rooms."""


@cache
def code_version() -> str:
    """Return the version of this package and a digest of its sources, such as `0.1.0+3f9c2a1b7d04`."""
    digest = hashlib.sha256()
    for module in sorted(Path(__file__).parents[1].rglob("*.py")):
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
        "seal": "0" * 64,
    }
    arrow = _conform(path, table, schema)
    arrow = arrow.replace_schema_metadata({_HEADER: json.dumps(header, sort_keys=True, ensure_ascii=False)})
    sink = pa.BufferOutputStream()
    pq.write_table(arrow, sink, compression="zstd", write_page_checksum=True, row_group_size=max(1, len(arrow)))
    sealed.write(path, _sealed(sink.getvalue().to_pybytes()))


def _sealed(content: bytes) -> bytes:
    """Return a file with the digest of all of it, the place of the digest filled with zeros, in its header."""
    *_, place = _SEAL.finditer(content)
    return content[: place.start(1)] + _digest(content, place) + content[place.end(1) :]


def _digest(content: bytes, place: re.Match[bytes]) -> bytes:
    whole = memoryview(content)
    digest = hashlib.sha256(whole[: place.start(1)])
    digest.update(b"0" * 64)
    digest.update(whole[place.end(1) :])
    return digest.hexdigest().encode()


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
            array = _array(columns[field.name], field.type)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise ResultError(f"{path}: column {field.name} must be {field.type} ({error})") from error
        if array.null_count and not field.nullable:
            raise ResultError(f"{path}: column {field.name} of a {schema.name} table has missing values: fill them in")
        arrays.append(array)
    try:
        return pa.Table.from_arrays(arrays, schema=schema.columns)
    except pa.ArrowInvalid as error:
        raise ResultError(f"{path}: the columns of a {schema.name} table differ in length ({error})") from error


def _array(values: Any, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    # Arrow would cut 3.5 to 3 and read "3" as 3 without a word.
    if pa.types.is_integer(kind) and not isinstance(values, pa.ChunkedArray):
        values = pa.chunked_array([pa.array(values)])
    if not isinstance(values, pa.ChunkedArray):
        return pa.array(values, kind)
    if pa.types.is_string(values.type) != pa.types.is_string(kind) and len(values):
        raise TypeError(f"it is {values.type}")
    return values.cast(kind)


def _is_scalar(values: Any) -> bool:
    return isinstance(values, str) or np.ndim(values) == 0


def read_table(path: str | Path, *, schema: Schema) -> "pd.DataFrame":
    """Read a table of this schema.

    Raises:
        ResultError: if the file is missing, damaged, foreign, of another kind or of another version.
    """
    return read_arrow(Path(path), schema).to_pandas()


def read_optional(path: str | Path | None, *, schema: Schema) -> "pd.DataFrame":
    """Read a table of this schema; without a path return one that has its columns and no rows. Raises as `read_table`."""
    if path:
        return read_table(path, schema=schema)
    import pandas as pd

    return pd.DataFrame(columns=schema.columns.names)


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Read schema, version, code, libraries and metadata of any result file.

    Raises:
        ResultError: if the file is missing, damaged or foreign.
    """
    with _open(Path(path)) as (_, header):
        return header


def check_table(path: str | Path) -> None:
    """Read any table whole, whichever its kind.

    Raises:
        ResultError: if the file is missing, damaged, foreign or of another version.
    """
    name = read_metadata(path).get("schema")
    if name not in SCHEMAS:
        raise ResultError(f"{path} holds a table of an unknown kind ({name}): delete it and run the workflow again")
    read_arrow(Path(path), SCHEMAS[name])


@contextmanager
def _open(path: Path) -> Iterator[tuple[pq.ParquetFile, dict[str, Any]]]:
    if not path.is_file():
        raise ResultError(f"{path} is missing: run the workflow again to make it")
    try:
        content = path.read_bytes()
        with pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True) as file:
            held = file.metadata.metadata or {}
            if _HEADER not in held:
                raise ResultError(f"{path} was not written by evotickets: move it away and run the workflow again")
            header = json.loads(held[_HEADER])
            _check_seal(content, header)
            yield file, header
    except ResultError:
        raise
    # Damage shows in many ways, as names that are no text for one.
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ResultError(
            f"{path} is damaged, cut short or no Parquet file: delete it and run the workflow again"
        ) from error


def _check_seal(content: bytes, header: Mapping[str, Any]) -> None:
    places = list(_SEAL.finditer(content))
    # Files of before there were seals have none.
    if "seal" in header and not (places and _digest(content, places[-1]) == places[-1][1]):
        raise ValueError("the digest is of another file")


def read_arrow(path: Path, schema: Schema) -> pa.Table:
    """Read a table as Arrow columns; raises as `read_table`."""
    again = "delete it and run the workflow again"
    with _open(path) as (file, header):
        name, version = header.get("schema"), header.get("version")
        if name != schema.name:
            raise ResultError(f"{path} holds a {name} table where a {schema.name} table is needed: check the path")
        if version != schema.version:
            raise ResultError(
                f"{path} has version {version} of the {name} table, this code reads version {schema.version}: {again}"
            )
        if not file.schema_arrow.equals(schema.columns):
            raise ResultError(f"{path} does not have the columns of a {name} table: {again}")
        return file.read()
