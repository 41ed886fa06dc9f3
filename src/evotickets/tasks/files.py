"""Files of data sets: where they lie, and where they come from."""

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple


def data_folder() -> Path:
    """Return the folder of the data sets: where EVOTICKETS_DATA points, else `resources`."""
    return Path(os.environ.get("EVOTICKETS_DATA", "resources"))


def resource(name: str) -> Path:
    """Return the path of a file or folder: in the folder of data, by its whole path, or in an installed package.

    `package/folder/file` is looked up where `package` is installed, without importing it, if the folder of data has none.

    Raises:
        FileNotFoundError: if it is nowhere.
    """
    path = data_folder() / name
    if path.exists():
        return path
    package, _, rest = name.partition("/")
    spec = find_spec(package) if package.isidentifier() and rest else None
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (Path(place) / rest).exists():
            return Path(place) / rest
    raise FileNotFoundError(
        f"{path} is missing, and no installed package has it: put it there, or install the package that {name} begins with"
    )


VERIFIED = Path(".cache/data.json")
"""Sizes, times and digests of the files of data that were read and found to be the published ones."""


class Files(NamedTuple):
    """Files that are published together.

    Attributes:
        folder: they lie in `<data folder>/<folder>/raw`.
        url: what comes before their names.
        checksums: SHA-256 by name.
        prepared: a file of the data folder that stands in for all of them, where it is there.
    """

    folder: str
    url: str
    checksums: dict[str, str]
    prepared: Path | None = None

    @property
    def paths(self) -> list[Path]:
        """Where the files lie."""
        return [data_folder() / self.folder / "raw" / name for name in self.checksums]

    def fetch(self) -> list[Path]:
        """Return the paths of the files, downloading what is missing; or that of the prepared file alone.

        Every file is read and checked, once for as long as it keeps its size and time.

        Raises:
            ValueError: if a file is not the published one.
            FileNotFoundError: if a file is missing and cannot be downloaded, or arrives with another checksum.
        """
        if self.prepared is not None and (data_folder() / self.prepared).exists():
            return [data_folder() / self.prepared]
        for path, checksum in zip(self.paths, self.checksums.values(), strict=True):
            if not path.exists():
                self._download(path.name, checksum, path.parent)
        verify(dict(zip(self.paths, self.checksums.values(), strict=True)))
        return self.paths

    def _download(self, name: str, checksum: str, raw: Path) -> None:
        import pooch

        try:
            pooch.retrieve(f"{self.url}{name}", f"sha256:{checksum}", fname=name, path=raw, progressbar=True)
        except (OSError, ValueError) as error:
            reason = "wrong checksum" if isinstance(error, ValueError) else type(error).__name__
            raise FileNotFoundError(
                f"{name} is not in {raw} and could not be downloaded from {self.url} ({reason}): "
                f"put it there, or let EVOTICKETS_DATA name the folder that holds {self.folder}/raw"
            ) from error


class Made(NamedTuple):
    """Files that are made here, once, from what every machine can have.

    Attributes:
        fetch: () -> their paths, made first where they are missing, and checked.
        missing: () -> a sentence that says what must be installed to make them; nothing where they are there or can be made.
        about: () -> what made them, and their digest.
    """

    fetch: Callable[[], list[Path]]
    missing: Callable[[], str]
    about: Callable[[], dict[str, str]]


def verify(checksums: Mapping[Path, str]) -> None:
    """Check files against their SHA-256, by path; what was checked before and has its size and time still is not read.

    Raises:
        ValueError: if a file has another digest.
    """
    known: dict[str, list] = {}
    # Damaged, it may be anything.
    with suppress(OSError, ValueError, TypeError, RecursionError):
        known = dict(json.loads(VERIFIED.read_bytes()))
    news = {}
    for path, checksum in checksums.items():
        state = path.stat()
        seen = [state.st_size, state.st_mtime_ns, checksum]
        if known.get(str(path.absolute())) == seen:
            continue
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != checksum:
                raise ValueError(
                    f"{path} is damaged or cut short: it is not the published file; delete it to fetch it anew"
                )
        news[str(path.absolute())] = seen
    if news:
        temporary = VERIFIED.with_name(f".{VERIFIED.name}.{secrets.token_hex(4)}.tmp")
        # A folder that cannot be written to remembers nothing.
        with suppress(OSError):
            VERIFIED.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(known | news))
            temporary.replace(VERIFIED)
