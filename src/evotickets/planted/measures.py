"""What a found ticket is worth, and how much of the planted one it is."""

from functools import partial
from math import sqrt
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from evotickets.networks import feedforward, layout, masks
from evotickets.networks.layout import Network
from evotickets.supermasks.adam import over_seeds
from evotickets.supermasks.instance import Problem

NEWTON_STEPS = 30
STEPS = np.array([1, 0.5, 0.25, 0.1, 0.02, 0], np.float32)
FLAT, RIDGE = 1e-5, 1e-6


class Quality(NamedTuple):
    """Accuracy or mean squared error [S] on test samples: of the outputs as they are, and of outputs made comparable.

    The fair measure gives every output its own scale and shift first, fitted on training samples.
    """

    raw: np.ndarray
    fair: np.ndarray


class Recovery(NamedTuple):
    """Agreement of found and planted edges, each [S, L + 1]: the whole network first, then every layer.

    The chances are what a mask of the same size would reach by luck: anywhere in the network, or, for `layer_chance`,
    with the same number of edges in every layer. Precision is NaN where nothing was found, recall where nothing is
    planted.
    """

    precision: np.ndarray
    recall: np.ndarray
    jaccard: np.ndarray
    chance_precision: np.ndarray
    chance_recall: np.ndarray
    chance_jaccard: np.ndarray
    layer_chance_recall: np.ndarray


def quality(network: Network, problem: Problem, parameters: np.ndarray) -> Quality:
    """Measure networks with parameters [S, N], zero where pruned, on the test samples of their seeds.

    A planted ticket computes its target up to a positive scale per output. Which output is largest says nothing until
    the scales are gone, so every network gets the same chance: z_j becomes a_j · z_j + b_j, with a and b that minimise
    the squared error or the cross-entropy on training samples.
    """
    raw, fair = _quality(network, problem.classes, np.asarray(parameters, np.float32), *problem.train, *problem.test)
    return Quality(np.asarray(raw), np.asarray(fair))


def baseline(problem: Problem) -> np.ndarray:
    """Return the quality [S] of the best constant: the commonest class, or the mean, of the training samples."""
    if problem.classes:
        common = [np.bincount(row, minlength=problem.classes).argmax() for row in problem.train.y]
        return np.mean(problem.test.y == np.array(common)[:, None], axis=1)
    return np.mean((problem.test.y - problem.train.y.mean(1, keepdims=True)) ** 2, axis=(1, 2))


@partial(jax.jit, static_argnums=(0, 1))
def _quality(network, classes, parameters, x, y, test_x, test_y):
    def one(argument):
        parameters, x, y, test_x, test_y = argument
        layers = layout.layers(network, parameters)
        train, test = feedforward.outputs(layers, x.T), feedforward.outputs(layers, test_x.T)
        mean, std = train.mean(1, keepdims=True), train.std(1, keepdims=True)
        std = jnp.where(std > 0, std, 1)
        train, standard = (train - mean) / std, (test - mean) / std
        if classes:
            scale, shift = _fit_classes(train, y)
            found = [jnp.mean(jnp.argmax(out, 0) == test_y) for out in (test, scale * standard + shift)]
        else:
            shift = y.mean(0)[:, None]
            scale = jnp.mean(train * (y.T - shift), 1, keepdims=True)
            found = [jnp.mean((out - test_y.T) ** 2) for out in (test, scale * standard + shift)]
        return tuple(found)

    return over_seeds(network, one, (parameters, x, y, test_x, test_y))


def _fit_classes(standard: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Fit scales and shifts [O, 1] of standardised outputs [O, B] to classes by Newton's method on the cross-entropy.

    The problem is convex; of a full and several shorter steps the best is taken. The ridge decides between solutions
    that do not differ, such as shifts by a common constant.
    """
    count, size = standard.shape
    truth = jax.nn.one_hot(y, count, axis=0)

    def logits(values):
        return values[:count, None] * standard + values[count:, None]

    def objective(values):
        fit = jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits(values), y, axis=0))
        return fit + RIDGE * jnp.sum(values**2)

    def step(carried):
        index, values, _ = carried
        shares = jax.nn.softmax(logits(values), axis=0)
        error, weighted = shares - truth, jnp.concatenate([shares * standard, shares])
        gradient = jnp.concatenate([jnp.sum(error * standard, 1), jnp.sum(error, 1)]) / size + 2 * RIDGE * values
        own = jnp.concatenate([weighted[:count] * standard, weighted[:count], weighted[count:]]).sum(1)
        squares, products, ones = (jnp.diag(part) for part in jnp.split(own, 3))
        curvature = (jnp.block([[squares, products], [products, ones]]) - weighted @ weighted.T) / size
        direction = jnp.linalg.solve(curvature + 2 * RIDGE * jnp.eye(2 * count), gradient)
        candidates = values[None] - STEPS[:, None] * direction[None]
        moved = candidates[jnp.nanargmin(jax.lax.map(objective, candidates))]
        return index + 1, moved, jnp.max(jnp.abs(gradient))

    def unfinished(carried):
        index, _, slope = carried
        return (index < NEWTON_STEPS) & (slope > FLAT)

    start = jnp.concatenate([jnp.ones(count), jnp.zeros(count)])
    _, values, _ = jax.lax.while_loop(unfinished, step, (0, start, jnp.inf))
    return values[:count, None], values[count:, None]


def layer_counts(network: Network, mask: np.ndarray) -> np.ndarray:
    """Count the kept weights [S, L] of every layer of masks [S, K], biases left out."""
    return np.stack([kernel.sum((1, 2)) for kernel in layout.kernels(network, masks.edges(network, mask))], 1)


def collapsed(network: Network, mask: np.ndarray) -> np.ndarray:
    """Tell [S] whether a layer of masks [S, K] has no weight left, so that no input reaches an output."""
    return (layer_counts(network, mask) == 0).any(1)


def severed(network: Network, mask: np.ndarray) -> np.ndarray:
    """Tell [S] whether no path leads from an input to an output; a collapsed mask is severed, others may be."""
    reached = np.ones((len(mask), network.layers[0].fan_in), bool)
    for kernel in layout.kernels(network, masks.edges(network, mask)):
        reached = (kernel & reached[:, None, :]).any(-1)
    return np.asarray(~reached.any(-1))


def recovery(network: Network, found: np.ndarray, planted: np.ndarray) -> Recovery:
    """Compare found and planted masks [S, K] edge by edge, biases left out."""
    found, planted = masks.edges(network, found), masks.edges(network, planted)

    def counts(mask: np.ndarray) -> np.ndarray:
        layers = layer_counts(network, mask)
        return np.concatenate([layers.sum(1, keepdims=True), layers], 1)

    n, t, both = counts(found), counts(planted), counts(found & planted)
    sizes = counts(np.ones_like(found))
    chance = n * t / sizes
    within = chance.copy()
    within[:, 0] = chance[:, 1:].sum(1)
    with np.errstate(invalid="ignore"):
        return Recovery(
            both / n,
            both / t,
            both / (n + t - both),
            chance / n,
            chance / t,
            chance / (n + t - chance),
            within / t,
        )


class Visibility(NamedTuple):
    """How far planted weights stand out [S].

    Of as many of the network's largest magnitudes as the ticket has weights, `share` are planted, and `chance` would be
    in a ticket of ordinary weights. `largest` is the largest planted |weight| in stds of its layer, `rest` that of all
    others.
    """

    share: np.ndarray
    chance: np.ndarray
    largest: np.ndarray
    rest: np.ndarray


def visibility(network: Network, parameters: np.ndarray, planted: np.ndarray) -> Visibility:
    """Measure how visible tickets [S, K] are in the magnitudes of their mothers [S, N]."""
    weights, planted = np.abs(masks.edges(network, np.asarray(parameters))), masks.edges(network, planted)
    stds = np.concatenate([np.full(layer.kernel_size, sqrt(2 / layer.fan_in)) for layer in network.layers])
    shares = []
    for row, ticket in zip(weights, planted, strict=True):
        largest = np.argpartition(row, -ticket.sum())[-ticket.sum() :]
        shares.append(ticket[largest].mean())
    relative = weights / stds
    largest, rest = (np.where(chosen, relative, 0).max(1) for chosen in (planted, ~planted))
    return Visibility(np.array(shares), planted.mean(1), largest, rest)
