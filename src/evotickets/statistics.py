"""Effects, intervals and verdicts, with the seed as the unit of replication.

A NaN score stays NaN and a single seed has no interval, so that what cannot be decided is `undecided` and never quietly left
out; what a study has no data for is `not asked`.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evotickets.crossed import by_part, crossed_effect, spread_parts
from evotickets.intervals import (
    ANYWHERE,
    CONFIDENCE,
    SHARE,
    SHARES,
    TWICE,
    Bounds,
    Effect,
    Interval,
    confidence_of,
    interval,
    share,
    shared_out,
    standard_error,
)
from evotickets.refusals import check_names

__all__ = [
    "ANYWHERE",
    "CONFIDENCE",
    "SHARE",
    "SHARES",
    "TWICE",
    "Bounds",
    "Effect",
    "Interval",
    "Verdict",
    "by_part",
    "confidence_of",
    "contrast",
    "crossed_effect",
    "equivalence",
    "interval",
    "matching_density",
    "min_max",
    "pair_matrix",
    "paired_effect",
    "pairwise",
    "share",
    "shared_out",
    "spread_parts",
    "stratified_effect",
    "verdict",
]

Verdict = Literal["supported", "contradicted", "undecided", "not asked"]


def paired_effect(a: ArrayLike, b: ArrayLike, confidence: float | None = None, *, bounds: Bounds = ANYWHERE) -> Effect:
    """Return the mean of a − b over seeds that both share, [S] each in the same order of seeds.

    Raises:
        ValueError: if the shapes differ.
    """
    return stratified_effect(np.asarray(a, float)[None], np.asarray(b, float)[None], confidence, bounds=bounds)


def stratified_effect(
    a: ArrayLike,
    b: ArrayLike | None = None,
    confidence: float | None = None,
    *,
    parts: ArrayLike | None = None,
    bounds: Bounds = ANYWHERE,
) -> Effect:
    """Return the mean of a − b [cells, S], or of a alone, over cells and seeds, every cell with the same weight.

    The differences are averaged over the cells of a seed before the interval over seeds is taken. So the cells may
    depend on each other (trainers that start from the same initial weights do), and more cells do not pose as more
    seeds.

    Args:
        a: [cells, S].
        b: likewise.
        confidence: of the interval.
        parts: the differences on each of several random parts of the test images [parts, cells, S]: with them the images
            are taken as sampled too (`crossed_effect`). A cell whose seeds have test images of their own has its difference
            in all parts.
        bounds: of the difference.

    Raises:
        ValueError: if the shapes differ or are not [cells, S].
    """
    a = np.asarray(a, float)
    b = np.zeros_like(a) if b is None else np.asarray(b, float)
    if a.shape != b.shape or a.ndim != 2:
        raise ValueError(
            f"paired scores must have the same seeds in the same order, got shapes {a.shape} and {b.shape}"
        )
    by_seed = np.mean(a - b, axis=0)
    if parts is None:
        return Effect(*interval(by_seed, confidence, bounds=bounds), a.shape[1])
    by_part = np.asarray(parts, float).mean(axis=1)
    # Parts differ in size by one image at most; the mean over all images is what is stated.
    return crossed_effect((by_part - by_part.mean(axis=0) + by_seed).T, confidence, bounds=bounds)


def pairwise(matrix: ArrayLike) -> np.ndarray:
    """Return values [S] whose mean is that of all pairs of a symmetric matrix [S, S]; its diagonal is ignored.

    These are the jackknife's pseudo-values. Every seed takes part in S − 1 pairs, so that pairs are not independent and
    an interval over them would be far too narrow; one over these values covers nearly as often as it says. Two matrices
    of the same seeds can be compared by `paired_effect` of their values.

    Source: Efron & Stein (1981), "The jackknife estimate of variance".

    Raises:
        ValueError: if the matrix is not symmetric or has fewer than three seeds.
    """
    matrix = np.asarray(matrix, float)
    size = len(matrix)
    if matrix.shape != (size, size) or size < 3 or not np.allclose(matrix, matrix.T, equal_nan=True):
        raise ValueError(f"pairs of seeds need a symmetric matrix [S, S] of three seeds or more, got {matrix.shape}")
    sums = np.array([np.delete(row, seed).sum() for seed, row in enumerate(matrix)])
    total = sums.sum() / 2
    pairs, without = size * (size - 1) / 2, (size - 1) * (size - 2) / 2
    return size * total / pairs - (size - 1) * (total - sums) / without


def pair_matrix(pairs: pd.DataFrame) -> np.ndarray:
    """Return the symmetric matrix [S, S] of a table with one row per pair of seeds; its diagonal is 0.

    Args:
        pairs: columns `seed`, `other` and `value`, every pair of seeds once in either order.

    Raises:
        ValueError: if a pair or a column is missing, or a pair there twice.
    """
    check_names("columns", pairs, ["seed", "other", "value"], more=True)
    order = sorted({*pairs["seed"], *pairs["other"]})
    rows, columns = (np.searchsorted(order, pairs[end]) for end in ("seed", "other"))
    counted, matrix = np.zeros((2, len(order), len(order)))
    np.add.at(counted, (rows, columns), 1)
    if (counted + counted.T != 1 - np.eye(len(order))).any():
        raise ValueError(f"a comparison of {len(order)} seeds needs every pair of them exactly once")
    matrix[rows, columns] = pairs["value"]
    return matrix + matrix.T


def contrast(
    frame: pd.DataFrame,
    column: str,
    a: str,
    b: str,
    cells: Sequence[str],
    confidence: float | None = None,
    *,
    bounds: Bounds = ANYWHERE,
) -> Effect:
    """Return the effect of `a` over `b` in a factor column of a score table: `snr` over `random` in `criterion`, say.

    Args:
        frame: rows of one split and metric with the columns `seed` and `value`, one row per cell, seed and factor; with
            those of `spread_parts` the test images are taken as sampled too.
        column: the factor.
        a: the factor's value whose effect is wanted.
        b: the value it is compared with.
        cells: the columns that tell the cells apart, such as `["task", "trainer", "density"]`. Seeds and cells that
            only one side has take no part.
        confidence: of the interval.
        bounds: of the difference.

    Raises:
        ValueError: if a column is missing, a row there twice, the two share nothing, or cells have other seeds.
    """
    keys = [*cells, column, "seed"]
    check_names("columns", frame, [*keys, "value"], more=True)
    rows = frame[frame[column].isin([a, b])]
    if rows.duplicated(keys).any():
        raise ValueError(f"more than one score for the same {', '.join(keys)}: select one split and one metric")
    wide = rows.pivot(index=[*cells, "seed"], columns=column, values="value").reindex(columns=[a, b])
    counted = rows.pivot(index=[*cells, "seed"], columns=column, values="seed").reindex(columns=[a, b])
    wide = wide[counted.notna().all(axis=1)]
    if wide.empty:
        raise ValueError(f"{column} {a!r} and {b!r} share no seed in any cell of {', '.join(cells)}")
    left, right = (wide[side].unstack("seed") for side in (a, b))
    if len(wide) != left.size:
        raise ValueError(f"{column} {a!r} and {b!r} do not share the same seeds in every cell of {', '.join(cells)}")
    parts = []
    for name in by_part(rows):
        there = rows.pivot(index=[*cells, "seed"], columns=column, values=name).loc[wide.index]
        parts.append((there[a] - there[b]).unstack("seed").to_numpy())
    return stratified_effect(left.to_numpy(), right.to_numpy(), confidence, parts=parts or None, bounds=bounds)


def min_max(frame: pd.DataFrame, by: Sequence[str], curve: Sequence[str]) -> pd.DataFrame:
    """Scale `value` to [0, 1] inside each group of `by`, so that tasks with different metrics can be averaged.

    0 and 1 are the worst and best mean over seeds among the points of the group, which the columns `curve` tell apart;
    single seeds may lie outside.

    Source: Lange & Sprekeler (2023), Fig. 1 (scores min–max normalised over tasks).

    Raises:
        ValueError: if all points of a group are equal, or a column is missing.
    """
    check_names("columns", frame, [*by, *curve, "value"], more=True)
    points = frame.groupby([*by, *curve])["value"].mean().groupby(list(by))
    ends = pd.DataFrame({"worst": points.min(), "best": points.max()})
    flat = ends[ends["worst"] == ends["best"]]
    if len(flat):
        raise ValueError(f"all points of {flat.index[0]} are equal: there is nothing to normalise")
    joined = frame.join(ends, on=list(by))
    scale = joined["best"] - joined["worst"]
    return frame.assign(**{name: (joined[name] - joined["worst"]) / scale for name in ("value", *by_part(frame))})


def verdict(low: float, high: float, *, margin: float = 0.0) -> Verdict:
    """Decide the claim "effect > margin" from the effect's interval; NaN ends leave it undecided."""
    if low > margin:
        return "supported"
    return "contradicted" if high <= margin else "undecided"


def equivalence(low: float, high: float, *, margin: float) -> Verdict:
    """Decide the claim "|effect| < margin" from the effect's interval; NaN ends leave it undecided.

    Raises:
        ValueError: if the margin is not positive.
    """
    if not margin > 0:
        raise ValueError(f"an equivalence needs a positive margin, got {margin}")
    if -margin < low and high < margin:
        return "supported"
    return "contradicted" if low >= margin or high <= -margin else "undecided"


def matching_density(scores: pd.DataFrame) -> float:
    """Return the smallest density whose mean score is no more than one standard error below the dense mean.

    The standard error is that of the dense mean over seeds. A mean above the dense one matches, and a density may match
    although a larger one does not.

    Args:
        scores: one chain's test scores, larger is better: columns `density`, `seed` and `value`, the largest density
            being the dense level.

    Raises:
        ValueError: if a column is missing, a seed there twice, or the dense level has fewer than two seeds.
    """
    check_names("columns", scores, ["density", "seed", "value"], more=True)
    if scores.duplicated(["density", "seed"]).any():
        raise ValueError("more than one score for the same density and seed: select one chain, split and metric")
    levels = scores.groupby("density")["value"]
    means, dense = levels.mean(), scores["density"].max()
    values = levels.get_group(dense)
    if len(values) < 2:
        raise ValueError("a matching density needs the standard error of the dense mean: run at least two seeds")
    with np.errstate(invalid="ignore"):
        return float(means.index[means >= means[dense] - standard_error(values)].min())
