"""Axis letters of shapes: declared in one table, with one meaning each, and used as declared."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

import evotickets

PACKAGE = Path(__file__).parents[1] / "src/evotickets"
MODULES = sorted(PACKAGE.rglob("*.py"))
DECLARED = re.findall(r"^\* `(\w)` (.+)$", evotickets.__doc__, re.MULTILINE)
# `[B, n, I]`, `[S, L + 1]`, `[P/2, D]`: what stands in brackets and has more than digits, signs and dots.
SHAPE = re.compile(r"\[([^\[\]`\"']+)\]")


def prose(path):
    """Every string that stands alone in a module: docstrings, and those behind constants."""
    nodes = ast.walk(ast.parse(path.read_text()))
    constants = [node.value for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]
    return [constant.value for constant in constants if isinstance(constant.value, str)]


def letters(path):
    """Return the single letters in shapes."""
    shapes = [shape for text in prose(path) for shape in SHAPE.findall(text)]
    return {letter for shape in shapes for letter in re.findall(r"(?<![\w.])[^\W\d_](?!\w)", shape)}


def test_the_table_gives_every_letter_one_meaning():
    assert len(DECLARED) > 15
    for column in zip(*DECLARED, strict=True):
        assert not [entry for entry, count in Counter(column).items() if count > 1]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_shapes_use_letters_of_the_table_and_modules_declare_none(path):
    assert letters(path) <= {letter for letter, _ in DECLARED}
    if path != PACKAGE / "__init__.py":
        assert not any(re.search(r"Axis\s+letter", text) for text in prose(path)), "letters stand in evotickets.__doc__"


def test_no_letter_is_declared_for_nothing():
    used = set().union(*map(letters, MODULES))
    assert {letter for letter, _ in DECLARED} <= used
