"""Masks over kernels, and the survivors that a trainer may move.

Axis letters: `N` all parameters, `K` prunable entries, `D` survivors, `S` seeds. Flat vectors follow `networks.flatten`.
"""

from typing import TYPE_CHECKING

import numpy as np

from evotickets.networks.layout import Network

if TYPE_CHECKING:
    import jax

Mask = dict[str, np.ndarray]


def ones(network: Network) -> Mask:
    """Return the mask that keeps every kernel entry."""
    return {layer.name: np.ones(layer.kernel_shape, bool) for layer in network.layers}


def kept_count(density: float, prunable: int) -> int:
    """Return round(density · prunable), at least one.

    Raises:
        ValueError: if the density is not in (0, 1].
    """
    if not 0 < density <= 1:
        raise ValueError(f"density must lie in (0, 1], got {density}")
    return max(1, round(density * prunable))


def kept(mask: Mask) -> int:
    """Count the kept entries."""
    return int(sum(np.count_nonzero(m) for m in mask.values()))


def density(mask: Mask) -> float:
    """Return kept / prunable."""
    return kept(mask) / sum(m.size for m in mask.values())


def layer_densities(mask: Mask) -> dict[str, float]:
    """Return kept / prunable of each layer."""
    return {name: float(np.mean(m)) for name, m in mask.items()}


def flat_kernels(network: Network, mask: Mask) -> np.ndarray:
    """Flatten a mask to [K]: kernels only, in the flat order without the biases."""
    return np.concatenate(
        [np.asarray(mask[layer.name]).reshape(-1, layer.outputs).T.ravel() for layer in network.layers]
    )


def unflatten_kernels(network: Network, flat: np.ndarray) -> Mask:
    """Rebuild a mask from [K]; the inverse of `flat_kernels`."""
    mask, start = {}, 0
    for layer in network.layers:
        part = np.asarray(flat[start : start + layer.kernel_size], bool)
        mask[layer.name] = part.reshape(layer.outputs, layer.fan_in).T.reshape(layer.kernel_shape)
        start += layer.kernel_size
    return mask


def kernel_positions(network: Network) -> np.ndarray:
    """Return the positions [K] of the kernel entries inside the flat parameters [N]."""
    parts, start = [], 0
    for layer in network.layers:
        parts.append(np.arange(start, start + layer.kernel_size))
        start += layer.kernel_size + layer.outputs
    return np.concatenate(parts)


def survivors(network: Network, mask: Mask) -> np.ndarray:
    """Return the positions [D] of the survivors (kept entries and all biases) inside the flat parameters, ascending.

    Chosen by mask, never by value: a kept entry that happens to be zero is a survivor.
    """
    keep = np.ones(network.parameter_count, bool)
    keep[kernel_positions(network)] = flat_kernels(network, mask)
    return np.flatnonzero(keep).astype(np.int32)


def scatter(values: "jax.Array", positions: "jax.Array", size: int) -> "jax.Array":
    """Place survivors [..., D] into zeros [..., N]."""
    # Configurations are checked with the counts of this module, and their check starts no JAX.
    import jax

    return (
        jax.numpy.zeros((*values.shape[:-1], size), values.dtype)
        .at[..., positions]
        .set(values, unique_indices=True, indices_are_sorted=True)
    )
