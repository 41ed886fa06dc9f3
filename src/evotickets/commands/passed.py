"""What a user passes on to Snakemake, beyond the options of the command line."""

from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from evotickets.configuration.reader import StudyError

_ELSEWHERE = {
    "config": "write it into the configuration",
    "configfile": "name the configuration itself: evotickets run FILE",
    "replace_workflow_config": "write what is meant into the configuration",
    "cores": "use the option --cores",
    "profile": "use the option --profile",
    "workflow_profile": "use the option --profile",
    "directory": "go there, or let `results` in the configuration name another folder",
    "snakefile": "start snakemake itself for another workflow",
    "logger_mlflow_results": "let `results` in the configuration name the folder",
    "report": "evotickets report writes the report",
    "unlock": "the next run removes the lock of one that was killed",
    "nolock": "give this study another `results` folder to run it beside another",
}
"""Options that are not passed on, by the names of Snakemake's parser, and what to do instead."""


class Passed(NamedTuple):
    """What arguments for Snakemake ask for: a dry run, or some files or rules instead of the whole study."""

    dry: bool = False
    some: bool = False


def check(arguments: Sequence[str]) -> Passed:
    """Check arguments for Snakemake; return what they ask for.

    Raises:
        StudyError: if Snakemake does not know one, or if one moves results, configuration or cores past the lock and the
            tracking.
    """
    if not arguments:
        return Passed()
    # Only Snakemake knows its abbreviations and plugins.
    from snakemake.cli import get_argument_parser

    parser = get_argument_parser()

    def refuse(message: str) -> NoReturn:
        raise StudyError(f"after --: {message}; `snakemake --help` lists what Snakemake takes")

    parser.error = refuse
    given, usual = (vars(parser.parse_args([*line])) for line in (arguments, ()))
    for name, remedy in _ELSEWHERE.items():
        if given.get(name) != usual.get(name):
            raise StudyError(f"--{name.replace('_', '-')} is not passed on to Snakemake: {remedy}")
    some = any(given[name] for name in ("targets", "until", "omit_from", "batch"))
    return Passed(bool(given["dryrun"]), some)


def cores(text: str) -> str:
    """Check the number of cores.

    Raises:
        StudyError: if it is none.
    """
    if not text.isdecimal() or not text.isascii() or int(text) < 1:
        raise StudyError(f"--cores is {text[:40]!r}; it must be a whole number from 1")
    return str(int(text))
