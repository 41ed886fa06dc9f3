"""What a network is to learn, drawn anew for every seed.

Axis letters: `S` seeds, `n` samples, `I` inputs, `O` outputs.
"""

from typing import NamedTuple

import numpy as np


class Samples(NamedTuple):
    """Inputs float32 [S, n, I], and classes int32 [S, n] or values float32 [S, n, O]."""

    x: np.ndarray
    y: np.ndarray


class Problem(NamedTuple):
    """What a network is to learn: the number of classes (0 for a regression), and disjoint samples.

    Decisions are taken on validation samples; where there are none, no decision is taken.
    """

    classes: int
    train: Samples
    test: Samples
    validation: Samples | None = None

    @property
    def metric(self) -> str:
        """Name of the measure of quality: `accuracy`, or `mse`, which is an error."""
        return "accuracy" if self.classes else "mse"
