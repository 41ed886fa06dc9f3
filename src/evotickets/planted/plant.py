"""Planting: overwrite a few weights of a mother network so that a subnetwork of it computes a target, up to scales."""

from typing import NamedTuple

import numpy as np

from evotickets.networks import layout, masks
from evotickets.networks.layout import Network
from evotickets.planted.targets import Target


class Planted(NamedTuple):
    """A mother network with a ticket in it.

    Attributes:
        parameters: [N], float64: the mother's, but for the ticket's weights and the biases of its neurons.
        mask: the ticket, bool [K].
        neurons: per layer, the unit of the mother that stands for each unit of the target.
        scales: per layer, the positive factor by which each of those units exceeds the target's.
    """

    parameters: np.ndarray
    mask: np.ndarray
    neurons: tuple[np.ndarray, ...]
    scales: tuple[np.ndarray, ...]


def plant(network: Network, parameters: np.ndarray, target: Target) -> Planted:
    """Plant a target into mother parameters [N], layer by layer from the input.

    Every neuron of the target, with bias and weights θ (the weights divided by the scales of their inputs), takes the
    place of the unused unit whose parameters m are closest to it up to a positive factor λ = θ·m / ‖m‖², those with
    the signs of θ first. θ / λ overwrites m. Outputs change places until output j computes output j of the target.

    Source: Fischer & Burkholz (2022), Alg. 1.
    Deviates: neurons of the target never share a unit of the mother, and every unit is a candidate. Where no λ is
    positive, the closest unit takes θ at its own norm.

    Raises:
        ValueError: if the mother has fewer units than the target, or another number of layers, inputs or outputs.
    """
    flat, kept = np.array(parameters, np.float64), np.zeros(network.parameter_count, bool)
    drawn, chosen = layout.layers(network, flat), layout.layers(network, kept)
    _check(network, target)
    sources, scale = np.arange(network.layers[0].fan_in), np.ones(network.layers[0].fan_in)
    neurons, scales = [], []
    for index, (kernel, bias) in enumerate(zip(target.kernels, target.biases, strict=True)):
        weights, offsets = drawn[index]
        places, factors = np.zeros(len(bias), int), np.zeros(len(bias))
        free = np.ones(len(offsets), bool)
        found = []
        for neuron, row in enumerate(kernel):
            edges = np.flatnonzero(row)
            wanted = np.append(bias[neuron], row[edges] / scale[edges])
            units = np.flatnonzero(free)
            candidates = np.column_stack([offsets[units], weights[np.ix_(units, sources[edges])]])
            best, factor = _closest(wanted, candidates)
            places[neuron], factors[neuron] = units[best], 1 / factor
            free[units[best]] = False
            found.append((sources[edges], wanted / factor))
        if index == len(target.kernels) - 1:
            weights[:], offsets[:] = weights[places], offsets[places]
            places = np.arange(len(places))
        for unit, (inputs, values) in zip(places, found, strict=True):
            offsets[unit], weights[unit, inputs] = values[0], values[1:]
            chosen[index][0][unit, inputs] = True
        sources, scale = places, factors
        neurons.append(places)
        scales.append(factors)
    return Planted(flat, kept[masks.kernel_positions(network)], tuple(neurons), tuple(scales))


def _check(network: Network, target: Target) -> None:
    ours = [layer.kernel_shape for layer in network.layers]
    theirs = [kernel.T.shape for kernel in target.kernels]
    if len(ours) != len(theirs) or ours[0][0] != theirs[0][0] or ours[-1][1] != theirs[-1][1]:
        raise ValueError(f"a target with kernels {theirs} does not fit into a mother with kernels {ours}")
    if any(theirs[i][1] > ours[i][1] for i in range(len(ours))):
        raise ValueError(
            f"the mother is {ours[0][1]} units wide, but the target has {target.widest} in a layer: raise the width"
        )


def _closest(wanted: np.ndarray, candidates: np.ndarray) -> tuple[int, float]:
    """Return which of the candidates [candidates, 1 + I] is closest to wanted [1 + I] up to a positive factor, and that."""
    norms = np.sum(candidates**2, 1)
    factors = candidates @ wanted / norms
    distances = np.sum(wanted**2) - factors**2 * norms
    used = wanted != 0
    alike = (np.sign(candidates[:, used]) == np.sign(wanted[used])).all(1)
    best = int(np.lexsort((distances, ~alike, factors <= 0))[0])
    if factors[best] <= 0:
        best = int(np.argmax(candidates @ wanted / np.sqrt(norms)))
        return best, float(np.sqrt(np.sum(wanted**2) / norms[best]))
    return best, float(factors[best])
