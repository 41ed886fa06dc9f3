"""The command line: check a study, hand it to Snakemake, say where the results are.

`snakemake --configfile …` does the same work without it.
"""

import argparse
import os
import shlex
import signal
import subprocess
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

from evotickets import __version__, lock, sealed, study, tasks
from evotickets.configuration import reader
from evotickets.systems import registry as systems
from evotickets.terminal import printable

PROFILES = Path("workflow/profiles")
QUIET = ["--quiet", "all", "--logger", "mlflow"]
"""Arguments for Snakemake that leave out its own messages and our screen of progress."""
DRY = {"-n", "--dry-run", "--dryrun"}


def _snakemake(*arguments: str, held: lock.Lock | None = None) -> int:
    # Snakemake holds the lock too: it works on if only this process is killed.
    descriptors = [held.descriptor] if held else []
    child = subprocess.Popen([sys.executable, "-m", "snakemake", *arguments], pass_fds=descriptors)
    if held:
        held.name(child.pid)
    before = {
        number: signal.signal(number, lambda n, _: child.send_signal(n)) for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                # The terminal told Snakemake as well, which ends its jobs in good order.
                continue
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tracking(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "evotickets.tracking", *arguments], check=False).returncode


def _fetch_data(loaded: study.Study) -> None:
    """Download the data sets that are missing: once, before any job, and where there is a network."""
    for section in loaded.sections.values():
        for key, name in section.data.items():
            try:
                tasks.fetch(name)
            except (FileNotFoundError, ValueError) as error:
                raise reader.StudyError(f"{key} names {name}, but {error}") from error


def run(options: argparse.Namespace) -> int:
    """Run a study, then write its report."""
    loaded = study.load(options.config)
    folder = loaded.results
    known = sorted(path.parent.name for path in PROFILES.glob("*/profile.yaml"))
    if options.profile not in known:
        raise reader.StudyError(f"there is no profile {options.profile!r}; known are {', '.join(known)}")
    profile = PROFILES / options.profile
    arguments = [
        "--configfile", options.config, "--cores", options.cores, "--workflow-profile", str(profile),
        "--logger-mlflow-results", str(folder), *(QUIET if options.quiet else []), *options.more,
    ]  # fmt: skip
    if DRY & set(options.more):
        return _snakemake(*arguments)
    _fetch_data(loaded)
    with lock.hold(folder) as held:
        if held.abandoned and any(Path(".snakemake/locks").glob("*")):
            # Nobody is at work here, so what Snakemake still takes for a lock is that of a run that was killed.
            _snakemake("--configfile", options.config, "--unlock", "--quiet", "all")
        code = _snakemake(*arguments, held=held)
        # A process that was ended by a signal it does not handle took no lock of its own away.
        held.killed = code < 0
        if code:
            print(
                f"\nThe study is not finished. Run it again to go on; the logs are in {folder}/logs.", file=sys.stderr
            )
            return code
        return report(options)


def report(options: argparse.Namespace) -> int:
    """Write the report of a finished study."""
    folder = study.load(options.config).results
    target = folder / "report.html"
    # Arrow takes half a second to import, which a start of the workflow need not wait for.
    from evotickets import verification

    verification.check_pages(folder)
    code = _snakemake("--configfile", options.config, "--report", str(target), "--quiet", "all")
    if code == 0 and not options.quiet:
        print(f"\nReport:   {target}\nTables:   {folder}/tables\nTracking: make ui, then open the address it prints")
    return code


def verify(options: argparse.Namespace) -> int:
    """Read all files of a study back, and say which are damaged or missing and what makes them anew."""
    from evotickets import verification

    for system in study.load(options.config).sections:
        systems.tables(system)
    files = verification.planned(options.config)
    found = list(verification.faults(files))
    for fault in found:
        print(f"{fault.what}\n    made by rule {fault.rule}", file=sys.stderr)
    if not found:
        if not options.quiet:
            print(f"All {len(files)} files of the study are there and hold what was written.")
        return 0
    print(f"{len(found)} of {len(files)} files of the study are not as they should be.", file=sys.stderr)
    damaged = [shlex.quote(fault.path) for fault in found if Path(fault.path).exists()]
    if damaged:
        print(f"To make them anew: rm {' '.join(damaged)}, then run the study again.", file=sys.stderr)
    return 1


def _speak() -> None:
    """Have those that this process starts read and write UTF-8, and show in escapes what a terminal has no characters for."""
    os.environ.setdefault("PYTHONUTF8", "1")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _keep_caches() -> None:
    """Have what Snakemake and matplotlib keep at home kept in `.cache`, where home is not there or cannot be written."""
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        home.mkdir(parents=True, exist_ok=True)
        if os.access(home, os.W_OK):
            return
    # Nobody may be at home, or have one.
    except (OSError, RuntimeError):
        pass
    here = Path(".cache").absolute()
    os.environ["XDG_CACHE_HOME"] = str(here)
    os.environ.setdefault("MPLCONFIGDIR", str(here / "matplotlib"))


class Parser(argparse.ArgumentParser):
    """A parser whose errors repeat an argument without the codes that a terminal obeys."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and exit."""
        super().error(printable(message))


def main() -> int:
    """Parse the command line and do what it says."""
    _speak()
    _keep_caches()
    parser = Parser("evotickets", description="Check a study, hand it to Snakemake, say where the results are.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND")
    for function in (run, report, verify):
        command = commands.add_parser(function.__name__, help=function.__doc__)
        command.add_argument("--config", default="config/config.yaml", help="the study (default: %(default)s)")
        command.add_argument("-q", "--quiet", action="store_true", help="say nothing unless something fails")
        command.set_defaults(function=function)
        if function is run:
            command.add_argument("--cores", default=str(os.cpu_count()), help="cores to use (default: %(default)s)")
            command.add_argument("--profile", default="default", help="a folder of workflow/profiles")
            command.add_argument("more", nargs="*", help="further arguments for Snakemake, after --")
    for name, what in (
        ("ui", "Serve the tracking UI and print its address."),
        ("sync", "Complete the tracking store."),
    ):
        command = commands.add_parser(name, help=what)
        command.set_defaults(function=lambda _, name=name: _tracking(name))
    options = parser.parse_args()
    if "function" not in options:
        parser.print_help()
        return 0
    try:
        return options.function(options)
    except (reader.StudyError, lock.BusyError, sealed.ResultError) as error:
        print(printable(str(error)), file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
