"""Which names a piece of code binds in its scope, and what it refers to beyond its own variables."""

import ast
from collections.abc import Iterable, Iterator

Names = tuple[str, ...]
Reference = tuple[str, Names]
"""A module and a path of names in it; the module is "" where the path begins in the file itself."""


def says_nothing(node: ast.AST) -> bool:
    """Whether a statement is a bare constant, such as a docstring, or for type checkers alone."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"), orelse=[]):
            return True
    return False


def called(node: ast.expr) -> ast.expr:
    """Return what is called, or the expression itself where it is no call."""
    return node.func if isinstance(node, ast.Call) else node


def path(node: ast.AST) -> Names:
    """Return the names of `a.b.c`, none if the expression is of another form."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return (node.id, *reversed(names)) if isinstance(node, ast.Name) else ()


def bindings(node: ast.Import | ast.ImportFrom) -> dict[str, Reference]:
    """Return what an import binds, by name."""
    if isinstance(node, ast.ImportFrom):
        # Dots of a relative import stay: where they lead, only the place of the file says (`names`).
        module = "." * node.level + (node.module or "")
        return {alias.asname or alias.name: (module, (alias.name,)) for alias in node.names}
    # Without another name, `import a.b` binds a.
    names = {alias.asname or alias.name.split(".")[0]: alias for alias in node.names}
    return {name: (alias.name if alias.asname else name, ()) for name, alias in names.items()}


def imported(node: ast.Import | ast.ImportFrom) -> Iterable[Reference]:
    """Return what an import loads."""
    return bindings(node).values() if isinstance(node, ast.ImportFrom) else [(alias.name, ()) for alias in node.names]


Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def inside(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all below it that belong to the same scope."""
    if not says_nothing(node):
        yield node
        if not isinstance(node, Function | Comprehension | ast.ClassDef):
            for child in ast.iter_child_nodes(node):
                yield from inside(child)


def bound(*nodes: ast.AST) -> set[str]:
    """Return the names that are bound in the scope of some nodes."""
    names: set[str] = set()
    elsewhere: set[str] = set()
    for node in (inner for outer in nodes for inner in inside(outer)):
        match node:
            case ast.Global():
                elsewhere |= set(node.names)
            case ast.Import() | ast.ImportFrom():
                names |= set(bindings(node))
            case ast.Name(id=str(name), ctx=ast.Store() | ast.Del()) | ast.arg(arg=str(name)):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                names.add(name)
            case ast.MatchMapping(rest=str(name)):
                names.add(name)
    return names - elsewhere


class Reader(ast.NodeVisitor):
    """Collects what a statement refers to beyond the variables of its own functions."""

    def __init__(self, statement: ast.stmt) -> None:
        self.references: set[Reference] = set()
        self.imports: set[Reference] = set()
        self._statement = statement
        self._scopes: list[dict[str, Reference | None]] = []

    def _refer(self, name: str, *path: str) -> None:
        target = next((scope[name] for scope in reversed(self._scopes) if name in scope), ("", (name,)))
        if target:
            self.references.add((target[0], (*target[1], *path)))

    def _enter(self, names: set[str], nodes: Iterable[ast.AST]) -> None:
        """Visit nodes that belong to a scope of their own, in which names are bound."""
        nodes = list(nodes)
        scope: dict[str, Reference | None] = dict.fromkeys(names)
        for node in (inner for outer in nodes for inner in inside(outer)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                scope |= bindings(node)
                self.imports |= set(imported(node))
        self._scopes.append(scope)
        for node in nodes:
            self.visit(node)
        self._scopes.pop()

    def visit(self, node: ast.AST) -> None:
        """Visit a node that says something."""
        if not says_nothing(node):
            super().visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        """Refer to a name."""
        self._refer(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Refer to a path of names."""
        if names := path(node):
            self._refer(*names)
        else:
            self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """Leave out what `Annotated` adds to a type."""
        if kept := annotated(node):
            self.visit(kept)
        else:
            self.generic_visit(node)

    def _decorated(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        for decorator in node.decorator_list:
            if node is self._statement and path(called(decorator)):
                # Whether the decorator itself counts is asked where it is known whether it makes a part.
                for argument in (*decorator.args, *decorator.keywords) if isinstance(decorator, ast.Call) else ():
                    self.visit(argument)
            else:
                self.visit(decorator)

    def _function(self, node: Function) -> None:
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default:
                self.visit(default)
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        self._enter(bound(node.args, *body), body)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Visit decorators, defaults and body; annotations compute nothing."""
        self._decorated(node)
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """Visit the same of a coroutine."""
        self.visit_FunctionDef(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Visit defaults and body."""
        self._function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Visit all but the names that the class binds, which its methods do not see."""
        self._decorated(node)
        for base in (*node.bases, *node.keywords):
            self.visit(base)
        self._enter(set(), node.body)

    def _comprehension(self, node: Comprehension) -> None:
        first = node.generators[0]
        self.visit(first.iter)
        others = [first.target, *first.ifs, *node.generators[1:]]
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._enter(bound(*(generator.target for generator in node.generators)), [*others, *results])

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension


def annotated(node: ast.Subscript) -> ast.expr | None:
    """Return the type in `Annotated[type, …]`."""
    if path(node.value)[-1:] == ("Annotated",) and isinstance(node.slice, ast.Tuple):
        return node.slice.elts[0]
    return None
