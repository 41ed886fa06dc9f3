"""Files of data sets: where they lie, and where they come from."""

import os
from pathlib import Path
from typing import NamedTuple


def data_folder() -> Path:
    """Return the folder of the data sets: where EVOTICKETS_DATA points, else `resources`."""
    return Path(os.environ.get("EVOTICKETS_DATA", "resources"))


class Files(NamedTuple):
    """Files that are published together.

    Attributes:
        folder: they lie in `<data folder>/<folder>/raw`.
        url: what comes before their names.
        checksums: md5 sums by name.
        prepared: a file of the data folder that stands in for all of them, where it is there.
    """

    folder: str
    url: str
    checksums: dict[str, str]
    prepared: Path | None = None

    def fetch(self) -> list[Path]:
        """Return the paths of the files, downloading what is missing; or that of the prepared file alone.

        Raises:
            FileNotFoundError: if a file is missing and cannot be downloaded, or arrives with another md5 sum.
        """
        if self.prepared is not None and (data_folder() / self.prepared).exists():
            return [data_folder() / self.prepared]
        raw = data_folder() / self.folder / "raw"
        for name, checksum in self.checksums.items():
            if not (raw / name).exists():
                self._download(name, checksum, raw)
        return [raw / name for name in self.checksums]

    def _download(self, name: str, checksum: str, raw: Path) -> None:
        import pooch

        try:
            pooch.retrieve(f"{self.url}{name}", f"md5:{checksum}", fname=name, path=raw, progressbar=True)
        except (OSError, ValueError) as error:
            reason = "wrong checksum" if isinstance(error, ValueError) else type(error).__name__
            raise FileNotFoundError(
                f"{name} is not in {raw} and could not be downloaded from {self.url} ({reason}): "
                f"put it there, or let EVOTICKETS_DATA name the folder that holds {self.folder}/raw"
            ) from error
