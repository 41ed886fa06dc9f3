"""What the statements of a Python file bind and refer to, read from its syntax tree without running it.

Left out is what says nothing about what is computed: comments, docstrings, annotations of arguments, what `Annotated` adds
to a type, blocks under `if TYPE_CHECKING`. Every start of the workflow reads this file, which therefore imports nothing
but the standard library.
"""

import ast
import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from evotickets.code import scopes
from evotickets.code.scopes import Names, Reference

REGISTRIES = (("Parts",), ("About",))
"""What makes decorators that only add to what can be looked up: parts of a kind, and claims about a system."""


class Statement(NamedTuple):
    """A statement at the top of a file."""

    names: Names
    """What it binds, or changes where it assigns to an item or an attribute of what the file binds."""
    meaning: str
    """Digest of what it says."""
    references: tuple[Reference, ...]
    imports: tuple[Reference, ...]
    """What is imported inside its functions."""
    acts: bool
    """Whether it does something besides binding names."""
    decorators: tuple[tuple[Names, str | None], ...]
    """Decorators, and the name that each would give to a part; None if it takes running the code to know.

    `x(name=name)(function)`, alone or in a loop of nothing else, is a decorator too."""
    parts: Names
    """Kind and places of parts, where it is an assignment `x = Parts(kind, *places)`, or `x = About(system)` of claims."""
    silent: bool
    """Whether it defines a function that calls nothing and changes nothing: as a decorator, it only declares."""


class Source(NamedTuple):
    """A file: its statements, what its imports bind, modules of which it imports everything, and all that it imports."""

    statements: tuple[Statement, ...]
    bindings: dict[str, Reference]
    stars: Names
    imports: tuple[Reference, ...]


def read(text: str | bytes) -> Source:
    """Read the source of a module."""
    body = [node for node in ast.parse(text).body if not scopes.says_nothing(node)]
    inner = [each for node in body for each in scopes.inside(node)]
    imports = [node for node in inner if isinstance(node, ast.Import | ast.ImportFrom)]
    others = [node for node in body if not isinstance(node, ast.Import | ast.ImportFrom)]
    defined = {name for node in others for name in scopes.bound(node)}
    bindings = [item for node in imports for item in scopes.bindings(node).items()]
    return Source(
        tuple(_statement(node, defined) for node in others),
        dict(bindings),
        tuple(module for name, (module, _) in bindings if name == "*"),
        tuple(target for node in imports for target in scopes.imported(node)),
    )


def _statement(node: ast.stmt, defined: set[str]) -> Statement:
    reader = scopes.Reader(node)
    reader.visit(node)
    names, acts, silent = scopes.bound(node), True, False
    decorators: list[tuple[Names, str | None]] = []
    parts: Names = ()
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            acts, silent = False, _silent(node)
            decorators = [
                (scopes.path(scopes.called(each)), _part_name(each, node.name)) for each in node.decorator_list
            ]
        case ast.Assign(value=value) | ast.AnnAssign(value=value) | ast.AugAssign(value=value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            changed = {name for target in targets for name in _changed(target)}
            # `here["a"] = …` belongs to the definition of `here`; what another module has bound is not ours to describe.
            names, acts = names | changed & defined, bool(changed - defined)
            maker = scopes.path(value.func)[-1:] if isinstance(value, ast.Call) else ()
            if isinstance(value, ast.Call) and maker in REGISTRIES:
                said = tuple(str(place.value) for place in value.args if isinstance(place, ast.Constant))
                parts = said if maker == ("Parts",) else ("claim",)
        case ast.Expr() | ast.For():
            decorators = _applied(node)
    meaning = hashlib.sha256(_meaning(node).encode()).hexdigest()[:16]
    references, imports = tuple(sorted(reader.references)), tuple(sorted(reader.imports))
    return Statement(tuple(sorted(names)), meaning, references, imports, acts, tuple(decorators), parts, silent)


def _applied(node: ast.Expr | ast.For) -> list[tuple[Names, str | None]]:
    """Return the decorators that a statement calls, none if it does anything else."""
    calls = [
        call.value if isinstance(call, ast.Expr) and isinstance(call.value, ast.Call) else None
        for call in (node.body if isinstance(node, ast.For) else [node])
    ]
    decorators = [(scopes.path(scopes.called(call.func)), _applied_name(call, node)) for call in calls if call]
    return decorators if all(path for path, _ in decorators) and len(decorators) == len(calls) else []


def _applied_name(call: ast.Call, statement: ast.Expr | ast.For) -> str | None:
    match statement, call.args:
        case ast.Expr(), [ast.Name(id=name)]:
            return _part_name(call.func, name)
    return None


def _silent(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    changes = ast.Call | ast.Global | ast.Nonlocal | ast.Await | ast.Yield | ast.YieldFrom | ast.Import | ast.ImportFrom
    return isinstance(node, ast.FunctionDef) and not any(
        isinstance(each, changes)
        or (isinstance(each, ast.Attribute | ast.Subscript) and not isinstance(each.ctx, ast.Load))
        for statement in node.body
        for each in ast.walk(statement)
    )


def _part_name(decorator: ast.expr, name: str) -> str | None:
    for keyword in decorator.keywords if isinstance(decorator, ast.Call) else ():
        if keyword.arg == "name":
            return str(keyword.value.value) if isinstance(keyword.value, ast.Constant) else None
    return name


def _changed(target: ast.AST) -> Iterator[str]:
    """Yield the names of objects whose items or attributes an assignment to a target sets."""
    if isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from _changed(element)
    elif isinstance(target, ast.Attribute | ast.Subscript):
        while isinstance(target, ast.Attribute | ast.Subscript):
            target = target.value
        yield target.id if isinstance(target, ast.Name) else ""


def _meaning(node: object) -> str:
    """Write a tree without positions and without what says nothing; the same in all versions of Python."""
    match node:
        case ast.Constant():
            return repr(node.value)
        case ast.Subscript() if kept := scopes.annotated(node):
            return _meaning(kept)
        case ast.AST():
            silent = {"type_comment", "type_params"}
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.arg):
                silent |= {"annotation", "returns"}
            fields = {name: value for name, value in ast.iter_fields(node) if name not in silent}
            said = [f"{name}={_meaning(value)}" for name, value in fields.items() if value is not None and value != []]
            return f"{type(node).__name__}({','.join(said)})"
        case list():
            said = [_meaning(each) for each in node if not (isinstance(each, ast.AST) and scopes.says_nothing(each))]
            return f"[{','.join(said)}]"
    return repr(node)
