"""What files of code say, kept from one process to the next: to read a package takes a second, and every job would."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

from evotickets.code import scopes, syntax
from evotickets.code.syntax import Source, Statement


class Kept:
    """Sources by the digest of a file's bytes, in one file; a file that is absent or damaged is written anew."""

    def __init__(self, path: Path | None):
        """Take the file that keeps them, None to keep nothing."""
        self._path, self._new = path, False
        # A reader of another version says other things of the same file.
        self._reader = b"".join(Path(module.__file__ or "").read_bytes() for module in (scopes, syntax))
        self._sources: dict[str, list] = {}
        with suppress(OSError, ValueError):
            digest, _, content = path.read_bytes().partition(b"\n") if path else (b"", b"", b"")
            # What is damaged may be JSON still, and have jobs run again, or not run again.
            if hashlib.sha256(content).hexdigest().encode() == digest:
                self._sources = json.loads(content)

    def read(self, path: Path) -> Source:
        """Read a file of code.

        Raises:
            ValueError: if it cannot be read as Python.
        """
        content = path.read_bytes()
        key = hashlib.sha256(self._reader + content).hexdigest()
        if key not in self._sources:
            try:
                self._sources[key] = json.loads(json.dumps(syntax.read(content)))
            except (SyntaxError, ValueError) as error:
                raise ValueError(f"{path}: {error}") from error
            self._new = True
        statements, bindings, stars, imports = self._sources[key]
        return Source(
            tuple(Statement(*map(_frozen, each)) for each in statements),
            {name: _frozen(target) for name, target in bindings.items()},
            _frozen(stars),
            _frozen(imports),
        )

    def write(self) -> None:
        """Write what was read since; a folder that cannot be written to keeps nothing."""
        if self._path and self._new:
            unfinished = self._path.with_name(f".{self._path.name}.{os.getpid()}.tmp")
            with suppress(OSError):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                content = json.dumps(self._sources).encode()
                unfinished.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
                unfinished.replace(self._path)
            self._new = False


def _frozen(value):
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
