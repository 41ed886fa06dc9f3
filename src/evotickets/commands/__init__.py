"""What the command line does: begin a study, run it, write its report, show it."""

import signal
from pathlib import Path

WORKFLOW = Path(__file__).parents[1] / "workflow"
"""The workflow that is installed with the package: Snakefile, rules, scripts, profiles; a link to it in a checkout."""

CONFIG = Path("config/config.yaml")
"""The study of a folder, where no other is named."""

STOP = signal.SIGUSR1
"""Asks the process that runs Snakemake to end."""
INTERRUPTED = 130
"""Exit status of what was asked to end: the shells' number for it."""
