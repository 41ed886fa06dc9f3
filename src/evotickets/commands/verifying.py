"""Read a finished study back."""

import shlex
import sys
from pathlib import Path

from evotickets import extras, study, verification
from evotickets.commands import WORKFLOW
from evotickets.systems import registry as systems


def verify(config: Path, *, quiet: bool) -> int:
    """Say which files of a study are damaged or missing and what makes them anew; return the exit status.

    Raises:
        StudyError: if there is no such study.
        ResultError: if Snakemake cannot plan it.
        MissingError: if a library is missing.
    """
    extras.require("evotickets verify", *extras.WORKFLOW)
    for system in study.load(config).sections:
        systems.tables(system)
    files = verification.planned(str(config), WORKFLOW / "Snakefile")
    found = list(verification.faults(files))
    for fault in found:
        print(f"{fault.what}\n    made by rule {fault.rule}", file=sys.stderr)
    if not found:
        if not quiet:
            print(f"All {len(files)} files of the study are there and hold what was written.")
        return 0
    print(f"{len(found)} of {len(files)} files of the study are not as they should be.", file=sys.stderr)
    damaged = [shlex.quote(fault.path) for fault in found if Path(fault.path).exists()]
    if damaged:
        print(f"To make them anew: rm {' '.join(damaged)}, then run the study again.", file=sys.stderr)
    return 1
