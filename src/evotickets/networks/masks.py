"""Masks over prunable entries, and the survivors that a trainer may move.

A mask is a boolean array [K], or [S, K] of every seed, in the order of `layout`. Where biases are prunable too, masks have
the length and order of flat parameters, N. Nothing here imports JAX before it must.
"""

from typing import TYPE_CHECKING

import numpy as np

from evotickets.networks import layout
from evotickets.networks.layout import Network

if TYPE_CHECKING:
    import jax


def kept_count(density: float, prunable: int) -> int:
    """Return round(density · prunable), at least one.

    Raises:
        ValueError: if the density is not in (0, 1].
    """
    if not 0 < density <= 1:
        raise ValueError(f"density must lie in (0, 1], got {density}")
    return max(1, round(density * prunable))


def kernel_positions(network: Network) -> np.ndarray:
    """Return the positions [K] of the kernel entries inside the flat parameters [N]."""
    return np.concatenate([np.arange(part.kernel.start, part.kernel.stop) for part in layout.slices(network)])


def everything(network: Network, seeds: int = 1) -> np.ndarray:
    """Return the masks [S, K] that keep every entry."""
    return np.ones((seeds, network.kernel_count), bool)


def edges(network: Network, mask: np.ndarray) -> np.ndarray:
    """Return what masks [..., K], or [..., N] of biases too, say of kernel entries [..., K]."""
    return mask if mask.shape[-1] == network.kernel_count else mask[..., kernel_positions(network)]


def spread(network: Network, mask: np.ndarray) -> np.ndarray:
    """Spread masks [..., K] to booleans over all parameters [..., N], biases kept; masks [..., N] say of those themselves."""
    if mask.shape[-1] == network.parameter_count:
        return mask
    keep = np.ones((*mask.shape[:-1], network.parameter_count), bool)
    keep[..., kernel_positions(network)] = mask
    return keep


def survivors(network: Network, mask: np.ndarray) -> np.ndarray:
    """Return the positions [..., D] of the survivors of masks [..., K] inside the flat parameters, ascending.

    Survivors are kept entries and all biases. They are chosen by mask, never by value: a kept entry that happens to be zero
    is a survivor.

    Raises:
        ValueError: if the masks keep different counts.
    """
    keep = spread(network, mask)
    counts = np.unique(keep.sum(-1))
    if len(counts) > 1:
        kept = counts - (network.parameter_count - network.kernel_count)
        raise ValueError(f"masks must keep equally many entries to be stacked, got {kept.tolist()}")
    return np.nonzero(keep)[-1].reshape(*mask.shape[:-1], -1).astype(np.int32)


def scatter(values: "jax.Array", positions: "jax.Array", size: int) -> "jax.Array":
    """Place survivors [..., D] into zeros [..., N]."""
    # Configurations are checked with the counts of this module, and their check starts no JAX.
    import jax.numpy as jnp

    return (
        jnp.zeros((*values.shape[:-1], size), values.dtype)
        .at[..., positions]
        .set(values, unique_indices=True, indices_are_sorted=True)
    )
