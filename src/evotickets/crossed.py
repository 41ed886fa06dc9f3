"""Effects where all seeds share their test images: both are samples, of seeds and of images."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from evotickets.intervals import ANYWHERE, Bounds, Effect, checked

_PART = "part "


def crossed_effect(values: ArrayLike, confidence: float | None = None, *, bounds: Bounds = ANYWHERE) -> Effect:
    """Return the mean of values [S, B] of seeds on the same test images, both taken as samples, and its interval.

    Where all seeds share a test set, an interval over seeds alone says what other seeds would give on these images. This
    one says what other seeds would give on other images: the variance of the mean is that of two crossed random effects
    without replicates, (seeds + images − rest) / (S B) in mean squares, and never less than with one of the two; its
    degrees of freedom are Satterthwaite's.

    Source: Searle, Casella & McCulloch (1992), "Variance components", §4.5; Satterthwaite (1946), "An approximate
    distribution of estimates of variance components".

    Raises:
        ValueError: if there are not two axes, or none of an axis.
    """
    values = np.asarray(values, float)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"a crossed effect needs values [S, B] of seeds and images, got shape {values.shape}")
    seeds, images = values.shape
    mean = float(values.mean())
    if min(seeds, images) == 1:
        return Effect(mean, np.nan, np.nan, seeds)
    by_seed, by_image = values.mean(1) - mean, values.mean(0) - mean
    rest = values - mean - by_seed[:, None] - by_image
    degrees = np.array([seeds - 1, images - 1, (seeds - 1) * (images - 1)])
    squares = np.array([images * (by_seed**2).sum(), seeds * (by_image**2).sum(), (rest**2).sum()]) / degrees
    total = max(squares[0] + squares[1] - squares[2], squares[0], squares[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = total**2 / (squares**2 / degrees).sum() if total else 1.0
        half = special.stdtrit(freedom, (1 + checked(confidence)) / 2) * np.sqrt(total / values.size)
    low, high = (float(np.clip(end, *bounds)) for end in (mean - half, mean + half))
    return Effect(mean, low, high, seeds)


def by_part(frame: pd.DataFrame) -> list[str]:
    """Return the columns of a score table that hold the score on one part of the test images, as `spread_parts` makes them."""
    return [name for name in frame.columns if name.startswith(_PART)]


def spread_parts(frame: pd.DataFrame) -> pd.DataFrame:
    """Give a score table whose column `parts` lists the scores on random parts of the test images a column for each part.

    A row that lists none, because its test images are those of its seed alone, has its `value` in all of them.

    Raises:
        ValueError: if rows list different numbers of parts.
    """
    if "parts" not in frame:
        return frame
    counts = {len(parts) for parts in frame["parts"]} - {0}
    if len(counts) > 1:
        raise ValueError(f"rows of one score table must have the same number of parts, got {sorted(counts)}")
    frame, listed = frame.drop(columns="parts"), frame["parts"]
    if not counts:
        return frame
    (count,) = counts
    pairs = zip(listed, frame["value"], strict=True)
    rows = [np.asarray(parts, float) if len(parts) else np.full(count, value) for parts, value in pairs]
    columns = pd.DataFrame(np.stack(rows), index=frame.index, columns=[f"{_PART}{part:02d}" for part in range(count)])
    return pd.concat([frame, columns], axis=1)
