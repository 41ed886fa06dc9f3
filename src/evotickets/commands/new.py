"""A folder for a study of one's own, with a small one to begin with."""

from pathlib import Path

from evotickets.commands import CONFIG, WORKFLOW
from evotickets.configuration.reader import SCHEMA, StudyError

TEMPLATE = Path(__file__).with_name("template")
CLUSTER = Path("profiles/slurm/profile.yaml")
"""The profile that people fill in for their cluster."""


def create(folder: Path) -> None:
    """Write a small study, an example of own parts, the profile of a cluster and a .gitignore into a new folder.

    Raises:
        StudyError: if the folder is there and not empty, or cannot be written to.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise StudyError(f"{folder} is there and not empty: choose another name")
        for file, text in _files().items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise StudyError(f"{folder} cannot be made ({error.strerror}): choose another place") from error


def _files() -> dict[Path, str]:
    """Return the contents of all files of a new study by their paths."""
    config = (TEMPLATE / "config.yaml").read_text(encoding="utf-8")
    return {
        CONFIG: config.replace("SCHEMA", SCHEMA.resolve().as_uri(), 1),
        Path("my_parts.py"): (TEMPLATE / "my_parts.py").read_text(encoding="utf-8"),
        CLUSTER: (WORKFLOW / CLUSTER).read_text(encoding="utf-8"),
        Path(".gitignore"): (TEMPLATE / "gitignore").read_text(encoding="utf-8"),
    }
