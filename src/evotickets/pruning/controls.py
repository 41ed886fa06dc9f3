"""What control tickets are made of: masks and weights that are drawn or permuted, to tell what a mask is worth.

Flat orders follow `networks.layout`.
"""

import numpy as np

from evotickets.networks import layout, masks
from evotickets.networks.layout import Network
from evotickets.pruning.top_k import keep_largest
from evotickets.refusals import check_shape


def random_mask(shape: tuple[int, int], count: int, rng: np.random.Generator) -> np.ndarray:
    """Keep exactly `count` entries of each seed [S, K], drawn uniformly."""
    return keep_largest(np.zeros(shape), np.ones(shape, bool), count, rng)


def permute_mask(
    network: Network, mask: np.ndarray, initial: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Permute mask and weights together inside each layer, so that only the layers' densities survive.

    Source: the within-layer permutation control of Frankle et al. (2021), "Pruning neural networks at initialization".

    Args:
        network: the network.
        mask: [S, K].
        initial: [S, N].
        rng: source of the permutations.

    Raises:
        ValueError: if masks or weights are of another shape.
    """
    _check(network, mask, initial)
    mask, initial = mask.copy(), initial.copy()
    positions = masks.kernel_positions(network)
    for seed in range(len(mask)):
        for _, _, part in layout.slices(network):
            order = rng.permutation(part.stop - part.start)
            mask[seed, part] = mask[seed, part][order]
            initial[seed, positions[part]] = initial[seed, positions[part]][order]
    return mask, initial


def permute_weights(network: Network, mask: np.ndarray, initial: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Permute the surviving initial weights [S, N] inside each layer; the mask [S, K] stays. Raises as `permute_mask`."""
    _check(network, mask, initial)
    initial = initial.copy()
    positions = masks.kernel_positions(network)
    for seed in range(len(mask)):
        for _, _, part in layout.slices(network):
            alive = positions[part][mask[seed, part]]
            initial[seed, alive] = initial[seed, rng.permutation(alive)]
    return initial


def _check(network: Network, mask: np.ndarray, initial: np.ndarray) -> None:
    check_shape("the mask", mask, "S", network.kernel_count)
    check_shape("initial", initial, len(mask), network.parameter_count)
