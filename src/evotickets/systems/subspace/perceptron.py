"""A perceptron, in PyTorch."""

from itertools import pairwise

import torch
from torch import nn


class Perceptron(nn.Module):
    """Dense layers with ReLU between them, and dropout before all but the first."""

    def __init__(
        self, hidden: tuple[int, ...] = (300, 100), inputs: int = 784, classes: int = 10, dropout: float = 0.0
    ):
        super().__init__()
        widths = [inputs, *hidden]
        layers: list[nn.Module] = [nn.Flatten()]
        for before, width in pairwise(widths):
            layers += [nn.Linear(before, width), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits [B, O] of images [B, channels, height, width]."""
        return self.layers(x)
