"""What names mean in the modules of a package, found without importing any of them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from evotickets.code.kept import Kept
from evotickets.code.scopes import Names, Reference
from evotickets.code.syntax import Source, Statement
from evotickets.own import Own

Node = tuple[str, int]
"""A statement: its module and its place in it."""
Meaning = tuple[str, str]
"""A module and a name in it."""

WHOLE = "*"
"""Stands for all names of a module."""


class Modules:
    """The modules of a package, and modules beside it; a file is read when it is reached, and once."""

    def __init__(self, package: Path, kept: Kept, own: Iterable[Own] = ()):
        """Take the folder of a package, what is known of its files, and modules with parts that it lacks."""
        self.package = package.name
        self._kept = kept
        # By the first word of a name: a file, or the folder of a package.
        self._roots = {each.module.partition(".")[0]: each.root for each in own} | {package.name: package}
        # What lies beside a file can be imported by it, as Python looks there too.
        self._beside = sorted({each.root.parent for each in own if each.root.is_file()})
        self._files: dict[str, Path] = {}
        self._sources: dict[str, Source | None] = {}
        self._places: dict[str, dict[str, list[int]]] = {}

    def add(self, path: Path) -> str:
        """Add a file that is no module of the package, and return the name that it gets here, which no module has."""
        name = f"<{path.name}>"
        if self._files.setdefault(name, path) != path:
            raise ValueError(f"{self._files[name]} and {path} have one name: rename one")
        return name

    def source(self, module: str) -> Source | None:
        """Return what a module says, None if it is not of the package."""
        if module not in self._sources:
            path = self._path(module)
            self._sources[module] = source = _absolute(module, path, self._kept.read(path)) if path else None
            places = self._places[module] = {}
            for place, statement in enumerate(source.statements if source else ()):
                for name in statement.names:
                    places.setdefault(name, []).append(place)
        return self._sources[module]

    def statement(self, node: Node) -> Statement:
        """Return a statement."""
        source = self.source(node[0])
        assert source
        return source.statements[node[1]]

    def statements(self, module: str) -> list[Node]:
        """Return all statements of a module, none of what is not of the package."""
        source = self.source(module)
        return [(module, place) for place in range(len(source.statements))] if source else []

    def submodules(self, module: str) -> list[str]:
        """Return the modules of a package, and its packages."""
        path = self._path(module)
        if not path or path.name != "__init__.py":
            return []
        inside = {f"{module}.{each.stem}" for each in path.parent.iterdir() if each.name != "__init__.py"}
        return sorted(filter(self._path, inside))

    def nodes(self, meaning: Meaning) -> Iterator[Node]:
        """Yield the statements that bind or change a name; all of a package are those of its modules too."""
        module, name = meaning
        if name == WHOLE:
            yield from self.statements(module)
            for submodule in self.submodules(module):
                yield from self.nodes((submodule, WHOLE))
        elif self.source(module):
            yield from ((module, place) for place in self._places[module].get(name, ()))

    def loaded(self, imports: Iterable[Reference]) -> set[str]:
        """Return the modules of the package that imports load."""
        names = {name for module, path in imports for name in (module, ".".join((module, *path)))}
        return {name for name in names if self.source(name)}

    def meanings(self, module: str, reference: Reference) -> set[Meaning]:
        """Return what a reference in a module means; nothing if Python defines it, all of a module if it is unclear."""
        target, path = reference
        return self._resolve(target, path, set()) or {(target, WHOLE)} if target else self._resolve(module, path, set())

    def _path(self, module: str) -> Path | None:
        if module in self._files:
            return self._files[module]
        root, *names = module.split(".")
        found = self._roots.get(root)
        if found is None:
            return next((path for folder in self._beside for path in _file(folder / root, names)), None)
        return next(_file(found.with_suffix(""), names), None)

    def _resolve(self, module: str, path: Names, seen: set[Meaning]) -> set[Meaning]:
        source = self.source(module)
        if source is None:
            # Not of the package: its name alone counts.
            return {(module, ".".join(path))}
        if not path:
            return {(module, WHOLE)}
        name, rest = path[0], path[1:]
        if (module, name) in seen:
            return set()
        seen = seen | {(module, name)}
        found = {(module, name)} if name in self._places[module] else set()
        if name in source.bindings:
            target, start = source.bindings[name]
            found |= self._resolve(target, (*start, *rest), seen) or {(target, WHOLE)}
        if not found and self.source(f"{module}.{name}"):
            found = self._resolve(f"{module}.{name}", rest, seen) or {(f"{module}.{name}", WHOLE)}
        for star in () if found else source.stars:
            found |= self._resolve(star, path, seen)
        return found


def _absolute(module: str, path: Path, source: Source) -> Source:
    """Write the whole names of modules in place of relative imports, which the packages of others may have."""
    package = (module if path.name == "__init__.py" else module.rpartition(".")[0]).split(".")

    def whole(reference: Reference) -> Reference:
        name = reference[0].lstrip(".")
        dots = len(reference[0]) - len(name)
        words = [*package[: len(package) + 1 - dots], *filter(None, [name])]
        return (".".join(words), reference[1]) if dots else reference

    def every(references: Iterable[Reference]) -> tuple[Reference, ...]:
        return tuple(map(whole, references))

    return Source(
        tuple(
            each._replace(references=every(each.references), imports=every(each.imports)) for each in source.statements
        ),
        {name: whole(target) for name, target in source.bindings.items()},
        tuple(whole((star, ()))[0] for star in source.stars),
        every(source.imports),
    )


def _file(root: Path, names: list[str]) -> Iterator[Path]:
    place = root.joinpath(*names)
    yield from (path for path in (place / "__init__.py", place.with_name(f"{place.name}.py")) if path.is_file())
