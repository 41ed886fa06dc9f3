"""Reading a configuration file and holding it against the schema: one sentence for whatever is wrong with it."""

import json
from collections.abc import Iterable, Iterator
from copy import deepcopy
from functools import cache
from math import isfinite
from pathlib import Path
from reprlib import Repr
from typing import Any

import jsonschema
import yaml

from evotickets.configuration.filling import filled
from evotickets.configuration.loader import Loader, Refusal
from evotickets.configuration.options import catalogue
from evotickets.parts import Parts
from evotickets.refusals import hint
from evotickets.terminal import printable

LARGEST = 1_000_000
"""Bytes of a configuration file; a larger file is something else."""

SCHEMA = Path(__file__).with_name("config.schema.json")
"""Generated from the signatures of parts and the dataclasses of sections."""

SMALLEST = 2.0**-126
"""Numbers closer to zero are zero in single precision, by which a job would divide."""

WORDS = {
    "object": "a map, written {key: value}",
    "array": "a list, written [a, b]",
    "integer": "a whole number",
    "number": "a finite number",
    "string": "text",
    "boolean": "true or false",
}
BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "greater than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
    "multipleOf": "a multiple of",
}

_repr = Repr()
_repr.maxstring, _repr.maxother, _repr.maxlong, _repr.maxlevel = 60, 60, 40, 2
_short = _repr.repr


class StudyError(ValueError):
    """A configuration that cannot run; the message names the key and the remedy, on one line of printable characters."""

    def __init__(self, sentence: str):
        super().__init__(printable(sentence))


def _is_whole(_: Any, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_finite(_: Any, value: Any) -> bool:
    return _is_whole(_, value) or (isinstance(value, float) and isfinite(value))


def _type(validator: Any, types: Any, instance: Any, rules: Any) -> Iterator[jsonschema.ValidationError]:
    yield from jsonschema.Draft202012Validator.VALIDATORS["type"](validator, types, instance, rules)
    if isinstance(instance, float) and 0 < abs(instance) < SMALLEST:
        yield jsonschema.ValidationError("", validator="smallest", instance=instance)


_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    {"type": _type},
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_whole, "number": _is_finite}
    ),
)


def read(path: str | Path) -> Any:
    """Read a configuration file.

    Raises:
        StudyError: if the file is missing, no text, no YAML or says something twice.
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST:
            raise StudyError(f"{path} is larger than {LARGEST} bytes, which no configuration is: name another file")
        text = path.read_text(encoding="utf-8")
        config = yaml.load(text, Loader)
    except FileNotFoundError as error:
        raise StudyError(
            f"{path} does not exist: go to the folder of a study, name a configuration, or begin with `evotickets new NAME`"
        ) from error
    except OSError as error:
        raise StudyError(f"{path} cannot be read ({error.strerror}): name a configuration file") from error
    except UnicodeDecodeError as error:
        raise StudyError(f"{path} is no text in UTF-8: save it as such, or name another file") from error
    except Refusal as error:
        raise StudyError(f"{path} {error}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, StudyError):
            raise
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        line = f" in line {mark.line + 1}" if mark else ""
        why = f" ({' '.join(problem.split())[:100]})" if problem else ""
        raise StudyError(f"{path} is not valid YAML{line}{why}: mend its syntax") from error
    if config is None:
        raise StudyError(f"{path} is empty: begin with `evotickets new NAME`")
    if not isinstance(config, dict):
        raise StudyError(f"{path} holds {_short(config)} instead of keys: begin with `evotickets new NAME`")
    _agrees_with_json(path, text, config)
    return config


def _agrees_with_json(path: Path, text: str, config: Any) -> None:
    """Refuse a file that Snakemake would read as JSON, which it tries first, and get something else from."""
    try:
        other = json.loads(text)
    except (ValueError, RecursionError):
        return
    if other != config:
        raise StudyError(
            f"{path} says one thing as JSON and another as YAML: write it as YAML, without braces around it"
        )


@cache
def shipped() -> dict[str, Any]:
    """Return the schema of configurations, which `evotickets.configuration.schema` generates."""
    return json.loads(SCHEMA.read_text(encoding="utf-8"))


_extended: list[dict[str, Any]] = []


def extend(*rules: dict[str, Any]) -> None:
    """Hold configurations against a schema that has parts of their own from now on, without one against ours again."""
    _extended[:] = rules


def schema() -> dict[str, Any]:
    """Return the schema of configurations, with the parts that a study has of its own."""
    return _extended[0] if _extended else shipped()


def described(parts: Parts | str) -> dict[str, dict[str, Any]]:
    """Return the rules of the options of every part of a kind, by name; other facts stand under `x-` and their name."""
    return schema()["$defs"][parts if isinstance(parts, str) else catalogue(parts)]


def conform_part(parts: Parts, name: str, options: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the options of an entry called `name`, checked and complete, the part that it names among them.

    Raises:
        StudyError: if there is no such part, or an option breaks a rule.
    """
    part = options.get(parts.kind, name)
    known(where, part, described(parts))
    return conform({**options, parts.kind: part}, described(parts)[part], f"{where}.")


def conform(value: Any, rules: dict[str, Any], place: str) -> Any:
    """Return a copy with the defaults filled in; `place` is the path of `value`, with a dot at its end.

    Raises:
        StudyError: if the value breaks a rule.
    """
    errors = list(_Validator(rules).iter_errors(value))
    if errors:
        raise StudyError(_sentence(min(errors, key=lambda e: (len(e.absolute_path), str(e.validator))), place))
    return filled(deepcopy(value), rules)


def check_text(config: Any) -> None:
    """Refuse text that cannot be shown, and lists and maps within themselves.

    Raises:
        StudyError: if there is one.
    """
    seen: set[int] = set()

    def check(value: Any, place: str, above: tuple[int, ...]) -> None:
        where = place.lstrip(".") or "the configuration"
        if id(value) in above:
            raise StudyError(f"{where} holds itself; write out what it is to hold")
        if isinstance(value, str) and printable(value) != value:
            raise StudyError(f"{where} is {_short(value)}, with characters that cannot be shown; take them out")
        if not isinstance(value, (dict, list)) or id(value) in seen:
            return
        inside = (*above, id(value))
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            check(key, f"{place}, a key", inside)
            check(item, f"{place}[{key}]" if isinstance(value, list) else f"{place}.{shown(key)}", inside)
        seen.add(id(value))

    check(config, "", ())


def _sentence(error: jsonschema.ValidationError, place: str) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{shown(part)}" for part in error.absolute_path)
    where = (place + path.lstrip(".")).strip(".") or "the configuration"
    rule, instance = error.validator_value, error.instance
    found = _short(instance)
    match error.validator:
        case "additionalProperties":
            known = sorted(error.schema["properties"])
            unknown = sorted(set(instance) - set(known), key=str)[0]
            return f"{where}: unknown key {_short(unknown)}; {hint(unknown, known)}"
        case "required":
            missing = next(key for key in rule if key not in instance)
            return f"{where}: the key {missing!r} is missing; add it"
        case "enum":
            return f"{where} is {found}; choose one of {', '.join(map(str, rule))}"
        case "type":
            kinds = [rule] if isinstance(rule, str) else rule
            words = " or ".join(WORDS[kind] for kind in kinds)
            return f"{where} is {found}; it must be {words}{_number(instance, kinds[0])}"
        case "pattern":
            form = error.schema["description"].rstrip(".")
            return f"{where}: {found} cannot be used; it must be {form[0].lower() + form[1:]}"
        case "minItems" if instance:
            return f"{where} is {found}; it must have at least {rule} entries"
        case "smallest":
            return f"{where} is {found}, which is zero in single precision; write 0 or a larger number"
        case "minLength":
            return f"{where} is empty; write something or take it out"
        case "maxLength":
            return f"{where} has {len(instance)} characters; it must have at most {rule}"
        case "minItems" | "minProperties":
            return f"{where} is empty; give it at least {rule}"
        case "maxItems":
            return f"{where} has {len(instance)} entries; it must have at most {rule}"
        case "uniqueItems":
            return f"{where} lists something twice: {found}; keep one"
        case bound if bound in BOUNDS:
            return f"{where} is {found}; it must be {BOUNDS[str(bound)]} {rule}"
    return f"{where}: {error.message}"


def _number(value: Any, rule: str) -> str:
    """Say how to write a number that YAML takes for something else."""
    if rule == "integer" and isinstance(value, float) and value.is_integer():
        return f": write {int(value)}"
    if rule in ("integer", "number") and isinstance(value, str):
        try:
            number = float(value)
            if isfinite(number):
                return f", but YAML reads this as text: write {int(number) if rule == 'integer' else number}"
        except ValueError:
            pass
    return ""


def shown(name: Any) -> str:
    """Return a name short enough for a sentence and on one line."""
    return _short(name)[1:-1] if isinstance(name, str) else _short(name)


def known(where: str, name: str, names: Iterable[str]) -> None:
    """Refuse a name that is not there.

    Raises:
        StudyError: if it is not.
    """
    if name not in names:
        raise StudyError(f"{where} names {shown(name)}, which is not there; {hint(name, names)}")
