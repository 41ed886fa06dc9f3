# The study, checked before anything else, and what all rules share.
import ast
import hashlib
import os
import sys
from pathlib import Path

from evotickets.configuration import reader
from evotickets import study as studies
from evotickets.systems import registry as systems

# Not the folder that the workflow was started with: another workflow may have imported this one.
WORKFLOW = Path(workflow.current_basedir).resolve().parent
SCHEMA = WORKFLOW / "schemas/config.schema.yaml"

if not config:

    configfile: "config/config.yaml"


try:
    for file in workflow.configfiles:
        reader.read(file)
    study = studies.resolve(config, SCHEMA)
except reader.StudyError as error:
    files = ", ".join(map(str, workflow.configfiles)) or "the configuration"
    print(f"{files}: {error}", file=sys.stderr)
    sys.exit(1)

# Jobs end when the process that started them is gone (evotickets.jobs).
os.environ.update(EVOTICKETS_HEAD=str(os.getpid()))

RESULTS = study.results.as_posix()
LOGS = f"{RESULTS}/logs"
BENCHMARKS = f"{RESULTS}/benchmarks"
PACKAGE = Path(studies.__file__).parent


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
    return report(f"{RESULTS}/{figure.path}", caption=str(figure.caption), **place)


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
    """Name of the MLflow experiment of a system: one per study."""
    return "/".join(filter(None, (study.name, system)))


def growing(megabytes):
    """Memory of a job: as much again with every attempt, where a profile sets retries."""
    return lambda wildcards, attempt: megabytes * attempt


def code(script, *modules):
    """Digest of the modules of the package that a script imports, directly or not: a job re-runs when one changes.

    Modules that it imports by name are named here.
    """
    found = {PACKAGE.joinpath(*name.split(".")[1:]).with_suffix(".py") for name in modules}
    waiting = [WORKFLOW / f"scripts/{script}.py", *found]
    while waiting:
        for node in ast.walk(ast.parse(waiting.pop().read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "evotickets":
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names if alias.name.split(".")[0] == "evotickets"]
            else:
                continue
            for name in names:
                place = PACKAGE.joinpath(*name.split(".")[1:])
                for module in (place.with_suffix(".py"), place / "__init__.py"):
                    if module.is_file() and module not in found:
                        found.add(module)
                        waiting.append(module)
    digest = hashlib.sha256()
    for module in sorted(found):
        digest.update(str(module.relative_to(PACKAGE)).encode() + module.read_bytes())
    return digest.hexdigest()[:16]
