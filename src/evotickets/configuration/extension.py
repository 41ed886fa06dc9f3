"""Parts that a study brings: named to its jobs, checked, and described by the schema that the study is held against.

The schema is generated from their signatures as ours is, which imports everything; so it is kept until a file changes.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from evotickets import own
from evotickets.configuration import reader
from evotickets.own import Own, PartError

KEPT = Path(".cache/schema.json")
"""The schema of the study that was read last, and the digest of what it was made of."""


def use(config: Any, folder: Path, *, kept: Path = KEPT) -> tuple[Own, ...]:
    """Name the modules with parts of a study to this process and its jobs, and extend the schema by them.

    Args:
        config: the configuration, as it was read.
        folder: to which its `parts` are relative.
        kept: keeps the schema from one process to the next.

    Raises:
        StudyError: if a file is missing, cannot be imported, or holds a part that fits no kind.
    """
    named = config.get("parts", []) if isinstance(config, dict) else []
    named = reader.conform(named, reader.shipped()["properties"]["parts"], "parts.")
    try:
        modules = (*own.of_files(named, folder), *own.of_packages())
        own.name(modules)
        # Also where the schema is known: who reads the section looks parts up, and says nothing of a file.
        own.load()
        reader.extend(*([_schema(modules, kept)] if modules else []))
    except PartError as error:
        raise reader.StudyError(str(error)) from error
    return modules


def _schema(modules: tuple[Own, ...], kept: Path) -> dict[str, Any]:
    key = _digest(modules)
    with suppress(OSError, ValueError, KeyError):
        held = json.loads(kept.read_bytes())
        if held["key"] == key:
            return held["schema"]
    # These import all parts, and their libraries.
    from evotickets.configuration.schema import generate
    from evotickets.systems import registry

    for module in modules:
        registry.check(module)
    rules = generate()
    unfinished = kept.with_name(f".{kept.name}.{os.getpid()}.tmp")
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(json.dumps({"key": key, "schema": rules}))
        unfinished.replace(kept)
    return rules


def _digest(modules: tuple[Own, ...]) -> str:
    """Return a digest of our schema and of all code beside the modules, which may hold what their annotations name."""
    digest = hashlib.sha256(reader.SCHEMA.read_bytes())
    for path in sorted({path for module in modules for path in _code(module)}):
        digest.update(str(path).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _code(module: Own) -> Iterator[Path]:
    yield Path(module.path)
    yield from module.root.rglob("*.py") if module.root.is_dir() else module.root.parent.glob("*.py")
