"""Make the environment of this checkout, by one process at a time, and anew where one was left half made.

    python workflow/environment.py

`make setup` calls it before anything is installed: it needs nothing but Python.
"""

import fcntl
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NEEDS = (ROOT / "pyproject.toml", ROOT / "constraints.txt")
DONE, BEGUN = "installed", "unfinished"
"""Files of an environment: all is installed; somebody has begun to. The second is left by who was killed."""
LEAST = (3, 11)
# Whoever is killed, or has another pip beside it, leaves packages without a name or version, and old ones as `~name`.
TORN = """
import sys
from importlib.metadata import distributions
from pathlib import Path
import pip
torn = any(not own.metadata["Name"] or not own.metadata["Version"] for own in distributions())
sys.exit(torn or any(any(Path(place).glob("~*")) for place in sys.path))
"""


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold the lock of an environment, which ends with this process; wait for whoever else makes it."""
    with home.with_name(f"{home.name}.lock").open("w") as lock:
        # Where the file system knows no locks, nobody waits.
        with suppress(OSError):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"Another process makes {home.name}: waiting for it", flush=True)
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def python(home: Path) -> Path:
    """Return the interpreter of an environment."""
    return home / "bin/python"


def finished(home: Path, needs: Sequence[Path]) -> bool:
    """Tell whether all is installed, since its list has changed, and an interpreter is there."""
    done = home / DONE
    fresh = done.is_file() and all(done.stat().st_mtime >= need.stat().st_mtime for need in needs)
    return fresh and python(home).exists()


def half_made(home: Path) -> bool:
    """Tell whether somebody was interrupted here, or two installed at once."""
    if (home / BEGUN).exists():
        return True
    if not python(home).exists():
        return False
    return subprocess.run([python(home), "-I", "-c", TORN], capture_output=True, check=False).returncode != 0


def create(home: Path) -> None:
    """Make an environment with pip and nothing else."""
    venv.create(home, with_pip=True)


def make(
    home: Path,
    needs: Sequence[Path],
    install: Callable[[Path], bool],
    create: Callable[[Path], None] = create,
) -> None:
    """Make an environment unless it is finished.

    Args:
        home: its folder.
        needs: files that list what is installed.
        install: (interpreter) -> whether all could be installed.
        create: makes an environment without packages.

    Raises:
        SystemExit: with a sentence, if that is not possible.
    """
    with alone(home):
        if finished(home, needs):
            return
        if home.exists() and half_made(home):
            if home.is_symlink():
                sys.exit(f"{home} leads to {home.resolve()}, which is half made: delete that folder, then the link")
            print(f"{home.name} is half made: making it anew", flush=True)
            shutil.rmtree(home)
        new = not home.exists()
        if new:
            home.mkdir()
            (home / BEGUN).touch()
            create(home)
        elif not python(home).exists():
            sys.exit(f"{home} has no Python that runs: load the one it was made with, or delete {home}")
        (home / DONE).unlink(missing_ok=True)
        (home / BEGUN).touch()
        print(f"Installing into {home.name} (some minutes, once)", flush=True)
        complete = install(python(home))
        # pip that ends by itself leaves what was there as it was; only who is killed does not come here.
        (home / BEGUN).unlink()
        if not complete:
            sys.exit(f"Not all could be installed into {home.name}: pip says why above. Once that is mended, try again")
        (home / DONE).touch()


def install(interpreter: Path) -> bool:
    """Install this package with the tools of its tests, at the versions of the lock."""
    what = ["--constraint", "constraints.txt", "--editable", ".[test]"]
    return (
        subprocess.run([interpreter, "-m", "pip", "install", "--quiet", *what], cwd=ROOT, check=False).returncode == 0
    )


if __name__ == "__main__":
    if sys.version_info < LEAST:
        sys.exit(f"evotickets needs Python {'.'.join(map(str, LEAST))} or newer: make PYTHON=python3.11")
    make(ROOT / ".venv", NEEDS, install)
