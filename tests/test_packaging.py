"""One list of dependencies, one lock, one environment."""

import re
import tomllib
from itertools import chain
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def name(requirement):
    return re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-")


def pins():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line) for line in lines), "names and versions only"
    return {name(line): line.split("==")[1] for line in lines}


def test_every_dependency_is_pinned():
    wanted = [*PROJECT["dependencies"], *chain(*PROJECT["optional-dependencies"].values())]
    assert {name(requirement) for requirement in wanted} - {"evotickets"} <= set(pins())


def test_the_lock_is_what_runs():
    from importlib.metadata import version

    for requirement in PROJECT["dependencies"]:
        assert version(name(requirement)).split("+")[0] == pins()[name(requirement)]


def test_conda_users_get_the_same():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, installed = environment["dependencies"]
    assert pip == "pip"
    assert python.removeprefix("python=") >= PROJECT["requires-python"].removeprefix(">=")
    assert installed == {"pip": ["--constraint constraints.txt", "--editable .[test]"]}


def test_no_dependency_is_unused():
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "workflow").rglob("*.py"), *(ROOT / "workflow").rglob("*.smk")]
    text = "\n".join(path.read_text() for path in sources)
    # Imported by others (six), loaded by Snakemake by name (the executor), read as files (scikit-learn), run (snakemake).
    indirect = {"six", "snakemake-executor-plugin-slurm", "scikit-learn", "snakemake"}
    for requirement in {name(r) for r in PROJECT["dependencies"]} - indirect:
        module = {"pyyaml": "yaml", "pillow": "PIL"}.get(requirement, requirement.replace("-", "_"))
        assert re.search(rf"^\s*(import|from) {module}\b", text, re.MULTILINE), f"{requirement} is imported nowhere"
