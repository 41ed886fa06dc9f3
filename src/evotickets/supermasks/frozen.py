"""Seekers that never move a weight: they train scores of frozen weights, and keep the largest.

Axis letters: `S` seeds, `K` prunable entries.
"""

from typing import Annotated

import numpy as np

from evotickets.configuration.options import Doc, LearningRate, Momentum, Passes, WeightDecay
from evotickets.networks.layout import Network
from evotickets.supermasks import adam, perceptron
from evotickets.supermasks import edge_popup as popup
from evotickets.supermasks.instance import Instance, counts, cut

ScoreRate = Annotated[LearningRate, Doc("Learning rate of the scores at the start; it falls along a cosine.")]
ScoreMomentum = Annotated[Momentum, Doc("Momentum of the scores.")]
ScoreDecay = Annotated[WeightDecay, Doc("Weight decay of the scores.")]
RATE, MOMENTUM, DECAY, GENTLE_DECAY = 0.1, 0.9, 0.0005, 0.0001
"""What scores are trained with unless said otherwise; GEM-Miner's decay is gentler."""


def edge_popup(
    instance: Instance,
    count: int,
    *,
    annealed: Annotated[
        bool, Doc("Whether the density falls from epoch to epoch instead of being the last one from the start.")
    ] = False,
    epochs: Passes = 10,
    learning_rate: ScoreRate = RATE,
    momentum: ScoreMomentum = MOMENTUM,
    weight_decay: ScoreDecay = DECAY,
) -> np.ndarray:
    """Train a score for every frozen weight and keep the largest of every layer; annealed, of ever fewer.

    Source: Ramanujan et al. (2020); Fischer & Burkholz (2022), §4.4 (density ρ^(i/n) in epoch i of n if annealed).
    Deviates: no softmax stands behind the outputs of a regression. Every layer keeps one edge at least, and the counts
    of all layers together are exact.
    """
    return _largest(instance, count, "edge_popup", annealed, epochs, learning_rate, (momentum, weight_decay))


def biprop(
    instance: Instance,
    count: int,
    *,
    epochs: Passes = 10,
    learning_rate: ScoreRate = RATE,
    momentum: ScoreMomentum = MOMENTUM,
    weight_decay: ScoreDecay = DECAY,
) -> np.ndarray:
    """Search as edge-popup does among weights that are binary: sign(W) · α, with one α a layer.

    Source: Diffenderfer & Kailkhura (2021), "Multi-prize lottery ticket hypothesis", Alg. 1.
    Deviates: α is a constant to the gradient. The mask alone is returned; `binarised` makes the weights.
    """
    return _largest(instance, count, "biprop", False, epochs, learning_rate, (momentum, weight_decay))


def binarised(network: Network, parameters: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return parameters [S, N] whose kernels are sign(W) · α, with α of what masks [S, K] keep in a layer."""
    found = np.array(parameters, np.float32)
    for own, row in zip(found, adam.survivors(network, mask), strict=True):
        for (kernel, _), (keep, _) in zip(
            perceptron.layers(network, own), perceptron.layers(network, row), strict=True
        ):
            kernel[:] = popup.binary(kernel, keep)
    return found


def _largest(
    instance: Instance,
    count: int,
    kind: str,
    annealed: bool,
    epochs: int,
    learning_rate: float,
    options: tuple[float, float],
) -> np.ndarray:
    """Train scores and keep, in every layer, its share of the largest."""
    network = instance.network
    steps, order = _order(instance, epochs)
    rates = adam.cosine(learning_rate, epochs * steps).reshape(epochs, steps)
    scores = popup.draw(network, kind, instance.rngs("scores"))
    velocity, allowed = np.zeros_like(scores), np.ones_like(scores)
    weights = np.asarray(instance.parameters, np.float32)
    lefts = counts(network.kernel_count, count, epochs) if annealed else [count] * epochs
    for index, left in enumerate(lefts):
        per_layer = popup.allot(network, left)
        scores, velocity = popup.epoch(
            network, instance.problem.classes, kind, options, per_layer, rates[index],
            weights, allowed, scores, velocity, *instance.problem.train, order[:, index],
        )  # fmt: skip
    ends = np.cumsum([layer.kernel_size for layer in network.layers])[:-1]
    parts = np.split(np.abs(popup.kernels(network, scores)), ends, axis=1)
    rngs = instance.rngs("ties")
    return np.concatenate(
        [
            cut(part, np.ones(part.shape, bool), keep, rngs)
            for part, keep in zip(parts, popup.allot(network, count), strict=True)
        ],
        axis=1,
    )


def gem_miner(
    instance: Instance,
    count: int,
    *,
    epochs: Passes = 10,
    learning_rate: ScoreRate = RATE,
    momentum: ScoreMomentum = MOMENTUM,
    weight_decay: ScoreDecay = GENTLE_DECAY,
) -> np.ndarray:
    """Train scores in [0, 1], use weights whose score is above one half, and after each epoch give up the lowest for good.

    Source: Sreenivasan et al. (2022), "Rare gems: finding lottery tickets at initialization", Alg. 1 (density ρ^(j/E)
    after epoch j of E).
    Deviates: the ticket is every edge that was not given up, exactly as many as asked, whatever its score rounds to.
    """
    network, kind = instance.network, "gem_miner"
    steps, order = _order(instance, epochs)
    rates = adam.cosine(learning_rate, epochs * steps).reshape(epochs, steps)
    scores = popup.draw(network, kind, instance.rngs("scores"))
    velocity, weights = np.zeros_like(scores), np.asarray(instance.parameters, np.float32)
    mask, rngs = instance.everything, instance.rngs("ties")
    for index, left in enumerate(counts(network.kernel_count, count, epochs)):
        scores, velocity = popup.epoch(
            network, instance.problem.classes, kind, (momentum, weight_decay), np.zeros(len(network.layers), int),
            rates[index], weights, adam.survivors(network, mask), scores, velocity, *instance.problem.train,
            order[:, index],
        )  # fmt: skip
        mask = cut(popup.kernels(network, scores), mask, left, rngs)
    return mask


def _order(instance: Instance, epochs: int) -> tuple[int, np.ndarray]:
    """Return the steps of an epoch and the samples of every step [S, epochs, steps, batch]."""
    order = adam.orders(instance.problem.train.x.shape[1], epochs, instance.training["batch"], instance.rngs("order"))
    return order.shape[2], order
