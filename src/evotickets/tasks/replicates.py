"""A supervised data set as the seeds of a study see it: what a seed varies is drawn for each, where data leave that open."""

from typing import NamedTuple

import numpy as np

from evotickets.tasks.registry import Data, Split


class Replicated(NamedTuple):
    """A supervised data set as the seeds of a study see it: one split a seed where it brings none, one for all else.

    Attributes:
        name: of the task.
        classes: of its labels; 0 where its targets are real values.
        train: inputs [R, n, *input_shape] and labels [R, n] of `R` splits, one or as many as there are seeds; or
            standardised real values [R, n, targets] in place of labels.
        validation: likewise.
        test: likewise.
        tested: which images of the data set those of the test splits are [R, n].
        digest: of exactly these arrays.
        scale: what real values were divided by [R, targets]; none where there are classes.
    """

    name: str
    classes: int
    train: Split
    validation: Split
    test: Split
    tested: np.ndarray
    digest: str
    scale: np.ndarray | None = None

    @property
    def outputs(self) -> int:
        """Outputs of a network that learns it: one a class, or one a real value."""
        return self.classes or self.train.y.shape[-1]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input."""
        return self.train.x.shape[2:]

    def rows(self, count: int) -> np.ndarray:
        """Return which of the splits each of `count` seeds has [S].

        Raises:
            ValueError: if there are several splits, but not one for every seed.
        """
        splits = len(self.tested)
        if splits not in (1, count):
            raise ValueError(f"{self.name} was split for {splits} seeds, but there are {count}: load it for as many")
        return np.zeros(count, np.int32) if splits == 1 else np.arange(count, dtype=np.int32)


Supervised = Data | Replicated
"""A data set, its split shared by all seeds or drawn for each."""


def replicated(data: Supervised) -> Replicated:
    """Return a data set as seeds see it that share its split."""
    if isinstance(data, Replicated):
        return data
    train, validation, test = (
        Split(split.x[None], split.y[None]) for split in (data.train, data.validation, data.test)
    )
    tested = np.arange(len(data.test.y))[None]
    scale = None if data.scale is None else data.scale[None]
    return Replicated(data.name, data.classes, train, validation, test, tested, data.digest, scale)
