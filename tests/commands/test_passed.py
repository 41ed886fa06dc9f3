"""What is passed on to Snakemake moves neither results nor configuration nor cores past the lock and the tracking."""

import subprocess
import sys

import pytest

from evotickets.commands import passed
from evotickets.configuration.reader import StudyError
from tests import studies

REFUSED = {
    "--config results=elsewhere": "--config is not passed on to Snakemake: write it into the configuration",
    "-C seed=1": "--config is not passed on",
    "--conf results=elsewhere": "ambiguous option: --conf",
    "--configfile other.yaml": "--configfile is not passed on to Snakemake: name the configuration itself",
    "--configfiles other.yaml": "--configfile is not passed on",
    "--replace-workflow-config": "--replace-workflow-config is not passed on",
    "--cores 0": "--cores is not passed on to Snakemake: use the option --cores",
    "-c4": "--cores is not passed on",
    "-nc 4": "--cores is not passed on",
    "--core all": "--cores is not passed on",
    "--directory elsewhere": "--directory is not passed on",
    "-d elsewhere": "--directory is not passed on",
    "--snakefile other": "--snakefile is not passed on",
    "--profile mine": "--profile is not passed on to Snakemake: use the option --profile",
    "--workflow-profile mine": "--workflow-profile is not passed on",
    "--logger-mlflow-results elsewhere": "--logger-mlflow-results is not passed on",
    "--report": "--report is not passed on to Snakemake: evotickets report writes the report",
    "--unlock": "--unlock is not passed on",
    "--nolock": "--nolock is not passed on",
    "--no-such-option": "after --: unrecognized arguments: --no-such-option; `snakemake --help` lists",
}


@pytest.mark.parametrize("line", REFUSED)
def test_an_argument_that_would_move_them_is_refused(line):
    with pytest.raises(StudyError) as error:
        passed.check(line.split())
    assert REFUSED[line] in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("line", "dry", "some"),
    [
        ("", False, False),
        ("--dry-run --quiet", True, False),
        ("-n", True, False),
        ("--dryrun", True, False),
        ("--forcerun level --keep-going", False, False),
        ("--set-resources level:gpu=1 --retries 0 --jobs 8", False, False),
        ("--default-resources slurm_account=a mem_mb=2000", False, False),
        ("results/tables/tickets.parquet", False, True),
        ("-n results/tables/tickets.parquet", True, True),
        ("--until level", False, True),
        ("--omit-from claims --keep-going", False, True),
        ("--batch all=1/2", False, True),
    ],
)
def test_other_arguments_are_passed_on(line, dry, some):
    assert passed.check(line.split()) == (dry, some)


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "", "٣", "all", "1_0", "²"])
def test_a_number_of_cores_that_is_none_is_refused(text):
    with pytest.raises(StudyError, match=r"--cores is .*; it must be a whole number from 1$"):
        passed.cores(text)


def test_a_number_of_cores():
    assert passed.cores("08") == "8"


def evotickets(place, *arguments, **environment):
    command = [sys.executable, "-m", "evotickets", *arguments]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, env=environment or None)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "line", ["run study.yaml -- --config results=elsewhere", "run study.yaml --cores 0", "run study.yaml --cores=-2"]
)
def test_the_command_line_refuses_in_one_sentence_and_begins_nothing(tmp_path, line):
    place = studies.folder(tmp_path)
    code, said = evotickets(place, *line.split())
    assert code == 2
    assert said.count("\n") == 1, said
    assert {path.name for path in place.iterdir()} == {"study.yaml", ".cache"}


def test_two_studies_are_refused(tmp_path):
    code, said = evotickets(tmp_path, "run", "a.yaml", "--config", "b.yaml")
    assert (code, said) == (2, "a.yaml and b.yaml are two studies: name one\n")


def test_only_run_passes_anything_on(tmp_path):
    code, said = evotickets(tmp_path, "report", "--", "--dry-run")
    assert code == 2
    assert said.endswith("evotickets report takes nothing after --\n")


def test_the_workflow_refuses_another_folder_than_the_one_that_is_locked(tmp_path, monkeypatch):
    """A profile of the user's, which the command line does not see, sets a configuration of its own."""
    place = studies.folder(tmp_path)
    (place / "mine").mkdir()
    (place / "mine/profile.yaml").write_text("config: [results=elsewhere]\n")
    monkeypatch.setenv("SNAKEMAKE_PROFILE", str(place / "mine"))
    process = studies.start(place)
    said = process.communicate(timeout=100)[0]
    assert process.returncode
    assert "results is elsewhere, another folder than that of the configuration" in said
    assert not (place / "elsewhere").exists()
