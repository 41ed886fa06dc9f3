"""Synthetic studies, what a store holds of them, and servers that fail on purpose."""

import contextlib
import hashlib
import http.client
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from evotickets.results import Record, write_record, write_table
from evotickets.systems.tickets.tables import SCORES
from evotickets.tracking import database

CRITERIA, LEVELS = ("snr", "random"), 2


def write_study(folder, system="tickets", generations=5, shift=0.0):
    """Write the records of two chains of two levels; return their paths."""
    records = []
    for number, criterion in enumerate(CRITERIA):
        chain = folder / system / "digits" / criterion
        common = {"task": "digits", "trainer": "snes", "criterion": criterion}
        for level in range(LEVELS):
            score = 0.9 - 0.1 * level * number + shift
            parameters = common | {"level": level, "density": 0.5**level, "population": 16}
            metrics = [("train/loss", step, 1 / (step + 1)) for step in range(generations)]
            metrics += [("test/accuracy", step, score * step / generations) for step in range(generations)]
            records.append(_write(chain / f"level{level:02d}", system, "level", parameters, metrics, number, level))
        metrics = [("test/accuracy", level, 0.9 - 0.1 * level * number + shift) for level in range(LEVELS)]
        metrics += [("density", level, 0.5**level) for level in range(LEVELS)]
        records.append(_write(chain, system, "chain", common, metrics, number, LEVELS))
    return records


def _write(folder, system, kind, parameters, metrics, number, place):
    factors = {"system": system, "task": "digits", "trainer": "snes", "criterion": "snr", "level": 0, "density": 1.0}
    score = {"seed": [0, 1], "split": "test", "metric": "accuracy", "value": metrics[-1][2]}
    score["parts"] = [[], []]
    write_table(folder / "scores.parquet", factors | score, schema=SCORES)
    (folder / "figures").mkdir(exist_ok=True)
    (folder / "figures" / "curve.svg").write_text("<svg/>")
    start = 1_700_000_000 + 100 * number + 10 * place
    record = Record(
        key="/".join(folder.parts[-4:]),
        system=system,
        name=" ".join(map(str, [parameters["criterion"], parameters.get("level", "")])).strip(),
        kind=kind,
        parameters=parameters,
        metrics=metrics,
        artifacts=("scores.parquet", "figures/curve.svg"),
        dataset={"name": "digits", "digest": "abc", "rows": 1797, "features": 64},
        start=start,
        end=start + 8,
    )
    write_record(folder / "record.parquet", record)
    return folder / "record.parquet"


def contents(file, system="tickets", state=("current",)):
    """Return what the active runs of a system are, by key: everything but identifiers and times of artifacts."""
    query = "SELECT run_uuid, e.name, r.name, status, start_time, end_time, artifact_uri FROM runs r "
    query += "JOIN experiments e USING (experiment_id) WHERE r.lifecycle_stage = 'active'"
    found = {}
    with contextlib.closing(sqlite3.connect(file)) as connection:
        execute = connection.execute
        for run, experiment, name, status, start, end, artifacts in execute(query).fetchall():
            tags = dict(execute("SELECT key, value FROM tags WHERE run_uuid = ?", [run]))
            if experiment.removesuffix("-levels") != system or tags["state"] not in state:
                continue
            metrics = "SELECT key, step, value, timestamp FROM metrics WHERE run_uuid = ? ORDER BY 1, 2, 3, 4"
            inputs = "SELECT d.name, digest FROM inputs JOIN datasets d ON source_id = dataset_uuid "
            inputs += "WHERE destination_id = ?"
            found.setdefault(tags.pop("job_key"), []).append(
                {
                    "run": (experiment, name, status, start, end),
                    "metrics": execute(metrics, [run]).fetchall(),
                    "parameters": sorted(execute("SELECT key, value FROM params WHERE run_uuid = ?", [run])),
                    "tags": {key: value for key, value in tags.items() if not key.startswith("mlflow.user")},
                    "inputs": execute(inputs, [run]).fetchall(),
                    "artifacts": _files(artifacts, file.parent),
                }
            )
    return found


def _files(location, folder):
    if location.startswith("mlflow-artifacts:/"):
        root = folder / "mlartifacts" / location.removeprefix("mlflow-artifacts:/").lstrip("/")
    else:
        root = Path(location.removeprefix("file://"))
    # A server that is killed while it takes an artifact leaves MLflow's own temporary file beside the others.
    uploading = ".artifact.uploading."
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.name.startswith(uploading))
    return [(path.relative_to(root).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]


def dump(file):
    """Return every row of a store."""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


def template(folder):
    """Create an empty store; copies of it spare the two seconds that this takes."""
    database.prepare(f"sqlite:///{folder / 'mlflow.db'}")
    return folder / "mlflow.db"


def copy(template, folder):
    """Return the file of an empty store in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(template, folder / "mlflow.db"))


def free_port():
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A real `mlflow server`, as `ui` starts it, that can be killed and started again on its port and store."""

    def __init__(self, file):
        self.file, self.port = file, free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        """Start and wait until it answers."""
        command = [sys.executable, "-m", "evotickets.tracking", "ui", "--port", str(self.port)]
        command += ["--uri", f"sqlite:///{self.file}"]
        with (self.file.parent / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, cwd=self.file.parent
            )
        for _ in range(600):
            with contextlib.suppress(OSError):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    return self
            time.sleep(0.1)
        raise AssertionError((self.file.parent / "server.log").read_text())

    def kill(self):
        """Kill it and its workers without a word."""
        if self.process is not None:
            os.killpg(self.process.pid, 9)
            self.process.wait()
            self.process = None


class Proxy(ThreadingHTTPServer):
    """A proxy in front of a server; `fault(number)` says what happens to a request.

    None passes it on, "500" refuses it, "lost" passes it on and drops the answer, a number waits that many seconds.
    """

    daemon_threads = True

    def __init__(self, port):
        self.target, self.fault, self.count, self.lock = port, lambda number: None, 0, threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)
        self.uri = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def forward(self):
        with self.server.lock:
            self.server.count += 1
            fault = self.server.fault(self.server.count)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if fault == "500":
            return self.answer(500, b'{"error_code": "INTERNAL_ERROR", "message": "no luck"}', "application/json")
        if isinstance(fault, float):
            time.sleep(fault)
        connection = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name != "Host"}
        try:
            connection.request(self.command, self.path, body, headers)
            response = connection.getresponse()
            content = response.read()
        except OSError:
            fault = "lost"
        if fault == "lost":
            self.close_connection = True
            return self.connection.shutdown(socket.SHUT_RDWR)
        return self.answer(response.status, content, response.getheader("Content-Type") or "application/json")

    def answer(self, status, content, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward
