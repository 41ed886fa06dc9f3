"""The weights of a model, mutated in place and put back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import sqrt

import numpy as np
import torch
from torch import nn

from evotickets.systems.subspace.mutation import Mutation, masks, pieces


class Weights:
    """All parameters of a model, its children, and the parent that children start from.

    Beside the model there is one copy of its weights, the parent's, from which what a child changed is put back bit by
    bit; and at most one tensor of noise at a time, whatever the number of children.

    Attributes:
        model: whose parameters are mutated in place.
        seed: of all noise.
        stds: of the original tensors.
    """

    def __init__(self, model: nn.Module, seed: int):
        self.model, self.seed = model, seed
        self._live = [parameter.detach() for parameter in model.parameters()]
        if not all(tensor.is_contiguous() for tensor in self._live):
            raise ValueError("the model has parameters that are not contiguous: call .contiguous() on them")
        self._parent = [tensor.clone() for tensor in self._live]
        self.stds = [float(tensor.double().std(correction=0)) for tensor in self._live]
        self._original: list[torch.Tensor] | None = None

    @property
    def sizes(self) -> list[int]:
        """Entries of every tensor."""
        return [tensor.numel() for tensor in self._live]

    @contextmanager
    def child(self, mutation: Mutation, index: int, *names: int) -> Iterator[None]:
        """Turn the model into a child of the parent for a while; `names` tell generations apart."""
        self._add(self._live, mutation, index, names, 1.0)
        try:
            yield
        finally:
            drawn = masks(self.sizes, mutation, index, seed=self.seed, names=names)
            for live, parent, positions in zip(self._live, self._parent, drawn, strict=True):
                if positions is None:
                    live.copy_(parent)
                else:
                    at = torch.from_numpy(positions).to(live.device)
                    live.view(-1)[at] = parent.view(-1)[at]

    @contextmanager
    def recombined(self, mutation: Mutation, shares: Sequence[float] | np.ndarray, *names: int) -> Iterator[None]:
        """Turn the model into parent + Σ shares · mutations for a while; shares [children]."""
        for index, share in enumerate(shares):
            if share:
                self._add(self._live, mutation, index, names, float(share))
        try:
            yield
        finally:
            self.restore()

    def move(self, mutation: Mutation, shares: Sequence[float] | np.ndarray, *names: int, decay: float = 0.0) -> None:
        """Move the parent to parent − decay · (parent − original) + Σ shares · mutations; shares [children].

        From the first time on the original is kept, another copy of the weights.
        """
        self._original = self._original or [tensor.clone() for tensor in self._parent]
        if decay:
            for parent, original in zip(self._parent, self._original, strict=True):
                parent.lerp_(original, decay)
        for index, share in enumerate(shares):
            if share:
                self._add(self._parent, mutation, index, names, float(share))
        self.restore()

    @property
    def distance(self) -> float:
        """Euclidean distance of the parent to the original, from which it moved."""
        pairs = zip(self._parent, self._original or self._parent, strict=True)
        return sqrt(sum(float((parent - original).double().square().sum()) for parent, original in pairs))

    def restore(self) -> None:
        """Turn the model into the parent."""
        for live, parent in zip(self._live, self._parent, strict=True):
            live.copy_(parent)

    def _add(
        self, tensors: list[torch.Tensor], mutation: Mutation, index: int, names: tuple[int, ...], share: float
    ) -> None:
        drawn = pieces(self.sizes, mutation, index, seed=self.seed, names=names)
        for tensor, std in zip(tensors, self.stds, strict=True):
            piece = next(drawn)
            # Scaled on the host, so that all devices add the same numbers.
            noise = np.multiply(piece.normals, np.float32(share * mutation.std(std)), out=piece.normals)
            change = torch.from_numpy(noise).to(tensor.device, tensor.dtype)
            if piece.positions is None:
                tensor.view(-1).add_(change)
            else:
                tensor.view(-1).index_add_(0, torch.from_numpy(piece.positions).to(tensor.device), change)
            # The next tensor's noise is drawn where this one's was.
            del piece, noise, change
