"""How different the solutions of several seeds are, and how long a signal-to-noise ratio is remembered.

Matrices [S, S] compare every seed with every other; `statistics.pairwise` turns one into values of which an interval may be
taken.
"""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from evotickets import streams
from evotickets.networks import feedforward, layout
from evotickets.networks.layout import Network


def cosine(displacement: np.ndarray) -> np.ndarray:
    """Return the cosine similarity [S, S] of displacement (trained − initial weights) [S, N]; NaN where nothing moved."""
    with np.errstate(invalid="ignore"):
        directions = displacement / np.linalg.norm(displacement, axis=1, keepdims=True)
    return directions @ directions.T


def distance(displacement: np.ndarray) -> np.ndarray:
    """Return the Euclidean distances [S, S] of displacement [S, N]."""
    return np.stack([np.linalg.norm(displacement - move, axis=1) for move in displacement])


def jaccard(mask: np.ndarray) -> np.ndarray:
    """Return |both kept| / |either kept| [S, S] of masks [S, K].

    Two random masks of density d share d / (2 − d) on average, which is what to compare with.
    """
    counts = mask.astype(float)
    both = counts @ counts.T
    kept = counts.sum(1)
    return both / (kept[:, None] + kept - both)


def predictions(network: Network, flat: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the predicted classes [S, B] of networks [S, N] on inputs [B, …]."""

    @jax.jit
    def classes(flat, x):
        def one(weights):
            return jnp.argmax(feedforward.apply(network, layout.unflatten(network, weights), x), -1)

        return streams.over_seeds(one, flat)

    return np.asarray(classes(flat, x))


def disagreement(classes: np.ndarray) -> np.ndarray:
    """Return the share of inputs on which two seeds predict different classes [S, S], from predictions [S, B]."""
    return (classes[:, None] != classes[None]).mean(-1)


def snr_correlation(ratios: np.ndarray, final: np.ndarray) -> np.ndarray:
    """Return Spearman's correlation [levels, S] of the signal-to-noise ratios of each level with those of the first.

    Source: Lange & Sprekeler (2023), Fig. 7.

    Args:
        ratios: |mean| / std [levels, S, K], the first level being the one to compare with.
        final: weights that survive to the end [S, K]; only these are compared.
    """
    ranks = [[stats.rankdata(level[seed][kept]) for seed, kept in enumerate(final)] for level in ratios]
    with np.errstate(invalid="ignore"):
        return np.array(
            [[np.corrcoef(r, first)[0, 1] for r, first in zip(row, ranks[0], strict=True)] for row in ranks]
        )
