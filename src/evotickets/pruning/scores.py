"""Scores of trained weights by a criterion: per-weight saliency, larger means keep."""

import numpy as np

from evotickets import pruning
from evotickets.refusals import check_shape, hint


def score(
    criterion: str,
    mean: np.ndarray,
    std: np.ndarray | None,
    initial: np.ndarray | None = None,
    mask: np.ndarray | None = None,
) -> np.ndarray:
    """Score every prunable entry [S, K] by a named criterion of trained weights.

    Raises:
        ValueError: if the criterion is unknown, needs what there is not or of another shape, or returns other than [S, K].
    """
    known = pruning.of_trained_weights()
    if criterion not in known:
        raise ValueError(f"unknown score {criterion!r}; {hint(criterion, sorted(known))}")
    wanted = pruning.needs(criterion)
    if "std" in wanted and std is None:
        raise ValueError(
            f"criterion {criterion!r} needs a search distribution; a gradient trainer has none: use magnitude"
        )
    for what, array in {"std": std, "initial": initial, "mask": mask}.items():
        if what in wanted:
            check_shape(what, array, *mean.shape)
    given = {"mean": mean, "std": std, "initial": initial, "mask": mask}
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.asarray(pruning.criterion[criterion](**{name: given[name] for name in wanted}))
    if values.shape != mean.shape or values.dtype.kind not in "fiub":
        raise ValueError(
            f"criterion {criterion!r} returns {values.dtype} of shape {values.shape}; "
            f"expected is a number for every prunable weight of every seed, {mean.shape}"
        )
    return np.nan_to_num(values, nan=-np.inf, posinf=float(np.finfo(np.float32).max))
