"""The weights of a model, mutated in place and put back."""

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from math import sqrt
from types import MappingProxyType

import numpy as np
import torch
from torch import nn

from evotickets import streams
from evotickets.systems.subspace import parents, thin
from evotickets.systems.subspace.group import Group
from evotickets.systems.subspace.mutation import Mutation, masks, pieces
from evotickets.systems.subspace.rounding import stochastically


class Weights:
    """The parameters of a model that may mutate, its children, and the parent that children start from.

    Beside the model there is one copy of these weights, the parent's, from which what a child changed is put back bit by
    bit; and at most one tensor of noise at a time, whatever the number of children. Of a model in half precision that copy is
    float32, to which mutations are added; what a child has of it is rounded by chance, so that changes smaller than the
    distance of two numbers count.

    Attributes:
        model: whose parameters are mutated in place.
        seed: of all noise.
    """

    def __init__(self, model: nn.Module, seed: int):
        self.model, self.seed = model, seed
        for parameter in parents.mutable(model):
            # What is kept in another order, as channels last, is changed by places in this one.
            parameter.data = parameter.data.contiguous()
        self._live = [parameter.detach() for parameter in parents.mutable(model)]
        self._parent = [tensor.to(torch.promote_types(tensor.dtype, torch.float32), copy=True) for tensor in self._live]
        self._original: list[torch.Tensor] | None = None

    @cached_property
    def stds(self) -> list[float]:
        """Std of the original tensors."""
        return [float(tensor.double().std(correction=0)) for tensor in self._original or self._parent]

    def scales(self, mutation: Mutation) -> list[float]:
        """Return the std of a mutated entry of every tensor."""
        # Only a relative mutation needs theirs, which takes a copy in double precision of one tensor.
        return [mutation.std(std) for std in (self.stds if mutation.rule == "relative" else [1.0] * len(self._live))]

    @property
    def sizes(self) -> list[int]:
        """Entries of every tensor."""
        return [tensor.numel() for tensor in self._live]

    def only(self, mutation: Mutation, patterns: Sequence[str]) -> Mutation:
        """Return a mutation of the tensors alone whose names fit a pattern; its density is their share of all entries.

        Raises:
            ValueError: if a pattern fits no name.
        """
        names = [name for name, parameter in self.model.named_parameters() if parameter.requires_grad]
        for pattern in patterns:
            if not fnmatch.filter(names, pattern):
                raise ValueError(
                    f"no parameter that may mutate is named {pattern}; there are {', '.join(names[:3])} and "
                    f"{max(0, len(names) - 3)} more: mend only"
                )
        places = {place for place, name in enumerate(names) if any(fnmatch.fnmatch(name, one) for one in patterns)}
        share = sum(self.sizes[place] for place in places) / sum(self.sizes)
        return replace(mutation, places=frozenset(places), density=share)

    @contextmanager
    def child(self, mutation: Mutation, index: int, *names: int) -> Iterator[None]:
        """Turn the model into a child of the parent for a while; `names` tell generations apart."""
        added = thin.Thin()
        layers = self._layers if mutation.rank else {}
        try:
            self._add(self._live, mutation, index, names, 1.0, layers, added)
            yield
            added.check()
        finally:
            added.end()
            drawn = masks(self.sizes, mutation, index, seed=self.seed, names=names)
            tensors = zip(self._live, self._parent, drawn, strict=True)
            for place, (live, parent, positions) in enumerate(tensors):
                if place in layers:
                    continue
                if positions is None:
                    live.copy_(parent)
                else:
                    at = torch.from_numpy(positions).to(live.device)
                    live.view(-1)[at] = parent.view(-1)[at].to(live.dtype)

    def groups(self, mutation: Mutation) -> bool:
        """Tell whether children can be a group: low-rank, of dense layers and vectors alone, none of them rounded."""
        if not mutation.rank:
            return False
        whole = all(live.dtype == parent.dtype for live, parent in zip(self._live, self._parent, strict=True))
        return whole and all(live.ndim < 2 or place in self._layers for place, live in enumerate(self._live))

    def group(self, mutation: Mutation, children: Iterable[int], *names: int) -> Group:
        """Return children that are evaluated together; the model stays the parent."""
        group, named = Group(self.model), [name for name, one in self.model.named_parameters() if one.requires_grad]
        for index in children:
            tensors = [live if place in self._layers else live.clone() for place, live in enumerate(self._live)]
            self._add(tensors, mutation, index, names, 1.0, self._layers, group)
            for place, tensor in enumerate(tensors):
                if place not in self._layers:
                    group.put(named[place], tensor)
        return group

    @contextmanager
    def recombined(self, mutation: Mutation, shares: Sequence[float] | np.ndarray, *names: int) -> Iterator[None]:
        """Turn the model into parent + Σ shares · mutations for a while; shares [children]."""
        # Sums are made in full precision, which half of a model's tensors may not have.
        sums = [
            live if live.dtype == parent.dtype else parent.clone()
            for live, parent in zip(self._live, self._parent, strict=True)
        ]
        for index, share in enumerate(shares):
            if share:
                self._add(sums, mutation, index, names, float(share))
        for live, total in zip(self._live, sums, strict=True):
            if live is not total:
                live.copy_(total)
        del sums
        try:
            yield
        finally:
            self.restore()

    def move(self, mutation: Mutation, shares: Sequence[float] | np.ndarray, *names: int, decay: float = 0.0) -> None:
        """Move the parent to parent − decay · (parent − original) + Σ shares · mutations; shares [children].

        From the first time on the original is kept, another copy of the weights.
        """
        self._decay(decay)
        for index, share in enumerate(shares):
            if share:
                self._add(self._parent, mutation, index, names, float(share))
        self.restore()

    def direction(self, mutation: Mutation, shares: Sequence[float] | np.ndarray, *names: int) -> list[torch.Tensor]:
        """Return Σ shares · mutations, a tensor for each that mutates."""
        total = [torch.zeros_like(tensor) for tensor in self._parent]
        for index, share in enumerate(shares):
            if share:
                self._add(total, mutation, index, names, float(share))
        return total

    def move_by(self, changes: Sequence[torch.Tensor], decay: float = 0.0) -> None:
        """Move the parent to parent − decay · (parent − original) + changes."""
        self._decay(decay)
        for parent, change in zip(self._parent, changes, strict=True):
            parent.add_(change)
        self.restore()

    def _decay(self, decay: float) -> None:
        self._original = self._original or [tensor.clone() for tensor in self._parent]
        if decay:
            for parent, original in zip(self._parent, self._original, strict=True):
                parent.lerp_(original, decay)

    @property
    def distance(self) -> float:
        """Euclidean distance of the parent to the original, from which it moved."""
        pairs = zip(self._parent, self._original or self._parent, strict=True)
        return sqrt(sum(float((parent - original).double().square().sum()) for parent, original in pairs))

    def restore(self) -> None:
        """Turn the model into the parent."""
        for live, parent in zip(self._live, self._parent, strict=True):
            live.copy_(parent)

    @cached_property
    def _layers(self) -> dict[int, tuple[str, nn.Linear]]:
        # In half precision the sum of outputs would be rounded to the nearest, and small mutations be lost.
        whole = {
            place
            for place, pair in enumerate(zip(self._live, self._parent, strict=True))
            if pair[0].dtype == pair[1].dtype
        }
        return {place: layer for place, layer in thin.layers(self.model, self._live).items() if place in whole}

    def _add(
        self,
        tensors: list[torch.Tensor],
        mutation: Mutation,
        index: int,
        names: tuple[int, ...],
        share: float,
        layers: Mapping[int, tuple[str, nn.Linear]] = MappingProxyType({}),
        added: thin.Thin | Group | None = None,
    ) -> None:
        shapes = [tuple(tensor.shape) for tensor in self._live]
        drawn = pieces(self.sizes, mutation, index, seed=self.seed, names=names, shapes=shapes, thin=layers)
        rounding = streams.generator(self.seed, "subspace", "rounding", *names, index)
        scales = self.scales(mutation)
        for place, (tensor, parent, scale) in enumerate(zip(tensors, self._parent, scales, strict=True)):
            piece = next(drawn)
            if piece.factors is not None and added is not None:
                left, right = (torch.from_numpy(one).to(tensor.device, tensor.dtype) for one in piece.factors)
                added.add(*layers[place], left * (share * scale / sqrt(mutation.rank)), right)
                continue
            # Scaled on the host, so that all devices add the same numbers.
            noise = np.multiply(piece.normals, np.float32(share * scale), out=piece.normals)
            change = torch.from_numpy(noise).to(tensor.device, parent.dtype)
            at = None if piece.positions is None else torch.from_numpy(piece.positions).to(tensor.device)
            if tensor.dtype != parent.dtype:
                before = parent.view(-1) if at is None else parent.view(-1)[at]
                chances = torch.from_numpy(rounding.random(len(noise), np.float32)).to(tensor.device)
                rounded = stochastically(before + change, tensor.dtype, chances)
                tensor.view(-1)[slice(None) if at is None else at] = rounded
                del before, chances, rounded
            elif at is None:
                tensor.view(-1).add_(change)
            else:
                tensor.view(-1).index_add_(0, at, change)
            # The next tensor's noise is drawn where this one's was.
            del piece, noise, change
