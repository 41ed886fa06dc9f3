"""Masks over prunable entries, and the survivors that a trainer may move.

A mask is a boolean array [K], or [S, K] of every seed, in the order of `layout`. Where biases are prunable too, masks have
the length and order of flat parameters, N. Nothing here imports JAX before it must.
"""

from typing import TYPE_CHECKING

import numpy as np

from evotickets.networks import layout
from evotickets.networks.description import Description

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


def kernel_positions(network: Description) -> np.ndarray:
    """Return the positions [K] of the kernel entries inside the flat parameters [N]."""
    return np.concatenate([np.arange(part.kernel.start, part.kernel.stop) for part in layout.slices(network)])


def check_mask(network: Description, mask: np.ndarray, axes: int = 2) -> None:
    """Refuse masks that are not booleans [S, K], or [S, N] where biases are prunable; fewer axes only where they may have.

    Raises:
        ValueError: has the shape or type, and that which is expected.
    """
    shape = tuple(getattr(mask, "shape", ()))
    if len(shape) < axes or shape[-1] not in (network.kernel_count, network.parameter_count):
        raise ValueError(
            f"the mask has the shape {shape}; expected is (S, {network.kernel_count}), a row for each seed and an entry "
            "for each prunable weight of the network"
        )
    if mask.dtype != bool:
        raise ValueError(f"the mask is {mask.dtype}; expected are booleans, True where a weight is kept")


def everything(network: Description, seeds: int = 1) -> np.ndarray:
    """Return the masks [S, K] that keep every entry."""
    return np.ones((seeds, network.kernel_count), bool)


def edges(network: Description, mask: np.ndarray) -> np.ndarray:
    """Return what masks [..., K], or [..., N] of biases too, say of kernel entries [..., K]."""
    return mask if mask.shape[-1] == network.kernel_count else mask[..., kernel_positions(network)]


def spread(network: Description, mask: np.ndarray) -> np.ndarray:
    """Spread masks [..., K] to booleans over all parameters [..., N], biases kept; masks [..., N] say of those themselves."""
    if mask.shape[-1] == network.parameter_count:
        return mask
    keep = np.ones((*mask.shape[:-1], network.parameter_count), bool)
    keep[..., kernel_positions(network)] = mask
    return keep


def survivors(network: Description, mask: np.ndarray) -> np.ndarray:
    """Return the positions [..., D] of the survivors of masks [..., K] inside the flat parameters, ascending.

    Survivors are kept entries and all biases. They are chosen by mask, never by value: a kept entry that happens to be zero
    is a survivor.

    Raises:
        ValueError: if the masks are of another network, or keep different counts.
    """
    check_mask(network, mask, axes=1)
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
