"""The residual networks of CIFAR, in PyTorch."""

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    """Two 3×3 convolutions beside a shortcut without parameters."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.more = stride, outputs - inputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the sum of both ways [B, outputs, height / stride, width / stride]."""
        around = x
        if self.stride > 1 or self.more:
            before = self.more // 2
            around = functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, before, self.more - before))
        x = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(x)) + around)


class ResNet(nn.Module):
    """A residual network of 6 · blocks + 2 layers: a convolution, stages of blocks, the mean over pixels, a dense layer.

    Source: He et al. (2016), "Deep residual learning for image recognition", §4.2, with shortcuts A: every second
    pixel, and zeros for the channels that are new.
    """

    def __init__(self, blocks: int = 3, widths: tuple[int, ...] = (16, 32, 64), inputs: int = 3, classes: int = 10):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, widths[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.stages = len(widths)
        before = widths[0]
        for stage, width in enumerate(widths, 1):
            chain = [Block(before if i == 0 else width, width, 2 if stage > 1 and i == 0 else 1) for i in range(blocks)]
            self.add_module(f"layer{stage}", nn.Sequential(*chain))
            before = width
        self.linear = nn.Linear(before, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits [B, O] of images [B, inputs, height, width]."""
        x = functional.relu(self.bn1(self.conv1(x)))
        for stage in range(1, self.stages + 1):
            x = self.get_submodule(f"layer{stage}")(x)
        return self.linear(x.mean((2, 3)))
