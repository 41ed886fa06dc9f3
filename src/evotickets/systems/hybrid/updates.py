"""What evolution makes of losses: utilities by rank, and updates that are averaged over groups of members.

Members are in pairs: the second half mirrors the first.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

RATIO = 0.5
"""Share of the members whose utility is above the least."""


def log_rank(members: int) -> np.ndarray:
    """Return the utilities [P] of ranks 1…P: max(0, log(r P + 1) − log rank) over their sum, less 1 / P; r is one half.

    Source: Lenc et al. (2019); Wierstra et al. (2014), "Natural evolution strategies", table 1, where r is one half.
    """
    raw = np.maximum(0, np.log(RATIO * members + 1) - np.log(np.arange(1, members + 1)))
    return (raw / raw.sum() - 1 / members).astype(np.float32)


def utilities(losses: jax.Array, *, pairwise: bool = False) -> jax.Array:
    """Return the utilities [P] of losses [P], the smallest loss having the largest; equal losses share theirs.

    With `pairwise`, ranks are of losses less the mean of their pair, which both see the same samples.

    Deviates: the paper ranks losses as they are, and `pairwise=False` does the same. Pairs with easy samples then pass for
    good masks.
    """
    if pairwise:
        first, second = jnp.split(losses, 2)
        losses = jnp.concatenate([first - second, second - first]) / 2
    # A NaN ranks last.
    losses = jnp.where(jnp.isnan(losses), jnp.inf, losses)
    table = jnp.asarray(np.concatenate([np.zeros(1, np.float32), np.cumsum(log_rank(losses.size))]), jnp.float32)
    ordered = jnp.sort(losses)
    better, reached = (jnp.searchsorted(ordered, losses, side=side) for side in ("left", "right"))
    return (table[reached] - table[better]) / (reached - better).astype(jnp.float32)


def over_groups(function: Callable[..., Any], mesh: Mesh | None = None) -> Callable[..., Any]:
    """Return `(groups, *shared) -> mean over groups [G] of function(group, *shared)`.

    On one device the groups follow one another. On a mesh with one axis each device takes as many, G being a multiple of
    the devices, and what crosses the wires is one sum of the result: the semi-updates of the paper.

    Source: Lenc et al. (2019).
    """

    def total(groups: Any, *shared: Any) -> Any:
        shapes = jax.eval_shape(function, jax.tree.map(lambda leaf: leaf[0], groups), *shared)
        begin = jax.tree.map(lambda shape: jnp.zeros(shape.shape, shape.dtype), shapes)

        def add(sums: Any, group: Any) -> tuple[Any, None]:
            return jax.tree.map(jnp.add, sums, function(group, *shared)), None

        return jax.lax.scan(add, begin, groups)[0]

    def mean(groups: Any, *shared: Any) -> Any:
        count = jax.tree.leaves(groups)[0].shape[0]
        if mesh is None:
            sums = total(groups, *shared)
        else:
            (axis,) = mesh.axis_names
            specs = (PartitionSpec(axis), *(PartitionSpec() for _ in shared))
            sums = jax.shard_map(
                lambda *arguments: jax.lax.psum(total(*arguments), axis),
                mesh=mesh,
                in_specs=specs,
                out_specs=PartitionSpec(),
                check_vma=False,
            )(groups, *shared)
        return jax.tree.map(lambda leaf: leaf / count, sums)

    return mean
