"""Child processes of the command line, which end when it is asked to end."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from types import FrameType

from evotickets import lock
from evotickets.commands import INTERRUPTED, STOP
from evotickets.configuration.reader import StudyError

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PLAIN = re.compile(r"[\w./+-]+", re.ASCII)
"""Paths that a shell reads as one word without quotes."""


def snakemake(*arguments: str, held: lock.Lock | None = None, environment: Mapping[str, str] | None = None) -> int:
    """Run Snakemake and return its exit status, `INTERRUPTED` if this process was asked to end.

    Its environment is that of this process and what is added here.

    Asked once, it ends the jobs in good order; asked again, it kills all. Snakemake holds the lock too, so that it works on
    alone if only this process is killed.

    Raises:
        StudyError: if Snakemake cannot start jobs with this Python.
    """
    command = [_python(), "-P", "-m", "evotickets.commands.head", *arguments]
    child: subprocess.Popen[bytes] | None = None
    asked = 0

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            print("\nInterrupted: the jobs are ended; once more ends them at once.", file=sys.stderr, flush=True)
        if child:
            child.send_signal(STOP) if asked == 1 else _kill(child.pid)

    # Handled before there is a child: none may be left behind.
    with _handled(end):
        # The child inherits what is ignored while it starts. A function called in the child for that would fork this process,
        # and JAX, which knows the environments of a study, has threads that a fork can leave in a deadlock.
        with _ignored(signal.SIGINT):
            child = subprocess.Popen(
                command, env=os.environ | (environment or {}), pass_fds=[held.descriptor] if held else []
            )
        if asked:
            child.send_signal(STOP)
        if held:
            held.name(child.pid)
        code = child.wait()
    if held:
        # A process that was ended by a signal it does not handle, or in the middle of something, took no lock of its own away.
        held.killed = code < 0 or asked > 0
    return INTERRUPTED if asked else code


def tracking(*arguments: str) -> int:
    """Run the command line of tracking and return its exit status; what asks this process to end, asks that one."""
    child: subprocess.Popen[bytes] | None = None
    asked = 0

    def end(number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = number
        if child:
            child.send_signal(number)

    with _handled(end):
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "evotickets.tracking", *arguments], start_new_session=True
        )
        if asked:
            child.send_signal(asked)
        return child.wait()


@contextmanager
def _ignored(number: signal.Signals) -> Iterator[None]:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(number, before)


def _kill(pid: int) -> None:
    import psutil

    with suppress(psutil.Error):
        head = psutil.Process(pid)
        for process in [*head.children(recursive=True), head]:
            with suppress(psutil.Error):
                process.kill()


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _python() -> str:
    """Return the interpreter under a path that Snakemake can use: it does not quote it.

    A link to the environment stands in for a path with a space or the like; it lies in the home, where other machines of a
    cluster see it too.

    Raises:
        StudyError: if there is no place for the link.
    """
    if _PLAIN.fullmatch(sys.executable):
        return sys.executable
    environment = Path(sys.executable).parents[1]
    name = f"environment-{sha256(os.fsencode(environment)).hexdigest()[:16]}"
    for folder in (Path.home() / ".cache/evotickets", Path(tempfile.gettempdir(), f"evotickets-{os.getuid()}")):
        if _PLAIN.fullmatch(str(folder)):
            with suppress(OSError):
                return str(_link(folder / name, environment) / Path(sys.executable).relative_to(environment))
    raise StudyError(
        f"Snakemake cannot start jobs with {sys.executable}, whose path has a space or another special character, and there "
        "is no place for a link to it: install evotickets into an environment whose path has none"
    )


def _link(link: Path, target: Path) -> Path:
    link.parent.mkdir(parents=True, exist_ok=True)
    # Others may write to a folder of temporary files.
    if link.parent.stat().st_uid != os.getuid():
        raise PermissionError(link.parent)
    if not link.is_symlink() or link.readlink() != target:
        temporary = link.with_name(f".{link.name}.{os.getpid()}.tmp")
        temporary.symlink_to(target)
        temporary.replace(link)
    return link
