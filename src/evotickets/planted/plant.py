"""Planting: overwrite a few weights of a mother network so that a subnetwork of it computes a target, up to scales."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from evotickets.networks import layout
from evotickets.networks.layout import Network
from evotickets.planted.targets import Target

PROJECTION, LEAST_SQUARES = "projection", "least_squares"
FACTORS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    # θ/λ is the projection of m on the ray of θ, never longer than m.
    PROJECTION: lambda wanted, candidates: np.sum(wanted**2) / (candidates @ wanted),
    # λm is the projection of θ on the ray of m: θ/λ has no bound where θ and m are nearly orthogonal.
    LEAST_SQUARES: lambda wanted, candidates: (candidates @ wanted) / np.sum(candidates**2, 1),
}
"""The factors λ [candidates] by which parameters θ [1 + I] are divided to take the place of units m [candidates, 1 + I]."""


class Planted(NamedTuple):
    """A mother network with a ticket in it.

    Attributes:
        parameters: [N], float64: the mother's, but for the ticket's weights and the biases of its neurons.
        kept: the ticket among all parameters, bool [N]: its weights, and the biases that the target has.
        neurons: per layer, the unit of the mother that stands for each unit of the target.
        scales: per layer, the positive factor by which each of those units exceeds the target's.
    """

    parameters: np.ndarray
    kept: np.ndarray
    neurons: tuple[np.ndarray, ...]
    scales: tuple[np.ndarray, ...]


def plant(network: Network, parameters: np.ndarray, target: Target, factor: str = PROJECTION) -> Planted:
    """Plant a target into mother parameters [N], layer by layer from the input.

    Every neuron of the target, with bias and weights θ (the weights divided by the scales of their inputs), takes the
    place of the unused unit whose parameters m are closest to it up to a positive factor, those with the signs of θ
    first. θ / λ overwrites m, with the λ of a `factor`: θ·(θ·m) / ‖θ‖², the projection of m on the ray of θ, or with
    `least_squares` the paper's λ = θ·m / ‖m‖². Outputs change places until output j computes output j of the target.

    Source: Fischer & Burkholz (2022), Alg. 1.
    Deviates: the paper's λ makes planted weights stand out, so that seekers see them; the projection is its released
    code's. Neurons of the target never share a unit of the mother, and every unit is a candidate. Where θ·m is
    positive for none, the closest unit takes θ at its own norm.

    Raises:
        KeyError: if there is no such factor.
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
            best, divisor = _closest(wanted, candidates, FACTORS[factor])
            places[neuron], factors[neuron] = units[best], 1 / divisor
            free[units[best]] = False
            found.append((sources[edges], wanted / divisor))
        if index == len(target.kernels) - 1:
            weights[:], offsets[:] = weights[places], offsets[places]
            places = np.arange(len(places))
        for unit, (inputs, values) in zip(places, found, strict=True):
            offsets[unit], weights[unit, inputs] = values[0], values[1:]
            chosen[index][0][unit, inputs], chosen[index][1][unit] = True, values[0] != 0
        sources, scale = places, factors
        neurons.append(places)
        scales.append(factors)
    return Planted(flat, kept, tuple(neurons), tuple(scales))


def _check(network: Network, target: Target) -> None:
    ours = [layer.kernel_shape for layer in network.layers]
    theirs = [kernel.T.shape for kernel in target.kernels]
    if len(ours) != len(theirs) or ours[0][0] != theirs[0][0] or ours[-1][1] != theirs[-1][1]:
        raise ValueError(f"a target with kernels {theirs} does not fit into a mother with kernels {ours}")
    if any(theirs[i][1] > ours[i][1] for i in range(len(ours))):
        raise ValueError(
            f"the mother is {ours[0][1]} units wide, but the target has {target.widest} in a layer: raise the width"
        )


def _closest(
    wanted: np.ndarray, candidates: np.ndarray, factor: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> tuple[int, float]:
    """Return which of the candidates [candidates, 1 + I] is closest to wanted [1 + I] up to a positive factor, and that.

    The closest is the one at the smallest angle, whichever factor brings the two together.
    """
    norms, products = np.sum(candidates**2, 1), candidates @ wanted
    distances = np.sum(wanted**2) - products**2 / norms
    used = wanted != 0
    alike = (np.sign(candidates[:, used]) == np.sign(wanted[used])).all(1)
    best = int(np.lexsort((distances, ~alike, products <= 0))[0])
    if products[best] <= 0:
        best = int(np.argmax(products / np.sqrt(norms)))
        return best, float(np.sqrt(np.sum(wanted**2) / norms[best]))
    return best, float(factor(wanted, candidates[best : best + 1])[0])
