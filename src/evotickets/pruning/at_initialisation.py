"""Saliency at initialisation: what one-shot pruning knows of weights that were never trained.

Larger means keep, as for every score.
"""

from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from evotickets import streams
from evotickets.networks import feedforward, layout, masks
from evotickets.networks.layout import Network
from evotickets.pruning import top_k

Loss = Callable[[jax.Array], jax.Array]
"""Flat parameters [N] -> differentiable scalar."""

ONE_SHOT = ("snip", "grasp", "synflow")
"""Criteria that cut the initial parameters of a level at once, without training."""
NEEDS_LOSS = {"snip", "grasp"}
ROUNDS = 100
"""Rounds in which SynFlow reaches its density."""


def snip(loss: Loss, flat: jax.Array) -> jax.Array:
    """Return |weight · gradient| [N]: how much the loss depends on the weight being there.

    Source: Lee, Ajanthan & Torr (2019), "SNIP: Single-shot network pruning based on connection sensitivity", eq. 6;
    without their normalisation, which changes no order.
    """
    return jnp.abs(flat * jax.grad(loss)(flat))


def grasp(loss: Loss, flat: jax.Array) -> jax.Array:
    """Return weight · (Hessian @ gradient) [N]: how much of the gradient's squared norm goes with the weight.

    Source: Wang, Zhang & Grosse (2020), "Picking winning tickets before training by preserving gradient flow", eq. 8;
    their score is minus this, and they remove the largest.
    Deviates: the loss is used as it is, without the temperature of the released code.
    """
    gradient = jax.grad(loss)
    at = gradient(flat)
    return flat * jax.jvp(gradient, (flat,), (at,))[1]


def flow(network: Network, flat: jax.Array) -> jax.Array:
    """Return |weight| · its gradient of the summed outputs [N], of the network of absolute weights on an input of ones.

    Source: Tanaka et al. (2020), "Pruning neural networks without any data by iteratively conserving synaptic flow",
    eq. 4 and algorithm 1.
    """
    # With weights, biases and inputs that are not negative relu is the identity: the linear network of the paper.
    linear = replace(network, activation="relu")
    ones = jnp.ones((1, *network.input_shape))

    def through(absolute: jax.Array) -> jax.Array:
        return jnp.sum(feedforward.apply(linear, layout.unflatten(linear, absolute), ones))

    absolute = jnp.abs(flat)
    return absolute * jax.grad(through)(absolute)


def one_shot(
    network: Network, initial: np.ndarray, criterion: str, loss: Callable[..., jax.Array] | None, samples: object
) -> np.ndarray:
    """Score the prunable entries [S, K] of initial parameters [S, N] by `snip` or `grasp`.

    Args:
        network: the network.
        initial: [S, N].
        criterion: the name of the score.
        loss: (samples of a seed, flat [N]) -> differentiable scalar.
        samples: pytree with leading axis [S], handed to `loss`.

    Raises:
        ValueError: if the criterion is unknown, or the loss is missing.
    """
    if criterion not in NEEDS_LOSS:
        raise ValueError(f"unknown one-shot score {criterion!r}; known are {', '.join(sorted(NEEDS_LOSS))}")
    if loss is None:
        raise ValueError(f"criterion {criterion!r} needs the gradient of a loss, which a control task does not have")
    score = {"snip": snip, "grasp": grasp}[criterion]

    @jax.jit
    def all_seeds(initial, samples):
        return streams.over_seeds(lambda seed: score(lambda flat: loss(seed[1], flat), seed[0]), (initial, samples))

    return np.asarray(all_seeds(initial, samples))[:, masks.kernel_positions(network)]


def synflow(
    network: Network, initial: np.ndarray, count: int, *, rounds: int = ROUNDS, rng: np.random.Generator
) -> np.ndarray:
    """Return masks [S, K] of exactly `count` entries by synaptic flow, reached in rounds along a geometric schedule.

    Source: Tanaka et al. (2020), algorithm 1 (100 rounds), which keeps every layer alive.
    """
    kernels = masks.kernel_positions(network)
    flows = jax.jit(lambda flat: streams.over_seeds(lambda row: flow(network, row), flat))
    mask, flat = np.ones((len(initial), network.kernel_count), bool), initial.copy()
    for round_ in range(1, rounds + 1):
        density = (count / network.kernel_count) ** (round_ / rounds)
        mask = top_k.keep_largest(
            np.asarray(flows(flat))[:, kernels], mask, max(count, round(density * network.kernel_count)), rng
        )
        flat[:, kernels] = initial[:, kernels] * mask
    return mask
