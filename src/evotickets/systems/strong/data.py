"""What strong tickets are sought on: points drawn anew for every seed, and data sets drawn or split anew for every seed."""

from collections.abc import Sequence

import numpy as np

from evotickets.refusals import hint
from evotickets.supermasks.instance import Problem, Samples
from evotickets.systems.strong import FAMILIES, SHARES
from evotickets.tasks.registry import Images, Pair, Whole, stratified, task

VALIDATION = 5
"""There are this many training samples for one validation sample; and as many test samples as training samples."""

Sizes = tuple[int, int, int]


def draw(name: str, classes: int, samples: int, noise: float, rngs: Sequence[np.random.Generator]) -> Problem:
    """Draw a problem, one set of training, validation and test samples per generator.

    Where a data set is split and has fewer, there are fewer samples. Pixels are scaled to [0, 1], other inputs standardised.

    Raises:
        ValueError: if there is no such family, or it has not as many classes.
    """
    if name not in FAMILIES:
        raise ValueError(f"unknown data set {name!r}; {hint(name, FAMILIES)}")
    facts = FAMILIES[name]
    if not 2 <= classes <= facts.classes:
        raise ValueError(f"{name} has 2 to {facts.classes} classes, not {classes}; choose a number between")
    sizes = samples, max(1, samples // VALIDATION), samples
    if facts.kind == "points":
        given = {"classes": classes, "noise": noise}
        options = {option: given[option] for option in task.options(name)}
        drawn = [task[name](sizes, rng, **options) for rng in rngs]
    else:
        stored = task[name]()
        choose = _split if isinstance(stored, Whole) else _sampled
        drawn = [_scaled(choose(stored, classes, sizes, rng), facts.largest) for rng in rngs]
    train, validation, test = (
        Samples(np.stack([x for x, _ in split]).astype(np.float32), np.stack([y for _, y in split]).astype(np.int32))
        for split in zip(*drawn, strict=True)
    )
    return Problem(classes, train, test, validation)


def _scaled(splits: list[Pair], largest: int) -> list[Pair]:
    """Flatten inputs; bytes are scaled to [0, 1], others standardised by the training samples, entry by entry."""
    flat = [(x.reshape(len(x), -1), y) for x, y in splits]
    train = flat[0][0]
    low, range_ = (
        (0, largest) if train.dtype == np.uint8 else (train.mean(0), np.where(train.std(0) > 0, train.std(0), 1))
    )
    return [((x - low) / range_, y) for x, y in flat]


def _split(stored: Whole, classes: int, sizes: Sizes, rng: np.random.Generator) -> list[Pair]:
    """Split the images below `classes` 60/15/25, each class alike.

    Source: Schönberger et al. (2025), §5 (75/25).
    Deviates: a fifth of what was the training set is for validation.
    """
    kept = stored.y < classes
    x, y = stored.x[kept], stored.y[kept]

    def ends(count: int) -> np.ndarray:
        return np.round(np.cumsum(SHARES)[:-1] * count).astype(int)

    train, validation, test = [rng.permutation(split) for split in stratified(y, ends, rng)]
    return [(x[index], y[index]) for index in (train[: sizes[0]], validation, test)]


def _sampled(stored: Images, classes: int, sizes: Sizes, rng: np.random.Generator) -> list[Pair]:
    """Draw images below `classes` from the training, validation and test split.

    Source: Schönberger et al. (2025), §5.
    Deviates: a seed sees a part of the training images instead of all.
    """
    pairs = []
    for (x, y), count in zip(stored, sizes, strict=True):
        chosen = rng.permutation(np.flatnonzero(y < classes))[:count]
        pairs.append((x[chosen], y[chosen]))
    return pairs
