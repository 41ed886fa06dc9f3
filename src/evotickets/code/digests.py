"""The digest of what a job computes.

It covers all statements of a script and every definition of the package that they refer to, in turn, through imports. A part
(evotickets.parts) counts for the jobs that name it, and not for all that look up parts of its kind. What a module does
besides binding names counts wherever the module is loaded. A module that is imported by a computed name must be named.
"""

import hashlib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from evotickets.code.kept import Kept
from evotickets.code.names import WHOLE, Meaning, Modules, Node
from evotickets.code.scopes import Names
from evotickets.own import Own

UNKNOWN = ""
"""The name of parts whose names are computed."""

Named = dict[str, Names]
"""The names of the parts that count, by kind."""


class Definition(NamedTuple):
    """A statement and what it needs."""

    line: str
    """What it says, and what its references mean: digests are made of these lines."""
    nodes: frozenset[Node]
    modules: frozenset[str]


class Code:
    """The code of a package, and of modules that hold parts besides those of the package."""

    def __init__(self, package: Path, *, kept: Path | None = None, own: Iterable[Own] = ()):
        """Take the folder of a package, a file that keeps what files say from one process to the next, and other modules."""
        own = tuple(own)
        self._kept = Kept(kept)
        self._modules = Modules(package, self._kept, own)
        self._own = own
        self._definitions: dict[Node, Definition] = {}
        self._loads: dict[str, tuple[Names, list[Node]]] = {}
        self._members: dict[Node, dict[str, list[Node]]] = {}
        self._digests: dict[object, str] = {}

    def digest(
        self,
        script: Path,
        *,
        modules: Iterable[str] = (),
        **parts: str | Iterable[str] | None,
    ) -> str:
        """Return the digest of what a script computes.

        Args:
            script: counts as a whole.
            modules: count as a whole, too; a definition of one, written `module:name`, alone.
            parts: the names of the parts that count, by kind; all that can be looked up of a kind that is not named.

        Raises:
            ValueError: if there is no part of a name among those that the script can look up, or no such definition.
        """
        named = {kind: _names(names) for kind, names in sorted(parts.items())}
        key = (script, tuple(modules), tuple(named.items()))
        if key not in self._digests:
            self._digests[key] = self._digest(*key[:2], named)
            self._kept.write()
        return self._digests[key]

    def known(self, kind: str) -> set[str]:
        """Return the names of all parts of a kind, but for those whose names are computed."""
        everything = self._modules.nodes((self._modules.package, WHOLE))
        registries = [node for node in everything if self._kind(node) == kind]
        return {name for node in registries for name in self._parts(node)} - {UNKNOWN}

    def _digest(self, script: Path, modules: Names, named: Named) -> str:
        roots = {node for each in (self._modules.add(script), *modules) for node in self._root(each)}
        reached = self._reached(roots, named)
        for kind, names in named.items():
            known = {name for node in reached if self._kind(node) == kind for name in self._parts(node)}
            if (unknown := sorted(set(names) - known)) and UNKNOWN not in known:
                raise ValueError(
                    f"{script.name} can look up no {kind} {unknown[0]!r}; known are {', '.join(sorted(known)) or 'none'}"
                )
        lines = sorted({self._definition(node).line for node in reached})
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]

    def _root(self, named: str) -> list[Node]:
        module, _, name = named.partition(":")
        nodes = list(self._modules.nodes((module, name or WHOLE)))
        if name and not nodes:
            raise ValueError(f"{module} defines no {name!r}")
        return nodes

    def _reached(self, roots: Iterable[Node], named: Named) -> set[Node]:
        """Return all statements that count, beginning with some."""
        reached: set[Node] = set()
        loaded: set[str] = set()
        nodes, modules = list(roots), [module for module, _ in roots]
        while nodes or modules:
            if modules:
                module = modules.pop()
                if module not in loaded:
                    loaded.add(module)
                    imported, acting = self._load(module)
                    modules += imported
                    nodes += acting
                continue
            node = nodes.pop()
            if node not in reached:
                reached.add(node)
                nodes += self._definition(node).nodes
                modules += self._definition(node).modules
                if kind := self._kind(node):
                    # Whoever looks a part up loads all modules that may hold some.
                    modules += self._holders(node)
                    members = self._parts(node)
                    names = set(named.get(kind, members))
                    # A name that no function has may belong to a part that only running the code would show.
                    names |= {UNKNOWN} if names - set(members) else set()
                    nodes += [part for name in names & set(members) for part in members[name]]
        return reached

    def _load(self, module: str) -> tuple[Names, list[Node]]:
        """Return the modules that a module loads, and its statements that act; nothing of what is not of the package."""
        if module not in self._loads:
            source = self._modules.source(module)
            imported = (module.rpartition(".")[0], *self._modules.loaded(source.imports)) if source else ()
            self._loads[module] = imported, list(filter(self._acts, self._modules.statements(module)))
        return self._loads[module]

    def _definition(self, node: Node) -> Definition:
        if node not in self._definitions:
            module, statement = node[0], self._modules.statement(node)
            others = [("", path) for path, _ in statement.decorators if path and not self._registries(node, path)]
            meanings = {each: self._modules.meanings(module, each) for each in (*statement.references, *others)}
            meant = sorted((".".join(path), sorted(found)) for (_, path), found in meanings.items() if found)
            found = set().union(*meanings.values())
            self._definitions[node] = Definition(
                f"{module} {statement.names} {statement.meaning} {meant}",
                frozenset(each for meaning in found for each in self._modules.nodes(meaning)),
                frozenset({name for name, _ in found} | self._modules.loaded(statement.imports)),
            )
        return self._definitions[node]

    def _acts(self, node: Node) -> bool:
        """Whether a statement does something when its module is loaded. To add a part is no such deed, to register is."""
        statement = self._modules.statement(node)
        others = [path for path, _ in statement.decorators if path and not self._registries(node, path)]
        if statement.decorators and not others:
            return False
        return statement.acts or any(
            self._modules.source(meaning[0]) and not self._silent(meaning)
            for path in others
            for meaning in self._modules.meanings(node[0], ("", path))
        )

    def _silent(self, meaning: Meaning) -> bool:
        """Whether a decorator only declares: it calls nothing and changes nothing, and can register nothing."""
        statements = [self._modules.statement(node) for node in self._modules.nodes(meaning)]
        return bool(statements) and all(statement.silent for statement in statements)

    def _kind(self, node: Node) -> str:
        """Return the kind of the parts whose registry a statement makes, "" of another statement."""
        return next(iter(self._modules.statement(node).parts), "")

    def _registries(self, node: Node, path: Names) -> set[Node]:
        """Return the registries of parts that a decorator of a statement may be."""
        meanings = self._modules.meanings(node[0], ("", path)) if path else set()
        return {each for meaning in meanings for each in self._modules.nodes(meaning) if self._kind(each)}

    def _holders(self, registry: Node) -> Names:
        """Return the modules that may hold parts of a registry."""
        _, *places = self._modules.statement(registry).parts
        return (*places, *(each for place in places for each in self._modules.submodules(place)), *self._holding)

    @cached_property
    def _holding(self) -> Names:
        """The modules beside the package that may hold parts: those that are named, and what they load."""
        found, waiting = dict[str, None](), [each.module for each in self._own]
        while waiting:
            module = waiting.pop()
            if module not in found and not f"{module}.".startswith(f"{self._modules.package}."):
                found[module] = None
                waiting += self._load(module)[0]
        return tuple(sorted(filter(self._modules.source, found)))

    def _parts(self, registry: Node) -> dict[str, list[Node]]:
        """Return the parts of a registry by name."""
        if registry not in self._members:
            members = self._members[registry] = {}
            for module in self._holders(registry):
                for node in self._modules.statements(module):
                    for path, name in self._modules.statement(node).decorators:
                        if registry in self._registries(node, path):
                            members.setdefault(name or UNKNOWN, []).append(node)
        return self._members[registry]


def _names(names: str | Iterable[str] | None) -> Names:
    return (names,) if isinstance(names, str) else tuple(sorted(names or ()))
