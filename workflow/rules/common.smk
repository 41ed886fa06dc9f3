# The study, checked before anything else, and what all rules share.
import os
from pathlib import Path

from evotickets import copies, study as studies
from evotickets.code import Code
from evotickets.configuration import reader

SCHEMA = Path(workflow.basedir) / "workflow/schemas/config.schema.yaml"

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
os.environ["EVOTICKETS_HEAD"] = str(os.getpid())

RESULTS = study.results.as_posix()
LOGS = f"{RESULTS}/logs"
BENCHMARKS = f"{RESULTS}/benchmarks"
SCRIPTS = Path(workflow.basedir) / "workflow/scripts"
CODE = Code(Path(studies.__file__).parent, kept=Path(".cache/code.json"))

if workflow.is_main_process:
    copies.make_times_equal(study.results)


def experiment(system):
    """Name of the MLflow experiment of a system: one per study."""
    return "/".join(filter(None, (study.name, system)))


def growing(megabytes):
    """Memory of a job: as much again with every attempt, where a profile sets retries."""
    return lambda wildcards, attempt: megabytes * attempt


def code(script, **parts):
    """Digest of what a script computes: the job re-runs when it changes (evotickets.code)."""
    return CODE.digest(SCRIPTS / f"{script}.py", **parts)
