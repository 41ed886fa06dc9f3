"""The command line of tracking: sync, prepare, follow, address, ui."""

import argparse
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path

from evotickets.tracking import charts
from evotickets.tracking.database import ENVIRONMENT, prepare, reason
from evotickets.tracking.store import Store
from evotickets.tracking.updates import LOCAL, follow, journals, record_files, sync


def serve(uri: str, port: int) -> None:
    """Print the addresses of the chart pages, then become MLflow's server, on this machine only."""
    store = Store(uri)
    port = _free_port(port)
    base = uri if store.remote else f"http://127.0.0.1:{port}"
    print(f"tracking: {base}", flush=True)
    _print_links({e.name: charts.address(base, e.experiment_id) for e in store.client.search_experiments()})
    if store.remote:
        return
    environment = os.environ | ENVIRONMENT | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    options = ["--backend-store-uri", uri, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    os.execve(sys.executable, [sys.executable, "-m", "mlflow", "server", *options], environment)


def _free_port(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _print_links(links: Mapping[str, str]) -> None:
    for name, link in sorted(links.items()):
        if name != "Default":
            print(f"  {name}: {link}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m evotickets.tracking", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in {
        "sync": "bring the store up to date with all records, and print where to look",
        "prepare": "create the store if it does not exist",
        "follow": "track jobs while a workflow runs, until standard input ends",
        "address": "print the addresses of the chart pages",
        "ui": "print the addresses of the chart pages and serve them on this machine",
    }.items():
        command = commands.add_parser(name, help=text, description=text.capitalize() + ".")
        uri = os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
        command.add_argument("--uri", default=uri, help="store: sqlite:///FILE or http://… (default: %(default)s)")
        if name in ("sync", "follow"):
            command.add_argument("--results", type=Path, default=Path("results"), help="folder (default: %(default)s)")
        if name == "sync":
            command.add_argument("--seconds", type=float, default=inf, help="begin no record later than this")
        if name == "ui":
            command.add_argument("--port", type=int, default=5000, help="port, if it is free (default: %(default)s)")
    chosen = parser.parse_args(arguments)
    try:
        return _run(chosen)
    except Exception as error:
        print(f"tracking: {reason(error)}", file=sys.stderr)
        return 1


def _run(chosen: argparse.Namespace) -> int:
    if chosen.command == "ui":
        serve(chosen.uri, chosen.port)
    elif chosen.command == "prepare":
        prepare(chosen.uri)
    elif chosen.command == "address":
        store = Store(chosen.uri)
        base = chosen.uri if store.remote else LOCAL
        _print_links({e.name: charts.address(base, e.experiment_id) for e in store.client.search_experiments()})
    else:
        if chosen.command == "follow":
            os.nice(10)
            report = follow(chosen.results, chosen.uri, sys.stdin.buffer)
        else:
            records, jobs = record_files(chosen.results), journals(chosen.results)
            report = sync(records, uri=chosen.uri, jobs=jobs, seconds=chosen.seconds)
        print(report, flush=True)
        _print_links(report.links)
        return int(bool(report.untracked))
    return 0


if __name__ == "__main__":
    sys.exit(main())
