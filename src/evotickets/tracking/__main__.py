"""The command line of tracking: sync, prepare, follow, address, ui."""

import argparse
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path

from evotickets.results import ResultError
from evotickets.terminal import printable
from evotickets.tracking.database import ENVIRONMENT, prepare
from evotickets.tracking.faults import ELSEWHERE, explain, file, size
from evotickets.tracking.messages import public
from evotickets.tracking.store import Store
from evotickets.tracking.updates import LOCAL, follow, sync_folder


def serve(uri: str, port: int) -> None:
    """Print the addresses of the chart pages, then become MLflow's server, on this machine only."""
    store = _store(uri)
    port = _free_port(port)
    base = f"http://127.0.0.1:{port}"
    links = store.all_links(base)
    print(f"tracking: {public(uri) if store.remote else base}", flush=True)
    _print_links(links)
    if store.remote:
        return
    environment = os.environ | ENVIRONMENT | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    options = ["--backend-store-uri", uri, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    os.execve(sys.executable, [sys.executable, "-m", "mlflow", "server", *options], environment)


def _store(uri: str) -> Store:
    """Open a store to look at it: one that is not there is not made."""
    path = file(uri)
    if path and not size(path):
        raise ResultError(
            f"{path} is not there: run a study or evotickets sync where its results are, go to that folder, or {ELSEWHERE}"
        )
    return Store(uri)


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
            print(printable(f"  {name}: {link}"), flush=True)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} must be a whole number from 1 to 65535")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m evotickets.tracking", description="The tracking store: sync, prepare, follow, address, ui."
    )
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
        default = public(uri).replace("%", "%%")
        command.add_argument("--uri", default=uri, help=f"store: sqlite:///FILE or http://… (default: {default})")
        if name in ("sync", "follow"):
            command.add_argument("--results", type=Path, default=Path("results"), help="folder (default: %(default)s)")
        if name == "sync":
            command.add_argument("--seconds", type=float, default=inf, help="begin no record later than this")
        if name == "ui":
            command.add_argument("--port", type=_port, default=5000, help="port, if it is free (default: %(default)s)")
    chosen = parser.parse_args(arguments)
    try:
        return _run(chosen)
    except KeyboardInterrupt:
        print("tracking: interrupted; the next sync goes on", file=sys.stderr)
        return 130
    except Exception as error:
        print(f"tracking: {explain(error, chosen.uri)}", file=sys.stderr)
        return 1


def _run(chosen: argparse.Namespace) -> int:
    if chosen.command == "ui":
        serve(chosen.uri, chosen.port)
    elif chosen.command == "prepare":
        prepare(chosen.uri)
    elif chosen.command == "address":
        _print_links(_store(chosen.uri).all_links(LOCAL))
    elif chosen.command == "sync" and not chosen.results.is_dir():
        raise ResultError(f"{chosen.results} is no folder: run a study or name the folder of its results")
    else:
        if chosen.command == "follow":
            os.nice(10)
            report = follow(chosen.results, chosen.uri, sys.stdin.buffer)
        else:
            report = sync_folder(chosen.results, uri=chosen.uri, seconds=chosen.seconds)
        print(report, flush=True)
        _print_links(report.links)
        return int(bool(report.untracked))
    return 0


if __name__ == "__main__":
    sys.exit(main())
