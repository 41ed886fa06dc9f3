"""Searching for masks of frozen weights by gradients through the mask: edge-popup, Gem-Miner and biprop.

Axis letters: `S` seeds, `N` all parameters, `K` prunable entries, `L` layers, `T` steps.
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from evotickets.networks import masks
from evotickets.networks.layout import Network
from evotickets.supermasks import adam, perceptron

KINDS = ("edge_popup", "gem_miner", "biprop")


def allot(network: Network, count: int) -> np.ndarray:
    """Share out a count of edges over the layers [L] in proportion to their sizes, exactly and one each at least.

    Raises:
        ValueError: if there are more layers than edges.
    """
    sizes = np.array([layer.kernel_size for layer in network.layers])
    if count < len(sizes):
        raise ValueError(f"{count} edges cannot reach all of {len(sizes)} layers: raise the density")
    shares = count * sizes / sizes.sum()
    counts = np.maximum(np.floor(shares).astype(int), 1)
    order = np.argsort(counts - shares, kind="stable")
    place = 0
    while counts.sum() < count:
        counts[order[place % len(order)]] += 1
        place += 1
    while counts.sum() > count:
        counts[np.argmax(np.where(counts > 1, counts - shares, -np.inf))] -= 1
    return counts


def kth_largest(values: jax.Array, k: jax.Array) -> jax.Array:
    """Return the k-th largest of non-negative float32 values, by bisection on their bits.

    Non-negative floats are ordered as their bits are. Counting 31 times costs a hundredth of sorting on a CPU.
    """
    bits = jax.lax.bitcast_convert_type(values, jnp.int32).ravel()

    def set_bit(index, found):
        candidate = found | (1 << (30 - index))
        return jnp.where(jnp.sum(bits >= candidate) >= k, candidate, found)

    return jax.lax.bitcast_convert_type(jax.lax.fori_loop(0, 31, set_bit, jnp.int32(0)), jnp.float32)


def _largest(scores: perceptron.Layers, counts: jax.Array) -> list[jax.Array]:
    """Keep the largest |scores| of every layer."""
    return [
        (jnp.abs(kernel) >= kth_largest(jnp.abs(kernel), count)).astype(jnp.float32)
        for (kernel, _), count in zip(scores, counts, strict=True)
    ]


@partial(jax.jit, static_argnums=(0, 1, 2))
def epoch(network, classes, kind, options, counts, rates, weights, allowed, scores, velocity, x, y, order):
    """Take the steps of an epoch on scores [S, N] of frozen weights [S, N]; returns scores and velocity.

    Edge-popup keeps the largest |scores| of every layer, `counts` of them, and so does biprop, of weights that have one
    magnitude in a layer; Gem-Miner's scores stay in [0, 1] and keep what is above one half. The gradient passes through
    the mask as if it were the score.

    Args:
        network: a perceptron.
        classes: of the problem.
        kind: one of `KINDS`.
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
    clipped = kind == "gem_miner"

    def one(argument):
        weights, allowed, scores, velocity, x, y, order = argument
        frozen, free = perceptron.layers(network, weights), perceptron.layers(network, allowed)
        start = perceptron.layers(network, scores), perceptron.layers(network, velocity)

        def step(carried, at):
            scores, velocity = carried
            rate, index = at
            if clipped:
                chosen = [(kernel >= 0.5) * may for (kernel, _), (may, _) in zip(scores, free, strict=True)]
            else:
                chosen = _largest(scores, counts)
            used = frozen
            if kind == "biprop":
                used = tuple((binary(kernel, keep), bias) for (kernel, bias), keep in zip(frozen, chosen, strict=True))
            masked = tuple((kernel * keep, bias) for (kernel, bias), keep in zip(used, chosen, strict=True))
            gradient = jax.grad(adam.loss, argnums=1)(classes, masked, x[index], y[index])
            moved = []
            for (score, bias), (speed, still), (slope, _), (kernel, _), (may, _) in zip(
                scores, velocity, gradient, used, free, strict=True
            ):
                through = slope * kernel * (may if clipped else jnp.sign(score))
                speed = momentum * speed + through + decay * score
                score = score - rate * speed
                moved.append(((jnp.clip(score, 0, 1) if clipped else score, bias), (speed, still)))
            return tuple(zip(*moved, strict=True)), None

        (scores, velocity), _ = jax.lax.scan(step, start, (rates, order))
        return perceptron.flatten(scores), perceptron.flatten(velocity)

    return adam.over_seeds(network, one, (weights, allowed, scores, velocity, x, y, order))


def binary(kernel: jax.Array, keep: jax.Array) -> jax.Array:
    """Return the signs of a kernel [O, I] times the mean magnitude of what a mask [O, I] keeps.

    Source: Diffenderfer & Kailkhura (2021), "Multi-prize lottery ticket hypothesis", Alg. 1: α = ‖M ⊙ W‖₁ / ‖M‖₁.
    """
    return jnp.sign(kernel) * jnp.sum(jnp.abs(kernel) * keep) / jnp.maximum(jnp.sum(keep), 1)


def draw(network: Network, kind: str, rngs: Sequence[np.random.Generator]) -> np.ndarray:
    """Draw initial scores [S, N]: uniform on [0, 1] for Gem-Miner, else on ±1/√fan-in of their layer."""
    if kind == "gem_miner":
        return np.stack([rng.uniform(0, 1, network.parameter_count) for rng in rngs]).astype(np.float32)
    bounds = np.concatenate(
        [np.full(layer.kernel_size + layer.outputs, layer.fan_in**-0.5) for layer in network.layers]
    )
    return np.stack([rng.uniform(-bounds, bounds) for rng in rngs]).astype(np.float32)


def kernels(network: Network, flat: np.ndarray) -> np.ndarray:
    """Return the prunable entries [S, K] of flat values [S, N]."""
    return np.asarray(flat)[:, masks.kernel_positions(network)]
