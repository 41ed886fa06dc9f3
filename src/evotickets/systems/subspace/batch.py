"""Batches as models take them: one tensor, or several by the names of a model's arguments, as models of language do."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

Batch = torch.Tensor | dict[str, torch.Tensor]
"""Inputs [B, …], or several such by name."""

MASK = "attention_mask"
"""The input that says which tokens of a padded text [B, tokens] are there, 1 or 0."""


def call(model: nn.Module, part: Batch) -> Any:
    """Return what a model makes of a batch; several inputs are given by name."""
    return model(**part) if isinstance(part, dict) else model(part)


def trimmed(parts: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return inputs [B, tokens] without what lies behind the longest text of the batch, where there is an attention mask."""
    mask = parts.get(MASK)
    if mask is None or mask.ndim != 2 or not mask.any():
        return dict(parts)
    longest = int(np.flatnonzero(mask.any(0))[-1]) + 1
    return {
        name: np.ascontiguousarray(one[:, :longest]) if one.shape == mask.shape else one for name, one in parts.items()
    }


def take(part: Batch, places: torch.Tensor) -> Batch:
    """Return the samples of a batch at some places."""
    return {name: one[places] for name, one in part.items()} if isinstance(part, dict) else part[places]


def kinds(part: Batch) -> str:
    """Say what the inputs of a batch are: shapes of a sample and kinds of numbers."""
    named = part if isinstance(part, dict) else {"": part}
    return " and ".join(
        f"{name} {list(one.shape[1:])} of {str(one.dtype).removeprefix('torch.')}".strip()
        for name, one in named.items()
    )
