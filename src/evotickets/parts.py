"""Parts that a configuration names: criteria, strategies, seekers, methods, tasks, …, each a decorated function.

    criterion = Parts("criterion", "evotickets.pruning", form=Form("(mean, …) -> scores [S, K]", …))

    @criterion
    def movement(mean, initial): ...

    criterion["movement"]

A part is one file, or one function in one: the modules of the places that a kind names, and those of the study
(`evotickets.own`), are imported at the first look-up. The keyword-only arguments of a part are its options: type, bounds,
default and one sentence stand in its signature, and nowhere else. Every start of the workflow reads this file, which
therefore imports no big library.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, overload

from annotated_doc import Doc

from evotickets import own
from evotickets.refusals import UnknownError, hint

Part = Callable[..., Any]


def signature(function: Part) -> inspect.Signature:
    """Return a signature; annotations that are text, as all are after `from __future__ import annotations`, are evaluated."""
    try:
        return inspect.signature(function, eval_str=True)
    except (NameError, AttributeError, SyntaxError, TypeError):
        # What is imported for type checkers alone cannot be evaluated, and describes no option.
        return inspect.signature(function)


def is_described(parameter: inspect.Parameter) -> bool:
    """Tell whether a sentence describes a parameter, which makes it an option."""
    return any(isinstance(word, Doc) for word in getattr(parameter.annotation, "__metadata__", ()))


@dataclass(frozen=True)
class Form:
    """What a part of a kind looks like.

    Attributes:
        text: its signature in words, for whoever has written another.
        takes: how many arguments it gets in their order.
        given: keyword-only arguments that it gets where it asks for them, and that are no options.
        needs: options that it must have.
        optional: whether every option must have a default.
    """

    text: str
    takes: int = 0
    given: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    optional: bool = True

    def misfit(self, parameters: Mapping[str, inspect.Parameter]) -> str:
        """Return what is wrong with the parameters of a part, nothing if it fits."""
        kinds = inspect.Parameter
        ordered = [p for p in parameters.values() if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
        if len([p for p in ordered if p.default is p.empty]) > self.takes or len(ordered) < self.takes:
            return f"takes ({', '.join(p.name for p in ordered)})"
        options = {p.name: p for p in parameters.values() if p.kind is kinds.KEYWORD_ONLY and p.name not in self.given}
        for name, parameter in options.items():
            if not is_described(parameter) or (self.optional and parameter.default is parameter.empty):
                return f'has the option {name!r} without type, sentence or default: {name}: Annotated[float, Doc("…")] = 1.0'
        missing = [name for name in self.needs if name not in options]
        return f"lacks the option {missing[0]!r}" if missing else ""


class Parts(Mapping[str, Part]):
    """All parts of one kind by name, and the decorator that adds one."""

    def __init__(self, kind: str, *places: str, form: Form | Callable[[Mapping[str, Any]], Form] | None = None):
        """Name the kind, the modules or packages that hold its parts, and what a part looks like, which facts may decide."""
        self.kind, self.places, self.form = kind, places, form
        self.facts: dict[str, dict[str, Any]] = {}
        self._parts: dict[str, Part] = {}
        self._options: dict[str, dict[str, Any]] = {}
        self._complete = False

    @overload
    def __call__(self, function: Part) -> Part: ...
    @overload
    def __call__(self, *, name: str = "", **facts: Any) -> Callable[[Part], Part]: ...
    def __call__(self, function: Part | None = None, *, name: str = "", **facts: Any) -> Any:
        """Add the decorated function under its own name or another; `facts` is what must be known before it is called.

        Raises:
            PartError: if the name is taken, or the function is of another form than parts of this kind.
        """
        if function is None:
            return lambda decorated: self._add(name or decorated.__name__, decorated, facts)
        return self._add(function.__name__, function, facts)

    def _add(self, name: str, function: Part, facts: dict[str, Any]) -> Part:
        if not callable(function):
            raise own.PartError(f"the {self.kind} decorator stands above a function, not {function!r}")
        taken = self._parts.get(name)
        if taken is not None and taken.__module__ != function.__module__:
            places = " and ".join(sorted((taken.__module__, function.__module__)))
            raise own.PartError(f"there are two parts of kind {self.kind} named {name!r}, in {places}: rename one")
        form = self.form(facts) if callable(self.form) else self.form
        if form and (wrong := form.misfit(signature(function).parameters)):
            raise own.PartError(f"the {self.kind} {name!r} {wrong}; expected is {form.text}")
        self._parts[name], self.facts[name] = function, facts
        self._options.pop(name, None)
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
        own.load()
        return self._parts

    def __getitem__(self, name: str) -> Part:
        """Return a part.

        Raises:
            KeyError: if there is none of this name.
        """
        try:
            return self._load()[name]
        except KeyError:
            raise UnknownError(f"unknown {self.kind} {name!r}; {hint(name, self)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._load())

    def __len__(self) -> int:
        return len(self._load())

    def options(self, name: str) -> dict[str, Any]:
        """Return the options of a part that have defaults, with these."""
        part = self[name]
        # A study that is resolved asks for the same ones thousands of times.
        if name not in self._options:
            parameters = signature(part).parameters.values()
            self._options[name] = {
                p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is not p.empty
            }
        return dict(self._options[name])
