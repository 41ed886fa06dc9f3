"""Low-rank children evaluated together: what they share is computed once, and dense layers take the inputs of all at once.

Up to the first layer that mutates, all children are their parent, and there they still share what they are given; behind
it each has inputs of its own, which the matrix of a layer multiplies as one longer batch.

Source: Sarkar et al. (2025), "Evolution strategies at the hyperscale" (EGGROLL), §4.2.
Deviates: there every member has a batch of its own.
"""

import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import nn

from evotickets.systems.subspace.batch import Batch
from evotickets.systems.subspace.thin import Thin, plus


class Group:
    """Low-rank children of a model, which is left as it is."""

    def __init__(self, model: nn.Module):
        self._model = model
        self._layers: dict[str, nn.Linear] = {}
        self._factors: dict[str, list[tuple[torch.Tensor, torch.Tensor]]] = {}
        self._vectors: dict[str, list[torch.Tensor]] = {}

    def add(self, name: str, layer: nn.Linear, left: torch.Tensor, right: torch.Tensor) -> None:
        """Take in what the next child adds to a dense layer of this name: A [O, rank] and B [I, rank]."""
        self._layers[name] = layer
        self._factors.setdefault(name, []).append((left, right))

    def put(self, name: str, vector: torch.Tensor) -> None:
        """Take in what the next child has in the place of the parameter of this name."""
        self._vectors.setdefault(name, []).append(vector)

    def ask(self, part: Batch, read: Callable[[Any], torch.Tensor]) -> torch.Tensor:
        """Return what `read` makes of each child's outputs, such as logits [children, B, O], on one batch.

        Raises:
            ValueError: if a layer was not called.
        """

        def child(vectors: dict[str, torch.Tensor], factors: dict[str, tuple[torch.Tensor, ...]]) -> torch.Tensor:
            added = Thin(_Sum.apply)
            try:
                for name, own in factors.items():
                    added.add(name, self._layers[name], *own)
                given: tuple[Any, ...] = ((), part) if isinstance(part, dict) else (part,)
                out = read(torch.func.functional_call(self._model, vectors, *given))
                added.check()
            finally:
                added.end()
            return out

        with warnings.catch_warnings():
            # What torch cannot do for all children at once, as attention on a CPU, it does for one after the other.
            warnings.filterwarnings("ignore", "There is a performance drop")
            return torch.vmap(child)(*self._stacked)

    @cached_property
    def _stacked(self) -> tuple[dict[str, torch.Tensor], dict[str, tuple[torch.Tensor, ...]]]:
        vectors = {name: torch.stack(several) for name, several in self._vectors.items()}
        factors = {
            name: tuple(torch.stack(one) for one in zip(*several, strict=True))
            for name, several in self._factors.items()
        }
        # A layer adds what its children have in common, and each child's own bias is another sum in place.
        for name, layer in self._layers.items():
            biases = vectors.pop(f"{name}.bias", None)
            if biases is not None:
                factors[name] += (biases - layer.bias.detach(),)
        return vectors, factors


class _Sum(torch.autograd.Function):
    """y + (x B) Aᵀ + b for one child, and for all of a group in as few passes over memory as there can be."""

    @staticmethod
    def forward(
        y: torch.Tensor, x: torch.Tensor, left: torch.Tensor, right: torch.Tensor, *bias: torch.Tensor
    ) -> torch.Tensor:
        return sum(bias, plus(y, x, left, right))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep nothing: no gradient is asked for."""

    @staticmethod
    def vmap(
        _: Any,
        places: tuple[int | None, ...],
        y: torch.Tensor,
        x: torch.Tensor,
        left: torch.Tensor,
        right: torch.Tensor,
        *bias: torch.Tensor,
    ) -> tuple[torch.Tensor, int]:
        """Return y [children, …, O] for A [children, O, rank], B [children, I, rank] and b [children, O].

        What layers are given, x [children, …, I], and what they give, y, may be one for all children.
        """
        (count, _, rank), (of_y, of_x, *_) = right.shape, places
        if of_x is None:
            rows = x.reshape(-1, x.shape[-1])
            thin = (right.mT.reshape(count * rank, -1) @ rows.T).view(count, rank, len(rows)).mT
        else:
            # A product for every child is three times as fast as torch's for all, where the rank is 1.
            rows = x.movedim(of_x, 0).reshape(count, -1, x.shape[-1])
            thin = torch.stack([own @ one for own, one in zip(rows, right, strict=True)])
        add = torch.addcmul if rank == 1 else torch.baddbmm
        if of_y is None:
            total = add(y.reshape(-1, y.shape[-1]).expand(count, -1, -1), thin, left.mT)
            shape = (count, *y.shape)
        else:
            # In place, as nobody else has what the layer gave: another tensor of this size costs more than the sum.
            shape = y.movedim(of_y, 0).shape
            total = y.movedim(of_y, 0).reshape(count, -1, shape[-1])
            add(total, thin, left.mT, out=total)
        for one in bias:
            total += one[:, None]
        return total.view(shape), 0
