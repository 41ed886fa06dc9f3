"""One list of dependencies, one lock, one environment; what the project says of itself in several files agrees."""

import os
import re
import shlex
import subprocess
import tomllib
from itertools import chain
from pathlib import Path

import yaml

from evotickets import extras

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def name(requirement):
    return re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-")


def pins():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line) for line in lines), "names and versions only"
    return {name(line): line.split("==")[1] for line in lines}


EXTRAS = PROJECT["optional-dependencies"]
NEEDED = ("workflow", "torch", "slurm")
"""Extras that containers install: what the studies here need."""
TESTED = (*NEEDED, "brax", "gymnasium")
"""Extras that `make setup` installs, for tests."""
OTHERS = ("playground", "postgres", "text", "peft", "speech")
"""Extras that users may need besides."""


def libraries(*extras):
    """Return the requirements of the base and of extras, without the extras that they name."""
    wanted = [*PROJECT["dependencies"], *chain(*(EXTRAS[extra] for extra in extras))]
    return [requirement for requirement in wanted if name(requirement) != PROJECT["name"]]


def test_every_dependency_is_pinned():
    assert {name(requirement) for requirement in libraries(*EXTRAS)} <= set(pins())


def test_what_is_missing_is_named_with_the_extra_that_installs_it():
    modules = {"snakemake_executor_plugin_slurm": "snakemake-executor-plugin-slurm", "psycopg2": "psycopg2-binary"}
    modules["snakemake_interface_logger_plugins"] = "snakemake-interface-logger-plugins"
    modules |= {"mujoco_playground": "playground", "espeakng_loader": "espeakng-loader"}
    named = {(modules.get(module, module), extra) for module, extra in extras.EXTRAS.items()}
    assert named == {
        (name(requirement), extra)
        for extra in (*TESTED, *OTHERS)
        for requirement in EXTRAS[extra]
        if name(requirement) != PROJECT["name"]
    }


def test_the_extra_all_is_all_that_users_may_need():
    assert EXTRAS["all"] == [f"evotickets[{','.join((*TESTED, *OTHERS))}]"]
    assert set(EXTRAS) - {"all", "screenshots", "test"} == {*TESTED, *OTHERS}
    assert f"evotickets[{','.join(TESTED)}]" in EXTRAS["test"], "make setup installs the extra test"


def test_lower_bounds_are_the_minor_versions_of_the_lock():
    for requirement in libraries(*EXTRAS):
        bound = requirement.partition(">=")[2]
        assert pins()[name(requirement)].split(".")[:2] == bound.split("."), requirement


def test_the_lock_is_what_runs():
    from importlib.metadata import version

    for requirement in libraries(*TESTED):
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
    # Imported by others (six), loaded by Snakemake by name (the executor), read as files (scikit-learn).
    indirect = {"six", "snakemake-executor-plugin-slurm", "scikit-learn"}
    for requirement in {name(r) for r in libraries(*TESTED)} - indirect:
        module = {"pyyaml": "yaml", "pillow": "PIL"}.get(requirement, requirement.replace("-", "_"))
        assert re.search(rf"^\s*(import|from) {module}\b", text, re.MULTILINE), f"{requirement} is imported nowhere"


def instructions(text):
    """Instructions of a Dockerfile as (keyword, rest); lines that end with a backslash go on."""
    lines = text.replace("\\\n", " ").splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if line.strip() and not line.startswith("#")]


def sections(text):
    """Header (`""`) and sections of an Apptainer definition, by name."""
    found = {"": []}
    for line in text.splitlines():
        if line.startswith("%"):
            found[line[1:].split()[0]] = lines = []
        elif line.strip() and not line.lstrip().startswith("#"):
            lines = found[""] if len(found) == 1 else lines
            lines.append(line.strip())
    return found


DOCKER = instructions((ROOT / "Dockerfile").read_text())
APPTAINER = sections((ROOT / "apptainer.def").read_text())


def test_containers_start_from_one_pinned_image():
    (docker,) = [rest for keyword, rest in DOCKER if keyword == "FROM"]
    header = dict(line.split(": ") for line in APPTAINER[""])
    assert header == {"Bootstrap": "docker", "From": docker}
    minor = PROJECT["requires-python"].removeprefix(">=")
    assert re.fullmatch(rf"python:{re.escape(minor)}\.\d+-[a-z-]+", docker), "a patch version, not a tag that moves"


def test_containers_install_from_the_lock():
    docker = [shlex.split(rest) for keyword, rest in DOCKER if keyword == "RUN"]
    apptainer = [shlex.split(line) for line in APPTAINER["post"]]
    for commands in (docker, apptainer):
        (install,) = [command for command in commands if command[:2] == ["pip", "install"]]
        assert install[install.index("--constraint") + 1] == "constraints.txt"
        assert install[-1] == f".[{','.join(NEEDED)}]"


def test_containers_hold_what_there_is():
    copied = [source for keyword, rest in DOCKER if keyword == "COPY" for source in rest.split()[:-1]]
    files = [line.split() for line in APPTAINER["files"]]
    needed = {"constraints.txt", "pyproject.toml", PROJECT["readme"], *PROJECT["license-files"], "src", "workflow"}
    assert needed | {"config"} == set(copied)
    assert needed == {source for source, _ in files}
    assert all((ROOT / source).exists() for source in copied)
    assert APPTAINER["post"][0] == "cd /opt/evotickets"
    assert all(target == f"/opt/evotickets/{source}" for source, target in files)
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line[1:] for line in lines if line.startswith("!")} == set(copied)


def test_containers_run_the_command_line():
    (entry,) = [rest for keyword, rest in DOCKER if keyword == "ENTRYPOINT"]
    assert yaml.safe_load(entry) == list(PROJECT["scripts"])
    assert [shlex.split(line)[:2] for line in APPTAINER["runscript"]] == [["exec", *PROJECT["scripts"]]]


def test_the_workflow_runs_jobs_in_the_image_that_is_built_here():
    (container,) = re.findall(r'^container: "(.+)"$', (ROOT / "workflow/Snakefile").read_text(), re.MULTILINE)
    assert f"apptainer build {container} apptainer.def\n" in (ROOT / "apptainer.def").read_text()
    (image,) = re.findall(r"docker build -t (\S+) \.\n", (ROOT / "Dockerfile").read_text())
    assert container == f"{image}.sif" == f"{PROJECT['name']}.sif"


def test_where_the_project_lives_is_said_once():
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    address = PROJECT["urls"]["Repository"].removeprefix("https://")
    texts = {name: (ROOT / name).read_bytes().decode(errors="ignore") for name in files if (ROOT / name).is_file()}
    assert [name for name, text in texts.items() if address in text] == ["pyproject.toml"]


def test_the_citation_is_valid_and_agrees():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "type"} <= set(citation)
    assert (str(citation["version"]), citation["license"]) == (PROJECT["version"], PROJECT["license"])
    assert [{"name": author["name"]} for author in citation["authors"]] == PROJECT["authors"]
    assert citation["keywords"] == PROJECT["keywords"]
    for reference in citation["references"]:
        assert reference["type"] in {"article", "conference-paper"}
        assert reference["title"]
        assert all(set(author) == {"family-names", "given-names"} for author in reference["authors"])
        # The README names every paper too.
        assert reference["url"] in (ROOT / "README.md").read_text()


def test_the_changelog_has_a_section_for_this_version():
    sections = re.findall(r"^## (\S+) – (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert sections[0][0] == PROJECT["version"]
    versions = [tuple(map(int, version.split("."))) for version, _ in sections]
    assert versions == sorted(versions, reverse=True)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", date) for _, date in sections[1:])


def test_the_workflow_catalog_knows_how_to_run_it():
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert set(usage["mandatory-flags"]) == {"desc", "flags"}
    assert set(usage["software-stack-deployment"]) == {"conda", "apptainer", "apptainer+conda"}
    option, study = usage["mandatory-flags"]["flags"].split()
    assert option == "--configfile"
    assert (ROOT / study).is_file()


def make_help():
    # Not in the environment of the make that runs the tests, whose variables would be passed on.
    environment = {"PATH": os.environ["PATH"]}
    command = ["make", "-s", "help"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


def test_make_help_lists_every_target():
    text = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    shown = make_help()
    lines = dict(re.findall(r"^  make (\S+) +(\S.*)$", shown, re.MULTILINE))
    assert set(lines) == set(phony.split()) == set(re.findall(r"^([a-z-]+):", text, re.MULTILINE))
    assert re.findall(r"^([A-Z]+) \?=", text, re.MULTILINE) == re.findall(r"([A-Z]+)=", shown.splitlines()[-1])


def test_make_help_names_files_that_exist():
    shown = make_help()
    for study in set(re.findall(r"CONFIG=(\S+)", shown)):
        assert (ROOT / study).is_file()
    for profile in set(re.findall(r"PROFILE=(\S+)", shown)):
        assert (ROOT / "workflow/profiles" / profile).is_dir()
