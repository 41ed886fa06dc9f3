"""YAML that means the same to whoever reads it: what versions 1.1 and 1.2 read differently is refused.

Snakemake reads the file too, by version 1.1; editors, other tools and most people go by 1.2.
"""

import re
from collections.abc import Callable, Hashable, Iterator
from datetime import date
from math import inf, nan
from typing import Any, ClassVar

import yaml

SHOWN, PLACE = 40, 120
"""Characters of a word, and of the keys that lead to it, that a sentence repeats."""
LARGEST_WHOLE = 1e15
"""Larger numbers are written with a power of ten."""

_FLOAT = r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
CORE: list[tuple[str, Callable[[str], Any]]] = [
    (r"null|Null|NULL|~|", lambda _: None),
    (r"true|True|TRUE", lambda _: True),
    (r"false|False|FALSE", lambda _: False),
    (r"[-+]?[0-9]+", int),
    (r"0o[0-7]+", lambda word: int(word[2:], 8)),
    (r"0x[0-9a-fA-F]+", lambda word: int(word[2:], 16)),
    (_FLOAT, float),
    (r"[-+]?\.(inf|Inf|INF)", lambda word: -inf if word.startswith("-") else inf),
    (r"\.(nan|NaN|NAN)", lambda _: nan),
]
"""What a word without quotes is by version 1.2 (the core schema, §10.3.2); any other is text."""


class Refusal(yaml.YAMLError):
    """What a file must not say, as the end of a sentence that begins with the file's name."""


class Loader(yaml.SafeLoader):
    """Text, numbers, lists and maps only, no key twice, of which YAML would keep the last, and no word of two meanings."""

    yaml_constructors: ClassVar[dict[str, Any]] = {
        tag: construct
        for tag, construct in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.rpartition(":")[2] not in {"binary", "omap", "pairs", "set"}
    }

    def construct_document(self, node: yaml.Node) -> Any:
        """Return what a document says, unless a word of it can be read in two ways.

        Raises:
            Refusal: if one can.
        """
        for said, word in _words(node, "", set()):
            self._check(said, word)
        return super().construct_document(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return a map.

        Raises:
            Refusal: if it has a key twice.
        """
        keys = [str(self.construct_object(key, deep=True)) for key, _ in node.value if not _merges(key)]
        for key in keys:
            if keys.count(key) > 1:
                raise Refusal(f"has the key {key[:60]!r} twice{_line(node)}: keep one")
        return super().construct_mapping(node, deep)

    def _check(self, said: str, node: yaml.ScalarNode) -> None:
        if node.tag != self.resolve(yaml.ScalarNode, node.value, (True, False)) or _merges(node):
            return
        old, new = self.construct_object(node), core(node.value)
        if type(old) is type(new) and (old == new or old != old):
            return
        # Nothing in a study is a date.
        choice = [new] if isinstance(old, date) else [old, new]
        raise Refusal(
            f"has {said}{_line(node)}, which is {written(old)} in YAML 1.1 and {written(new)} in YAML 1.2: "
            f"write {' or '.join(map(written, choice))}"
        )


def core(word: str) -> Any:
    """Return what a word without quotes is by YAML 1.2."""
    return next((make(word) for pattern, make in CORE if re.fullmatch(pattern, word)), word)


def written(value: Any) -> str:
    """Write a word so that YAML 1.1 and 1.2 both read it back; what is no word of YAML 1.2 is named."""
    match value:
        case str():
            text = value.replace("'", "''")
            return f"'{text[:SHOWN]}…'" if len(text) > SHOWN else f"'{text}'"
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[value]
        case int():
            return str(value)
        case float() if value.is_integer() and abs(value) < LARGEST_WHOLE:
            return str(int(value))
        case float():
            mantissa, e, exponent = repr(value).partition("e")
            return (
                f"{mantissa if '.' in mantissa else f'{mantissa}.0'}{e}{exponent}"
                if e
                else mantissa.replace("inf", ".inf")
            )
    return f"the {type(value).__name__} {value}"


def _words(node: yaml.Node, place: str, seen: set[int]) -> Iterator[tuple[str, yaml.ScalarNode]]:
    """Yield every word without quotes and what the file says there, aliased parts once."""
    if id(node) in seen:
        return
    seen.add(id(node))
    match node:
        case yaml.ScalarNode(style=None):
            yield f"{place[-PLACE:]}: {node.value[:SHOWN]}".removeprefix(": "), node
        case yaml.SequenceNode():
            for index, item in enumerate(node.value):
                yield from _words(item, f"{place}[{index}]", seen)
        case yaml.MappingNode():
            for key, value in node.value:
                name = key.value if isinstance(key, yaml.ScalarNode) else "?"
                if isinstance(key, yaml.ScalarNode) and key.style is None:
                    yield f"the key {name[:SHOWN]}", key
                yield from _words(value, f"{place}.{name[:SHOWN]}".lstrip("."), seen)


def _merges(key: yaml.Node) -> bool:
    return key.tag.endswith(":merge")


def _line(node: yaml.Node) -> str:
    return f" in line {node.start_mark.line + 1}"
