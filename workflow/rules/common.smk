# The study, checked before anything else, and what all rules share.
import ast
import hashlib
import os
from pathlib import Path

from evotickets.configuration import reader
from evotickets import study as studies

if not config:

    configfile: "config/config.yaml"


try:
    for file in workflow.configfiles:
        reader.read(file)
    study = studies.resolve(config)
except reader.StudyError as error:
    files = ", ".join(map(str, workflow.configfiles)) or "the configuration"
    print(f"{files}: {error}", file=sys.stderr)
    sys.exit(1)

# Jobs end when the process that started them is gone (evotickets.jobs).
os.environ["EVOTICKETS_HEAD"] = str(os.getpid())

RESULTS = study.results.as_posix()
LOGS = f"{RESULTS}/logs"
BENCHMARKS = f"{RESULTS}/benchmarks"
PACKAGE = Path(studies.__file__).parents[1]


def experiment(system):
    """Name of the MLflow experiment of a system: one per study."""
    return "/".join(filter(None, (study.name, system)))


def growing(megabytes):
    """Memory of a job: as much again with every attempt, where a profile sets retries."""
    return lambda wildcards, attempt: megabytes * attempt


def code(script):
    """Digest of the modules of the package that a script imports, directly or not: a job re-runs when one changes."""
    found, waiting = set(), [Path(workflow.basedir) / f"workflow/scripts/{script}.py"]
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
