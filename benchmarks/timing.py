"""Interleaved runs, and the rows they end up in."""

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from typing import Any

import numpy as np
import pyarrow as pa

SCHEMA = pa.schema(
    [
        ("benchmark", pa.string()),
        ("setting", pa.string()),
        ("density", pa.float64()),
        ("ours_ms", pa.float64()),
        ("ours_quartiles", pa.list_(pa.float64())),
        ("peer", pa.string()),
        ("peer_ms", pa.float64()),
        ("peer_quartiles", pa.list_(pa.float64())),
        ("ratio", pa.float64()),
        ("note", pa.string()),
    ]
)


def interleaved(cases: dict[str, Callable[[], Any]], repeats: int, each: int = 1) -> dict[str, np.ndarray]:
    """Return the milliseconds [repeats] of each case, one run of each in turn; a run does `each` equal pieces of work."""
    for case in cases.values():
        case()
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(repeats):
        for name, case in cases.items():
            begin = time.perf_counter()
            case()
            times[name].append((time.perf_counter() - begin) * 1e3 / each)
    return {name: np.array(values) for name, values in times.items()}


def apart(
    makers: dict[str, Callable[[], Callable[[], Any]]], repeats: int, each: int = 1
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Like `interleaved`, each case in a process of its own, which makes it; return its result too.

    Threads of one library spin on for a while after its work, and what one has freed changes how the allocator serves the
    next: so short cases would measure their neighbours.
    """
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(ProcessPoolExecutor(1, context, initializer=_hold, initargs=(maker,)))
            for name, maker in makers.items()
        }
        results = {name: process.submit(_result).result() for name, process in processes.items()}
        times = {name: [] for name in makers}
        for _ in range(repeats):
            for name, process in processes.items():
                times[name].append(process.submit(_timed).result() / each)
    return {name: np.array(values) for name, values in times.items()}, results


_held: Callable[[], Any]


def _hold(maker: Callable[[], Callable[[], Any]]) -> None:
    global _held
    _held = maker()


def _result() -> Any:
    return np.asarray(_held())


def _timed() -> float:
    begin = time.perf_counter()
    _held()
    return (time.perf_counter() - begin) * 1e3


def row(
    benchmark: str, setting: str, density: float, ours: np.ndarray, peer: str, theirs: np.ndarray, note: str = ""
) -> dict[str, Any]:
    """Compare medians; the quartiles show the spread."""
    return {
        "benchmark": benchmark,
        "setting": setting,
        "density": density,
        "ours_ms": float(np.median(ours)),
        "ours_quartiles": np.quantile(ours, [0.25, 0.75]).tolist(),
        "peer": peer,
        "peer_ms": float(np.median(theirs)),
        "peer_quartiles": np.quantile(theirs, [0.25, 0.75]).tolist(),
        "ratio": float(np.median(theirs) / np.median(ours)),
        "note": note,
    }
