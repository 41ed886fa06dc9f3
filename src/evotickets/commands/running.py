"""Run a study and write its report: check everything that can be checked before any job, then hand over to Snakemake."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from evotickets import extras, lock, study, tasks
from evotickets.commands import INTERRUPTED, WORKFLOW, passed, processes
from evotickets.configuration.reader import StudyError
from evotickets.terminal import printable

PROFILE = "profile.yaml"
QUIET = ["--quiet", "all", "--logger", "mlflow"]
"""Arguments for Snakemake that leave out its own messages and our screen of progress."""
PLUGINS = {"slurm": "snakemake_executor_plugin_slurm"}
"""Modules of executors that Snakemake does not bring."""


def run(config: Path, *, cores: str, profile: str, quiet: bool, more: Sequence[str]) -> int:
    """Run a study, then write its report; return the exit status.

    Raises:
        StudyError: if something that was asked for cannot be.
        LockError: if its folder of results cannot be had.
        MissingError: if a library is missing.
    """
    extras.require("evotickets run", *extras.WORKFLOW)
    loaded = study.load(config)
    folder = _profile(profile)
    # Files that are asked for would be read as more words of an option that takes several, such as the last of the quiet ones.
    arguments = [
        *_common(config), *(QUIET if quiet else []), "--cores", passed.cores(cores), "--workflow-profile", str(folder),
        "--logger-mlflow-results", str(loaded.results), *more,
    ]  # fmt: skip
    # Whatever reaches Snakemake on other ways, such as a profile of the user's: the workflow refuses another folder.
    environment = {"EVOTICKETS_RESULTS": os.path.realpath(loaded.results)}
    if not os.access(".", os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise StudyError(
            f"{Path.cwd()} cannot be written to, and Snakemake keeps its records there: go to another folder"
        )
    asked = passed.check(more)
    if asked.dry:
        return processes.snakemake(*arguments, environment=environment)
    for said in () if quiet else _left_out(loaded):
        print(printable(said), file=sys.stderr)
    _fetch_data(loaded)
    with lock.hold(loaded.results) as held:
        if held.abandoned and any(Path(".snakemake/locks").glob("*")):
            # Nobody is at work here, so what Snakemake still takes for a lock is that of a run that was killed.
            code = processes.snakemake(*_common(config), "--workflow-profile", "none", "--unlock", "--quiet", "all")
            # What is there still, the next run has to remove: it has to know of it.
            held.killed = bool(code)
        else:
            code = 0
        code = code or processes.snakemake(*arguments, held=held, environment=environment)
        if code:
            how = "was interrupted" if code == INTERRUPTED else "is not finished"
            logs = "" if code == INTERRUPTED else f"; the logs are in {loaded.results}/logs"
            print(f"\nThe study {how}. Run it again to go on{logs}.", file=sys.stderr)
            return code
        # A report is one of a whole study.
        return 0 if asked.some else _report(config, loaded.results, quiet=quiet)


def report(config: Path, *, quiet: bool) -> int:
    """Write the report of a finished study; return the exit status.

    Raises:
        StudyError: if there is no such study, or nothing of it was made.
        MissingError: if a library is missing.
    """
    extras.require("evotickets report", *extras.WORKFLOW)
    results = study.load(config).results
    if not results.is_dir():
        raise StudyError(f"{results} is not there: evotickets run {config} makes it")
    return _report(config, results, quiet=quiet)


def _report(config: Path, results: Path, *, quiet: bool) -> int:
    # Arrow takes half a second to import, which a start of the workflow need not wait for.
    from evotickets import verification

    verification.check_pages(results)
    target = results / "report.html"
    code = processes.snakemake(
        *_common(config), "--workflow-profile", "none", "--report", str(target), "--quiet", "all"
    )
    if code == 0 and not quiet:
        print(
            f"\nReport:   {target}\nTables:   {results}/tables\nTracking: evotickets ui, then open the address it prints"
        )
    return code


def _common(config: Path) -> list[str]:
    return ["--snakefile", str(WORKFLOW / "Snakefile"), "--configfile", str(config)]


def _profile(name: str) -> Path:
    """Return the folder of a profile: the user's own in `profiles`, or one that is installed, or by its path.

    Raises:
        StudyError: if there is none.
    """
    places = [Path("profiles"), WORKFLOW / "profiles"]
    folders = {path.parent.name: path.parent for place in reversed(places) for path in place.glob(f"*/{PROFILE}")}
    folder = folders.get(name) or Path(name)
    if not (folder / PROFILE).is_file():
        known = ", ".join(sorted(folders))
        raise StudyError(f"there is no profile {name!r}; known are {known}, and any folder that has a {PROFILE}")
    try:
        executor = (yaml.safe_load((folder / PROFILE).read_text(encoding="utf-8")) or {}).get("executor")
    except (OSError, ValueError, AttributeError, yaml.YAMLError) as error:
        raise StudyError(f"{folder / PROFILE} cannot be read as a profile: mend it, or name another") from error
    if executor in PLUGINS:
        extras.require(f"the profile {name}", PLUGINS[executor])
    return folder


def _left_out(loaded: study.Study) -> list[str]:
    """Return what is left out of a study because something is not installed, in sentences."""
    return [said for section in loaded.sections.values() for said in getattr(section, "left_out", ())]


def _fetch_data(loaded: study.Study) -> None:
    """Download the data sets that are missing: once, before any job, and where there is a network."""
    for section in loaded.sections.values():
        environments = getattr(section, "environments", {})
        for key, name in section.data.items():
            try:
                tasks.fetch(name, **environments.get(key, {}))
            except (FileNotFoundError, ValueError) as error:
                raise StudyError(f"{key} names {name}, but {error}") from error
