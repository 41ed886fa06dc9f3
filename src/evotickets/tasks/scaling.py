"""How inputs are standardised: by training samples alone, all entries together or each entry by itself."""

from collections.abc import Iterable, Sequence

import numpy as np

from evotickets.tasks.registry import Facts, Pair, Split


def standardised(name: str, splits: Iterable[Pair], facts: Facts) -> list[Split]:
    """Return the splits of a supervised task with inputs float32 and labels int32; the first split is that of training.

    Bytes are standardised by the mean and standard deviation of all training pixels, and so are other arrays of more than
    one axis a sample, such as images of floats. Vectors are standardised entry by entry; an entry that is always the same
    becomes 0. `standardise` of the facts says otherwise.

    Raises:
        ValueError: if arrays and facts do not fit each other, or an input is no finite number.
    """
    pairs = [(np.asarray(x), np.asarray(y)) for x, y in splits]
    for x, y in pairs:
        _check(name, x, y, facts)
    way = facts.standardise or ("entry" if len(facts.input_shape) == 1 else "all")
    if way == "all" and all(x.dtype == np.uint8 for x, _ in pairs):
        return _bytes(pairs)
    train = pairs[0][0].astype(np.float64)
    axes = {"all": None, "entry": 0}.get(way)
    mean, std = (0.0, 1.0) if way == "none" else (train.mean(axes), train.std(axes))
    std = np.where(np.asarray(std) > 0, std, 1.0)
    return [Split(((x - mean) / std).astype(np.float32), y.astype(np.int32)) for x, y in pairs]


def _bytes(pairs: Sequence[Pair]) -> list[Split]:
    counts = np.bincount(pairs[0][0].ravel(), minlength=256)
    pixels = np.arange(256.0)
    mean = np.average(pixels, weights=counts)
    std = np.sqrt(np.average((pixels - mean) ** 2, weights=counts))
    table = ((pixels - mean) / std).astype(np.float32)
    return [Split(np.take(table, x), y.astype(np.int32)) for x, y in pairs]


def _check(name: str, x: np.ndarray, y: np.ndarray, facts: Facts) -> None:
    if x.dtype.kind not in "fiub" or not np.isfinite(x).all():
        raise ValueError(f"the inputs of {name} are {x.dtype} or not all finite: give finite numbers")
    if x.shape[1:] != facts.input_shape or len(x) != len(y):
        raise ValueError(
            f"{name} has inputs of the shape {x.shape} for {len(y)} labels; its decorator states "
            f"input_shape={facts.input_shape}: mend one of them"
        )
    if y.dtype.kind not in "iub" or y.ndim != 1 or (len(y) and (y.min() < 0 or y.max() >= facts.classes)):
        raise ValueError(
            f"{name} has labels of {y.dtype}, shape {y.shape}; its decorator states classes={facts.classes}: "
            f"give one whole number from 0 to {facts.classes - 1} a sample"
        )
