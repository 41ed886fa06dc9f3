"""Seekers: given a mother network in which a ticket is hidden, return the mask of as many edges as they are allowed.

A seeker is one registered function `(hunt, count, **options) -> mask [S, K]`; a score in `saliency` becomes one by
itself. Axis letters: `S` seeds, `N` all parameters, `K` prunable entries.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from evotickets import masks, pruning, seeds
from evotickets.networks import Network
from evotickets.planting import descent, popup, saliency
from evotickets.planting.samples import Problem

Seeker = Callable[..., np.ndarray]

SEEKERS: dict[str, Seeker] = {}


class Hunt(NamedTuple):
    """What a seeker may know.

    Attributes:
        network: the mother network.
        problem: training samples (and test samples, which no seeker reads).
        parameters: initial parameters [S, N], the hidden ticket among them.
        training: how networks are trained: `epochs`, `batch`, `learning_rate`.
        seed: of the study.
        names: of the cell; with the seed they name every random stream.
    """

    network: Network
    problem: Problem
    parameters: np.ndarray
    training: dict[str, Any]
    seed: int
    names: tuple[str, ...]

    def rngs(self, *purpose: str | int) -> list[np.random.Generator]:
        """Return one generator per seed for a purpose."""
        return [
            seeds.generator(self.seed, "planting", *self.names, *purpose, index)
            for index in range(len(self.parameters))
        ]

    def train(self, mask: np.ndarray, epochs: int, *purpose: str | int) -> np.ndarray:
        """Return the parameters [S, N] of masked networks trained from their initial values."""
        settings = self.training | {"epochs": epochs}
        return descent.train(
            self.network, self.problem, self.parameters, mask, settings, rngs=self.rngs("order", *purpose)
        )

    @property
    def everything(self) -> np.ndarray:
        """The mask [S, K] that keeps every edge."""
        return np.ones((len(self.parameters), self.network.kernel_count), bool)


def register(function: Seeker) -> Seeker:
    """Add a seeker under its function's name."""
    SEEKERS[function.__name__] = function
    return function


def options(name: str) -> dict[str, Any]:
    """Return the options of a seeker with their defaults."""
    parameters = inspect.signature(SEEKERS[name]).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def seek(name: str, hunt: Hunt, count: int, **chosen: Any) -> np.ndarray:
    """Return the mask [S, K] that a seeker finds, with exactly `count` edges.

    Raises:
        ValueError: if there is no such seeker.
    """
    if name not in SEEKERS:
        raise ValueError(f"unknown seeker {name!r}; known are {', '.join(SEEKERS)}")
    return SEEKERS[name](hunt, count, **chosen)


def cut(scores: np.ndarray, allowed: np.ndarray, count: int, rngs: Sequence[np.random.Generator]) -> np.ndarray:
    """Keep exactly `count` of the allowed entries of every seed, those with the largest scores [S, K]."""
    rows = zip(scores, allowed, rngs, strict=True)
    return np.concatenate([pruning.keep_largest(row[None], free[None], count, rng) for row, free, rng in rows])


def counts(edges: int, count: int, steps: int) -> list[int]:
    """Return how many edges are left after each of several cuts whose densities fall geometrically to the last."""
    return [masks.kept_count((count / edges) ** (step / steps), edges) for step in range(1, steps)] + [count]


@register
def random(hunt: Hunt, count: int) -> np.ndarray:
    """Keep edges drawn uniformly: what every other seeker has to beat."""
    draws = hunt.everything
    return cut(np.zeros(draws.shape), draws, count, hunt.rngs("random"))


def by_score(name: str) -> Seeker:
    """Make a seeker of a registered score."""

    def seeker(hunt: Hunt, count: int, *, rounds: int = 1, shots: int = 0, epochs: int = 5) -> np.ndarray:
        """Cut by a score, in `rounds` steps; with `shots`, train for some epochs before each of as many series of cuts.

        Weights start from their initial values again at every shot. Ten shots of magnitude are iterative magnitude
        pruning with rewinding; a hundred rounds of SynFlow without a shot are its published form.

        Source: Frankle & Carbin (2019); Tanaka et al. (2020), Alg. 1 (density ρ^(r/n) after round r of n); Fischer &
        Burkholz (2022), §4.3 (10 shots of 5 epochs, density ρ^(r/10)).
        """
        mask, rngs = hunt.everything, hunt.rngs("ties")
        parameters = hunt.parameters
        for step, left in enumerate(counts(mask.shape[1], count, rounds * max(shots, 1))):
            if shots and step % rounds == 0:
                parameters = hunt.train(mask, epochs, "shot", step // rounds)
            mask = cut(saliency.score(hunt.network, hunt.problem, name, parameters, mask), mask, left, rngs)
        return mask

    seeker.__name__ = name
    return seeker


for _name in saliency.SALIENCIES:
    register(by_score(_name))


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
