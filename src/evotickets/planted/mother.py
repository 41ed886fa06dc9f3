"""Mother networks: random ReLU perceptrons in which tickets are planted.

Flat parameters follow `networks.layout`.
"""

from math import sqrt

import numpy as np

from evotickets.networks import layout
from evotickets.networks.layout import Network
from evotickets.planted.targets import TARGETS


def describe(name: str, depth: int, width: int) -> Network:
    """Describe the mother network of a target: `depth` weight layers, all hidden layers of one width."""
    family = TARGETS[name]
    return layout.mlp(family.inputs, (width,) * (depth - 1), family.outputs)


def initialise(network: Network, rng: np.random.Generator) -> np.ndarray:
    """Draw parameters [N], float64: He-normal kernels, and biases whose std is the product of the layers' stds so far.

    Biases that shrink with depth make one global rescaling of the weights a rescaling of the outputs.

    Source: Fischer & Burkholz (2022), §3.
    """
    drawn, bias_std = [], 1.0
    for layer in network.layers:
        std = sqrt(2 / layer.fan_in)
        bias_std *= std
        drawn.append((rng.normal(0, std, layer.kernel_size), rng.normal(0, bias_std, layer.outputs)))
    return layout.join(tuple(drawn))
