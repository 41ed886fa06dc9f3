"""The schema of configurations: generated from signatures and dataclasses, written to a file, read without them."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml

from evotickets.configuration import reader, schema
from evotickets.configuration.options import (
    Described,
    Doc,
    Entry,
    Even,
    Ge,
    Len,
    Lt,
    Named,
    OneOf,
    Overrides,
    Several,
    options_of,
)
from evotickets.systems.registry import SYSTEMS

ROOT = Path(__file__).parents[2]
BIG = ("jax", "torch", "matplotlib", "pandas", "pydantic")


def test_the_file_is_what_the_code_says():
    assert schema.FILE.read_text(encoding="utf-8") == schema.text(), "run python -m evotickets.configuration.schema"


def test_the_schema_is_the_same_whichever_part_was_imported_first():
    late = ("systems.strong.seekers.genetic", "systems.strong.seekers.evolution", "pruning.criteria.trained")
    program = (
        f"import {', '.join(f'evotickets.{module}' for module in late)}\n"
        "from evotickets.configuration import schema\n"
        "assert schema.FILE.read_text(encoding='utf-8') == schema.text()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@dataclass(frozen=True)
class Inner:
    """What is inside."""

    size: Annotated[int, Ge(1), Doc("How large.")] = 3


@dataclass(frozen=True)
class Outer:
    """What is outside."""

    names: Annotated[Several[str], Doc("Names.")]
    inner: Annotated[Inner, Doc("Settings.")] = field(default_factory=Inner)
    changed: Annotated[dict[str, Any], Overrides(Inner), Doc("Changes.")] = field(default_factory=dict)
    kind: Annotated[Literal["a", "b"] | None, Doc("Which.")] = None


def test_a_dataclass_becomes_the_rule_of_a_map():
    size = {"type": "integer", "minimum": 1, "description": "How large."}
    closed = {"type": "object", "additionalProperties": False}
    assert schema.object_of(Outer) == closed | {
        "required": ["names"],
        "properties": {
            "names": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "uniqueItems": True,
                "description": "Names.",
            },
            "inner": closed
            | {"properties": {"size": size | {"default": 3}}, "description": "Settings.", "default": {}},
            "changed": closed | {"properties": {"size": size}, "description": "Changes.", "default": {}},
            "kind": {"enum": ["a", "b"], "description": "Which."},
        },
    }


def test_defaults_of_a_dataclass_are_filled_in_at_every_depth():
    filled = reader.conform({"names": ["x"]}, schema.object_of(Outer), "")
    assert filled == {"names": ["x"], "inner": {"size": 3}, "changed": {}}


def part(instance, *, members: Even = 8, share: Annotated[float | str, Ge(0), Lt(1), Doc("Share.")] = 0.5, key=None):
    """Do something.

    More of it.
    """


def test_options_are_the_keyword_only_arguments_that_a_sentence_describes():
    assert list(options_of(part)) == ["members", "share"]
    assert list(options_of(part, without=("share",))) == ["members"]


def test_a_signature_becomes_the_rule_of_its_options():
    entry = Entry("seeker", "seekers", "Which.", dict)
    rule = schema.part_of(entry, Described("Do something.", options_of(part), {"needs": ("std",)}))
    members = {"type": "integer", "minimum": 2, "maximum": 1_000_000, "multipleOf": 2}
    assert rule == {
        "description": "Do something.",
        "type": "object",
        "additionalProperties": False,
        "x-needs": ["std"],
        "properties": {
            "seeker": {"description": "Which.", "type": "string"},
            "members": members | {"description": "Members of a generation; even.", "default": 8},
            "share": {
                "type": ["number", "string"],
                "minimum": 0,
                "exclusiveMaximum": 1,
                "description": "Share.",
                "default": 0.5,
            },
        },
    }


def test_words_of_annotations():
    assert schema.rule_of(Annotated[str, OneOf(lambda: ["x", "y"])]) == {"enum": ["x", "y"]}
    assert schema.rule_of(Annotated[str, Len(0, 9)]) == {"type": "string", "maxLength": 9}
    assert schema.rule_of(Named[bool]) == {
        "type": "object",
        "additionalProperties": {"type": "boolean"},
        "minProperties": 1,
        "propertyNames": schema.NAME,
    }


@pytest.mark.parametrize("path", sorted((ROOT / "config").rglob("*.yaml")), ids=lambda path: path.name)
def test_editors_find_the_schema_of_a_study(path):
    first = path.read_text().splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (path.parent / first.partition("=")[2]).resolve() == schema.FILE.resolve()


@pytest.mark.parametrize(
    "module",
    ["study", "configuration.reader", "trainers", "pruning", *(f"systems.{name}.config" for name in SYSTEMS)],
)
def test_the_start_of_a_workflow_imports_no_big_library(module):
    code = f"import sys, evotickets.{module}; print(*({set(BIG)} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


def test_every_shipped_study_names_only_keys_of_the_schema():
    known = set(reader.schema()["properties"])
    assert known == {"seed", "seeds", "results", *SYSTEMS}
    for path in (ROOT / "config").rglob("*.yaml"):
        assert set(yaml.safe_load(path.read_text())) <= known
