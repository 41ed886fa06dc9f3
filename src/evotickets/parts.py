"""Parts that a configuration names: criteria, strategies, seekers, methods, tasks, …, each a decorated function.

    criterion = Parts("criterion", "evotickets.pruning")

    @criterion
    def movement(mean, initial, *, power: Annotated[float, Gt(0), "What distances are raised to."] = 1.0): ...

    criterion["movement"]

A part is one file, or one function in one: the modules of the places that a kind names are imported at the first look-up.
The keyword-only arguments of a part are its options: type, bounds, default and one sentence stand in its signature, and
nowhere else. Every start of the workflow reads this file, which therefore imports no big library.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, overload

Part = Callable[..., Any]


class Parts(Mapping[str, Part]):
    """All parts of one kind by name, and the decorator that adds one."""

    def __init__(self, kind: str, *places: str):
        """Name the kind, and the modules or packages that hold its parts."""
        self.kind, self.places = kind, places
        self.facts: dict[str, dict[str, Any]] = {}
        self._parts: dict[str, Part] = {}
        self._complete = False

    @overload
    def __call__(self, function: Part) -> Part: ...
    @overload
    def __call__(self, *, name: str = "", **facts: Any) -> Callable[[Part], Part]: ...
    def __call__(self, function: Part | None = None, *, name: str = "", **facts: Any) -> Any:
        """Add the decorated function under its own name or another; `facts` is what must be known before it is called.

        Raises:
            ValueError: if the name is taken.
        """
        if function is None:
            return lambda decorated: self._add(name or decorated.__name__, decorated, facts)
        return self._add(function.__name__, function, facts)

    def _add(self, name: str, function: Part, facts: dict[str, Any]) -> Part:
        if name in self._parts and self._parts[name].__module__ != function.__module__:
            raise ValueError(f"there are two parts of kind {self.kind} named {name!r}: rename one")
        self._parts[name], self.facts[name] = function, facts
        return function

    def _load(self) -> dict[str, Part]:
        if not self._complete:
            # Set first: a module of these places may look a part up while it is imported.
            self._complete = True
            for place in self.places:
                module = import_module(place)
                for found in iter_modules(getattr(module, "__path__", ())):
                    import_module(f"{place}.{found.name}")
            # As the modules are named, whichever was imported first; inside a module as they stand there.
            self._parts = dict(sorted(self._parts.items(), key=lambda item: item[1].__module__))
        return self._parts

    def __getitem__(self, name: str) -> Part:
        """Return a part.

        Raises:
            KeyError: if there is none of this name.
        """
        try:
            return self._load()[name]
        except KeyError:
            raise KeyError(f"unknown {self.kind} {name!r}; known are {', '.join(self)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._load())

    def __len__(self) -> int:
        return len(self._load())

    def options(self, name: str) -> dict[str, Any]:
        """Return the options of a part that have defaults, with these."""
        parameters = inspect.signature(self[name]).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is not p.empty}
