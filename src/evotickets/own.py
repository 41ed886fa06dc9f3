"""Modules of whoever uses the package, which hold parts of their own: files that a study names, and installed packages.

    parts: [my_parts.py]                              # in a configuration, beside the file

    [project.entry-points."evotickets.parts"]         # in the pyproject.toml of a package
    anything = "my_package.parts"

The process that plans a study names them to its jobs in an environment variable, and each process imports them when it first
looks a part up. Every start of the workflow reads this file, which therefore imports no big library.
"""

import json
import os
import sys
import traceback
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

GROUP = "evotickets.parts"
"""Entry points of installed packages."""

VARIABLE = "EVOTICKETS_PARTS"
"""Environment variable with the modules of a study."""


class PartError(ValueError):
    """A part that cannot be used; the message names it and the remedy."""


class Own(NamedTuple):
    """A module with parts: its name, and its file."""

    module: str
    path: str

    @property
    def root(self) -> Path:
        """The file or the folder that the first word of the module's name stands for."""
        path = Path(self.path)
        words = self.module.split(".")
        if path.name == "__init__.py":
            return path.parents[len(words) - 1]
        return path if len(words) == 1 else path.parents[len(words) - 2]


def of_files(names: Iterable[str], folder: Path) -> list[Own]:
    """Return the modules in files of a study, whose paths are relative to a folder.

    Raises:
        PartError: if a file is missing, or its name cannot be that of a module of its own.
    """
    found: list[Own] = []
    for name in names:
        path = (folder / name).resolve()
        if not path.is_file():
            raise PartError(f"parts names {name}, but there is no file {path}: write it, or mend the path")
        module = path.stem
        if path.suffix != ".py" or not module.isidentifier() or module in sys.stdlib_module_names:
            raise PartError(
                f"parts names {name}, which cannot be imported under this name: call it my_parts.py or another name of "
                "letters, digits and _ that no module of Python has"
            )
        if module in [each.module for each in found]:
            raise PartError(f"parts names two files {path.name}: rename one")
        found.append(Own(module, str(path)))
    return found


def of_packages() -> list[Own]:
    """Return the modules that installed packages name by an entry point.

    Raises:
        PartError: if one is not there.
    """
    found = []
    for point in _points(tuple((folder, _changed(folder)) for folder in sys.path)):
        try:
            spec = find_spec(point.module)
        except ModuleNotFoundError:
            spec = None
        if spec is None or spec.origin is None:
            raise PartError(f"the entry point {point.name!r} of {GROUP} names {point.module}, which is not installed")
        found.append(Own(point.module, spec.origin))
    return list(dict.fromkeys(found))


@lru_cache(maxsize=1)
def _points(_: tuple[tuple[str, int], ...]) -> list[metadata.EntryPoint]:
    """Return the entry points of all packages on the path, which takes a look into every one: once while nothing changes."""
    return sorted(metadata.entry_points(group=GROUP), key=lambda point: (point.value, point.name))


def _changed(folder: str) -> int:
    """Tell when a package was last put into a folder, or taken out of it."""
    with suppress(OSError):
        return Path(folder).stat().st_mtime_ns
    return 0


def name(modules: Iterable[Own]) -> None:
    """Name the modules of a study to this process, and to those that it starts."""
    os.environ[VARIABLE] = json.dumps(list(modules))


def named() -> list[Own]:
    """Return the modules that the process which planned the study has named, else those of installed packages."""
    said = os.environ.get(VARIABLE)
    return of_packages() if said is None else [Own(*each) for each in json.loads(said)]


_seen: list[str | None] = []
"""What the environment said when modules were imported last."""


def load() -> None:
    """Import the modules of the study that this process has not imported.

    Raises:
        PartError: if one cannot be imported.
    """
    said = os.environ.get(VARIABLE)
    if _seen != [said]:
        # Set first: a module may look parts up while it is imported.
        _seen[:] = [said]
        try:
            for own in named():
                _import(own)
        except PartError:
            _seen.clear()
            raise


def _import(own: Own) -> None:
    folder = str(Path(own.path).parent)
    if "." not in own.module and folder not in sys.path:
        # Last, so that a file beside it hides no installed module.
        sys.path.append(folder)
    try:
        module = import_module(own.module)
    except PartError as error:
        raise PartError(f"{own.path}: {error}") from error
    except (Exception, SystemExit) as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == own.path]
        line = getattr(error, "lineno", None) or (frames[-1].lineno if frames else None)
        raise PartError(
            f"{own.path}{f', line {line}' if line else ''}: {type(error).__name__}: {error}; mend it"
        ) from error
    if Path(module.__file__ or "").resolve() != Path(own.path).resolve():
        raise PartError(f"{own.path} has the name of another module, {module.__file__ or own.module}: rename the file")
