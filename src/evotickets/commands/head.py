"""Snakemake in a process that ends its jobs, and then itself, as soon as the command line asks for it.

    python -m evotickets.commands.head [arguments of Snakemake]

Ctrl-C reaches every process of a terminal at once, and jobs that it ends look like jobs that failed. So the command line has
this process and its jobs ignore it, and sends `STOP` here instead.
"""

import builtins
import gc
import logging
import signal
import sys
import threading
import time
from contextlib import suppress
from types import FrameType

import psutil

from evotickets.commands import INTERRUPTED, STOP

PATIENCE = 5.0
"""Seconds that a job has to end when it is asked to."""
_SCRIPTS = ".snakemake/scripts/"
"""Where Snakemake puts the scripts that it runs: part of the command of every job on this machine."""


def _jobs() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if any(_SCRIPTS in word for word in child.cmdline()):
                found.append(child)
    return found


def _end_jobs() -> None:
    """End jobs, those too that Snakemake was about to begin, as long as this process lives."""
    while True:
        jobs = _jobs()
        for job in jobs:
            with suppress(psutil.Error):
                job.terminate()
        for job in psutil.wait_procs(jobs, timeout=PATIENCE)[1]:
            with suppress(psutil.Error):
                job.kill()
        time.sleep(0.1)


def _stop(_number: int, _frame: FrameType | None) -> None:
    signal.signal(STOP, signal.SIG_IGN)
    # From here on Snakemake would take jobs for failed, and say so, on the screen and to tracking.
    logging.disable(logging.CRITICAL)
    threading.Thread(target=_end_jobs, daemon=True).start()
    raise KeyboardInterrupt


def _in_a_sentence(record: logging.LogRecord) -> bool:
    """Say of a file that Snakemake cannot read or write what the system says, without the way to there."""
    kind = getattr(builtins, str(getattr(record, "exception", None)), None)
    if isinstance(kind, type) and issubclass(kind, OSError):
        record.msg = (
            f"Snakemake cannot go on: {str(record.msg).strip().splitlines()[-1]} (its own files are in .snakemake)"
        )
        record.args = None
    return True


def main() -> int:
    """Run Snakemake; return its exit status, or `INTERRUPTED`."""
    signal.signal(STOP, _stop)
    # Planning makes a million objects that stay: looking through all of them for garbage took a sixteenth of it.
    gc.set_threshold(100_000)
    # A log that cannot be written would be a traceback on the screen for every message.
    logging.raiseExceptions = False
    code: int | str | None = 0
    try:
        # It takes a second to import, in which a signal may come.
        from snakemake.cli import main as snakemake
        from snakemake.logging import logger

        logger.addFilter(_in_a_sentence)
        snakemake(sys.argv[1:])
    except KeyboardInterrupt:
        code = INTERRUPTED
    except SystemExit as end:
        code = end.code
    # Snakemake says of a run that was asked to end what it says of one that failed.
    return INTERRUPTED if signal.getsignal(STOP) is signal.SIG_IGN else int(code or 0)


if __name__ == "__main__":
    sys.exit(main())
