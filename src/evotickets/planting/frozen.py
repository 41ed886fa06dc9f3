"""Seekers that never move a weight: they train scores of frozen weights, and keep the largest.

Axis letters: `S` seeds, `K` prunable entries.
"""

import numpy as np

from evotickets.planting import descent, popup
from evotickets.planting.hunt import Hunt, counts, cut, register


@register
def edge_popup(
    hunt: Hunt,
    count: int,
    *,
    annealed: bool = False,
    epochs: int = 10,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
    weight_decay: float = 0.0005,
) -> np.ndarray:
    """Train a score for every frozen weight and keep the largest of every layer; annealed, of ever fewer.

    Source: Ramanujan et al. (2020); Fischer & Burkholz (2022), §4.4 (density ρ^(i/n) in epoch i of n if annealed).
    Deviates: no softmax stands behind the outputs of a regression. Every layer keeps one edge at least, and the counts
    of all layers together are exact.
    """
    network, clipped = hunt.network, False
    steps, order = _order(hunt, epochs)
    rates = popup.cosine(learning_rate, epochs * steps).reshape(epochs, steps)
    scores = popup.draw(network, clipped, hunt.rngs("scores"))
    velocity, allowed = np.zeros_like(scores), np.ones_like(scores)
    weights = np.asarray(hunt.parameters, np.float32)
    lefts = counts(network.kernel_count, count, epochs) if annealed else [count] * epochs
    for index, left in enumerate(lefts):
        per_layer = popup.allot(network, left)
        scores, velocity = popup.epoch(
            network, hunt.problem.classes, clipped, (momentum, weight_decay), per_layer, rates[index],
            weights, allowed, scores, velocity, *hunt.problem.train, order[:, index],
        )  # fmt: skip
    ends = np.cumsum([layer.kernel_size for layer in network.layers])[:-1]
    parts = np.split(np.abs(popup.kernels(network, scores)), ends, axis=1)
    rngs = hunt.rngs("ties")
    return np.concatenate(
        [
            cut(part, np.ones(part.shape, bool), keep, rngs)
            for part, keep in zip(parts, popup.allot(network, count), strict=True)
        ],
        axis=1,
    )


@register
def gem_miner(
    hunt: Hunt,
    count: int,
    *,
    epochs: int = 10,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
) -> np.ndarray:
    """Train scores in [0, 1], use weights whose score is above one half, and after each epoch give up the lowest for good.

    Source: Sreenivasan et al. (2022), "Rare gems: finding lottery tickets at initialization", Alg. 1 (density ρ^(j/E)
    after epoch j of E).
    Deviates: the ticket is every edge that was not given up, exactly as many as asked, whatever its score rounds to.
    """
    network, clipped = hunt.network, True
    steps, order = _order(hunt, epochs)
    rates = popup.cosine(learning_rate, epochs * steps).reshape(epochs, steps)
    scores = popup.draw(network, clipped, hunt.rngs("scores"))
    velocity, weights = np.zeros_like(scores), np.asarray(hunt.parameters, np.float32)
    mask, rngs = hunt.everything, hunt.rngs("ties")
    for index, left in enumerate(counts(network.kernel_count, count, epochs)):
        scores, velocity = popup.epoch(
            network, hunt.problem.classes, clipped, (momentum, weight_decay), np.zeros(len(network.layers), int),
            rates[index], weights, descent.survivors(network, mask), scores, velocity, *hunt.problem.train,
            order[:, index],
        )  # fmt: skip
        mask = cut(popup.kernels(network, scores), mask, left, rngs)
    return mask


def _order(hunt: Hunt, epochs: int) -> tuple[int, np.ndarray]:
    """Return the steps of an epoch and the samples of every step [S, epochs, steps, batch]."""
    order = descent.orders(hunt.problem.train.x.shape[1], epochs, hunt.training["batch"], hunt.rngs("order"))
    return order.shape[2], order
