"""What does not mutate is computed once: outputs of frozen modules, remembered for inputs that come again.

Children differ from their parent by what mutates alone. So a module without a mutable parameter gives every child what it gave
the parent, as long as its inputs are the same, which they are before the first layer that mutates. What is remembered is
held against its inputs number by number, so that results are those of a plain evaluation, bit for bit.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn

# It has no public name.
from torch._C._functorch import is_batchedtensor

LIMIT = 2**30
"""Bytes of outputs that are remembered; what comes later is computed every time."""

_PLAIN = (bool, int, float, str, type(None))


class _Call(NamedTuple):
    """What a module was given, what it gave, and how often tensors of both had been written to by then."""

    inputs: list[Any]
    output: Any
    versions: list[int]


class Frozen:
    """Outputs of the frozen modules of a model, by the batch and the call.

    A module is given up as soon as it was asked twice about a batch and had other inputs, as modules behind a layer that
    mutates have, or was given those of several children at once. Modules with inputs other than tensors and plain values,
    and such as change what they are given, are never remembered, and whose output was written to is asked again.
    """

    def __init__(self, model: nn.Module, limit: int = LIMIT):
        self._room = limit
        self._kept: dict[tuple[Any, ...], _Call] = {}
        self._asked: set[tuple[Any, ...]] = set()
        self._samples: list[Any] = []
        # A module that has two names is one.
        modules = {id(module): (name, module) for name, module in _outermost(model)}
        self._modules = dict(modules.values())

    def __bool__(self) -> bool:
        """Tell whether anything is worth remembering."""
        return bool(self._modules)

    @property
    def names(self) -> list[str]:
        """The modules that are remembered, or may be."""
        return list(self._modules)

    @contextmanager
    def part(self, samples: Any, number: int) -> Iterator[None]:
        """Let modules remember for a while: the model is asked about a batch of some samples."""
        if not any(samples is known for known in self._samples):
            self._samples.append(samples)
        place = next(index for index, known in enumerate(self._samples) if samples is known), number
        calls: dict[str, int] = {}
        before = {name: module.__dict__.get("forward") for name, module in self._modules.items()}
        held = dict(self._modules)
        for name, module in held.items():
            module.__dict__["forward"] = self._remembering(name, module.forward, place, calls)
        try:
            yield
        finally:
            for name, module in held.items():
                if before[name] is None:
                    del module.__dict__["forward"]
                else:
                    module.__dict__["forward"] = before[name]

    def _remembering(self, name: str, forward: Any, place: tuple[int, int], calls: dict[str, int]) -> Any:
        def ask(*args: Any, **named: Any) -> Any:
            key = (name, *place, calls.setdefault(name, 0))
            calls[name] += 1
            inputs = _leaves([args, named])
            known, before = self._kept.get(key), _versions(inputs)
            asked_again = known and before is not None and _same(known.inputs, inputs)
            if known and asked_again and known.versions == _versions(known.inputs, known.output):
                return known.output
            output = forward(*args, **named)
            if name not in self._modules:
                return output
            if key in self._asked or before is None or before != _versions(inputs):
                self._give_up(name)
                return output
            self._asked.add(key)
            versions, size = _versions(inputs, output), _size(output)
            if versions is not None and size <= self._room:
                self._room -= size
                self._kept[key] = _Call(inputs, output, versions)
            return output

        return ask

    def _give_up(self, name: str) -> None:
        self._modules.pop(name, None)
        for key in [key for key in self._kept if key[0] == name]:
            self._room += _size(self._kept.pop(key).output)


def _outermost(model: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield the largest modules with parameters none of which may mutate; of containers that are not called, what they hold."""
    # Modules of lists are called one by one, and compiled ones are called in ways of their own.
    called = type(model).forward is not nn.Module.forward and not isinstance(model, torch.jit.ScriptModule)
    parameters = list(model.parameters())
    if name and called and parameters and not any(parameter.requires_grad for parameter in parameters):
        yield name, model
        return
    for child_name, child in model.named_children():
        yield from _outermost(child, f"{name}.{child_name}" if name else child_name)


def _leaves(value: Any) -> list[Any]:
    """Return what a value of lists, tuples and mappings holds, in order, with the keys of mappings."""
    if isinstance(value, Mapping):
        return [leaf for key, one in value.items() for leaf in (key, *_leaves(one))]
    if isinstance(value, list | tuple):
        return [leaf for one in value for leaf in _leaves(one)]
    return [value]


def _versions(*values: Any) -> list[int] | None:
    """Return how often every tensor was written to; None where something is neither one tensor nor plain value."""
    leaves = _leaves(list(values))
    if not all(isinstance(leaf, (torch.Tensor, *_PLAIN)) for leaf in leaves):
        return None
    if any(is_batchedtensor(leaf) for leaf in leaves if isinstance(leaf, torch.Tensor)):
        return None
    return [leaf._version for leaf in leaves if isinstance(leaf, torch.Tensor)]


def _same(left: list[Any], right: list[Any]) -> bool:
    return len(left) == len(right) and all(_equal(*pair) for pair in zip(left, right, strict=True))


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor):
        # What a module that remembers gave is the same object again.
        return left is right or (
            (left.shape, left.stride(), left.dtype, left.device)
            == (right.shape, right.stride(), right.dtype, right.device)
            and torch.equal(left, right)
        )
    return type(left) is type(right) and left == right


def _size(output: Any) -> int:
    return sum(leaf.nbytes for leaf in _leaves(output) if isinstance(leaf, torch.Tensor))
