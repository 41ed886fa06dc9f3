"""A figure is one function, its declaration above it, and a caption of its name in the folder `captions` beside it.

    @figure(
        "figures/strong/{family}_fronts.svg",
        tables=("strong",),
        category="Strong tickets, accuracy over density",
        labels={"family": "{family}", "figure": "accuracy over density"},
    )
    def fronts(frame, path): …

The workflow makes a rule of every figure that is drawn from tables. The function gets the rows of each table that are of
the figure's own wildcards, the path, and the facts it asks for by name. Figures without tables are outputs of the rule
that has what they are drawn from.

Every start of the workflow reads declarations (`declared`), and drawing needs libraries that take seconds to import: so
declarations are read from the source, and consist of literals.
"""

import ast
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Any, NamedTuple, TypeVar

Draw = TypeVar("Draw", bound=Callable[..., Any])


class Figure(NamedTuple):
    """What a figure says of itself.

    Attributes:
        name: of the function, and of the caption.
        module: that holds the function.
        path: below the folder of results; its wildcards say what one file shows.
        caption: file of its caption; None if a figure of a study's own file has none.
        category: where the report lists it.
        subcategory: below that, if anything.
        labels: columns of that list.
        tables: what it is drawn from, by the names of files; none where a rule draws it from something else.
        facts: what else the function asks for, by name: wildcards of the path, and what the system's `Files` know.
        study: the part of the system without which there is nothing to draw.
    """

    name: str
    module: str
    path: str
    caption: Path | None
    category: str
    labels: Mapping[str, str]
    subcategory: str | None = None
    tables: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    study: str = ""

    @property
    def wildcards(self) -> list[str]:
        """The wildcards of the path."""
        return [name for _, name, _, _ in Formatter().parse(self.path) if name]


def figure(
    path: str,
    *,
    category: str,
    labels: Mapping[str, str],
    subcategory: str | None = None,
    tables: tuple[str, ...] = (),
    facts: tuple[str, ...] = (),
    study: str = "",
) -> Callable[[Draw], Draw]:
    """Declare what the decorated function draws, as the attributes of `Figure`; write literals, which `declared` reads."""
    _ = path, category, labels, subcategory, tables, facts, study
    return lambda draw: draw


def declared(module: str, source: Path, *, captioned: bool = True) -> list[Figure]:
    """Return the figures that a module declares.

    Args:
        module: its name.
        source: its file.
        captioned: whether a figure must have a caption.

    Raises:
        ValueError: if a declaration holds anything but literals, or a caption is missing.
    """
    found = []
    for name, path, options in _declarations(source, source.read_text(encoding="utf-8")):
        caption: Path | None = source.parent / "captions" / f"{name}.rst"
        if caption and not caption.is_file():
            caption = None
        if captioned and not caption:
            raise ValueError(f"{source} declares the figure {name}, whose caption captions/{name}.rst is missing")
        found.append(Figure(name, module, path, caption, **options))
    return found


@lru_cache(maxsize=64)
def _declarations(source: Path, text: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Return the name, the path and the options of every figure in a text, which a process asks for again and again."""
    return [
        (node.name, *_literals(decorator, source))
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == figure.__name__
    ]


def _literals(call: ast.Call, source: Path) -> tuple[str, dict[str, Any]]:
    try:
        (path,) = map(ast.literal_eval, call.args)
        return path, {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg}
    except ValueError as error:
        raise ValueError(
            f"{source}, line {call.lineno}: the declaration of a figure must consist of literals"
        ) from error


def named(source: Path) -> set[str]:
    """Return the figures that the claims of a module name, whose `figures` are literals too."""
    return set(_named(source.read_text(encoding="utf-8")))


@lru_cache(maxsize=64)
def _named(text: str) -> frozenset[str]:
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    return frozenset(name for call in calls if getattr(call.func, "id", "") == "claim" for name in _shown(call))


def _shown(call: ast.Call) -> set[str]:
    shown = [ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg == "figures"]
    return {
        name for names in shown for part in (names.values() if isinstance(names, dict) else [names]) for name in part
    }


class Claimed(NamedTuple):
    """A claim of a study's own file: its system, the function of its rule, and the figures that show it."""

    system: str
    function: str
    figures: set[str]


def claimed(source: Path) -> list[Claimed]:
    """Return the claims that are written in a file as `claim = About("<system>")` and `@claim(…)` above a function.

    Raises:
        ValueError: if one is written in another way, in which it could not be read without running it.
    """
    body = ast.parse(source.read_text()).body
    about = {
        node.targets[0].id: str(node.value.args[0].value)
        for node in body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _about(node.value)
        if isinstance(node.value, ast.Call) and isinstance(node.value.args[0], ast.Constant)
    }
    calls = [node for node in ast.walk(ast.Module(body, [])) if _about(node)]
    if len(calls) > len(about):
        raise ValueError(
            f'{source}: claims are written as `claim = About("tickets")`, once a system, and `@claim(…)` above a function'
        )
    return [
        Claimed(about[getattr(decorator.func, "id", "")], node.name, _shown(decorator))
        for node in body
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") in about
    ]


def _about(node: ast.AST) -> bool:
    """Whether an expression makes the decorator of claims about a system."""
    if not isinstance(node, ast.Call) or len(node.args) != 1:
        return False
    return "About" in (getattr(node.func, "id", ""), getattr(node.func, "attr", ""))
