"""Where every weight of a masked network sits inside the survivors, worked out once a level on the host.

Axis letters: `S` seeds, `D` survivors, `A` units (or channels) of a layer that reach the output, `R` inputs of a layer
that one of those units reads, `G` units of a group, `F` fan-in of a group.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from evotickets import masks
from evotickets.networks import Network

# Measured thresholds: the only place where the path is chosen.
SPARSE_BELOW = 0.8
SPARSE_FROM = 20_000
GROUPS = 4
KEEP_ALL_INPUTS = 0.9
CACHE = 2**21
NARROWEST = 64
NARROWEST_IMAGES = 16

PATHS = ("dense", "sparse")
PRECISIONS = ("float32", "bfloat16")

Table = list[tuple[np.ndarray, np.ndarray]]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Group:
    """First-layer units of similar fan-in: where their weights sit in a member and what they read, both [S, G, F].

    The first slot of a unit is its bias. Input index I stands for one, I + 1 for zero.
    """

    weights: jax.Array
    inputs: jax.Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Plan:
    """How to read members [P, D] as networks; every array has a leading seed axis `S`.

    `kernels[l]` [S, A, R] and `biases[l]` [S, A] say where a weight sits in a member, `reads[l]` [S, R] which input of
    the layer it multiplies. Index D of a member stands for zero. First-layer units come
    group by group, then those without fan-in. `kernels` is empty where nothing is pruned.
    """

    kernels: tuple[jax.Array, ...]
    biases: tuple[jax.Array, ...]
    reads: tuple[jax.Array, ...]
    groups: tuple[Group, ...]
    network: Network = field(metadata={"static": True})
    path: str = field(metadata={"static": True})
    precision: str = field(metadata={"static": True})


def plan(network: Network, mask: masks.Mask, *, path: str = "auto", precision: str = "float32") -> Plan:
    """Prepare the evaluation of populations that share a mask, given [S, *kernel_shape] a layer.

    Args:
        network: the architecture.
        mask: boolean arrays with a leading seed axis; every seed keeps equally many entries.
        path: `auto`, or `dense` (scattered kernels) or `sparse` (fan-in lists) to overrule the measured thresholds.
        precision: `float32`, or `bfloat16` to round what the first layer and convolutions multiply; sums stay float32.

    Raises:
        ValueError: if the path or precision is unknown or impossible, or the seeds keep different counts.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be {' or '.join(PRECISIONS)}, got {precision!r}")
    seeds = [{name: m[s] for name, m in mask.items()} for s in range(len(next(iter(mask.values()))))]
    counts = {masks.kept(m) for m in seeds}
    if len(counts) > 1:
        raise ValueError(f"the seeds of one plan must keep equally many entries, got {sorted(counts)}")
    count = counts.pop()
    path = _choose(network, count, path)
    if path == "dense" and count == network.kernel_count and not any(layer.is_convolution for layer in network.layers):
        return Plan((), (), (), (), network, path, precision)
    zero = count + network.parameter_count - network.kernel_count
    tables = [_positions(network, m) for m in seeds]
    slots = _slots(network, tables, zero)
    kernels, biases, reads = [], [], []
    for i in range(len(network.layers)):
        own = [(table[i], units[i], _sources(network, i, units)) for table, units in zip(tables, slots, strict=True)]
        read = _reads(network, i, own, zero)
        kernels.append(
            [_pick(table[0], units, np.append(s, -1)[r], zero) for (table, units, s), r in zip(own, read, strict=True)]
        )
        biases.append([np.append(table[1], zero)[units] for table, units, _ in own])
        reads.append(np.maximum(read, 0))
    groups = _groups(tables, slots, zero) if path == "sparse" else ()
    kernels, biases = ([jnp.asarray(np.stack(layer)) for layer in part] for part in (kernels, biases))
    return Plan(tuple(kernels), tuple(biases), tuple(map(jnp.asarray, reads)), groups, network, path, precision)


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


def _positions(network: Network, mask: masks.Mask) -> Table:
    """Return, a layer, where kernel [outputs, fan_in] and bias [outputs] sit among the survivors, D if pruned."""
    survivors = masks.survivors(network, mask)
    flat = np.full(network.parameter_count, len(survivors), np.int32)
    flat[survivors] = np.arange(len(survivors))
    table, start = [], 0
    for layer in network.layers:
        kernel = flat[start : start + layer.kernel_size].reshape(layer.outputs, layer.fan_in)
        start += layer.kernel_size
        table.append((kernel, flat[start : start + layer.outputs]))
        start += layer.outputs
    return table


def _slots(network: Network, tables: list[Table], zero: int) -> list[list[np.ndarray]]:
    """Order the units that reach an output, a seed and layer, padded with -1 so that seeds agree on the counts."""
    alive = [_alive(network, table, zero) for table in tables]
    layers = [_stack([own[i] for own in alive], -1) for i in range(len(network.layers))]
    if len(network.layers) > 1:
        fans = [(table[0][0] < zero).sum(1) for table in tables]
        ordered = [own[0][np.argsort(-fan[own[0]], kind="stable")] for own, fan in zip(alive, fans, strict=True)]
        varying = _stack([own[fan[own] > 0] for own, fan in zip(ordered, fans, strict=True)], -1)
        constant = _stack([own[fan[own] == 0] for own, fan in zip(ordered, fans, strict=True)], -1)
        layers[0] = np.concatenate([varying, constant], axis=1)
    return [[layer[s] for layer in layers] for s in range(len(tables))]


def _alive(network: Network, table: Table, zero: int) -> list[np.ndarray]:
    """Return the units of each layer that reach an output."""
    alive = [np.arange(network.outputs)]
    for i in range(len(network.layers) - 1, 0, -1):
        used = np.any(table[i][0][alive[0]] < zero, axis=0)
        alive.insert(0, np.flatnonzero(used.reshape(-1, network.layers[i - 1].outputs).any(0)))
    return alive


def _sources(network: Network, i: int, slots: list[np.ndarray]) -> np.ndarray:
    """Return which column of its kernel each input of a layer multiplies, in the engine's order of inputs, or -1.

    The engine has images channel first, and patches row, column, channel; kernels follow `networks`.
    """
    layer = network.layers[i]
    if i == 0:
        return np.arange(layer.fan_in)
    before = slots[i - 1]
    places = np.arange(layer.fan_in // network.layers[i - 1].outputs)[:, None]
    columns = np.where(before >= 0, places * network.layers[i - 1].outputs + before, -1)
    return (columns if layer.is_convolution else columns.T).ravel()


def _reads(network: Network, i: int, own: list[tuple[Any, np.ndarray, np.ndarray]], zero: int) -> np.ndarray:
    """Return the inputs [S, R] that a layer reads, padded with -1: all of them unless leaving some out pays."""
    available = len(own[0][2])
    used = [
        np.flatnonzero((sources >= 0) & np.any(table[0][units[units >= 0]] < zero, axis=0)[sources])
        for table, units, sources in own
    ]
    hidden = i > 0 and not any(layer.is_convolution for layer in network.layers[i - 1 : i + 1])
    if hidden or max(map(len, used)) > KEEP_ALL_INPUTS * available:
        return np.tile(np.arange(available, dtype=np.int32), (len(own), 1))
    return _stack(used, -1)


def _pick(kernel: np.ndarray, units: np.ndarray, columns: np.ndarray, zero: int) -> np.ndarray:
    """Return the kernel [units, columns], D where either is -1."""
    return np.pad(kernel, ((0, 1), (0, 1)), constant_values=zero)[np.ix_(units, columns)]


def _groups(tables: list[Table], slots: list[list[np.ndarray]], zero: int) -> tuple[Group, ...]:
    """Cut the first layer's units into groups of similar fan-in and list each unit's weights and inputs."""
    inputs = tables[0][0][0].shape[1]
    kernels = [np.pad(table[0][0], ((0, 1), (0, 1)), constant_values=zero) for table in tables]
    biases = [np.append(table[0][1], zero) for table in tables]
    fans = np.stack([(kernel < zero).sum(1)[own[0]] for kernel, own in zip(kernels, slots, strict=True)])
    groups, start = [], 0
    envelope = fans.max(0)
    for stop in _cuts(envelope[envelope > 0]):
        fan = envelope[start:stop].max() + 1
        weights = np.full((len(tables), stop - start, fan), zero, np.int32)
        reads = np.full((len(tables), stop - start, fan), inputs + 1, np.int32)
        for s, (kernel, own) in enumerate(zip(kernels, slots, strict=True)):
            for g, unit in enumerate(own[0][start:stop]):
                kept = np.flatnonzero(kernel[unit] < zero)
                weights[s, g, : len(kept) + 1] = np.append(biases[s][unit], kernel[unit][kept])
                reads[s, g, : len(kept) + 1] = np.append(inputs, kept)
        groups.append(Group(jnp.asarray(weights), jnp.asarray(reads)))
        start = stop
    return tuple(groups)


def _cuts(fans: np.ndarray) -> list[int]:
    """Cut fan-ins, largest first, into at most `GROUPS` runs whose padded total is least; return where each ends."""
    count = len(fans)
    if count == 0:
        return []
    best = [(int(fans[0]) * (end + 1), [end + 1]) for end in range(count)]
    for _ in range(GROUPS - 1):
        best = [
            min([best[end], *((best[i][0] + int(fans[i + 1]) * (end - i), [*best[i][1], end + 1]) for i in range(end))])
            for end in range(count)
        ]
    return best[-1][1]


def _stack(parts: Sequence[np.ndarray], filler: int) -> np.ndarray:
    size = max(len(part) for part in parts)
    return np.stack([np.pad(part, (0, size - len(part)), constant_values=filler) for part in parts]).astype(np.int32)
