"""One run at a time in a folder of results.

Snakemake locks too, but its lock outlives a killed run, and the end of any run in the working directory removes the
locks of all others. A lock of the operating system ends with the process that holds it, however that ends.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NAME = ".lock"


class LockError(RuntimeError):
    """A folder of results cannot be had; the message names it and the remedy."""


class BusyError(LockError):
    """Another run works in the folder; the message names it and the remedy."""


class Lock:
    """A lock that is held; give `descriptor` to child processes that work on if this one is killed."""

    def __init__(self, descriptor: int):
        self.descriptor = descriptor
        self.abandoned = bool(self._read())
        """Whether the run before was killed: one that ends leaves nothing in the file."""
        self.killed = False
        """Whether this run was, to be set by who survives the process that did the work."""
        self.name(os.getpid())

    def _read(self) -> bytes:
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        return os.read(self.descriptor, 4096)

    def _write(self, content: bytes) -> None:
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, content, 0)

    def name(self, pid: int) -> None:
        """Name the process that a second run is told of."""
        self._write(json.dumps({"pid": pid, "host": socket.gethostname(), "start": time.time()}).encode())

    def end(self) -> None:
        """Let the file say nothing, unless the run was killed: then it goes on naming the process that was."""
        if not self.killed:
            self._write(b"")


@contextmanager
def hold(folder: Path) -> Iterator[Lock]:
    """Hold the lock of a folder of results.

    Where the file system knows no locks, every run is let in.

    Raises:
        BusyError: if another run holds it.
        LockError: if the folder cannot be made or written to.
    """
    descriptor = _open(folder)
    try:
        with suppress(OSError):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BusyError(_busy(folder, os.read(descriptor, 4096))) from None
        lock = Lock(descriptor)
        try:
            yield lock
        finally:
            lock.end()
    finally:
        os.close(descriptor)


def _open(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        remedy = "give this study another `results` folder"
        dangling = next((path for path in (folder, *folder.parents) if path.is_symlink() and not path.exists()), None)
        if dangling:
            remedy = f"mend the link {dangling}, which leads to {dangling.readlink()}, or {remedy}"
        elif folder.exists() and not folder.is_dir():
            remedy = f"it is no folder: {remedy}"
        raise LockError(f"results cannot be kept in {folder} ({error.strerror}): {remedy}") from error


def _busy(folder: Path, content: bytes) -> str:
    try:
        holder = json.loads(content)
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(holder["start"]))
        who = f"process {holder['pid']} on {holder['host']} is at work in {folder} since {since}"
        return f"{who}: wait for it, end it, or give this study another `results` folder"
    except (ValueError, KeyError):
        return f"another process is at work in {folder}: wait for it, or give this study another `results` folder"
