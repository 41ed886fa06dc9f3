"""Which samples of a data set train, validate and test, where it leaves that open."""

from collections.abc import Callable, Sequence

import numpy as np


def stratified(
    labels: np.ndarray, ends: Callable[[int], Sequence[int] | np.ndarray], rng: np.random.Generator
) -> list[np.ndarray]:
    """Return the indices of three splits of labels [n], class after class.

    Args:
        labels: from 0, none left out.
        ends: (members of a class) -> where its first and its second split end.
        rng: draws who of a class goes where.
    """
    classes = []
    for label in range(int(labels.max()) + 1):
        members = rng.permutation(np.flatnonzero(labels == label))
        classes.append(np.split(members, ends(len(members))))
    return [np.concatenate(split) for split in zip(*classes, strict=True)]
