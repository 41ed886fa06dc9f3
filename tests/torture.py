"""Disturb whole studies at random in every way there is, and compare what they come to with one that nothing disturbed.

`python -m tests.torture` does all of it to the smallest study of all five systems, `--only` some of it; `--folder` keeps the
undisturbed study for the next time.
"""

import argparse
import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import pyarrow as pa
import yaml

from evotickets import results, sealed, study, verification
from evotickets.commands import WORKFLOW
from evotickets.configuration import reader
from evotickets.configuration.reader import StudyError
from evotickets.systems import registry as systems
from tests import mutants, stores, studies

FIVE = studies.ROOT / "tests/five.yaml"
NO_SPACE = "No space left on device"
MOMENTS = 3.5
"""A kill falls so many seconds after a job began, at most: importing, compiling, training and writing are all among them."""
STORE = "mlflow.db"
DISKS = {"results": "results", "snakemake": ".snakemake", "cache": ".cache", "temporary": "tmp", "store": "store"}
"""The folders of a study that may be disks of their own."""


def start(place, *targets, **environment):
    """Start a study with tracking, on two cores, as the leader of a group of processes: all of it, or what some files need."""
    command = [sys.executable, "-m", "evotickets", "run", "study.yaml", "--cores", "2", "--", *targets]
    with (place / "screen.log").open("a") as screen:
        return subprocess.Popen(
            command, cwd=place, stdout=screen, stderr=screen, start_new_session=True, env=os.environ | environment
        )


def screen(place):
    """Return all that was said."""
    return (place / "screen.log").read_text(errors="replace")


def finish(place, **environment):
    """Run a study to its end."""
    code = start(place, **environment).wait()
    assert code == 0, f"{place} ended with {code}: {screen(place)[-3000:]}"


def runs(store):
    """Return the runs that a store holds as current, by key: what they were asked and what they found."""
    found = {}
    for system in [*systems.SYSTEMS, "transfers", "landscape", "claims"]:
        for key, several in stores.contents(store, system).items():
            assert len(several) == 1, f"{key} stands {len(several)} times in {store}"
            kept = [row for row in several[0]["metrics"] if not row[0].startswith("job/")]
            found[key] = several[0]["parameters"], [row[:3] for row in kept]
    return found


def outcome(place, store=STORE):
    """Return all tables of a study, and the runs that its store holds."""
    assert not studies.leftovers(place), studies.leftovers(place)
    return studies.tables(place), runs(place / store)


def compare(place, undisturbed, store=STORE):
    """Hold a study against one that nothing disturbed, and read all of it back."""
    found = outcome(place, store)
    for what, one, other in zip(("tables", "runs"), found, undisturbed, strict=True):
        different = sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
        assert not different, f"{place}: other {what} than undisturbed: {different}"
    faults = list(verification.faults(files(place)))
    assert not faults, faults


def files(place):
    """All files that a study has made."""
    for system in systems_of(place):
        systems.tables(system)
    with contextlib.chdir(place):
        planned = verification.planned("study.yaml", WORKFLOW / "Snakefile")
    return [each._replace(path=str(place / each.path)) for each in planned]


def systems_of(place):
    """The systems of a study."""
    return list(study.load(place / "study.yaml").sections)


def scripts(place):
    """Return the system of a study that the script of a job belongs to; what several share belongs to none."""
    rules = {"tickets": ("tickets", "transfers", "landscape")}
    owners = {}
    for system in systems_of(place):
        for name in rules.get(system, (system,)):
            for script in re.findall(r"scripts/(\w+)\.py", (WORKFLOW / f"rules/{name}.smk").read_text()):
                owners[script] = system
    return owners


def jobs(process):
    """Return the jobs at work under a head with the names of their scripts."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                words = child.cmdline()
                script = next((word for word in words if ".snakemake/scripts" in word), None)
                if script and "python" in Path(words[0]).name:
                    found.append((child, script.split(".")[-2]))
    return found


def undo(place, system, rng):
    """Take some files of a system away, so that two workers are busy for a while; return all of it that is not there."""
    owners = scripts(place)
    with_script = {
        rule: script
        for path in (WORKFLOW / "rules").glob("*.smk")
        for rule, script in re.findall(r"^rule (\w+):.*?scripts/(\w+)\.py", path.read_text(), re.MULTILINE | re.DOTALL)
    }
    # Snakemake's summary would take seconds at every point.
    made = undo.made.setdefault(place, files(place))
    mine = [each.path for each in made if owners.get(with_script.get(each.rule)) == system]
    for path in rng.sample(mine, min(4, len(mine))):
        Path(path).unlink(missing_ok=True)
    return [os.path.relpath(path, place) for path in mine if not Path(path).exists()]


undo.made = {}


def kill(what, process, job, rng):
    """Kill a job, or the head, or everything at once."""
    with suppress(psutil.NoSuchProcess, ProcessLookupError):
        if what == "job":
            job.kill()
            # What runs beside it goes on, and so does the head; it is told to stop, for the next kill to come.
            time.sleep(rng.uniform(0, 3))
            process.send_signal(signal.SIGTERM)
        elif what == "head":
            heads = psutil.Process(process.pid).children()
            next(head for head in heads if "evotickets.commands.head" in head.cmdline()).kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


def kill_inside_jobs(place, undisturbed, rng, points):
    """Kill a job, the head, or all of it while jobs of each system in turn are at work; then let the study end."""
    owners, done, order, wanted = scripts(place), Counter(), systems_of(place), undisturbed[0]
    while done.total() < points:
        system = order[done.total() % len(order)]
        what = ("job", "head", "all")[(done.total() + done.total() // len(order)) % 3]
        process, moment = start(place, *undo(place, system, rng)), rng.uniform(0, MOMENTS)
        job = _chosen(process, owners, system, moment)
        if job is not None:
            kill(what, process, job, rng)
            done[what, system] += 1
            print(f"{done.total()} of {points}: {what}, {system}, {moment:.1f} s after a job began", flush=True)
        process.wait(300)
        # A head that was killed takes its jobs along, within a second or two.
        studies.wait_for(lambda: not _at_work(place), 60)
        now = studies.tables(place)
        assert all(wanted[path] == content for path, content in now.items()), f"half of a file, or another: {place}"
    finish(place)
    compare(place, undisturbed)
    return done


def _chosen(process, owners, system, moment):
    """Wait until a job of a system is as old as `moment`; none where the study ends before."""
    while process.poll() is None:
        for job, script in jobs(process):
            with suppress(psutil.NoSuchProcess):
                if owners.get(script) == system and time.time() - job.create_time() > moment:
                    return job
        time.sleep(0.02)
    return None


def _at_work(place):
    """Return the processes that work in a folder."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if process.cwd() == str(place) and (
                "evotickets.commands.head" in words or any(".snakemake/scripts" in word for word in words)
            ):
                found.append(process)
    return found


def flip(path, bit):
    """Flip one bit of a file."""
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def flip_bits(place, rng, each):
    """Flip bits, one at a time, in every kind of file: it is refused, or holds what it held before."""
    tried, refused = Counter(), Counter()
    for path in [Path(file.path) for file in files(place)]:
        content = path.read_bytes()
        if path.suffix not in (".parquet", ".safetensors", ".svg", ".html", ".wav"):
            continue
        before = _held(path)
        for bit in rng.choices(range(8 * len(content)), k=each):
            flip(path, bit)
            tried[path.suffix] += 1
            try:
                verification.check(path)
            except results.ResultError as error:
                said = str(error)
                refused[path.suffix] += 1
                if str(path) not in said or "\n" in said:
                    raise AssertionError(f"bit {bit} of {path}: {said}") from error
            else:
                assert _held(path) == before, f"bit {bit} of {path} was taken"
            path.write_bytes(content)
    return tried, refused


def _held(path):
    """What readers find in a file."""
    if path.suffix == ".safetensors":
        return sealed.read_tensors(path)
    if path.suffix == ".wav":
        return sealed.read_sound(path)
    if path.suffix != ".parquet":
        return sealed.read_page(path)
    header = results.read_metadata(path)
    table = results.tables.read_arrow(path, results.SCHEMAS[header["schema"]]).replace_schema_metadata()
    # As bytes, for a NaN is no other NaN.
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return header["metadata"], sink.getvalue().to_pybytes()


HEADS = {
    "compiled programs": ".cache/jax/**/*",
    "digests of code": ".cache/code.json",
    "verified data": ".cache/data.json",
    "records of Snakemake": ".snakemake/metadata/**/*",
    "journal of jobs": "results/**/jobs.jsonl",
    "lock": "results/**/.lock",
    "log of tracking": "results/**/tracking.log",
    "measurements of jobs": "results/**/benchmarks/**/*.jsonl",
    "store": "mlflow.db",
}
"""Files that are no results, and that a run reads."""


def flip_what_heads_keep(place, undisturbed, rng, rounds):
    """Flip a bit in each file that a run reads and that is no result, and let it make some of the results anew."""
    done = Counter()
    shutil.copy(place / STORE, place / "sound.db")
    for number in range(rounds):
        for kind, pattern in HEADS.items():
            for path in [path for path in sorted(place.glob(pattern)) if path.is_file() and path.stat().st_size]:
                flip(path, rng.randrange(8 * path.stat().st_size))
                done[kind] += 1
        undo(place, systems_of(place)[number % len(systems_of(place))], rng)
        code = start(place).wait()
        said = screen(place)
        assert "Traceback" not in said, said[-3000:]
        assert code == 0, said[-3000:]
        assert studies.tables(place) == undisturbed[0]
        # What became of the store is said, and is no result: a new one holds all again.
        shutil.copy(place / "sound.db", place / STORE)
        subprocess.run([sys.executable, "-m", "evotickets", "sync", "study.yaml"], cwd=place, check=True)
    (place / "sound.db").unlink()
    compare(place, undisturbed)
    return done


def fill_a_disk(place, disk, undisturbed, rng, rounds):
    """Let a study make results anew on a disk that is too small, larger each time; then on one that is not."""
    folder = place / DISKS[disk]
    if folder.is_symlink():
        folder.unlink()
    kept = place.with_name(f"{place.name}-{disk}")
    if folder.exists():
        shutil.move(folder, kept)
    folder.mkdir()
    store = STORE
    environment = {"temporary": {"TMPDIR": str(folder)}}.get(disk, {})
    if disk == "store":
        store = "store/mlflow.db"
        environment = {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2g", "tmpfs", folder], check=True)
    ended = Counter()
    try:
        if kept.exists():
            shutil.copytree(kept, folder, symlinks=True, dirs_exist_ok=True)
        for number in range(rounds):
            if disk == "results":
                # All is made anew but what the round before made.
                if number == 0:
                    used = shutil.disk_usage(folder).used
                    for path in studies.tables(place):
                        (place / path).unlink()
                    left = shutil.disk_usage(folder).used
                size = int(left + (used - left) * (number + 1) / (rounds + 1))
                # A disk cannot be made smaller than what it holds.
                size = max(size, shutil.disk_usage(folder).used)
            else:
                undo(place, systems_of(place)[number % len(systems_of(place))], rng)
                full = shutil.disk_usage(folder).used
                size = full + rng.choice([0, 4096, 40960])
            subprocess.run(["mount", "-o", f"remount,size={max(size, 8192)}", folder], check=True)
            before = len(screen(place)) if (place / "screen.log").exists() else 0
            code = start(place, **environment).wait()
            said = screen(place)[before:]
            ended[code] += 1
            assert "Traceback" not in said, f"{disk}: {said[-3000:]}"
            assert code == 0 or NO_SPACE in said, f"{disk}: {said[-3000:]}"
            assert not studies.leftovers(place)
            subprocess.run(["mount", "-o", "remount,size=2g", folder], check=True)
        finish(place, **environment)
        if disk == "store":
            command = [sys.executable, "-m", "evotickets", "sync", "study.yaml"]
            subprocess.run(command, cwd=place, env=os.environ | environment, check=True)
        compare(place, undisturbed, store)
    finally:
        subprocess.run(["umount", folder], check=True)
    return ended


def start_two_heads(place, undisturbed, rounds):
    """Start a study twice at once: one is refused, and the other does all the work."""
    for _ in range(rounds):
        pair = [start(place), start(place)]
        codes = sorted(process.wait() for process in pair)
        assert codes == [0, 2], (codes, screen(place)[-3000:])
        compare(place, undisturbed)
        for path in rng_of(place).sample(list(studies.tables(place)), 6):
            (place / path).unlink()
    finish(place)
    compare(place, undisturbed)
    return rounds


def rng_of(place):
    """A generator for what need not be the same in every run."""
    return random.Random(str(place))


def serve_errors(place, undisturbed, rng):
    """Track to a server that answers every other request with an error; what it lacks in the end is sent by a sync."""
    server = stores.Server(stores.copy(stores.template(place), place / "server")).start()
    failed = Counter()
    try:
        with stores.Proxy(server.port) as proxy:

            def fault(number):
                fails = rng.random() < 0.5
                failed[fails] += 1
                return "500" if fails else None

            proxy.fault = fault
            finish(place, MLFLOW_TRACKING_URI=proxy.uri)
            proxy.fault = lambda number: None
            command = [sys.executable, "-m", "evotickets", "sync", "study.yaml"]
            subprocess.run(command, cwd=place, env=os.environ | {"MLFLOW_TRACKING_URI": proxy.uri}, check=True)
            proxy.shutdown()
    finally:
        server.kill()
    compare(place, undisturbed, "server/mlflow.db")
    return failed


def spoken(config):
    """Return a study with what it leaves to defaults."""
    return config | {
        name: reader.conform(config[name], mutants.rules_of(name), "") for name in systems.SYSTEMS if name in config
    }


def allowed(config):
    """Return the mutants of a study that validation lets through: the system, what was changed, the study."""
    for system in [name for name in systems.SYSTEMS if name in config]:
        for mutation, path, _, mutant in mutants.mutants(system, 4, config=config):
            # Another folder, or fewer seeds of everything, is no other job.
            if path[0] in systems.SYSTEMS:
                with suppress(StudyError):
                    study.resolve(mutant)
                    yield path[0], f"{'.'.join(map(str, path))} = {mutation}", mutant


def run_mutants(place, rng, count, patience=300):
    """Really run what validation lets through, in a folder where all that a mutant leaves as it is has been made.

    Mutants of different systems run as one study, and each alone where that study does not come to its end. Return how many
    there are, and how those of the sample ended: a job may refuse with one sentence.
    """
    kept = place.with_name(f"{place.name}-kept")
    shutil.rmtree(kept, ignore_errors=True)
    place.rename(kept)
    # Mutants say what the study leaves to defaults.
    config = spoken(yaml.safe_load((kept / "study.yaml").read_text()))
    (kept / "study.yaml").write_text(yaml.safe_dump(config))
    finish(kept)
    (kept / "screen.log").unlink()
    found = list(allowed(config))
    drawn, ended = rng.sample(found, min(count, len(found))), Counter(allowed=len(found))
    while drawn:
        together = {system: (told, mutant) for system, told, mutant in drawn}
        drawn = [each for each in drawn if each[1:] != together[each[0]]]
        mixed = config | {system: mutant[system] for system, (_, mutant) in together.items()}
        if len(together) > 1 and _ended(place, kept, mixed, patience * len(together)) == "run":
            ends = dict.fromkeys([told for told, _ in together.values()], "run")
        else:
            ends = {told: _ended(place, kept, mutant, patience) for told, mutant in together.values()}
        for told, how in ends.items():
            ended[how] += 1
            print(f"{told}: {how}", flush=True)
    return ended


def _ended(place, kept, config, patience):
    """Run a study in a copy of a folder; return how it ended, and print what a job refused it for."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(kept, place, symlinks=True)
    (place / "study.yaml").write_text(yaml.safe_dump(config))
    process = start(place)
    try:
        how = {0: "run", 1: "refused in a job", 2: "refused"}[process.wait(patience)]
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        how = "at work until it was ended"
    said = screen(place)
    if "Traceback" in said or how == "refused":
        print(said[-3000:], flush=True)
        return "broken"
    if how == "refused in a job":
        print([line for line in said.splitlines() if line.startswith("  | ")][-1:], flush=True)
    return how


def main():
    """Do all of it, and print what survived."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--study", type=Path, default=FIVE, help="the study (default: %(default)s)")
    parser.add_argument("--points", type=int, default=30, help="kills inside jobs (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of every other fault (default: %(default)s)")
    parser.add_argument("--mutants", type=int, default=20, help="mutants that are run (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random here (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="keep the undisturbed study here (default: nowhere)")
    parser.add_argument("--only", action="append", help="bits, kept, kills, heads, errors, mutants, or a disk")
    options = parser.parse_args()
    root = options.folder or Path(tempfile.mkdtemp(prefix="torture-"))
    print(f"working in {root}", flush=True)
    # All copies are one study to tracking, whatever their folders are called.
    os.environ["EVOTICKETS_STUDY"] = "torture"
    began = time.monotonic()

    def tell(what):
        print(f"{time.monotonic() - began:6.0f} s  {what}", flush=True)

    calm = root / "calm"
    if not calm.exists():
        finish(studies.folder(calm, options.study))
    undisturbed = outcome(calm)
    tell(f"undisturbed: {len(undisturbed[0])} tables, {len(undisturbed[1])} runs")

    def copied(name):
        shutil.rmtree(root / name, ignore_errors=True)
        place = shutil.copytree(calm, root / name, symlinks=True)
        (place / "screen.log").unlink()
        return place.resolve()

    def own_cache(place):
        (place / ".cache").unlink()
        shutil.copytree(studies.ROOT / ".cache", place / ".cache", dirs_exist_ok=True)
        return place

    def bits(rng):
        tried, refused = flip_bits(copied("bits"), rng, 10)
        return {kind: f"{refused[kind]} of {count} refused, the rest changed nothing" for kind, count in tried.items()}

    stages = {
        "bits": bits,
        "kept": lambda rng: flip_what_heads_keep(own_cache(copied("kept")), undisturbed, rng, options.rounds),
        "kills": lambda rng: kill_inside_jobs(copied("killed"), undisturbed, rng, options.points),
        "heads": lambda rng: start_two_heads(copied("two"), undisturbed, options.rounds),
        "errors": lambda rng: serve_errors(copied("errors"), undisturbed, rng),
        "mutants": lambda rng: run_mutants(copied("mutants"), rng, options.mutants),
    }
    if os.geteuid() == 0:
        for disk in DISKS:
            stages[disk] = lambda rng, disk=disk: fill_a_disk(
                copied(f"full-{disk}"), disk, undisturbed, rng, options.rounds
            )
    for name, stage in stages.items():
        if options.only and name not in options.only:
            continue
        tell(f"{name}: {stage(random.Random(f'{options.seed} {name}'))}")
    if not options.folder:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
