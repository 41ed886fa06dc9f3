"""What masks of frozen weights are worth: losses of a whole population of genomes on one set of samples.

A genome is a flat mask.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from evotickets import population
from evotickets.networks import layout, masks
from evotickets.networks.layout import Network

Score = Callable[[jax.Array], jax.Array]
"""Genomes [P, K] -> losses [P]."""

CHUNK = 16
"""Genomes that are evaluated at once where their number is known only while the program runs."""
TABLED = 2
"""Up to so many inputs, what a hidden unit may put out under any mask fits a table."""


def misses(outputs: jax.Array, labels: jax.Array) -> jax.Array:
    """Tell [n] where the largest of outputs [O, n] is not the label's; of equal outputs the first counts."""
    return (jnp.argmax(outputs, 0) != labels).astype(jnp.float32)


OBJECTIVES = {"accuracy": misses, "cross_entropy": population.cross_entropy}
"""What may be minimised, by the names of a study: the share of errors, which is one minus the accuracy, or the entropy."""


def scorer(network: Network, objective: str, parameters: jax.Array, x: jax.Array, y: jax.Array) -> Score:
    """Return the function that evaluates genomes of a network with frozen parameters [N] on samples x [n, I], y [n].

    Errors are counted exactly: equal counts are equal losses.
    """
    tabled = (
        isinstance(network, Network)
        and len(network.layers) == 2
        and network.layers[0].fan_in <= TABLED
        and network.outputs == 2
    )
    losses = (
        _by_table(network, objective, parameters, x, y) if tabled else _by_engine(network, objective, parameters, x, y)
    )

    def score(genomes: jax.Array) -> jax.Array:
        found = losses(genomes)
        return jnp.round(found * len(y)) / len(y) if objective == "accuracy" else found

    return score


def _by_engine(network: Network, objective: str, parameters: jax.Array, x: jax.Array, y: jax.Array) -> Score:
    """Evaluate genomes as members of a population that shares the mask that keeps everything."""
    plan = population.plan(network, masks.everything(network))
    return lambda genomes: population.losses(
        plan, masked(network, parameters, genomes), x, y, loss=OBJECTIVES[objective]
    )


def masked(network: Network, parameters: jax.Array, genomes: jax.Array) -> jax.Array:
    """Return the parameters [P, N] of genomes [P, K]: zero where pruned; biases are never pruned."""
    if not isinstance(network, Network):
        keep = jnp.ones((len(genomes), network.parameter_count))
        keep = keep.at[:, masks.kernel_positions(network)].set(genomes.astype(jnp.float32))
        return keep * parameters[None]
    parts = []
    for layer, part in zip(network.layers, layout.slices(network), strict=True):
        parts.append(genomes[:, part.mask].astype(jnp.float32) * parameters[part.kernel][None])
        parts.append(jnp.broadcast_to(parameters[part.bias], (len(genomes), layer.outputs)))
    return jnp.concatenate(parts, 1)


def _by_table(network: Network, objective: str, parameters: jax.Array, x: jax.Array, y: jax.Array) -> Score:
    """Evaluate genomes with one hidden layer, few inputs and two classes: one product for all of them.

    A hidden unit with I inputs has 2^I masks. What it puts out under each, on all samples, is a table [sets · units, n]
    that all genomes share; of two classes only the difference of the outputs matters. So a genome is a row of coefficients.
    """
    (first, first_bias), (last, last_bias) = layout.layers(network, parameters)
    units, inputs = first.shape
    sets = np.array([[index >> bit & 1 for bit in range(inputs)] for index in range(2**inputs)], np.float32)
    kernels = sets[:, None, :] * first[None]
    hidden = jax.nn.relu(jnp.einsum("vui,ni->vun", kernels, x) + first_bias[None, :, None])
    table, constant = hidden[1:].reshape(-1, len(x)), jax.nn.relu(first_bias)
    signs = jnp.where(y == 1, 1.0, -1.0)

    def losses(genomes: jax.Array) -> jax.Array:
        below, above = jnp.split(genomes, [inputs * units], 1)
        chosen = below.reshape(-1, units, inputs).astype(jnp.int32) @ (2 ** jnp.arange(inputs))
        outward = above.reshape(-1, 2, units).astype(jnp.float32) * last[None]
        difference = outward[:, 1] - outward[:, 0]
        is_set = chosen[:, None, :] == jnp.arange(1, 2**inputs)[None, :, None]
        own = jnp.where(is_set, difference[:, None, :], 0)
        shift = jnp.where(chosen == 0, difference, 0) @ constant + last_bias[1] - last_bias[0]
        margins = own.reshape(len(genomes), -1) @ table + shift[:, None]
        if objective == "accuracy":
            return jnp.mean((margins > 0) != (y == 1)[None], 1, dtype=jnp.float32)
        return jnp.mean(jax.nn.softplus((-signs)[None] * margins), 1)

    return losses


def of_some(score: Score, genomes: jax.Array, count: jax.Array) -> jax.Array:
    """Return the losses [P] of the first `count` genomes [P, K], infinite behind them, at the cost of no more than these."""
    size = len(genomes)
    padded = jnp.pad(genomes, ((0, -size % CHUNK), (0, 0)))

    def chunk(index: jax.Array, losses: jax.Array) -> jax.Array:
        rows = jax.lax.dynamic_slice_in_dim(padded, index * CHUNK, CHUNK)
        return jax.lax.dynamic_update_slice_in_dim(losses, score(rows), index * CHUNK, 0)

    losses = jax.lax.fori_loop(0, -(-count // CHUNK), chunk, jnp.full(len(padded), jnp.inf))[:size]
    return jnp.where(jnp.arange(size) < count, losses, jnp.inf)


def connector(network: Network) -> Callable[[jax.Array], jax.Array]:
    """Return the function that tells [P] whether a path leads from an input to an output of genomes [P, K].

    What leads where in a network of functions is not known: any weight will do.
    """
    if not isinstance(network, Network):
        return lambda genomes: jnp.any(genomes, -1)

    def connected(genomes: jax.Array) -> jax.Array:
        reached = jnp.ones((len(genomes), network.layers[0].fan_in), bool)
        for kernels in layout.kernels(network, genomes):
            reached = jnp.any(kernels & reached[:, None, :], -1)
        return jnp.any(reached, -1)

    return connected
