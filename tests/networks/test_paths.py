"""The share of masks with a path, against all masks of small networks."""

from itertools import product

import numpy as np
import pytest

from evotickets.networks import layout
from evotickets.networks.paths import connected_share


def counted(network):
    """Count the masks under which an output is reached, of all there are."""
    connected = 0
    masks = list(product([False, True], repeat=network.kernel_count))
    for mask in masks:
        reached = np.ones(network.layers[0].fan_in, bool)
        for kernel in layout.kernels(network, np.array(mask)):
            reached = (kernel & reached[None]).any(1)
        connected += bool(reached.any())
    return connected / len(masks)


@pytest.mark.parametrize("widths", [(1, 1), (1, 1, 1), (2, 2, 1), (2, 1, 2), (3, 2, 2), (2, 2, 2, 2)])
def test_the_share_is_that_of_all_masks(widths):
    network = layout.mlp(widths[0], widths[1:-1], widths[-1])
    assert connected_share(network) == pytest.approx(counted(network), rel=1e-12)


def test_narrow_layers_cut_a_network_off_and_wide_ones_do_not():
    assert connected_share(layout.mlp(2, (1,) * 20, 1)) < 1e-6
    assert connected_share(layout.mlp(2, (20,), 2)) > 0.999
    assert connected_share(layout.mlp(10_000, (10_000,) * 3, 10)) == pytest.approx(1)
