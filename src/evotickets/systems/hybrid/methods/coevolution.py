"""The hybrid: every member of a population is a mask, and its one forward and backward pass serves both updates."""

from typing import Annotated, Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from evotickets.configuration.options import Doc, Ge, Le, Rate
from evotickets.devices import promoting
from evotickets.networks import layout
from evotickets.networks.feedforward import Params
from evotickets.pruning.top_k import Threshold, largest
from evotickets.systems.hybrid import STOP, blocks, method
from evotickets.systems.hybrid.methods import (
    Batches,
    Block,
    Masks,
    Method,
    Metrics,
    Setting,
    Weights,
    begin,
    masked,
    move,
)
from evotickets.systems.hybrid.updates import over_groups, utilities
from evotickets.trainers import sampling

Noise = Literal["normal", "gumbel"]


class Masking(NamedTuple):
    """How scores [scores] become masks.

    Attributes:
        names: of the prunable kernels.
        shapes: of the kernels.
        grids: blocks of every kernel.
        block: rows and columns of a block.
    """

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    grids: tuple[tuple[int, int], ...]
    block: tuple[int, int]

    @property
    def sizes(self) -> list[int]:
        """Scores of every layer."""
        return [rows * columns for rows, columns in self.grids]

    def choose(self, scores: jax.Array, counts: jax.Array, salt: jax.Array, near: Threshold) -> tuple[Masks, Threshold]:
        """Keep the `counts` [L] largest scores of every layer; also returns the thresholds [L]."""
        masks, thresholds = {}, []
        for layer, (name, shape, grid, part) in enumerate(
            zip(self.names, self.shapes, self.grids, layout.consecutive(self.sizes), strict=True)
        ):
            begin = Threshold(near.at[layer], near.slope[layer])
            chosen, threshold = largest(scores[part], counts[layer], salt, begin)
            masks[name] = blocks.expand(chosen.reshape(grid), shape, self.block)
            thresholds.append(threshold)
        return masks, Threshold(*(jnp.stack(values) for values in zip(*thresholds, strict=True)))

    def pool(self, kernels: Params) -> jax.Array:
        """Sum kernels over blocks, to scores [scores]."""
        return jnp.concatenate([blocks.sums(kernels[name], self.block).ravel() for name in self.names])


def masking(setting: Setting, block: tuple[int, int] = (1, 1)) -> Masking:
    """Describe the masks of a network."""
    names = tuple(parameter.name for parameter in setting.architecture.prunable)
    shapes = tuple(setting.architecture.shapes)
    return Masking(names, shapes, tuple(blocks.grid(shape, block) for shape in shapes), block)


def draw(noise: Noise, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Draw what both members of a pair are made from: standard normals, or uniforms."""
    if noise == "normal":
        return sampling.normal(key, shape)
    return jax.random.uniform(key, shape, minval=1e-7, maxval=1 - 1e-7)


def offset(noise: Noise, drawn: jax.Array, sign: jax.Array) -> jax.Array:
    """Return the standard noise [scores] of a pair's first (sign 1) or second member (sign −1)."""
    if noise == "normal":
        return sign * drawn
    return -jnp.log(-jnp.log(jnp.where(sign > 0, drawn, 1 - drawn)))


def direction(noise: Noise, drawn: jax.Array, weights: jax.Array) -> jax.Array:
    """Return Σ utility · ∂ log density / ∂ mean [scores], of noise [Q, scores] and utilities [2 Q], first members first."""
    first, second = jnp.split(weights, 2)
    if noise == "normal":
        return (first - second) @ drawn
    # The score function of a Gumbel variable g is 1 − exp(−g), and exp(−g) is −log of its uniform.
    return first @ (1 + jnp.log(drawn)) + second @ (1 + jnp.log1p(-drawn))


class Search(NamedTuple):
    """The state of the hybrid.

    Attributes:
        weights: all weights, also those that the mask of the mean prunes.
        mean: of the scores [scores].
        near: thresholds [L] of the last masks.
        salt: decides among ties.
    """

    weights: Weights
    mean: jax.Array
    near: Threshold
    salt: jax.Array


class Tried(NamedTuple):
    """What a group of members found: the mean loss and gradient, the move of the scores' mean [scores], thresholds [L]."""

    loss: jax.Array
    gradient: Params
    move: jax.Array
    near: Threshold


def try_masks(
    setting: Setting,
    masks: Masking,
    state: Search,
    counts: jax.Array,
    std: jax.Array,
    samples: tuple[jax.Array, jax.Array],
    key: jax.Array,
    *,
    noise: Noise = "normal",
    pairwise: bool = True,
    shuffled: bool = False,
) -> Tried:
    """Try Q pairs of masks, each pair on samples of its own: x [Q, B, …] and y [Q, B].

    A mask keeps the largest of mean ± std · noise, layer by layer. Losses are ranked among these 2 Q members.

    Source: Lenc et al. (2019).
    """
    noise_key, order_key = jax.random.split(key)
    params = state.weights.params
    pairs = samples[1].shape[0]
    # All noise at once, and into the loop: inside it, XLA would draw the same noise again for each of its uses.
    drawn = draw(noise, noise_key, (pairs, state.mean.size))

    def pair(carried: tuple[Params, Threshold], inputs: Any) -> tuple[tuple[Params, Threshold], jax.Array]:
        own, x, y = inputs

        def member(carried: tuple[Params, Threshold], sign: jax.Array) -> tuple[tuple[Params, Threshold], jax.Array]:
            total, near = carried
            chosen, near = masks.choose(state.mean + std * offset(noise, own, sign), counts, state.salt, near)
            loss, gradient = jax.value_and_grad(setting.loss)(masked(params, chosen), x, y)
            return (jax.tree.map(jnp.add, total, masked(gradient, chosen)), near), loss

        return jax.lax.scan(member, carried, jnp.array([1.0, -1.0]))

    (total, near), losses = jax.lax.scan(pair, (jax.tree.map(jnp.zeros_like, params), state.near), (drawn, *samples))
    chosen = utilities(losses.T.ravel(), pairwise=pairwise)
    if shuffled:
        chosen = jax.random.permutation(order_key, chosen)
    gradient = jax.tree.map(lambda leaf: leaf / (2 * pairs), total)
    return Tried(jnp.mean(losses), gradient, direction(noise, drawn, chosen), near)


def spread(setting: Setting, at: jax.Array, *, annealed: bool = True) -> jax.Array:
    """Return the factor on the std of the masks: from one to zero along half a cosine, or one; zero once masks stay."""
    if not annealed:
        return jnp.where(at.astype(jnp.float32) < STOP * setting.steps, 1.0, 0.0)
    with promoting():
        return optax.cosine_decay_schedule(1.0, STOP * setting.steps)(at)


@method
def hybrid(
    setting: Setting,
    *,
    std: Annotated[
        Rate,
        Doc("Std of the scores around their mean at the start; it falls to zero along half a cosine."),
    ] = 1.0,
    mask_rate: Annotated[
        Rate,
        Doc("Learning rate of the scores' mean; 0 leaves the noise and takes the evolution away."),
    ] = 1.0,
    start_at: Annotated[
        Literal["zero", "magnitude", "random"],
        Doc(
            "The first mean of the scores, zero (every mask is another random one), the weights' magnitudes in units of their "
            "layer's std, or standard normals (one random mask, which noise of a small std moves little)."
        ),
    ] = "zero",
    annealed: Annotated[
        bool, Doc("Whether the std falls to zero along half a cosine; else it stays until the mask does.")
    ] = True,
    noise: Annotated[Noise, Doc("Noise of the scores: normal, or Gumbel for sampling without replacement.")] = "normal",
    block: Block = (1, 1),
    groups: Annotated[
        int,
        Ge(1),
        Le(100_000),
        Doc("Groups of members that are ranked by themselves (semi-updates); they divide the batches."),
    ] = 1,
    pairwise: Annotated[bool, Doc("Whether losses are ranked less the mean of their pair.")] = True,
    shuffled: Annotated[bool, Doc("Whether utilities are dealt out at random: a null control.")] = False,
) -> Method:
    """Move weights by gradients and masks by evolution, from the very same passes.

    Every step takes as many pairs of masks as it has batches of samples. Weights follow the mean gradient of all members,
    each on its own survivors; the mean of the scores follows the rank-shaped update of the same losses. The mask that counts
    is that of the mean. As the masks of the baselines do, it stays from three quarters of the steps on.

    Args:
        setting: what all methods share.
        std: of the scores around their mean at the start; it falls to zero along half a cosine. Where the mean starts at
            zero, only the ratio of the two counts, and no std is larger than another.
        mask_rate: learning rate of the mean; 0 leaves the noise and takes the evolution away.
        start_at: the first mean: zero (every mask is another random one), the magnitude of the weights in units of their
            layer's std, or standard normals (one random mask).
        annealed: whether the std falls; else it stays until the mask does.
        noise: of the scores, normal, or Gumbel, whose largest scores are a sample without replacement.
        block: rows and columns of what is kept or pruned as one.
        groups: members are ranked in as many groups, whose updates are averaged; 1 is the full update.
        pairwise: whether losses are ranked less the mean of their pair.
        shuffled: whether utilities are dealt out at random: a random walk of the mask.

    Source: Lenc et al. (2019).
    Deviates: the std falls, so that training ends on the mask that is deployed; see also `utilities`.
    """
    masks = masking(setting, (block[0], block[1]))

    def start(params: Params, counts: jax.Array, key: jax.Array) -> Search:
        del counts
        mean = jnp.zeros(sum(masks.sizes))
        if start_at == "magnitude":
            mean = masks.pool({name: jnp.abs(params[name]) / jnp.std(params[name]) for name in masks.names})
            mean /= block[0] * block[1]
        if start_at == "random":
            mean = sampling.normal(jax.random.fold_in(key, 1), mean.shape)
        unknown = Threshold(jnp.zeros(len(masks.names)), jnp.zeros(len(masks.names)))
        return Search(begin(setting, params), mean, unknown, jax.random.bits(key, (), jnp.uint32))

    def step(
        state: Search, counts: jax.Array, samples: Batches, at: jax.Array, key: jax.Array
    ) -> tuple[Search, Metrics]:
        now = std * spread(setting, at, annealed=annealed)

        def try_group(group: Any, state: Search, counts: jax.Array, now: jax.Array) -> Tried:
            key, x, y = group
            return try_masks(
                setting, masks, state, counts, now, (x, y), key, noise=noise, pairwise=pairwise, shuffled=shuffled
            )

        split = [part.reshape(groups, -1, *part.shape[1:]) for part in samples]
        tried = over_groups(try_group, setting.mesh)((jax.random.split(key, groups), *split), state, counts, now)
        weights = move(setting, state.weights, tried.gradient)
        mean = state.mean + mask_rate * now * tried.move
        return Search(weights, mean, tried.near, state.salt), {"train/loss": tried.loss}

    def deployed(state: Search, counts: jax.Array) -> tuple[Params, Masks]:
        chosen, _ = masks.choose(state.mean, counts, state.salt, state.near)
        return masked(state.weights.params, chosen), chosen

    passes = 6.0 * setting.batches * setting.batch
    return Method(start, step, deployed, passes, block=masks.block)
