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
        caption: file of its caption.
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
    caption: Path
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


def declared(module: str, source: Path) -> list[Figure]:
    """Return the figures that a module declares.

    Args:
        module: its name.
        source: its file.

    Raises:
        ValueError: if a declaration holds anything but literals, or a caption is missing.
    """
    found = []
    functions = [
        node for node in ast.parse(source.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)
    ]
    for node in functions:
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == figure.__name__:
                path, options = _literals(decorator, source)
                caption = source.parent / "captions" / f"{node.name}.rst"
                if not caption.is_file():
                    raise ValueError(f"{source} declares the figure {node.name}, whose caption {caption} is missing")
                found.append(Figure(node.name, module, path, caption, **options))
    return found


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
    calls = [node for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    shown = [
        ast.literal_eval(keyword.value)
        for call in calls
        if getattr(call.func, "id", "") == "claim"
        for keyword in call.keywords
        if keyword.arg == "figures"
    ]
    return {
        name for names in shown for part in (names.values() if isinstance(names, dict) else [names]) for name in part
    }
