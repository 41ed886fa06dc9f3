"""Create .bench-venv: this package, torch and the peers, apart from the environment that studies run in."""

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".bench-venv"
DONE = HOME / "installed"
NEEDS = [ROOT / "pyproject.toml", ROOT / "constraints.txt", ROOT / "benchmarks/requirements.txt"]


def install(*arguments: str) -> int:
    """Run pip inside the environment and return its exit status."""
    return subprocess.run([HOME / "bin/python", "-m", "pip", "install", "--quiet", *arguments], cwd=ROOT).returncode


def main() -> None:
    if DONE.exists() and all(DONE.stat().st_mtime > need.stat().st_mtime for need in NEEDS):
        return
    if not HOME.exists():
        venv.create(HOME, with_pip=True)
    print("Installing torch and the peers into .bench-venv (some minutes, once)", flush=True)
    # torch first: other packages would pull a build of their own choice.
    if install("torch==2.13.0") or install("--constraint", "constraints.txt", "--editable", "."):
        sys.exit("this package could not be installed into .bench-venv; pip says why above")
    for peer in (ROOT / "benchmarks/requirements.txt").read_text().splitlines():
        if peer and not peer.startswith("#") and install("--constraint", "constraints.txt", peer):
            print(f"{peer} could not be installed: the benchmarks go on without it", flush=True)
    DONE.touch()


if __name__ == "__main__":
    main()
