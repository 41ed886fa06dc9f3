"""Low-rank children of dense layers, evaluated without their matrices: x (W + A Bᵀ)ᵀ = x Wᵀ + (x B) Aᵀ.

Source: Sarkar et al. (2025), "Evolution strategies at the hyperscale" (EGGROLL), §4.2.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle


def layers(model: nn.Module, tensors: Sequence[torch.Tensor]) -> dict[int, tuple[str, nn.Linear]]:
    """Return by place the dense layer, and its name, whose weights a tensor is, and of no other module."""
    holders = Counter(
        parameter.data_ptr() for module in model.modules() for parameter in module.parameters(recurse=False)
    )
    # Kinds of dense layers of others may use their weights in ways of their own.
    own = {
        module.weight.data_ptr(): (name, module) for name, module in model.named_modules() if type(module) is nn.Linear
    }
    places = {place: own.get(tensor.data_ptr()) for place, tensor in enumerate(tensors)}
    return {
        place: found for place, found in places.items() if found is not None and holders[tensors[place].data_ptr()] == 1
    }


def plus(y: torch.Tensor, x: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return y + (x B) Aᵀ of outputs y, inputs x, A [outputs, rank] and B [inputs, rank]."""
    return y + (x @ right) @ left.T


class Thin:
    """What a child adds to the outputs of dense layers for a while; `plus` adds it."""

    def __init__(self, plus: Callable[..., torch.Tensor] = plus) -> None:
        self._plus = plus
        self._hooks: list[RemovableHandle] = []
        self._waiting: dict[str, nn.Linear] = {}

    def add(self, name: str, layer: nn.Linear, *factors: torch.Tensor) -> None:
        """Let a layer of this name add (x B) Aᵀ to what it gives, A [outputs, rank] and B [inputs, rank], as `plus` does."""
        self._waiting[name] = layer

        def more(_: nn.Module, args: tuple[Any, ...], named: dict[str, Any], out: torch.Tensor) -> torch.Tensor:
            self._waiting.pop(name, None)
            return self._plus(out, args[0] if args else named["input"], *factors)

        self._hooks.append(layer.register_forward_hook(more, with_kwargs=True))

    def end(self) -> None:
        """Let all layers be what they were."""
        for hook in self._hooks:
            hook.remove()

    def check(self) -> None:
        """Refuse a child some of whose layers were not called: their mutations are lost.

        Raises:
            ValueError: if there is one.
        """
        if self._waiting:
            raise ValueError(
                f"the layer {next(iter(self._waiting))} was not called while a low-rank child was evaluated, or its weights "
                "are used without it: exclude it"
            )
