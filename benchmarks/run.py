"""Measure our speed beside our peers'; print a table and write it to Parquet.

Peers that are not installed are left out. The machine should be idle; runs are interleaved, and rows hold medians.
"""

import argparse
import importlib
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from timing import SCHEMA

from evotickets import devices

NAMES = (
    *("gemm", "dense", "mlp", "cnn", "bfloat16", "chain", "planting", "strong", "hybrid", "subspace", "minilm"),
    *("problems", "rollouts", "cores", "scale"),
)


def measure(name: str, quick: bool, threads: int) -> list[dict[str, Any]]:
    """Run one benchmark in this process, which has run none before."""
    devices.configure(threads, rollouts=name == "rollouts", cache=None)
    if name in ("dense", "mlp", "cnn", "bfloat16"):
        return getattr(importlib.import_module("generations"), name)(quick)
    return importlib.import_module(name).rows(quick)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks.parquet"), help="where the table goes")
    parser.add_argument("--only", choices=NAMES, action="append", help="run this benchmark alone; may be repeated")
    parser.add_argument("--quick", action="store_true", help="fewer densities and repeats: minutes instead of an hour")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="cores to use; default: all")
    options = parser.parse_args()
    rows = []
    for name in options.only or NAMES:
        print(f"{name}:", flush=True)
        # A process of its own: XLA reads its flags once, and no benchmark warms up or fragments another.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            rows += process.submit(measure, name, options.quick, options.threads).result()
        options.out.parent.mkdir(parents=True, exist_ok=True)
        partial = options.out.with_suffix(".partial")
        table = pa.Table.from_pylist(rows, SCHEMA.with_metadata({"threads": str(options.threads)}))
        pq.write_table(table, partial)
        partial.replace(options.out)
    print(f"\n{'benchmark':10}{'setting':72}{'density':>8}{'ours ms':>11}{'peer':>22}{'ms':>11}{'ratio':>8}")
    for row in rows:
        ours, theirs = (
            f"{value:11.1f}" if value >= 1 else f"{value:11.4f}" for value in (row["ours_ms"], row["peer_ms"])
        )
        numbers = f"{row['density']:8.3g}{ours}{row['peer']:>22}{theirs}{row['ratio']:7.1f}×"
        print(f"{row['benchmark']:10}{row['setting']:72}{numbers}  {row.get('note') or ''}".rstrip())
    print(f"written to {options.out}")


if __name__ == "__main__":
    main()
