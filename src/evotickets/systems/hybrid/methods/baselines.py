"""Gradient baselines: the same network, steps and samples, with masks that gradients and magnitudes move.

All keep exactly their count of every layer at every step. Where masks are of blocks, a block is worth the mean magnitude of its
weights, or of their gradients.

Source: for blocks, Kalchbrenner et al. (2018), "Efficient neural audio synthesis", §3.2, which prunes by their mean magnitude.
"""

from collections.abc import Callable
from math import prod
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from evotickets.configuration.options import Doc, Ge, Gt, Le
from evotickets.devices import promoting
from evotickets.networks.feedforward import Params
from evotickets.pruning.top_k import largest
from evotickets.systems.hybrid import STOP, blocks, method
from evotickets.systems.hybrid.methods import (
    Batches,
    Block,
    Masks,
    Method,
    Metrics,
    Setting,
    UsedBatches,
    Weights,
    begin,
    masked,
    move,
)

Fraction = Annotated[
    float,
    Gt(0),
    Le(1),
    Doc("Share of the survivors that a change replaces at the start; it falls to zero along half a cosine."),
]
Every = Annotated[int, Ge(1), Le(100_000_000), Doc("Steps between two changes of the mask.")]
EVERY = 100


class Sparse(NamedTuple):
    """Weights and the masks they are under; `salt` decides among ties."""

    weights: Weights
    masks: Masks
    salt: jax.Array


SINGLE = (1, 1)


def select(
    setting: Setting, scores: Params, counts: jax.Array, salt: jax.Array, block: tuple[int, int] = SINGLE
) -> Masks:
    """Keep the blocks with the largest scores of every layer; scores are of blocks [rows, columns], or of a kernel."""
    return {
        parameter.name: blocks.expand(
            largest(scores[parameter.name], counts[layer], salt)[0].reshape(blocks.grid(parameter.shape, block)),
            parameter.shape,
            block,
        )
        for layer, parameter in enumerate(setting.architecture.prunable)
    }


def _noise(setting: Setting, key: jax.Array, block: tuple[int, int] = SINGLE) -> Params:
    keys = jax.random.split(key, len(setting.architecture.prunable))
    return {
        parameter.name: jax.random.uniform(own, blocks.grid(parameter.shape, block))
        for own, parameter in zip(keys, setting.architecture.prunable, strict=True)
    }


def salt_of(key: jax.Array) -> jax.Array:
    """Return what decides among equal scores."""
    return jax.random.bits(key, (), jnp.uint32)


def passes(setting: Setting, batches: int) -> float:
    """Return the passes of a step on so many of its batches, or on all for 0: forward once, backward as much as two."""
    return 3.0 * (batches or setting.batches) * setting.batch


def _descend(setting: Setting, state: Sparse, samples: tuple[jax.Array, jax.Array]) -> tuple[Sparse, jax.Array, Params]:
    """Take a step on survivors; returns the loss and the gradient of all weights, pruned ones too."""
    loss, gradient = jax.value_and_grad(setting.loss)(state.weights.params, *samples)
    return state._replace(weights=move(setting, state.weights, masked(gradient, state.masks))), loss, gradient


def _deployed(state: Sparse, counts: jax.Array) -> tuple[Params, Masks]:
    del counts
    return state.weights.params, state.masks


Change = Callable[[Sparse, jax.Array, Params, jax.Array, jax.Array], Sparse]
"""(state, counts, gradient of all weights, step, key) -> state."""


def _changing(
    setting: Setting,
    change: Change | None,
    every: int,
    batches: int,
    *,
    block: tuple[int, int] = SINGLE,
    **more: Any,
) -> Method:
    """Describe masks that start at random and change at every so many steps."""

    def start(params: Params, counts: jax.Array, key: jax.Array) -> Sparse:
        noise_key, salt_key = jax.random.split(key)
        masks = select(setting, _noise(setting, noise_key, block), counts, salt_of(salt_key), block)
        return Sparse(begin(setting, params).only(masks), masks, salt_of(salt_key))

    def step(
        state: Sparse, counts: jax.Array, samples: Batches, at: jax.Array, key: jax.Array
    ) -> tuple[Sparse, Metrics]:
        state, loss, gradient = _descend(setting, state, samples.first(batches))
        if change is not None:
            due = ((at + 1) % every == 0) & ((at + 1).astype(jnp.float32) <= STOP * setting.steps)
            state = jax.lax.cond(due, lambda: change(state, counts, gradient, at + 1, key), lambda: state)
        return state, {"train/loss": loss}

    return Method(start, step, _deployed, passes(setting, batches), block=block, **more)


@method
def static(
    setting: Setting,
    *,
    block: Block = (1, 1),
    batches: UsedBatches = 0,
) -> Method:
    """Train under a random mask that stays."""
    return _changing(setting, None, EVERY, batches, block=(block[0], block[1]))


@method(whole=True)
def dense(setting: Setting, *, batches: UsedBatches = 0) -> Method:
    """Train all weights."""
    return _changing(setting, None, EVERY, batches, dense=True, begins_dense=True)


def _rewire(
    state: Sparse, counts: jax.Array, share: jax.Array, grow: Params, block: tuple[int, int] = SINGLE
) -> Sparse:
    """Prune a share of the surviving blocks with the smallest mean magnitudes; let as many grow that score highest.

    Candidates are all pruned blocks, those pruned just now among them. What grows starts at zero. `grow` is of blocks.
    """
    masks, kept = {}, {}
    for layer, (name, mask) in enumerate(state.masks.items()):
        moved = jnp.floor(share * counts[layer].astype(jnp.float32)).astype(jnp.int32)
        magnitude = blocks.means(jnp.where(mask, jnp.abs(state.weights.params[name]), -jnp.inf), block)
        stays = largest(magnitude, counts[layer] - moved, state.salt)[0]
        grown = largest(jnp.where(stays, -jnp.inf, grow[name]), moved, state.salt)[0]
        kept[name] = blocks.expand(stays, mask.shape, block)
        masks[name] = blocks.expand(stays | grown, mask.shape, block)
    return Sparse(state.weights.only(kept), masks, state.salt)


def _share(setting: Setting, fraction: float, at: jax.Array) -> jax.Array:
    """Return the share of survivors that change, falling along half a cosine until the masks stay."""
    with promoting():
        return optax.cosine_decay_schedule(fraction, STOP * setting.steps)(at)


@method
def set(
    setting: Setting,
    *,
    fraction: Fraction = 0.3,
    every: Every = EVERY,
    block: Block = (1, 1),
    batches: UsedBatches = 0,
) -> Method:
    """Sparse evolutionary training: prune the smallest, grow at random.

    Source: Mocanu et al. (2018), "Scalable training of artificial neural networks with adaptive sparse connectivity inspired
    by network science"; the schedule of Evci et al. (2020).
    """

    tiles = (block[0], block[1])

    def change(state: Sparse, counts: jax.Array, gradient: Params, at: jax.Array, key: jax.Array) -> Sparse:
        del gradient
        return _rewire(state, counts, _share(setting, fraction, at), _noise(setting, key, tiles), tiles)

    return _changing(setting, change, every, batches, block=tiles)


@method
def rigl(
    setting: Setting,
    *,
    fraction: Fraction = 0.3,
    every: Every = EVERY,
    block: Block = (1, 1),
    batches: UsedBatches = 0,
) -> Method:
    """RigL: prune the smallest, grow where the gradient of the loss is largest.

    Source: Evci et al. (2020), algorithm 1.
    Deviates: weights also take their step when the mask changes, so that all baselines take equally many.
    """

    tiles = (block[0], block[1])

    def change(state: Sparse, counts: jax.Array, gradient: Params, at: jax.Array, key: jax.Array) -> Sparse:
        del key
        grow = {name: blocks.means(jnp.abs(gradient[name]), tiles) for name in state.masks}
        return _rewire(state, counts, _share(setting, fraction, at), grow, tiles)

    return _changing(setting, change, every, batches, block=tiles)


@method
def gmp(
    setting: Setting,
    *,
    every: Every = EVERY,
    block: Block = (1, 1),
    batches: UsedBatches = 0,
) -> Method:
    """Gradual magnitude pruning: from dense along a cubic ramp; what is pruned never comes back.

    Source: Zhu & Gupta (2018), "To prune, or not to prune", (1).
    """
    tiles = (block[0], block[1])
    sizes = jnp.array([prod(blocks.grid(shape, tiles)) for shape in setting.architecture.shapes], jnp.float32)

    def change(state: Sparse, counts: jax.Array, gradient: Params, at: jax.Array, key: jax.Array) -> Sparse:
        del gradient, key
        left = (1 - at.astype(jnp.float32) / (STOP * setting.steps)) ** 3
        # The last change comes up to `every` steps before the ramp ends; it takes what is left.
        left = jnp.where((at + every).astype(jnp.float32) > STOP * setting.steps, 0, left)
        last = counts.astype(jnp.float32)
        kept = jnp.round(last + (sizes - last) * left).astype(jnp.int32)
        scores = {
            name: blocks.means(jnp.where(mask, jnp.abs(state.weights.params[name]), -jnp.inf), tiles)
            for name, mask in state.masks.items()
        }
        masks = select(setting, scores, kept, state.salt, tiles)
        return Sparse(state.weights.only(masks), masks, state.salt)

    built = _changing(setting, change, every, batches, block=tiles)

    def start(params: Params, counts: jax.Array, key: jax.Array) -> Sparse:
        del counts
        return built.start(params, sizes.astype(jnp.int32), key)

    return built._replace(start=start, begins_dense=True)


@method
def small_dense(setting: Setting, *, batches: UsedBatches = 0) -> Method:
    """Train all weights of a network so narrow that it has no more of them than the sparse ones keep."""
    return dense(setting, batches=batches)
