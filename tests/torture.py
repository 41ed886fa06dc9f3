"""Disturb whole studies at random in every way there is, and compare what they come to with one that nothing disturbed.

`python -m tests.torture` runs all of it on the miniature of all five systems, which takes a quarter of an hour.
"""

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from evotickets import results, verification
from evotickets.systems import registry as systems
from tests import stores, studies

MINIATURE = studies.ROOT / "config/test.yaml"
SENTENCE = "cannot be written (No space left on device): make room for it and run again"


def start(place, **environment):
    """Start a study with tracking, on two cores, as the leader of a group of processes."""
    command = [sys.executable, "-m", "evotickets", "run", "--config", "study.yaml", "--cores", "2"]
    with (place / "screen.log").open("a") as screen:
        return subprocess.Popen(
            command, cwd=place, stdout=screen, stderr=screen, start_new_session=True, env=os.environ | environment
        )


def finish(place, **environment):
    """Run a study to its end."""
    process = start(place, **environment)
    code = process.wait()
    assert code == 0, f"{place} ended with {code}: {(place / 'screen.log').read_text()[-3000:]}"


def outcome(place):
    """Return all tables of a study, and the keys of the runs that the store holds as current."""
    runs = {}
    for system in [*systems.SYSTEMS, "claims"]:
        runs |= stores.contents(place / "mlflow.db", system)
    assert not studies.leftovers(place)
    return studies.tables(place), sorted(runs)


def compare(place, undisturbed):
    """Hold a study against one that nothing disturbed, and read all of it back."""
    found, wanted = outcome(place), undisturbed
    different = sorted(path for path in wanted[0].keys() | found[0].keys() if wanted[0].get(path) != found[0].get(path))
    assert not different, f"{place}: other tables than undisturbed: {different}"
    assert found[1] == wanted[1], f"{place}: other runs: {set(found[1]) ^ set(wanted[1])}"
    assert not list(verification.faults(files(place)))


def files(place):
    """All files that a study has made."""
    with contextlib.chdir(place):
        return [each._replace(path=str(place / each.path)) for each in verification.planned("study.yaml")]


def jobs(process):
    """The processes of jobs that are at work under a head."""
    with suppress(psutil.NoSuchProcess):
        children = psutil.Process(process.pid).children(recursive=True)
        return [child for child in children if _is_job(child)]
    return []


def _is_job(process):
    with suppress(psutil.NoSuchProcess):
        return any(".snakemake/scripts" in part for part in process.cmdline())
    return False


def kill_inside_jobs(place, undisturbed, rng, points):
    """Kill a job, or the head, or all of them, inside a job, until it has happened so often; then let the study end."""
    done = {"job": 0, "head": 0, "all": 0}
    while sum(done.values()) < points:
        process, what = start(place), rng.choice(list(done))
        moment, seen = rng.uniform(0, 4), None
        while process.poll() is None:
            ages = [(time.time() - job.create_time(), job) for job in jobs(process) if job.is_running()]
            seen = next((job for age, job in ages if age > moment), None)
            if seen is not None:
                break
            time.sleep(0.02)
        if seen is None:
            break
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if what == "job":
                seen.kill()
                # What runs beside it goes on, and so does the head; it is told to stop, for the next kill to come.
                time.sleep(rng.uniform(0, 3))
                process.send_signal(signal.SIGTERM)
            elif what == "head":
                next(p for p in psutil.Process(process.pid).children() if "snakemake" in " ".join(p.cmdline())).kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
        done[what] += 1
        process.wait(120)
        studies.wait_for(lambda process=process: not jobs(process), 30)
    finish(place)
    compare(place, undisturbed)
    return done


def flip_bits(place, rng, each):
    """Flip bits, one at a time, in every kind of file: it is refused, or holds what it held before."""
    tried, refused = {}, {}
    for system in systems.SYSTEMS:
        systems.tables(system)
    for path in [Path(file.path) for file in files(place)]:
        if path.suffix not in (".parquet", ".safetensors", ".svg", ".html"):
            continue
        content = path.read_bytes()
        before = _held(path)
        for bit in rng.choices(range(8 * len(content)), k=each):
            flipped = bytearray(content)
            flipped[bit // 8] ^= 1 << bit % 8
            path.write_bytes(flipped)
            tried[path.suffix] = tried.get(path.suffix, 0) + 1
            try:
                verification.check(path)
            except results.ResultError as error:
                said = str(error)
                refused[path.suffix] = refused.get(path.suffix, 0) + 1
                if str(path) not in said or "\n" in said:
                    raise AssertionError(f"bit {bit} of {path}: {said}") from error
            else:
                assert _held(path) == before, f"bit {bit} of {path} was taken"
        path.write_bytes(content)
    return tried, refused


def _held(path):
    """What readers find in a file."""
    if path.suffix != ".parquet":
        return path.read_bytes()
    header = results.read_metadata(path)
    return header["metadata"], results.tables.read_arrow(path, results.SCHEMAS[header["schema"]])


def fill_the_disk(place, undisturbed, rng, rounds):
    """Let the study run on disks that are too small, each larger than the one before."""
    need = sum(len(content) for content in undisturbed[0].values())
    (place / "results").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={need // 20}", "tmpfs", place / "results"], check=True)
    try:
        for share in sorted(rng.uniform(0.05, 0.9) for _ in range(rounds)):
            subprocess.run(["mount", "-o", f"remount,size={int(share * need)}", place / "results"], check=True)
            process = start(place)
            assert process.wait(), "there was room"
            assert not studies.leftovers(place)
        screen = (place / "screen.log").read_text()
        assert SENTENCE in screen, screen[-3000:]
        subprocess.run(["mount", "-o", "remount,size=2g", place / "results"], check=True)
        finish(place)
        compare(place, undisturbed)
    finally:
        subprocess.run(["umount", place / "results"], check=True)
    return rounds


def start_two_heads(place, undisturbed, rounds):
    """Start a study twice at once: one is refused, and the other does all the work."""
    for _ in range(rounds):
        pair = [start(place), start(place)]
        codes = sorted(process.wait() for process in pair)
        assert codes == [0, 2], (codes, (place / "screen.log").read_text()[-3000:])
        compare(place, undisturbed)
        shutil.rmtree(place / "results")
    return rounds


def serve_errors(place, undisturbed, rng):
    """Track to a server that answers every other request with an error; what it lacks in the end is sent by a sync."""
    server = stores.Server(stores.copy(stores.template(place), place / "store")).start()
    try:
        with stores.Proxy(server.port) as proxy:
            proxy.fault = lambda number: "500" if rng.random() < 0.5 else None
            finish(place, MLFLOW_TRACKING_URI=proxy.uri)
            proxy.fault = lambda number: None
            command = [sys.executable, "-m", "evotickets", "sync"]
            subprocess.run(command, cwd=place, env=os.environ | {"MLFLOW_TRACKING_URI": proxy.uri}, check=True)
            proxy.shutdown()
    finally:
        server.kill()
    shutil.copy(server.file, place / "mlflow.db")
    compare(place, undisturbed)


def main():
    """Do all of it, and print what survived."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--study", type=Path, default=MINIATURE, help="the study (default: the miniature)")
    parser.add_argument("--points", type=int, default=30, help="kills inside jobs (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random here (default: %(default)s)")
    options = parser.parse_args()
    rng, root = random.Random(options.seed), Path(tempfile.mkdtemp(prefix="torture-"))
    print(f"working in {root}", flush=True)

    def folder(name):
        return studies.folder(root / name, options.study)

    began = time.monotonic()

    def tell(what):
        print(f"{time.monotonic() - began:6.0f} s  {what}", flush=True)

    calm = folder("calm")
    finish(calm)
    undisturbed = outcome(calm)
    tell(f"undisturbed: {len(undisturbed[0])} tables, {len(undisturbed[1])} runs")
    tried, refused = flip_bits(calm, rng, 10)
    for kind, count in tried.items():
        tell(f"flipped bits in {kind}: {count}, of which {refused.get(kind, 0)} refused, the rest changed nothing")
    tell(f"killed: {kill_inside_jobs(folder('killed'), undisturbed, rng, options.points)}")
    if os.geteuid() == 0:
        tell(f"full disks: {fill_the_disk(folder('full'), undisturbed, rng, 4)}")
    tell(f"two heads: {start_two_heads(folder('heads'), undisturbed, 1)}")
    serve_errors(folder("errors"), undisturbed, rng)
    tell("a server that fails half of the time: survived")
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
