# The study, checked before anything else, and what all rules share.
import os
import sys
from pathlib import Path

from evotickets import extras, provenance, study as studies, terminal
from evotickets.code import Code
from evotickets.configuration import reader
from evotickets.systems import registry as systems

# Not the folder that the workflow was started with: another workflow may have imported this one.
WORKFLOW = Path(workflow.current_basedir).resolve().parent

if not config:

    configfile: "config/config.yaml"


try:
    # Own parts are beside the file that names them; on the command line, in the working directory.
    naming = [Path(file).parent for file in workflow.configfiles if "parts" in reader.read(file)]
    study = studies.resolve(config, naming[-1] if naming else Path())
except (reader.StudyError, extras.MissingError) as error:
    files = ", ".join(map(str, workflow.configfiles)) or "the configuration"
    print(terminal.printable(f"{files}: {error}"), file=sys.stderr)
    sys.exit(1)

# Jobs end when the process that started them is gone (evotickets.jobs).
os.environ.update(EVOTICKETS_HEAD=str(os.getpid()))

# The command line holds the lock of one folder, and tracking reads it.
if os.environ.get("EVOTICKETS_RESULTS") not in (None, os.path.realpath(study.results)):
    print(
        f"results is {study.results}, another folder than that of the configuration: leave it and the working folder alone",
        file=sys.stderr,
    )
    sys.exit(1)

# The command line has said it.
if workflow.is_main_process and "EVOTICKETS_RESULTS" not in os.environ:
    for section in study.sections.values():
        for sentence in getattr(section, "left_out", ()):
            print(terminal.printable(sentence), file=sys.stderr)

RESULTS = study.results.as_posix()
LOGS = f"{RESULTS}/logs"
BENCHMARKS = f"{RESULTS}/benchmarks"
CODE = Code(Path(studies.__file__).parent, kept=Path(".cache/code.json"), own=study.own)

if workflow.is_main_process:
    provenance.make_times_equal(study.results)
    if damaged := provenance.mark_damaged():
        what = "record of a result is" if damaged == 1 else "records of results are"
        print(f"{damaged} {what} damaged (.snakemake/metadata): made anew", file=sys.stderr)


# What every system of the study makes, and the figures that it declares.
FILES = {
    system: systems.files(system).Files(section, RESULTS, study.seeds) for system, section in study.sections.items()
}
FIGURES = {system: systems.figures(system) for system in FILES}
DECIDED = f"{RESULTS}/claims/{{system}}"


wildcard_constraints:
    task="[a-z0-9_]+",
    seeker="[a-z0-9_]+",
    density=r"ticket|[0-9.e-]+",


def drawn(system, name):
    """The output that a figure is, for the report to list as it declares."""
    figure = FIGURES[system][name]
    place = {"category": figure.category, "subcategory": figure.subcategory, "labels": figure.labels}
    return report(f"{RESULTS}/{figure.path}", caption=figure.caption and str(figure.caption), **place)


def facts(system, name):
    """A function of wildcards: what the function of a figure asks for beside tables."""
    asked, files = FIGURES[system][name].facts, FILES[system]
    return lambda wildcards: {
        fact: wildcards[fact] if fact in wildcards.keys() else getattr(files, fact)(wildcards) for fact in asked
    }


def shown(system):
    """The figures that show what the claims of a system are decided from, as inputs by name."""
    return {f"{name}_figures": FILES[system].drawn(FIGURES[system][name]) for name in systems.shown(system)}


def experiment(system):
    """Study and system of a record; tracking puts the folder of the project before the one, and the other is the experiment."""
    return "/".join(filter(None, (study.name, system)))


def growing(amount):
    """Memory (MB) or run time (minutes) of a job: as much again with every attempt, where a profile sets retries."""
    return lambda wildcards, attempt: amount * attempt


def code(script, *modules, **parts):
    """Digest of what a script computes: the job re-runs when it changes (evotickets.code).

    Modules that it imports by a computed name are named here, and parts by their kind (`Parts` of a system's files).
    """
    return CODE.digest(WORKFLOW / f"scripts/{script}.py", modules=modules, **parts)
