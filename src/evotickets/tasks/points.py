"""Points of the plane in classes, drawn anew whenever they are asked for.

Every function takes the sizes of the training, validation and test split and a generator, and returns points [n, 2] and
labels [n] of the three.
"""

from typing import Annotated

import numpy as np
from annotated_doc import Doc
from annotated_types import Ge, Le

from evotickets.tasks.registry import Pair, task

RADII = 0.5
"""The inner circle's radius; the outer one's is 1."""
BOX, STD = (-20.0, 40.0), 1.0
"""Where the centres of blobs are drawn, and the std of a blob."""
REACH = 0.7
"""Moons are scaled to ± this."""

Sizes = tuple[int, int, int]
Splits = tuple[Pair, Pair, Pair]
Noise = Annotated[float, Ge(0), Le(1), Doc("Std of what is added to every point.")]


@task(kind="points", input_shape=(2,), classes=2)
def moons(sizes: Sizes, rng: np.random.Generator, *, noise: Noise = 0.07) -> Splits:
    """Draw two half circles; every input is scaled so that the training samples fill [−.7, .7].

    Source: Altmann et al. (2024), §5 (noise .07).
    """
    from sklearn.datasets import make_moons

    x, y = make_moons(sum(sizes), noise=noise, random_state=_seed(rng))
    low, high = x[: sizes[0]].min(0), x[: sizes[0]].max(0)
    return _cut(REACH * (2 * (x - low) / (high - low) - 1), y, sizes)


@task(kind="points", input_shape=(2,), classes=2)
def circles(sizes: Sizes, rng: np.random.Generator, *, noise: Noise = 0.07) -> Splits:
    """Draw two circles around each other, the inner one half as large.

    Source: Altmann et al. (2024), §5 (noise .07).
    """
    from sklearn.datasets import make_circles

    x, y = make_circles(sum(sizes), noise=noise, factor=RADII, random_state=_seed(rng))
    return _cut(x, y, sizes)


@task(kind="points", input_shape=(2,), classes=10)
def blobs(
    sizes: Sizes,
    rng: np.random.Generator,
    *,
    classes: Annotated[int, Ge(2), Le(10), Doc("Number of classes.")] = 2,
) -> Splits:
    """Draw one blob a class, centres in [−20, 40]², standard deviation 1.

    Source: Schönberger et al. (2025), §5.
    Deviates: samples are those of all classes together, instead of 5,000 of each.
    """
    from sklearn.datasets import make_blobs

    drawn = make_blobs(sum(sizes), centers=classes, center_box=BOX, cluster_std=STD, random_state=_seed(rng))
    return _cut(drawn[0], drawn[1], sizes)


def _cut(x: np.ndarray, y: np.ndarray, sizes: Sizes) -> Splits:
    first, second = sizes[0], sizes[0] + sizes[1]
    return (x[:first], y[:first]), (x[first:second], y[first:second]), (x[second:], y[second:])


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))
