"""Tickets as Parquet files: one row per seed and tensor."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from evotickets.results.tables import BOOLS, FLOATS, INT, STRING, ResultError, read_arrow, register, write_table

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

Tensors = dict[str, np.ndarray]


class Ticket(NamedTuple):
    """Tickets of several seeds, by tensor name (`dense1/kernel`, `dense1/bias`), every array [S, …].

    Before training `mean` is None; `std` is None for trainers without one; `mask` names kernels, and biases where those
    are prunable. `statistics` are the observation normaliser's arrays [S, …], without which a control task's score
    cannot be computed again.
    """

    seeds: tuple[int, ...]
    initial: Tensors
    mask: Tensors
    mean: Tensors | None = None
    std: Tensors | None = None
    statistics: Tensors = {}  # noqa: RUF012 (never mutated)


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
    table = read_arrow(path, TICKET).combine_chunks()
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
