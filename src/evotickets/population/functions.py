"""Populations of networks of functions: each member's survivors scattered among zeros, and one vmapped call.

Axes: `P` members, `D` survivors, `N` all parameters, `B` samples of a batch, `O` outputs, `M` offsets.
"""

from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from evotickets.networks import layout, masks
from evotickets.networks.functions import Functions
from evotickets.population.members import mirrored
from evotickets.population.plan import Plan

PATH = "functions"


def plan(network: Functions, mask: np.ndarray, precision: str) -> Plan:
    """Prepare the evaluation of populations that share a mask [K] a seed: where their survivors are [S, D].

    Where nothing is pruned a member is all parameters, and there is nothing to prepare.
    """
    positions = masks.survivors(network, mask)
    kept = positions.shape[-1]
    reads = () if kept == network.parameter_count else (jnp.asarray(positions),)
    return Plan((), (), reads, (), cast(Any, network), PATH, precision, kept)


def whole(plan: Plan, members: jax.Array) -> jax.Array:
    """Return the parameters [..., N] of members [..., D]."""
    if not plan.reads:
        return members
    (positions,) = plan.reads
    return masks.scatter(members, positions, plan.network.parameter_count)


def outputs(plan: Plan, flat: jax.Array, x: jax.Array) -> jax.Array:
    """Return the outputs [B, O] of parameters [N] on a batch [B, *input_shape]."""
    network = plan.network
    assert isinstance(network, Functions)
    return network.apply(layout.unflatten(network, flat), x)


def logits(plan: Plan, members: jax.Array, x: jax.Array) -> jax.Array:
    """Return the outputs [P, B, O] of members [P, D] on a batch [B, *input_shape]."""
    return jax.vmap(lambda member: outputs(plan, whole(plan, member), x))(members)


def losses(
    plan: Plan, mean: jax.Array | None, rows: jax.Array, x: jax.Array, y: jax.Array, loss: Callable
) -> jax.Array:
    """Return the mean losses [P] of members [P, D], or of mean [D] + and − offsets [M, D]."""
    return jax.vmap(lambda out: jnp.mean(loss(out.T, y)))(logits(plan, mirrored(mean, rows), x))
