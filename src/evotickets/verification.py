"""Reading a finished study back: whether every file is there, and holds what was written."""

import csv
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from evotickets import results, sealed


class Fault(NamedTuple):
    """A file of a study that is not as it should be.

    Attributes:
        path: of the file.
        rule: the rule that makes it anew.
        what: what is wrong, in a sentence.
    """

    path: str
    rule: str
    what: str


class Planned(NamedTuple):
    """A file that a study makes: by which rule, and whether Snakemake would make it again, and why."""

    path: str
    rule: str
    again: str


def planned(config: str, snakefile: Path) -> list[Planned]:
    """Ask Snakemake for all files of a study, as a workflow makes them.

    Raises:
        ResultError: if it cannot read the study.
    """
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile), "--configfile", config]
    command += ["--summary", "--quiet", "all"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise sealed.ResultError(f"{config} cannot be planned: {(done.stderr or done.stdout).strip()}")
    table = done.stdout[done.stdout.index("output_file\t") :]
    return [
        Planned(row["output_file"], row["rule"], "" if row["plan"] == "no update" else _why(row["status"]))
        for row in csv.DictReader(table.splitlines(), delimiter="\t")
    ]


def _why(status: str) -> str:
    # Of a file that would be made anew since another is, Snakemake has nothing to say.
    return "what it is made from is" if status == "ok" else status


def faults(files: Iterable[Planned]) -> Iterator[Fault]:
    """Read all files back and yield those that are missing, damaged or out of date."""
    for path, rule, again in files:
        if not Path(path).exists():
            yield Fault(path, rule, f"{path} is missing")
            continue
        try:
            check(Path(path))
        except results.ResultError as error:
            yield Fault(path, rule, str(error))
            continue
        if again:
            yield Fault(path, rule, f"{path} is out of date ({again})")


def check(path: Path) -> None:
    """Read a file that a study made, whatever its kind; logs and measurements of jobs are not results.

    Raises:
        ResultError: if it does not hold what was written.
    """
    match path.suffix:
        case ".parquet":
            results.check_table(path)
        case ".safetensors":
            sealed.read_tensors(path)
        case ".svg":
            _refuse_what_is_no_image(path, sealed.read_page(path))
        case ".wav":
            sealed.read_sound(path)
        case ".html":
            sealed.read_page(path)


def check_pages(folder: Path) -> None:
    """Read all figures and pages of a study, which its report shows.

    Raises:
        ResultError: if one does not hold what was written.
    """
    for path in sorted([*folder.glob("*/**/*.svg"), *folder.glob("*/**/*.html")]):
        check(path)


def _refuse_what_is_no_image(path: Path, content: bytes) -> None:
    try:
        names = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(content).iter()}
    except ElementTree.ParseError as error:
        raise results.ResultError(f"{path} is no SVG ({error}): delete it and run the workflow again") from error
    if "script" in names or "svg" not in names:
        raise results.ResultError(f"{path} is no image: delete it and run the workflow again")
