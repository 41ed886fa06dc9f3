"""The command line: check a study, hand it to Snakemake, say where the results are.

`snakemake --configfile …` does the same work without it.
"""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from evotickets import __version__, lock, study, tasks
from evotickets.configuration import reader

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
            except FileNotFoundError as error:
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
    code = _snakemake("--configfile", options.config, "--report", str(target), "--quiet", "all")
    if code == 0 and not options.quiet:
        print(f"\nReport:   {target}\nTables:   {folder}/tables\nTracking: make ui, then open the address it prints")
    return code


def claims(options: argparse.Namespace) -> int:
    """Decide the claims of a study once more, from a folder of its tables."""
    # The other commands do without reading tables.
    from evotickets import results
    from evotickets.claims import page, published

    loaded = study.load(options.config)
    try:
        found = published.again(loaded, Path(options.tables or loaded.results / "tables"))
    except results.ResultError as error:
        raise reader.StudyError(str(error)) from error
    asked = found[found["verdict"] != page.NOT_ASKED]
    for row in () if options.quiet else asked.itertuples():
        effect = f"{row.effect:.4g} ({row.low:.4g} to {row.high:.4g})"
        print(f"{row.claim:24} {row.verdict:12} {effect:34} {row.unit}")
    print(page.counts(found))
    return 0


def main() -> int:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser("evotickets", description=__doc__.splitlines()[0])
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND")
    for function in (run, report, claims):
        command = commands.add_parser(function.__name__, help=function.__doc__)
        command.add_argument("--config", default="config/config.yaml", help="the study (default: %(default)s)")
        command.add_argument("-q", "--quiet", action="store_true", help="say nothing unless something fails")
        command.set_defaults(function=function)
        if function is claims:
            command.add_argument(
                "tables", nargs="?", help="folder of the tables (default: that of the study's results)"
            )
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
    except (reader.StudyError, lock.BusyError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
