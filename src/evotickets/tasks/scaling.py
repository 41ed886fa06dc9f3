"""How inputs and real targets are standardised: by training samples alone.

Inputs are standardised all entries together or each entry by itself, targets each by itself.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from evotickets.tasks.registry import Facts, Pair, Split


def standardised(name: str, splits: Iterable[Pair], facts: Facts) -> list[Split]:
    """Return the splits of a supervised task, the first being that of training: inputs float32, and labels int32 or targets.

    Bytes are standardised by the mean and standard deviation of all training pixels, and so are other arrays of more than
    one axis a sample, such as images of floats. Vectors are standardised entry by entry; an entry that is always the same
    becomes 0. `standardise` of the facts says otherwise. Real targets become float32 [n, targets] of mean 0 and standard
    deviation 1 in training, so that the mean squared error of a constant is about 1 whatever their unit.

    Raises:
        ValueError: if arrays and facts do not fit each other, or an input or target is no finite number.
    """
    pairs = [(np.asarray(x), np.asarray(y)) for x, y in splits]
    for x, y in pairs:
        _check(name, x, y, facts)
    targets = _targets(name, [y for _, y in pairs], facts)
    way = facts.standardise or ("entry" if len(facts.input_shape) == 1 else "all")
    if way == "all" and all(x.dtype == np.uint8 for x, _ in pairs):
        inputs = _bytes([x for x, _ in pairs])
        return [Split(x, y) for x, y in zip(inputs, targets, strict=True)]
    train = pairs[0][0].astype(np.float64)
    axes = {"all": None, "entry": 0}.get(way)
    mean, std = (0.0, 1.0) if way == "none" else (train.mean(axes), train.std(axes))
    std = np.where(np.asarray(std) > 0, std, 1.0)
    return [Split(((x - mean) / std).astype(np.float32), y) for (x, _), y in zip(pairs, targets, strict=True)]


def scale_of(targets: np.ndarray, facts: Facts) -> np.ndarray:
    """Return the standard deviation [targets] of the training targets, in their unit."""
    return np.asarray(targets, np.float64).reshape(len(targets), facts.targets).std(0).astype(np.float32)


def _targets(name: str, splits: Sequence[np.ndarray], facts: Facts) -> list[np.ndarray]:
    if not facts.targets:
        return [y.astype(np.int32) for y in splits]
    values = [y.astype(np.float64).reshape(len(y), facts.targets) for y in splits]
    mean, std = values[0].mean(0), values[0].std(0)
    if (std == 0).any():
        raise ValueError(f"the targets of {name} are all the same in the training split: there is nothing to learn")
    return [((y - mean) / std).astype(np.float32) for y in values]


def _bytes(inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    counts = np.bincount(inputs[0].ravel(), minlength=256)
    pixels = np.arange(256.0)
    mean = np.average(pixels, weights=counts)
    std = np.sqrt(np.average((pixels - mean) ** 2, weights=counts))
    table = ((pixels - mean) / std).astype(np.float32)
    return [np.take(table, x) for x in inputs]


def _check(name: str, x: np.ndarray, y: np.ndarray, facts: Facts) -> None:
    if x.dtype.kind not in "fiub" or not np.isfinite(x).all():
        raise ValueError(f"the inputs of {name} are {x.dtype} or not all finite: give finite numbers")
    if x.shape[1:] != facts.input_shape or len(x) != len(y):
        raise ValueError(
            f"{name} has inputs of the shape {x.shape} for {len(y)} labels; its decorator states "
            f"input_shape={facts.input_shape}: mend one of them"
        )
    if facts.targets:
        shapes = [(len(y), facts.targets), *([(len(y),)] if facts.targets == 1 else [])]
        if y.dtype.kind not in "fiub" or y.shape not in shapes or not np.isfinite(y).all():
            raise ValueError(
                f"{name} has targets of {y.dtype}, shape {y.shape}; its decorator states targets={facts.targets}: "
                f"give {facts.targets} finite numbers a sample"
            )
        return
    if facts.labels and y.shape[1:] != (facts.labels,):
        raise ValueError(
            f"{name} has labels of the shape {y.shape}; its decorator states labels={facts.labels}: give as many a sample"
        )
    if (
        y.dtype.kind not in "iub"
        or y.ndim != 1 + bool(facts.labels)
        or (len(y) and (y.min() < 0 or y.max() >= facts.classes))
    ):
        raise ValueError(
            f"{name} has labels of {y.dtype}, shape {y.shape}; its decorator states classes={facts.classes}: "
            f"give one whole number from 0 to {facts.classes - 1} a sample, or state targets=1 for real values"
        )
