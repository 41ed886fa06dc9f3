"""The plan by which populations that share a mask are evaluated, worked out once a level."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import numpy as np

from evotickets.configuration.options import Doc
from evotickets.networks.functions import Functions
from evotickets.networks.layout import Network
from evotickets.networks.masks import check_mask
from evotickets.population import layout

# All that was measured and decides a path or a shape. Fan-in lists lose to scattered kernels above this density, and on
# first layers with fewer entries than this, where a level's compilation costs more than it saves.
SPARSE_BELOW = 0.8
SPARSE_FROM = 20_000
# Networks with fewer weights keep dead units and unread inputs: all masks of a density then share a compiled program, which
# saves more than the units cost.
DROP_FROM = 10_000
# More groups waste less padding, and cost .15 s of compilation each.
GROUPS = 4
# What is worked on at once should stay in this many bytes of cache, but in tiles of no fewer inputs than these. An
# accelerator has no such cache: there the limit only bounds memory.
CACHE = {"cpu": 2**21}
MEMORY = 2**30
NARROWEST = 64
NARROWEST_IMAGES = 16

PATHS = ("dense", "sparse")
PRECISIONS = ("float32", "bfloat16")


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Group:
    """First-layer units of similar fan-in: weights from `starts` [S, G] on, `biases` [S, G], `inputs` [S, G, F + 1]."""

    starts: jax.Array
    biases: jax.Array
    inputs: jax.Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Plan:
    """How to read members [P, D] as networks; every array has a leading seed axis `S`.

    `kernels` [S, A, R] and `biases` [S, A] of a layer say where a weight sits in a member, its `reads` [S, R] which input of
    the layer it multiplies. Index D of a member stands for zero. First-layer units come group by group, then those
    without fan-in. Kernels, biases and reads are empty where nothing is pruned. `survivors` is D.
    """

    kernels: tuple[jax.Array, ...]
    biases: tuple[jax.Array, ...]
    reads: tuple[jax.Array, ...]
    groups: tuple[Group, ...]
    network: Network = field(metadata={"static": True})
    path: str = field(metadata={"static": True})
    precision: str = field(metadata={"static": True})
    survivors: int = field(metadata={"static": True})

    @property
    def seeds(self) -> int:
        """Number of seeds in the arrays; 0 in the plan of one, and where there are no arrays."""
        arrays, axes = (self.kernels, 2) if self.kernels else (self.reads, 1)
        return len(arrays[0]) if arrays and arrays[0].ndim > axes else 0


def plan(
    network: Network,
    mask: np.ndarray,
    *,
    path: Annotated[
        Literal["auto", "dense", "sparse"], Doc("Force the engine's dense or sparse path; auto takes the faster.")
    ] = "auto",
    precision: Annotated[
        Literal["float32", "bfloat16"],
        Doc("What the first layer and convolutions multiply; sums are float32 either way. bfloat16 is faster."),
    ] = "float32",
) -> Plan:
    """Prepare the evaluation of populations that share a mask [K] a seed.

    Args:
        network: the architecture.
        mask: [S, K]; every seed keeps equally many entries.
        path: `auto`, or `dense` (scattered kernels) or `sparse` (fan-in lists) to overrule the measured thresholds.
        precision: `float32`, or `bfloat16` to round what the first layer and convolutions multiply; sums stay float32.

    Raises:
        ValueError: if the path or precision is unknown or impossible, the masks do not fit, or keep different counts.
    """
    check_mask(network, mask)
    if isinstance(network, Functions):
        if path != "auto" or precision != "float32":
            raise ValueError(f"network {network.name} knows one path and float32 only: leave path and precision out")
        # Imported here, as it makes plans too.
        from evotickets.population import functions

        return functions.plan(network, mask, precision)
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be {' or '.join(PRECISIONS)}, got {precision!r}")
    counts = {int(np.count_nonzero(row)) for row in mask}
    if len(counts) > 1:
        raise ValueError(f"the seeds of one plan must keep equally many entries, got {sorted(counts)}")
    count = counts.pop()
    route = _choose(network, count, path)
    if route == "dense" and count == network.kernel_count and not any(layer.is_convolution for layer in network.layers):
        return Plan((), (), (), (), network, route, precision, network.parameter_count)
    zero = count + network.parameter_count - network.kernel_count
    tables = [layout.positions(network, row) for row in mask]
    drops = route == "sparse" or network.kernel_count >= DROP_FROM
    slots = layout.slots(network, tables, zero) if drops else [layout.everything(network)] * len(tables)
    kernels, biases, reads = [], [], []
    for i in range(len(network.layers)):
        sources = [layout.sources(network, i, own) for own in slots]
        parts = [layout.pick(table[i], own[i], zero) for table, own in zip(tables, slots, strict=True)]
        read = layout.reads(network, i, [kernel for kernel, _ in parts], sources, zero if drops else None)
        columns = [np.append(source, -1)[r] for source, r in zip(sources, read, strict=True)]
        kernels.append(jnp.asarray(np.stack([kernel[:, c] for (kernel, _), c in zip(parts, columns, strict=True)])))
        biases.append(jnp.asarray(np.stack([bias for _, bias in parts])))
        reads.append(jnp.asarray(np.maximum(read, 0)))
    lists = layout.groups(tables, slots, zero, GROUPS) if route == "sparse" else ()
    groups = tuple(Group(*map(jnp.asarray, arrays)) for arrays in lists)
    return Plan(tuple(kernels), tuple(biases), tuple(reads), groups, network, route, precision, zero)


def working_set() -> int:
    """Return how many bytes may be worked on at once on the default device."""
    return CACHE.get(jax.default_backend(), MEMORY)


def _choose(network: Network, kept: int, path: str) -> str:
    first = network.layers[0]
    if path not in ("auto", *PATHS):
        raise ValueError(f"path must be auto, {' or '.join(PATHS)}, got {path!r}")
    shared = not first.is_convolution and len(network.layers) > 1
    if path == "sparse" and not shared:
        raise ValueError("path sparse needs a dense first layer and a hidden layer; use dense")
    if path != "auto":
        return path
    pays = first.kernel_size >= SPARSE_FROM and kept < SPARSE_BELOW * network.kernel_count
    return "sparse" if shared and pays else "dense"
