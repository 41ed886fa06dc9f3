"""The command line: begin a study, run it, say where the results are.

`snakemake --configfile …` does the work of `run` without the lock.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

from evotickets import __version__, extras, lock, sealed, study
from evotickets.commands import CONFIG, INTERRUPTED, new, processes, running
from evotickets.configuration.reader import StudyError
from evotickets.terminal import printable

RESULTS = Path("results")
"""Where results are looked for if there is no study that says it."""


def _new(options: argparse.Namespace) -> int:
    """Begin a study in a folder of its own."""
    new.create(options.folder)
    print(f"Now: cd {options.folder} && evotickets run")
    return 0


def _run(options: argparse.Namespace) -> int:
    """Run a study, then write its report."""
    more = {name: getattr(options, name) for name in ("cores", "profile", "quiet", "more")}
    return running.run(_config(options), **more)


def _report(options: argparse.Namespace) -> int:
    """Write the report of a finished study."""
    return running.report(_config(options), quiet=options.quiet)


def _verify(options: argparse.Namespace) -> int:
    """Read all files of a study back, and say which are damaged or missing and what makes them anew."""
    # Arrow takes half a second to import.
    from evotickets.commands import verifying

    return verifying.verify(_config(options), quiet=options.quiet)


def _claims(options: argparse.Namespace) -> int:
    """Decide the claims of a study once more, from a folder of its tables."""
    # Pandas and Arrow, too, take their time.
    from evotickets.commands import deciding

    return deciding.decide(_config(options), options.tables, quiet=options.quiet)


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


def _ui(options: argparse.Namespace) -> int:
    """Serve the tracking UI on this machine and print its address."""
    extras.require("evotickets ui", "mlflow")
    return processes.tracking("ui", "--port", options.port)


def _sync(options: argparse.Namespace) -> int:
    """Complete the tracking store."""
    extras.require("evotickets sync", "mlflow")
    results = options.results
    if results is None:
        config = _config(options)
        named = options.config or options.named or config.is_file()
        results = study.load(config).results if named else RESULTS
    return processes.tracking("sync", "--results", str(results))


def _config(options: argparse.Namespace) -> Path:
    if options.config and options.named:
        raise StudyError(f"{options.config} and {options.named} are two studies: name one")
    return Path(options.config or options.named or CONFIG)


def _parser() -> argparse.ArgumentParser:
    parser = Parser("evotickets", description="Begin a study, run it, say where the results are.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND")
    for function in (_new, _run, _report, _verify, _claims, _ui, _sync):
        name = function.__name__.strip("_")
        about = (function.__doc__ or "").strip()
        command = commands.add_parser(name, help=about, description=about, allow_abbrev=False)
        command.set_defaults(function=function, command=name)
        if function in (_run, _report, _verify, _sync):
            command.add_argument("config", nargs="?", help=f"the study (default: {CONFIG})")
            command.add_argument("--config", dest="named", metavar="CONFIG", help="the same, with its name")
        if function in (_run, _report, _verify, _claims):
            command.add_argument("-q", "--quiet", action="store_true", help="say nothing unless something fails")
        if function is _new:
            command.add_argument("folder", type=Path, metavar="NAME", help="the folder to make")
        elif function is _claims:
            command.set_defaults(config=None)
            command.add_argument("--config", dest="named", metavar="CONFIG", help=f"the study (default: {CONFIG})")
            command.add_argument("tables", nargs="?", type=Path, help="folder of the tables (default: the study's own)")
        elif function is _run:
            command.usage = "evotickets run [CONFIG] [-q] [--cores N] [--profile NAME] [-- ARGUMENTS FOR SNAKEMAKE]"
            command.add_argument("--cores", default=str(os.cpu_count()), help="cores to use (default: %(default)s)")
            command.add_argument(
                "--profile", default="default", help="default, slurm, or a folder (default: %(default)s)"
            )
        elif function is _ui:
            command.add_argument("--port", default="5000", help="port, if it is free (default: %(default)s)")
        elif function is _sync:
            command.add_argument("--results", type=Path, help="a folder of results (default: that of the study)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and do what it says; return the exit status."""
    _speak()
    _keep_caches()
    given = list(sys.argv[1:] if arguments is None else arguments)
    # What follows -- is Snakemake's, whatever it looks like.
    end = given.index("--") if "--" in given else len(given)
    parser = _parser()
    options = parser.parse_args(given[:end], argparse.Namespace(more=given[end + 1 :]))
    if "function" not in options:
        parser.print_help()
        return 0
    if options.more and options.function is not _run:
        parser.error(f"evotickets {options.command} takes nothing after --")
    try:
        return options.function(options)
    except (StudyError, lock.LockError, extras.MissingError, sealed.ResultError) as error:
        print(printable(str(error)), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    # `python -m evotickets` finds the modules that the command evotickets finds: files where it is called hide none.
    if not sys.flags.safe_path:
        del sys.path[0]
    sys.exit(main())
