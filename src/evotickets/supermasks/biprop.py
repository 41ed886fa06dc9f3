"""Biprop: edge-popup among weights that are binary."""

import jax
import jax.numpy as jnp
import numpy as np

from evotickets.configuration.options import Passes
from evotickets.networks import layout, masks
from evotickets.networks.layout import Layers, Network
from evotickets.supermasks import edge_popup, trained_scores
from evotickets.supermasks.instance import Instance
from evotickets.supermasks.trained_scores import DECAY, MOMENTUM, RATE, ScoreDecay, ScoreMomentum, ScoreRate


def binary(kernel: jax.Array, keep: jax.Array) -> jax.Array:
    """Return the signs of a kernel [O, I] times the mean magnitude of what a mask [O, I] keeps.

    Source: Diffenderfer & Kailkhura (2021), "Multi-prize lottery ticket hypothesis", Alg. 1: α = ‖M ⊙ W‖₁ / ‖M‖₁.
    """
    return jnp.sign(kernel) * jnp.sum(jnp.abs(kernel) * keep) / jnp.maximum(jnp.sum(keep), 1)


def _weigh(frozen: Layers, chosen: list[jax.Array]) -> Layers:
    return tuple((binary(kernel, keep), bias) for (kernel, bias), keep in zip(frozen, chosen, strict=True))


RULE = edge_popup.RULE._replace(weigh=_weigh)


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
    The gradient of a score is that of its weight times the frozen weight itself, as in the released code, not times α.
    Deviates: the mask alone is returned; `binarised` makes the weights.
    """
    return trained_scores.keep_largest(instance, RULE, count, [count] * epochs, learning_rate, momentum, weight_decay)


def binarised(network: Network, parameters: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return parameters [S, N] whose kernels are sign(W) · α, with α of what masks [S, K] keep in a layer."""
    binary_parameters = np.array(parameters, np.float32)
    keep = masks.spread(network, mask).astype(np.float32)
    for weights, kept in zip(binary_parameters, keep, strict=True):
        if not isinstance(network, Network):
            for part in layout.slices(network):
                weights[part.kernel] = binary(weights[part.kernel], kept[part.kernel])
            continue
        pairs = zip(layout.layers(network, weights), layout.layers(network, kept), strict=True)
        for (kernel, _), (kept_kernel, _) in pairs:
            kernel[:] = binary(kernel, kept_kernel)
    return binary_parameters
