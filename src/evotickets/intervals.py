"""Intervals of means and shares over seeds: their confidence, and the bounds of what they are of."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

Bounds = tuple[float, float]
"""What a score cannot leave, so that no interval of its mean does."""
ANYWHERE: Bounds = (-np.inf, np.inf)
SHARE: Bounds = (0.0, 1.0)
"""Of an accuracy, an error, a recall: of whatever is a share."""
SHARES: Bounds = (-1.0, 1.0)
"""Of the difference of two shares, of a cosine and of a correlation."""
TWICE: Bounds = (-2.0, 2.0)
"""Of the difference of two of those."""

BOUNDS: dict[str, Bounds] = {
    **dict.fromkeys(("accuracy", "error", "recall", "jaccard", "disagreement"), SHARE),
    "cosine": SHARES,
    "r2": (float("-inf"), 1.0),
    "unexplained": (0.0, float("inf")),
    "bits": (0.0, float("inf")),
}
"""Of scores, by the word that their names have."""

CONFIDENCE = 0.95
_confidence = ContextVar("confidence", default=CONFIDENCE)


@contextmanager
def confidence_of(value: float) -> Iterator[None]:
    """Have every interval that states no confidence of its own take this one instead of .95.

    So a rule that decides several claims at once can be asked again for intervals that hold together.

    Raises:
        ValueError: if it lies outside (0, 1).
    """
    token = _confidence.set(checked(value))
    try:
        yield
    finally:
        _confidence.reset(token)


def checked(confidence: float | None) -> float:
    """Return a confidence, or without one that of the time.

    Raises:
        ValueError: if it lies outside (0, 1).
    """
    confidence = _confidence.get() if confidence is None else confidence
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence}")
    return confidence


def shared_out(count: int) -> float:
    """Return the confidence at which `count` intervals hold together as often as one of them does by default.

    Source: Bonferroni (1936); it needs nothing of how the intervals depend on each other.
    """
    return 1 - (1 - _confidence.get()) / count


class Interval(NamedTuple):
    """A mean and the ends of its confidence interval."""

    mean: float
    low: float
    high: float


class Effect(NamedTuple):
    """A mean difference, the ends of its confidence interval, and the number of seeds behind it."""

    effect: float
    low: float
    high: float
    n: int


def interval(values: ArrayLike, confidence: float | None = None, *, bounds: Bounds = ANYWHERE) -> Interval:
    """Return the mean of values [S] and its Student-t interval; one value has the interval (NaN, NaN).

    What lies beyond the bounds of a score is cut off an interval: its mean cannot be there.

    Raises:
        ValueError: if there are no values, more than one axis, or a confidence outside (0, 1).
    """
    values = np.asarray(values, float)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"an interval needs values [S] of one or more seeds, got shape {values.shape}")
    confidence = checked(confidence)
    mean = float(np.mean(values))
    if values.size == 1:
        return Interval(mean, np.nan, np.nan)
    with np.errstate(invalid="ignore"):
        half = float(special.stdtrit(values.size - 1, (1 + confidence) / 2) * standard_error(values))
    # In bounds, means are too, but for rounding; NaN stays NaN.
    return Interval(mean, *(float(np.clip(end, *bounds)) for end in (mean - half, mean + half)))


def measured(name: str, step: int, values: ArrayLike) -> list[tuple[str, int, float]]:
    """Return (name, step, mean) of values [S] and the ends of the interval as `intervals/{name}_low` and `…_high`.

    One value, and those that are not all finite, have no interval.
    """
    words = re.split("[/_]", name)
    mean, *ends = interval(values, bounds=next((BOUNDS[word] for word in words if word in BOUNDS), ANYWHERE))
    found = [(name, step, mean)]
    if np.isfinite(ends).all():
        found += [(f"intervals/{name}_{side}", step, end) for side, end in zip(("low", "high"), ends, strict=True)]
    return found


def share(values: ArrayLike, confidence: float | None = None) -> Interval:
    """Return the share of true values [S] and its Clopper-Pearson interval, which one value has as well.

    Source: Clopper & Pearson (1934), "The use of confidence or fiducial limits illustrated in the case of the binomial".

    Raises:
        ValueError: if there are no values, more than one axis, or others than 0 and 1.
    """
    values = np.asarray(values, float)
    if values.ndim != 1 or not values.size or not np.isin(values, (0, 1)).all():
        raise ValueError("a share needs values [S] of one or more seeds, each 0 or 1")
    count, hits, tail = values.size, int(values.sum()), (1 - checked(confidence)) / 2
    low = float(special.betaincinv(hits, count - hits + 1, tail)) if hits else 0.0
    high = float(special.betaincinv(hits + 1, count - hits, 1 - tail)) if hits < count else 1.0
    return Interval(hits / count, low, high)


def standard_error(values: ArrayLike) -> float:
    """Return the standard error of the mean of values [S]."""
    # scipy.stats has this, and Student's t, for half a second of import in every job that draws.
    values = np.asarray(values, float)
    return float(values.std(ddof=1) / np.sqrt(values.size))
