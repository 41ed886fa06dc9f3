"""Outputs and losses of all members of a population on one batch.

Inside, everything is feature first and batch last: a layer is kernel [A, R] @ input [R, B], so that the fan-in of a unit
is contiguous in a member and an input feature is contiguous over the batch. The batch is cut into tiles whose activations
stay in the cache of a core.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import optax

from evotickets.networks import feedforward, layout, masks
from evotickets.networks.description import Description
from evotickets.networks.feedforward import check_inputs
from evotickets.networks.layout import Network
from evotickets.population import dense, functions, sparse
from evotickets.population.plan import Plan
from evotickets.population.plan import plan as make_plan
from evotickets.refusals import check_shape

Loss = Callable[[jax.Array, jax.Array], jax.Array]


def cross_entropy(outputs: jax.Array, labels: jax.Array) -> jax.Array:
    """Return the softmax cross-entropy [B] of outputs [O, B] and integer labels [B]."""
    return optax.softmax_cross_entropy_with_integer_labels(outputs, labels, axis=0)


def squared_error(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    """Return the squared error [B], averaged over outputs, of outputs [O, B] and targets [B, O]."""
    return jnp.mean((outputs - targets.T) ** 2, axis=0)


def forward_of(network: Description) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """Return the (parameters [N], x [B, *input_shape]) -> outputs [B, O] that scores whole data sets.

    On a CPU convolutions are those of a population of one, some images at a time: 60,000 images take the first paper's network
    a fifth of the time of one call, and a sixth of its memory.
    """
    if isinstance(network, Network) and network.layers[0].is_convolution and jax.default_backend() == "cpu":
        whole = jax.tree.map(lambda leaf: leaf[0], make_plan(network, masks.everything(network)))
        return lambda parameters, x: logits(whole, parameters[None], x)[0]
    return lambda parameters, x: feedforward.apply(network, layout.unflatten(network, parameters), x)


def logits(plan: Plan, members: jax.Array, x: jax.Array) -> jax.Array:
    """Return the outputs [P, B, O] of members [P, D] on a batch [B, *input_shape].

    Raises:
        ValueError: if members or batch are not those of the plan.
    """
    _check(plan, None, members, x)
    if plan.path == functions.PATH:
        return functions.logits(plan, members, x)
    tiles = _tiles(plan, len(members), False, x)
    path, prepared = _prepare(plan, None, members)
    outputs = jax.lax.map(lambda tile: path.outputs(plan, prepared, tile), tiles)
    return outputs.transpose(1, 0, 3, 2).reshape(len(members), -1, outputs.shape[2])[:, : len(x)]


def losses(plan: Plan, members: jax.Array, x: jax.Array, y: jax.Array, *, loss: Loss = cross_entropy) -> jax.Array:
    """Return the mean loss [P] of members [P, D] on a batch [B, *input_shape] with targets [B, ...].

    Raises:
        ValueError: if members, batch or targets are not those of the plan.
    """
    return _losses(plan, None, members, x, y, loss)


def pair_losses(
    plan: Plan, mean: jax.Array, offsets: jax.Array, x: jax.Array, y: jax.Array, *, loss: Loss = cross_entropy
) -> jax.Array:
    """Return the mean losses [P] of antithetic pairs: of mean [D] + offsets [P/2, D], then of mean - offsets.

    A pair shares its products with the input: X(μ ± δ) = Xμ ± Xδ.

    Raises:
        ValueError: as `losses`.
    """
    return _losses(plan, mean, offsets, x, y, loss)


def _losses(plan: Plan, mean: jax.Array | None, rows: jax.Array, x: jax.Array, y: jax.Array, loss: Loss) -> jax.Array:
    _check(plan, mean, rows, x)
    check_shape("y", y, len(x), *jnp.shape(y)[1:])
    if plan.path == functions.PATH:
        return functions.losses(plan, mean, rows, x, y, loss)
    tiles = _tiles(plan, len(rows), mean is not None, x)
    path, prepared = _prepare(plan, mean, rows)
    targets, shares = (_cut(a, len(tiles)) for a in (y, jnp.full(len(x), 1 / len(x), rows.dtype)))

    def tile(argument):
        features, y, share = argument
        outputs = path.outputs(plan, prepared, features)
        return jax.vmap(lambda out: loss(out, y) @ share)(outputs)

    return jax.lax.map(tile, (tiles, targets, shares)).sum(0)


def _check(plan: Plan, mean: jax.Array | None, rows: jax.Array, x: jax.Array) -> None:
    if plan.seeds:
        raise ValueError(
            f"the plan is of {plan.seeds} seeds; take that of one, jax.tree.map(lambda leaf: leaf[0], plan), or vmap over it"
        )
    check_shape("members" if mean is None else "offsets", rows, "P", plan.survivors)
    if mean is not None:
        check_shape("mean", mean, plan.survivors)
    check_inputs(plan.network, x)


def _prepare(plan: Plan, mean: jax.Array | None, rows: jax.Array) -> tuple[ModuleType, Any]:
    path = _path(plan)
    return path, path.prepare(plan, mean, rows)


def _path(plan: Plan) -> ModuleType:
    return sparse if plan.path == "sparse" else dense


def _tiles(plan: Plan, rows: int, pairs: bool, x: jax.Array) -> jax.Array:
    """Cut a batch [B, *input_shape] into features first tiles [tiles, ..., B / tiles], zeros where it does not divide."""
    tiles = _cut(x, -(-len(x) // _path(plan).tile_width(plan, rows, pairs)))
    if plan.network.layers[0].is_convolution:
        return tiles.transpose(0, 4, 2, 3, 1)
    return tiles.reshape(*tiles.shape[:2], -1).swapaxes(1, 2)


def _cut(batch: jax.Array, tiles: int) -> jax.Array:
    """Cut [B, ...] into [tiles, B/tiles, ...], zeros where it does not divide."""
    width = -(-len(batch) // tiles)
    padded = jnp.pad(batch, ((0, tiles * width - len(batch)), *((0, 0),) * (batch.ndim - 1)))
    return padded.reshape(tiles, width, *batch.shape[1:])
