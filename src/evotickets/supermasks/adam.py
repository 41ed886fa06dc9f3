"""Gradient descent on masked networks: all seeds of a cell in one compiled program."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from evotickets.networks import feedforward, layout, masks
from evotickets.networks.layout import Network
from evotickets.supermasks import leaves
from evotickets.trainers.descent import cosine, descend

CACHE = 2**23
"""Bytes that the weights, moments and gradients of the seeds trained side by side should fit into on a CPU."""

# Smaller networks gain less from leaving out units than compiling another program costs. One width for all layers, a
# multiple of WIDTHS, lets most cells share their programs.
DROP_FROM, DROP_BELOW, WIDTHS = 10_000, 0.75, 16


def loss(classes: int, layers: layout.Layers, x: jax.Array, y: jax.Array) -> jax.Array:
    """Return the mean cross-entropy or the mean squared error of a perceptron on samples x [B, I]."""
    return error(classes, feedforward.outputs(layers, x.T), y)


def error(classes: int, out: jax.Array, y: jax.Array) -> jax.Array:
    """Return the mean cross-entropy or the mean squared error of outputs [O, B]."""
    if classes:
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(out, y, axis=0))
    return jnp.mean((out - y.T) ** 2)


def orders(samples: int, epochs: int, batch: int, rngs: Sequence[np.random.Generator]) -> np.ndarray:
    """Draw the samples of every step [S, epochs, T, B]: a permutation per epoch, the incomplete last batch left out."""
    steps = samples // batch
    draws = [[rng.permutation(samples)[: steps * batch] for _ in range(epochs)] for rng in rngs]
    return np.asarray(draws, np.int32).reshape(len(draws), epochs, steps, batch)


def over_seeds(network: Network, function: Callable[[Any], Any], arguments: Any) -> Any:
    """Apply a function to every seed of a pytree with leading axis [S], as many side by side as a cache holds.

    Side by side, the many small operations of a step are started once for several seeds.
    """
    seeds = jax.tree.leaves(arguments)[0].shape[0]
    if jax.default_backend() != "cpu":
        return jax.vmap(function)(arguments)
    room = max(1, CACHE // (16 * network.parameter_count))
    return jax.lax.map(
        function, arguments, batch_size=max(size for size in range(1, seeds + 1) if seeds % size == 0 and size <= room)
    )


@partial(jax.jit, static_argnums=(0, 1))
def _adam(network, classes, rates, parameters, keep, x, y, order):
    def one(argument):
        parameters, keep, x, y, order = argument
        weights, keep = leaves.cut_up(network, parameters), leaves.cut_up(network, keep)

        def batch_loss(weights, x, y):
            return error(classes, leaves.outputs(network, weights, x), y)

        def value_and_grad(weights, index):
            value, gradient = jax.value_and_grad(batch_loss)(weights, x[index], y[index])
            return value, jax.tree.map(jnp.multiply, gradient, keep)

        optimizer = optax.adam(lambda step: rates[step])
        weights, _, _ = descend(value_and_grad, optimizer, weights, optimizer.init(weights), order)
        return leaves.join(network, weights)

    return over_seeds(network, one, (parameters, keep, x, y, order))


def train(
    network: Network,
    classes: int,
    samples: tuple[np.ndarray, np.ndarray],
    parameters: np.ndarray,
    mask: np.ndarray,
    settings: dict[str, Any],
    *,
    rngs: Sequence[np.random.Generator],
) -> np.ndarray:
    """Train the survivors of every seed with Adam and return the parameters [S, N], zero where pruned.

    Args:
        network: a perceptron, or a network of functions.
        classes: 0 for a regression.
        samples: inputs [S, n, I], and classes [S, n] or values [S, n, O].
        parameters: initial values [S, N].
        mask: [S, K], or [S, N] of biases too.
        settings: `epochs`, `batch`, `learning_rate`, and whether that falls to zero along half a `cosine`.
        rngs: one generator per seed; they draw the order of the samples.

    Source: Fischer & Burkholz (2022), §4.1 (Adam, learning rate .001, batch 32, 10 epochs).
    """
    order = orders(samples[0].shape[1], settings["epochs"], settings["batch"], rngs)
    keep = masks.spread(network, mask).astype(np.float32)
    start = np.asarray(parameters, np.float32) * keep
    steps = order.reshape(len(order), -1, order.shape[-1])
    smaller, places = compact(network, mask)
    # The last place is that of what the smaller network is filled up with: zero, and not to be moved.
    filled, free = (np.pad(values, ((0, 0), (0, 1))) for values in (start, keep))
    own = [np.take_along_axis(values, places, 1) for values in (filled, free)]
    rate, count = settings["learning_rate"], steps.shape[1]
    rates = cosine(rate, count) if settings.get("cosine") else np.full(count, rate, np.float32)
    trained = _adam(smaller, classes, rates, *own, *samples, steps)
    np.put_along_axis(filled, places, np.asarray(trained), 1)
    return filled[:, :-1]


def compact(network: Network, mask: np.ndarray) -> tuple[Network, np.ndarray]:
    """Leave out hidden units from which no path leads to an output, and which therefore never move.

    Returns a network whose hidden layers have one width, enough for every seed, and the places [S, places] of its parameters
    among the flat parameters [N]; N stands for what fills it up. Networks that would gain little stay as they are.
    """
    whole = np.broadcast_to(np.arange(network.parameter_count), (len(mask), network.parameter_count))
    if not isinstance(network, Network) or network.kernel_count < DROP_FROM:
        return network, whole
    alive = [_alive(network, row) for row in masks.edges(network, mask)]
    widest = max(len(units) for row in alive for units in row[1:-1])
    width = max(WIDTHS, -(-widest // WIDTHS) * WIDTHS)
    if width > DROP_BELOW * max(layer.outputs for layer in network.layers):
        return network, whole
    hidden = (width,) * (len(network.layers) - 1)
    smaller = layout.mlp(network.layers[0].fan_in, hidden, network.outputs)
    index = layout.layers(network, np.arange(network.parameter_count))
    places = np.full((len(mask), smaller.parameter_count), network.parameter_count)
    for own, units in zip(places, alive, strict=True):
        for (kernel, bias), (all_kernel, all_bias), sources, targets in zip(
            layout.layers(smaller, own), index, units[:-1], units[1:], strict=True
        ):
            kernel[: len(targets), : len(sources)] = all_kernel[np.ix_(targets, sources)]
            bias[: len(targets)] = all_bias[targets]
    return smaller, places


def _alive(network: Network, mask: np.ndarray) -> list[np.ndarray]:
    """Return the inputs, the units of every hidden layer that reach an output, and the outputs."""
    alive = [np.arange(network.outputs)]
    for kernel in reversed(layout.kernels(network, mask)[1:]):
        alive.insert(0, np.flatnonzero(kernel[alive[0]].any(0)))
    return [np.arange(network.layers[0].fan_in), *alive]
