"""A study: a configuration that was checked, resolved into chains.

Reads no data and compiles nothing, because every start of the workflow waits for it.
"""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from evotickets import tasks
from evotickets.pruning import CONTROLS
from evotickets.scores import NEEDS_STD
from evotickets.training import EVOSAX, GRADIENT

OBJECTIVE_ONLY = {"supervised": {"episodes", "test_episodes"}, "control": {"batch"}}


class StudyError(ValueError):
    """A configuration that cannot run; the message names the key and the remedy."""


@dataclass(frozen=True)
class Chain:
    """One (task, trainer, criterion): levels 0…L. Level 0 is dense and shared by all criteria of a task and trainer."""

    task: str
    trainer: str
    criterion: str
    reference: str
    """The criterion that cuts the tickets a control starts from; the criterion itself where it cuts."""


@dataclass(frozen=True)
class Tickets:
    """The resolved `tickets` section.

    Attributes:
        densities: one a level.
        tasks: settings of the network by task name, `task` resolved.
        settings: resolved trainer settings by (task, trainer).
        chains: every chain once.
    """

    densities: tuple[float, ...]
    tasks: dict[str, dict[str, Any]]
    settings: dict[tuple[str, str], dict[str, Any]]
    chains: tuple[Chain, ...]

    @property
    def levels(self) -> range:
        """All levels, the dense one included."""
        return range(len(self.densities))

    def of(self, task: str) -> list[Chain]:
        """Return the chains of a task."""
        return [chain for chain in self.chains if chain.task == task]


@dataclass(frozen=True)
class Study:
    """A checked configuration with every default filled in."""

    config: dict[str, Any]
    seed: int
    seeds: int
    results: Path
    tickets: Tickets

    @property
    def name(self) -> str:
        """Name of the study: the folder inside `results`, or nothing for the default study."""
        return "/".join(self.results.parts[1:])


def load(path: str | Path, schema: str | Path) -> Study:
    """Read and check a configuration file.

    Raises:
        StudyError: if the file is missing, no YAML or not a study.
    """
    try:
        config = yaml.safe_load(Path(path).read_text())
    except FileNotFoundError as error:
        raise StudyError(f"{path} does not exist: name a configuration, such as CONFIG=config/config.yaml") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 1}" if where else ""
        raise StudyError(f"{path} is not valid YAML{line}: mend its syntax") from error
    return resolve(config, schema)


def resolve(config: Any, schema: str | Path) -> Study:
    """Check a configuration and fill in its defaults.

    Raises:
        StudyError: if a key is unknown, missing or has an impossible value.
    """
    rules = yaml.safe_load(Path(schema).read_text())
    config = _conform(config, rules, rules, "")
    return Study(config, config["seed"], config["seeds"], Path(config["results"]), _tickets(config["tickets"], rules))


def _conform(value: Any, rules: dict[str, Any], root: dict[str, Any], place: str) -> Any:
    """Refuse what breaks the rules with one sentence, and fill in the defaults."""
    errors = list(jsonschema.Draft202012Validator({**rules, "$defs": root["$defs"]}).iter_errors(value))
    if errors:
        raise StudyError(_sentence(min(errors, key=lambda e: (len(e.absolute_path), str(e.message))), place))
    return _filled(deepcopy(value), rules, root)


def _filled(value: Any, rules: Any, root: dict[str, Any]) -> Any:
    """Add the defaults that the rules give, at every depth."""
    if not isinstance(rules, dict):
        return value
    if "$ref" in rules:
        rules = root["$defs"][rules["$ref"].rsplit("/", 1)[-1]]
    if isinstance(value, list):
        return [_filled(item, rules.get("items"), root) for item in value]
    if not isinstance(value, dict):
        return value
    named = rules.get("properties", {})
    for key, rule in named.items():
        if "default" in rule:
            value.setdefault(key, deepcopy(rule["default"]))
    return {key: _filled(item, named.get(key, rules.get("additionalProperties")), root) for key, item in value.items()}


def _sentence(error: jsonschema.ValidationError, place: str) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
    where = (place + path.lstrip(".")).strip(".") or "the configuration"
    shown = repr(error.instance) if len(repr(error.instance)) <= 60 else repr(error.instance)[:57] + "…"
    rule, instance = error.validator_value, error.instance
    match error.validator:
        case "additionalProperties":
            known = sorted(error.schema["properties"])
            unknown = sorted(set(instance) - set(known), key=str)[0]
            return f"{where}: unknown key {str(unknown)[:60]!r}; {_hint(unknown, known)}"
        case "required":
            missing = next(key for key in rule if key not in instance)
            return f"{where}: the key {missing!r} is missing; add it"
        case "enum":
            return f"{where} is {shown}; choose one of {', '.join(map(str, rule))}"
        case "type":
            return f"{where} is {shown}, which is no {rule}"
        case "pattern":
            return f"{where} is {shown}; it must match {rule}"
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum" | "multipleOf":
            words = {
                "minimum": "at least",
                "exclusiveMinimum": "greater than",
                "maximum": "at most",
                "exclusiveMaximum": "less than",
                "multipleOf": "a multiple of",
            }
            return f"{where} is {shown}; it must be {words[str(error.validator)]} {rule}"
        case "minItems" | "minProperties":
            return f"{where} is empty; it needs at least {rule}"
        case "maxItems":
            return f"{where} is too long; at most {rule}"
        case "uniqueItems":
            return f"{where} lists something twice: {shown}"
    return f"{where}: {error.message}"


def _hint(name: Any, known: Iterable[str]) -> str:
    known = list(known)
    close = get_close_matches(str(name), known, 1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"


def _known(where: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        raise StudyError(f"{where} names {name[:60]!r}, which is not there; {_hint(name, known)}")


def _tickets(section: dict[str, Any], rules: dict[str, Any]) -> Tickets:
    densities = section["densities"]
    if densities[0] != 1:
        raise StudyError(f"tickets.densities starts with {densities[0]}; the first level is dense: start with 1")
    for higher, lower in pairwise(densities):
        if lower >= higher:
            raise StudyError(f"tickets.densities has {lower} after {higher}; densities must fall from level to level")
    networks = {name: _task(name, dict(task)) for name, task in section["tasks"].items()}
    settings: dict[tuple[str, str], dict[str, Any]] = {}
    chains: dict[Chain, None] = {}
    for index, entry in enumerate(section["chains"]):
        where = f"tickets.chains[{index}]"
        _known(f"{where}.task", entry["task"], networks)
        reference = entry.get("controls_of", "magnitude")
        for trainer in entry["trainers"]:
            _known(f"{where}.trainers", trainer, section["trainers"])
            resolved = _trainer(
                f"tickets.trainers.{trainer}", trainer, section["trainers"][trainer], entry["settings"], where, rules
            )
            resolved = _for_task(networks[entry["task"]]["task"], trainer, resolved, where)
            key = (entry["task"], trainer)
            if settings.setdefault(key, resolved) != resolved:
                raise StudyError(
                    f"{where} gives {trainer} on {entry['task']} other settings than an earlier chain; "
                    "add a trainer of another name"
                )
            for criterion in entry["criteria"]:
                cuts = reference if criterion in CONTROLS else criterion
                if cuts in NEEDS_STD and resolved["strategy"] in GRADIENT:
                    raise StudyError(
                        f"{where}.criteria has {cuts} for {trainer}, a gradient trainer without a std; use magnitude"
                    )
                chains[Chain(entry["task"], trainer, criterion, cuts)] = None
                if criterion in set(CONTROLS) - {"random"}:
                    chains[Chain(entry["task"], trainer, cuts, cuts)] = None
    names = [(c.task, c.trainer, c.criterion) for c in chains]
    for name in names:
        if names.count(name) > 1:
            raise StudyError(f"tickets.chains lists {'/'.join(name)} twice with different controls_of; keep one")
    return Tickets(tuple(densities), networks, settings, tuple(chains))


def _task(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    settings.setdefault("task", name)
    where = f"tickets.tasks.{name}"
    _known(where, settings["task"], [*tasks.SUPERVISED, *tasks.CONTROL])
    control = tasks.is_control(settings["task"])
    if ("hidden" in settings) == ("channels" in settings):
        raise StudyError(f"{where} needs either 'hidden' (a perceptron) or 'channels' (a convolutional network)")
    if control and "channels" in settings:
        raise StudyError(f"{where} is a control task, which has no images for 'channels'; use 'hidden'")
    return settings


def _trainer(
    where: str, name: str, settings: dict[str, Any], override: dict[str, Any], place: str, rules: dict[str, Any]
) -> dict[str, Any]:
    strategy = settings.get("strategy", name)
    strategies = rules["$defs"]["strategies"]
    known = [*(s for s in strategies if s != "evosax"), *EVOSAX]
    if strategy not in known:
        raise StudyError(f"{where}: there is no strategy {str(strategy)[:60]!r}; {_hint(strategy, known)}")
    rule = strategies.get(strategy, strategies["evosax"])
    _conform(settings, rule, rules, f"{where}.")
    if "strategy" in override:
        raise StudyError(f"{place}.settings cannot change the strategy; add a trainer of another name")
    _conform(override, rule, rules, f"{place}.settings.")
    resolved = _conform({**settings, **override, "strategy": strategy}, rule, rules, f"{where}.")
    length = "steps" if strategy in GRADIENT else "generations"
    if resolved[length] % resolved["evaluations"]:
        raise StudyError(
            f"{where}: {length} is {resolved[length]}, no multiple of evaluations, {resolved['evaluations']}"
        )
    return resolved


def _for_task(task: str, trainer: str, settings: dict[str, Any], where: str) -> dict[str, Any]:
    kind = tasks.kind(task)
    if kind == "control" and settings["strategy"] in GRADIENT:
        raise StudyError(
            f"{where} trains the control task {task} with {trainer}, but it has no gradient; use a strategy"
        )
    return {key: value for key, value in settings.items() if key not in OBJECTIVE_ONLY[kind]}
