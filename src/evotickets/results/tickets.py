"""Tickets as Parquet files: one row per seed and tensor."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from evotickets.networks.tickets import PARTS, Ticket
from evotickets.results.tables import (
    BOOLS,
    FLOATS,
    INT,
    STRING,
    ResultError,
    read_arrow,
    read_metadata,
    register,
    write_table,
)

TICKET = register(
    "ticket",
    {
        "seed": INT,
        "tensor": STRING,
        "shape": pa.list_(INT),
        "initial": FLOATS,
        "mask": BOOLS,
        "mean": FLOATS,
        "std": FLOATS,
        "statistic": FLOATS,
    },
    nullable=("initial", "mask", "mean", "std", "statistic"),
)


def write_ticket(path: str | Path, ticket: Ticket, metadata: Mapping[str, Any] | None = None) -> None:
    """Write a ticket, one row per seed and tensor; float32 and boolean arrays come back exactly.

    Without `metadata` its own settings are kept in their place.

    Raises:
        ResultError: if the disk refuses.
    """
    parts = {part: getattr(ticket, part) for part in PARTS} | {"statistic": ticket.statistics}
    rows = []
    for row, seed in enumerate(ticket.seeds):
        for name in [*ticket.initial, *ticket.statistics]:
            held = {
                part: np.asarray(tensors[name])[row] for part, tensors in parts.items() if tensors and name in tensors
            }
            shape = next(iter(held.values())).shape
            flat = {part: held[part].ravel() if part in held else None for part in parts}
            rows.append({"seed": seed, "tensor": name, "shape": list(shape)} | flat)
    write_table(Path(path), rows, schema=TICKET, metadata=ticket.settings if metadata is None else metadata)


def read_ticket(path: str | Path) -> Ticket:
    """Read a ticket; its settings are the metadata of the file.

    Raises:
        ResultError: as `read_table`, or if its parts do not fit each other.
    """
    path = Path(path)
    table = read_arrow(path, TICKET).combine_chunks()
    seeds = tuple(dict.fromkeys(table["seed"].to_pylist()))
    names, shapes = table["tensor"].to_pylist(), table["shape"].to_pylist()
    width = len(names) // max(1, len(seeds))
    parts: dict[str, dict[str, np.ndarray]] = {}
    for part in (*PARTS, "statistic"):
        column, parts[part] = table[part], {}
        for index in range(width):
            if column[index].is_valid:
                arrays = [column[i].values.to_numpy(zero_copy_only=False) for i in range(index, len(names), width)]
                parts[part][names[index]] = np.stack(arrays).reshape(len(seeds), *shapes[index])
    statistics, settings = parts.pop("statistic"), read_metadata(path)["metadata"]
    mean, std = parts.pop("mean") or None, parts.pop("std") or None
    try:
        return Ticket(seeds, **parts, mean=mean, std=std, statistics=statistics, settings=settings)
    except ValueError as error:
        raise ResultError(f"{path} holds no ticket: {error}") from error
