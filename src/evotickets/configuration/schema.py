"""The JSON schema of configurations, made from the dataclasses of sections and the signatures of parts.

    python -m evotickets.configuration.schema

writes it. Editors read the file, and so does every start of the workflow, which thus imports none of the parts.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import annotated_types

from evotickets import pruning
from evotickets.configuration.options import (
    Described,
    Doc,
    Entry,
    Ge,
    Le,
    NameKeys,
    OneOf,
    Overrides,
    Pattern,
    Unique,
    catalogue,
    sentence_of,
)
from evotickets.own import PartError
from evotickets.systems.registry import SYSTEMS

FILE = Path(__file__).with_name("config.schema.json")

TYPES: dict[Any, Any] = {int: "integer", float: "number", bool: "boolean", str: "string"}
BOUNDS: dict[type, tuple[str, str]] = {
    annotated_types.Ge: ("ge", "minimum"),
    annotated_types.Gt: ("gt", "exclusiveMinimum"),
    annotated_types.Le: ("le", "maximum"),
    annotated_types.Lt: ("lt", "exclusiveMaximum"),
    annotated_types.MultipleOf: ("multiple_of", "multipleOf"),
    Pattern: ("regex", "pattern"),
    Doc: ("documentation", "description"),
}
LENGTHS = {"array": "Items", "object": "Properties", "string": "Length"}
NAME = {
    "description": "a name for paths and tables, at most 40 lower-case letters, digits and _ with a letter first.",
    "type": "string",
    "pattern": r"^[a-z][a-z0-9_]{0,39}$(?!\n)",
}
RESULTS = (
    "a path for the folder of all results, relative to the working folder or from its root, without quotes, brackets, "
    "wildcards and other characters that Snakemake or a shell would read as something else, and with no - or ~ at its "
    "beginning; two studies need two folders."
)
NOT_IN_PATHS = r"\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\"'`$\\{}\[\]*?!;&|<>"
"""Control characters, those that turn the direction of text round, and those that Snakemake or shells read otherwise."""


@dataclass(frozen=True)
class Head:
    """Science only; how and where jobs run is a profile's business."""

    seed: Annotated[int, Ge(0), Le(2**31 - 1), Doc("The one integer that decides every random draw of the study.")] = 0
    seeds: Annotated[int, Ge(1), Le(1000), Doc("Independent repetitions of every cell; intervals are over these.")] = 5
    parts: Annotated[
        list[Annotated[str, Doc("Path of a Python file, relative to this file.")]],
        Unique(),
        Doc("Files with parts of the study's own: criteria, strategies, tasks, seekers, methods, claims, figures."),
    ] = field(default_factory=list)
    results: Annotated[str, Pattern(rf"^(?![-~ ]|.*://)[^{NOT_IN_PATHS}]{{1,1000}}(?<! )$(?!\n)"), Doc(RESULTS)] = (
        "results"
    )


def rule_of(annotation: Any) -> dict[str, Any]:
    """Return what an annotated type allows."""
    if get_origin(annotation) is Annotated:
        base, *words = get_args(annotation)
        rule = rule_of(base)
        for word in words:
            rule |= _word(word, rule)
        return rule
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in TYPES:
        return {"type": TYPES[annotation]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, UnionType):
        return _either([rule_of(argument) for argument in arguments if argument is not NoneType])
    if is_dataclass(annotation):
        return {"description": sentence_of(annotation)} | object_of(annotation)
    if origin is dict:
        values = {} if arguments[1] is Any else {"additionalProperties": rule_of(arguments[1])}
        return {"type": "object", **values}
    if origin is not None:
        return {"type": "array", "items": rule_of(arguments[0])}
    return {}


def _either(rules: list[dict[str, Any]]) -> dict[str, Any]:
    if len(rules) == 1:
        return rules[0]
    types = [rule["type"] for rule in rules]
    return {key: value for rule in rules for key, value in rule.items()} | {"type": types}


def _word(word: Any, rule: dict[str, Any]) -> dict[str, Any]:
    """Return what a word of an annotation adds to a rule."""
    match word:
        case OneOf():
            rule.pop("type")
            return {"enum": list(word.names())}
        case Unique():
            return {"uniqueItems": True}
        case NameKeys():
            return {"propertyNames": NAME}
        case Entry():
            about = f"Options of a {word.key}; each adds its own, listed under its name in $defs/{word.catalogue}."
            return {"description": about, "properties": {word.key: {"description": word.sentence, "type": "string"}}}
        case Overrides():
            properties = object_of(word.of)["properties"].items()
            free = {name: {k: v for k, v in own.items() if k != "default"} for name, own in properties}
            return {"additionalProperties": False, "properties": free}
        case annotated_types.Len():
            size = LENGTHS[rule["type"]]
            ends = {"min": word.min_length or None, "max": word.max_length}
            return {f"{end}{size}": value for end, value in ends.items() if value is not None}
    if type(word) not in BOUNDS:
        words = ", ".join(sorted(known.__name__ for known in BOUNDS))
        raise PartError(f"{word!r} is no word of an option; evotickets.configuration.options has {words}")
    attribute, keyword = BOUNDS[type(word)]
    return {keyword: getattr(word, attribute)}


def _object(properties: Mapping[str, Any], required: list[str], **more: Any) -> dict[str, Any]:
    needed = {"required": required} if required else {}
    return {"type": "object", "additionalProperties": False, **needed, **more, "properties": dict(properties)}


def object_of(section: Any) -> dict[str, Any]:
    """Return the rule of a map whose keys are the fields of a dataclass, and the options that it takes in besides."""
    hints, properties, required = get_type_hints(section, include_extras=True), {}, []
    for own in fields(section):
        rule = rule_of(hints[own.name])
        default = own.default if own.default_factory is MISSING else own.default_factory()
        if default is MISSING:
            required.append(own.name)
        elif default is not None:
            rule["default"] = {} if is_dataclass(default) else _plain(default)
        properties[own.name] = rule
    for name, parameter in getattr(section, "more", dict)().items():
        properties.setdefault(name, rule_of(parameter.annotation))
    return _object(properties, required)


def part_of(entry: Entry, part: Described) -> dict[str, Any]:
    """Return the rule of a part's options."""
    properties = {entry.key: {"description": entry.sentence, "type": "string"}}
    for name, parameter in part.options.items():
        properties[name] = rule_of(parameter.annotation) | {"default": _plain(parameter.default)}
    facts = {f"x-{fact}": _plain(value) for fact, value in part.facts.items()}
    return {"description": part.sentence} | _object(properties, [], **facts)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (tuple, set)) else value


def entries(annotation: Any) -> Iterator[Entry]:
    """Yield the entries inside an annotation or a dataclass."""
    if isinstance(annotation, type) and is_dataclass(annotation):
        for hint in get_type_hints(annotation, include_extras=True).values():
            yield from entries(hint)
    for argument in get_args(annotation):
        if isinstance(argument, Entry):
            yield argument
        yield from entries(argument)


def _criteria() -> dict[str, Described]:
    return {
        name: Described(sentence_of(part), {}, {"needs": pruning.needs(name)})
        for name, part in pruning.criterion.items()
    }


CRITERIA = Entry("criterion", catalogue(pruning.criterion), "The registered criterion.", _criteria)
"""No entry names a criterion with options; what it needs must be known nevertheless."""


def generate() -> dict[str, Any]:
    """Return the schema."""
    sections = {name: import_module(f"evotickets.systems.{name}.config").Section for name in SYSTEMS}
    found = [CRITERIA, *(entry for section in sections.values() for entry in entries(section))]
    head = object_of(Head)
    head["properties"] |= {name: rule_of(section) for name, section in sections.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A study",
        "description": sentence_of(Head),
        **head,
        "$defs": {
            entry.catalogue: {name: part_of(entry, part) for name, part in entry.parts().items()} for entry in found
        },
    }


def text() -> str:
    """Return the schema as it stands in the file."""
    return json.dumps(generate(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
