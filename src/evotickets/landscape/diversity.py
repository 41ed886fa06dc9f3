"""How different the solutions of several seeds are, and how long a signal-to-noise ratio is remembered.

Matrices [S, S] compare every seed with every other; `statistics.pairwise` turns one into values of which an interval may be
taken.
"""

import jax
import jax.numpy as jnp
import numpy as np

from evotickets import population, streams
from evotickets.networks.layout import Network
from evotickets.refusals import check_shape


def cosine(displacement: np.ndarray) -> np.ndarray:
    """Return the cosine similarity [S, S] of displacement (trained − initial weights) [S, N]; NaN where nothing moved.

    Raises:
        ValueError: if there are other than two axes.
    """
    check_shape("displacement", displacement, "S", "N")
    with np.errstate(invalid="ignore"):
        directions = displacement / np.linalg.norm(displacement, axis=1, keepdims=True)
    return directions @ directions.T


def distance(displacement: np.ndarray) -> np.ndarray:
    """Return the Euclidean distances [S, S] of displacement [S, N]; raises as `cosine`."""
    check_shape("displacement", displacement, "S", "N")
    return np.stack([np.linalg.norm(displacement - move, axis=1) for move in displacement])


def jaccard(mask: np.ndarray) -> np.ndarray:
    """Return |both kept| / |either kept| [S, S] of masks [S, K].

    Two random masks of density d share d / (2 − d) on average, which is what to compare with.

    Raises:
        ValueError: if there are other than two axes.
    """
    check_shape("the mask", mask, "S", "K")
    counts = mask.astype(float)
    both = counts @ counts.T
    kept = counts.sum(1)
    return both / (kept[:, None] + kept - both)


def predictions(network: Network, flat: np.ndarray, x: np.ndarray, *, rows: np.ndarray | None = None) -> np.ndarray:
    """Return the predicted classes [S, B] of networks [S, N] on inputs [B, …], or on rows [S] of inputs [R, B, …].

    Raises:
        ValueError: if networks or rows are of another shape.
    """
    check_shape("networks", flat, "S", network.parameter_count)
    if rows is not None:
        check_shape("rows", rows, len(flat))

    forward = population.forward_of(network)

    @jax.jit
    def classes(flat, x, rows):
        def one(seed):
            return jnp.argmax(forward(seed[0], streams.row_of(x, seed[1])), -1)

        return streams.over_seeds(one, (flat, rows))

    return np.asarray(classes(flat, x, rows))


def disagreement(classes: np.ndarray, inputs: np.ndarray | None = None) -> np.ndarray:
    """Return the share of inputs on which two seeds predict different classes [S, S], from predictions [S, B].

    Args:
        classes: [S, B].
        inputs: which input each prediction is of [S, B], in ascending order; two seeds are compared on those that they
            share. All seeds have the same by default. NaN where two share none.

    Raises:
        ValueError: if the shapes are others.
    """
    check_shape("classes", classes, "S", "B")
    if inputs is not None:
        check_shape("inputs", inputs, *classes.shape)
    if inputs is None:
        return (classes[:, None] != classes[None]).mean(-1)
    found = np.full((len(classes), len(classes)), np.nan)
    for first, second in np.ndindex(found.shape):
        shared, *places = np.intersect1d(inputs[first], inputs[second], assume_unique=True, return_indices=True)
        if len(shared):
            found[first, second] = (classes[first][places[0]] != classes[second][places[1]]).mean()
    return found


def snr_correlation(ratios: np.ndarray, final: np.ndarray) -> np.ndarray:
    """Return Spearman's correlation [levels, S] of the signal-to-noise ratios of each level with those of the first.

    Source: Lange & Sprekeler (2023), Fig. 7.

    Args:
        ratios: |mean| / std [levels, S, K], the first level being the one to compare with.
        final: weights that survive to the end [S, K]; only these are compared.

    Raises:
        ValueError: if the shapes are others.
    """
    check_shape("ratios", ratios, "levels", *final.shape)
    # Importing it takes half a second, which each job that trains would pay.
    from scipy import stats

    ranks = [[stats.rankdata(level[seed][kept]) for seed, kept in enumerate(final)] for level in ratios]
    with np.errstate(invalid="ignore"):
        return np.array(
            [[np.corrcoef(r, first)[0, 1] for r, first in zip(row, ranks[0], strict=True)] for row in ranks]
        )
