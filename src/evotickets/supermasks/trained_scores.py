"""Searching for masks of frozen weights by gradients through the mask: what edge-popup, Gem-Miner and biprop share.

Every weight has a score, a rule makes masks of scores, and the gradient passes through the mask as if it were the score.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from evotickets.configuration.options import Doc, LearningRate, Momentum, WeightDecay
from evotickets.networks import layout, masks
from evotickets.networks.layout import Layers, Network
from evotickets.pruning import layer_densities, top_k
from evotickets.supermasks import adam, leaves
from evotickets.supermasks.instance import Instance, cut
from evotickets.trainers.descent import cosine

ScoreRate = Annotated[LearningRate, Doc("Learning rate of the scores at the start; it falls along a cosine.")]
ScoreMomentum = Annotated[Momentum, Doc("Momentum of the scores.")]
ScoreDecay = Annotated[WeightDecay, Doc("Weight decay of the scores.")]
RATE, MOMENTUM, DECAY, GENTLE_DECAY = 0.1, 0.9, 0.0005, 0.0001
"""What scores are trained with unless said otherwise; GEM-Miner's decay is gentler."""


class Rule(NamedTuple):
    """How an algorithm makes masks of scores; functions of a module, so that equal rules share a compiled program.

    Attributes:
        draw: (network, generator) -> first scores [N]; those of biases are ignored.
        choose: (scores and allowed entries as layers, counts [L]) -> which entries of every kernel are used, as 0 and 1.
        weigh: (frozen weights as layers, what is chosen) -> weights that are used.
        passes: (score, allowed) -> factor on the gradient of a kernel's mask.
        settle: score -> score, after every step.
    """

    draw: Callable[[Network, np.random.Generator], np.ndarray]
    choose: Callable[[Layers, Layers, jax.Array], list[jax.Array]]
    passes: Callable[[jax.Array, jax.Array], jax.Array]
    weigh: Callable[[Layers, list[jax.Array]], Layers] = lambda frozen, _chosen: frozen
    settle: Callable[[jax.Array], jax.Array] = lambda score: score


def largest(scores: Layers, allowed: Layers, counts: jax.Array) -> list[jax.Array]:
    """Choose the largest |scores| of every layer, `counts` [L] of them."""
    del allowed
    return [
        (jnp.abs(kernel) >= top_k.kth_largest(jnp.abs(kernel), count)).astype(jnp.float32)
        for (kernel, _), count in zip(scores, counts, strict=True)
    ]


def by_fan_in(network: Network, rng: np.random.Generator) -> np.ndarray:
    """Draw scores [N] uniformly on ±1/√fan-in of their layer, or leaf."""
    if not isinstance(network, Network):
        bounds = np.ones(network.parameter_count)
        for part, shape in zip(layout.slices(network), network.shapes, strict=True):
            bounds[part.kernel] = prod(shape[:-1]) ** -0.5
        return rng.uniform(-bounds, bounds)
    bounds = np.concatenate(
        [np.full(layer.kernel_size + layer.outputs, layer.fan_in**-0.5) for layer in network.layers]
    )
    return rng.uniform(-bounds, bounds)


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def epoch(network, classes, rule, options, counts, rates, weights, allowed, scores, velocity, x, y, order):
    """Take the steps of an epoch on scores [S, N] of frozen weights [S, N]; returns scores and velocity.

    Args:
        network: a perceptron, or a network of functions.
        classes: of the problem.
        rule: a `Rule`.
        options: momentum and weight decay.
        counts: edges of every layer [L].
        rates: learning rate of every step [T].
        weights: frozen parameters [S, N].
        allowed: entries that may be kept [S, N], float32.
        scores: [S, N]; those of biases are ignored.
        velocity: of the momentum, [S, N].
        x: training inputs [S, n, I].
        y: training targets.
        order: the samples of every step [S, T, B].
    """
    momentum, decay = options

    def one(argument):
        weights, allowed, scores, velocity, x, y, order = argument
        frozen, free = leaves.cut_up(network, weights), leaves.cut_up(network, allowed)
        start = leaves.cut_up(network, scores), leaves.cut_up(network, velocity)

        def loss(layers, x, y):
            return adam.error(classes, leaves.outputs(network, layers, x), y)

        def step(carried, at):
            scores, velocity = carried
            rate, index = at
            chosen = rule.choose(scores, free, counts)
            used = rule.weigh(frozen, chosen)
            masked = tuple((kernel * keep, bias) for (kernel, bias), keep in zip(used, chosen, strict=True))
            gradient = jax.grad(loss)(masked, x[index], y[index])
            moved = []
            # Whatever stands in for weights, the gradient passes through those that are frozen.
            for (score, bias), (speed, still), (slope, _), (kernel, _), (may, _) in zip(
                scores, velocity, gradient, frozen, free, strict=True
            ):
                through = slope * kernel * rule.passes(score, may)
                speed = momentum * speed + through + decay * score
                score = score - rate * speed
                moved.append(((rule.settle(score), bias), (speed, still)))
            return tuple(zip(*moved, strict=True)), None

        (scores, velocity), _ = jax.lax.scan(step, start, (rates, order))
        return leaves.join(network, scores), leaves.join(network, velocity)

    return adam.over_seeds(network, one, (weights, allowed, scores, velocity, x, y, order))


class Training:
    """Scores of an instance's weights, trained epoch by epoch by gradient descent with momentum, along one cosine."""

    def __init__(
        self, instance: Instance, rule: Rule, epochs: int, learning_rate: float, momentum: float, weight_decay: float
    ):
        """Draw first scores and the order of all samples."""
        network, samples = instance.network, instance.problem.train.x.shape[1]
        self.instance, self.rule, self.options = instance, rule, (momentum, weight_decay)
        self.order = adam.orders(samples, epochs, instance.training["batch"], instance.rngs("order"))
        steps = self.order.shape[2]
        self.rates = cosine(learning_rate, epochs * steps).reshape(epochs, steps)
        drawn = [rule.draw(network, rng) for rng in instance.rngs("scores")]
        self.scores: Any = np.stack(drawn).astype(np.float32)
        self.velocity: Any = np.zeros_like(self.scores)
        self.weights = np.asarray(instance.parameters, np.float32)

    def epoch(self, index: int, mask: np.ndarray, counts: np.ndarray | None = None) -> np.ndarray:
        """Train an epoch on the entries of masks [S, K] and return the scores [S, K]; `counts` [L] are for the rule."""
        network, problem = self.instance.network, self.instance.problem
        counts = np.zeros(len(network.prunable), int) if counts is None else counts
        allowed = masks.spread(network, mask).astype(np.float32)
        self.scores, self.velocity = epoch(
            network, problem.classes, self.rule, self.options, counts, self.rates[index],
            self.weights, allowed, self.scores, self.velocity, *problem.train, self.order[:, index],
        )  # fmt: skip
        return np.asarray(self.scores)[:, masks.kernel_positions(network)]


def share_out(network: Network, count: int) -> np.ndarray:
    """Share out a count of edges over the layers [L] in proportion to their sizes."""
    return layer_densities.proportional(network.shapes, count)


def keep_largest(instance: Instance, rule: Rule, count: int, lefts: Sequence[int], *options: float) -> np.ndarray:
    """Train scores and keep, in every layer, its share of the largest: masks [S, K].

    Args:
        instance: what is known.
        rule: how masks are made.
        count: of edges that the ticket has.
        lefts: edges that are used in every epoch.
        options: learning rate, momentum and weight decay.
    """
    network, training = instance.network, Training(instance, rule, len(lefts), *options)
    for index, left in enumerate(lefts):
        scores = training.epoch(index, instance.everything, share_out(network, left))
    rngs = instance.rngs("ties")
    magnitudes = np.abs(scores)
    return np.concatenate(
        [
            cut(magnitudes[:, part.mask], np.ones(magnitudes[:, part.mask].shape, bool), keep, rngs)
            for part, keep in zip(layout.slices(network), share_out(network, count), strict=True)
        ],
        axis=1,
    )
