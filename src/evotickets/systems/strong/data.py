"""Data sets of strong tickets, drawn or split anew for every seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from evotickets.supermasks.instance import Problem, Samples
from evotickets.tasks import images

RADII = 0.5
"""The inner circle's radius; the outer one's is 1."""
BOX, SPREAD = (-20.0, 40.0), 1.0
"""Where the centres of blobs are drawn, and the std of a blob."""
REACH = 0.7
"""Moons are scaled to ± this."""
VALIDATION = 5
"""There are this many training samples for one validation sample; and as many test samples as training samples."""
SHARES = (0.6, 0.15, 0.25)
"""Shares of training, validation and test samples where a data set is split."""

Pair = tuple[np.ndarray, np.ndarray]
Pairs = tuple[Pair, Pair, Pair]


@dataclass(frozen=True)
class Family:
    """A kind of data set.

    Attributes:
        inputs: number of inputs.
        most: classes it has at most, two at least.
        noise: whether its samples know a noise.
        draw: (classes, samples, noise, rng) -> inputs [n, I] and classes [n] for training, validation and test.
    """

    inputs: int
    most: int
    noise: bool
    draw: Callable[[int, int, float, np.random.Generator], Pairs]


FAMILIES: dict[str, Family] = {}


def register(*, inputs: int, most: int = 2, noise: bool = False) -> Callable:
    """Register the decorated `draw` as a family under its name."""

    def decorate(draw: Callable[[int, int, float, np.random.Generator], Pairs]) -> Callable:
        FAMILIES[draw.__name__] = Family(inputs, most, noise, draw)
        return draw

    return decorate


def draw(name: str, classes: int, samples: int, noise: float, rngs: Sequence[np.random.Generator]) -> Problem:
    """Draw a problem, one set of training, validation and test samples per generator.

    Where a data set is split and has fewer, there are fewer samples.

    Raises:
        ValueError: if there is no such family, or it has not as many classes.
    """
    if name not in FAMILIES:
        raise ValueError(f"unknown data set {name!r}; known are {', '.join(FAMILIES)}")
    family = FAMILIES[name]
    if not 2 <= classes <= family.most:
        raise ValueError(f"{name} has 2 to {family.most} classes, not {classes}; choose a number between")
    drawn = [family.draw(classes, samples, noise, rng) for rng in rngs]
    train, validation, test = (
        Samples(np.stack([x for x, _ in split]).astype(np.float32), np.stack([y for _, y in split]).astype(np.int32))
        for split in zip(*drawn, strict=True)
    )
    return Problem(classes, train, test, validation)


def _cut(x: np.ndarray, y: np.ndarray, train: int, validation: int) -> Pairs:
    first, second = train, train + validation
    return (x[:first], y[:first]), (x[first:second], y[first:second]), (x[second:], y[second:])


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


@register(inputs=2, noise=True)
def moons(classes: int, samples: int, noise: float, rng: np.random.Generator) -> Pairs:
    """Draw two half circles; every input is scaled so that the training samples fill [−.7, .7].

    Source: Altmann et al. (2024), §5 (noise .07).
    """
    from sklearn.datasets import make_moons

    del classes
    validation = max(1, samples // VALIDATION)
    x, y = make_moons(2 * samples + validation, noise=noise, random_state=_seed(rng))
    low, high = x[:samples].min(0), x[:samples].max(0)
    return _cut(REACH * (2 * (x - low) / (high - low) - 1), y, samples, validation)


@register(inputs=2, noise=True)
def circles(classes: int, samples: int, noise: float, rng: np.random.Generator) -> Pairs:
    """Draw two circles around each other, the inner one half as large.

    Source: Altmann et al. (2024), §5 (noise .07).
    """
    from sklearn.datasets import make_circles

    del classes
    validation = max(1, samples // VALIDATION)
    x, y = make_circles(2 * samples + validation, noise=noise, factor=RADII, random_state=_seed(rng))
    return _cut(x, y, samples, validation)


@register(inputs=2, most=10)
def blobs(classes: int, samples: int, noise: float, rng: np.random.Generator) -> Pairs:
    """Draw one blob a class, centres in [−20, 40]², standard deviation 1.

    Source: Schönberger et al. (2025), §5.
    Deviates: `samples` are those of all classes together, instead of 5,000 of each.
    """
    from sklearn.datasets import make_blobs

    del noise
    validation = max(1, samples // VALIDATION)
    x, y = make_blobs(
        2 * samples + validation, centers=classes, center_box=BOX, cluster_std=SPREAD, random_state=_seed(rng)
    )
    return _cut(x, y, samples, validation)


@register(inputs=64, most=10)
def digits(classes: int, samples: int, noise: float, rng: np.random.Generator) -> Pairs:
    """Split scikit-learn's digits below `classes` 60/15/25, each class alike; inputs in [0, 1].

    Source: Schönberger et al. (2025), §5 (75/25).
    Deviates: a fifth of what was the training set is for validation.
    """
    from sklearn.datasets import load_digits

    del noise
    x, y = load_digits(n_class=classes, return_X_y=True)
    parts: tuple[list[np.ndarray], ...] = ([], [], [])
    for label in range(classes):
        members = rng.permutation(np.flatnonzero(y == label))
        ends = np.round(np.cumsum(SHARES)[:-1] * len(members)).astype(int)
        for part, chosen in zip(parts, np.split(members, ends), strict=True):
            part.append(chosen)
    train, validation, test = (rng.permutation(np.concatenate(part)) for part in parts)
    pairs = [(x[index] / 16, y[index]) for index in (train[:samples], validation, test)]
    return pairs[0], pairs[1], pairs[2]


@register(inputs=784, most=10)
def mnist(classes: int, samples: int, noise: float, rng: np.random.Generator) -> Pairs:
    """Draw images of MNIST below `classes` from its training, validation and test split; inputs in [0, 1].

    Source: Schönberger et al. (2025), §5.
    Deviates: a seed sees `samples` training images instead of all.
    """
    del noise
    stored = images.mnist(0)
    pairs = []
    for (x, y), count in zip(stored, (samples, max(1, samples // VALIDATION), samples), strict=True):
        chosen = rng.permutation(np.flatnonzero(y < classes))[:count]
        pairs.append((x[chosen].reshape(len(chosen), -1) / 255, y[chosen]))
    return pairs[0], pairs[1], pairs[2]
