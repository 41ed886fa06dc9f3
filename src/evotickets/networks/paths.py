"""How likely a random mask leaves a path through a network."""

from math import comb

from evotickets.networks.layout import Network

MANY = 64
"""More units than these are as good as these: what is left out is a share of 2^−64 of all masks."""


def connected_share(network: Network) -> float:
    """Return the share of masks, every entry kept with probability one half, under which a path leads from input to output.

    Where layers are wider than `MANY`, the share is a lower bound.
    """
    widths = [min(MANY, width) for width in (network.layers[0].fan_in, *(layer.outputs for layer in network.layers))]
    reached = [0.0] * widths[0] + [1.0]
    for width in widths[1:]:
        after = [0.0] * (width + 1)
        for units, probability in enumerate(reached):
            none = 0.5**units
            for more in range(width + 1):
                after[more] += probability * comb(width, more) * (1 - none) ** more * none ** (width - more)
        reached = after
    return 1 - reached[0]
