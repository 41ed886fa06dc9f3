"""Which weights and inputs of a masked network matter, and where they sit inside the survivors (numpy, on the host).

Tables hold, a layer, where kernel [outputs, fan_in] and bias [outputs] sit inside a member [D]; D stands for pruned. Slots
hold, a layer, the units that reach an output, in the engine's order; -1 pads them where seeds differ.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from evotickets.networks import layout, masks
from evotickets.networks.layout import Network

Table = list[tuple[np.ndarray, np.ndarray]]
Slots = list[np.ndarray]

# Sizes are rounded up, so that masks with nearly equal ones share a compiled program.
STEP = 16
# Leaving out fewer inputs than this does not pay for selecting the others.
KEEP_ALL_INPUTS = 0.9


def positions(network: Network, mask: np.ndarray) -> Table:
    """Return, a layer, where kernel [outputs, fan_in] and bias [outputs] sit among the survivors of a mask [K], D if pruned."""
    survivors = masks.survivors(network, mask)
    flat = np.full(network.parameter_count, len(survivors), np.int32)
    flat[survivors] = np.arange(len(survivors))
    return list(layout.layers(network, flat))


def everything(network: Network) -> Slots:
    """Return all units of every layer, in their own order."""
    return [np.arange(layer.outputs, dtype=np.int32) for layer in network.layers]


def slots(network: Network, tables: list[Table], zero: int) -> list[Slots]:
    """Order the units that reach an output, a seed and layer: the first layer by falling fan-in, those without last."""
    alive = [_alive(network, table, zero) for table in tables]
    layers = [_stack([own[i] for own in alive], layer.outputs) for i, layer in enumerate(network.layers)]
    if len(network.layers) > 1:
        fans = [(table[0][0] < zero).sum(1) for table in tables]
        ordered = [own[0][np.argsort(-fan[own[0]], kind="stable")] for own, fan in zip(alive, fans, strict=True)]
        most = network.layers[0].outputs
        fed = _stack([own[fan[own] > 0] for own, fan in zip(ordered, fans, strict=True)], most)
        constant = _stack([own[fan[own] == 0] for own, fan in zip(ordered, fans, strict=True)], most)
        layers[0] = np.concatenate([fed, constant], axis=1)
    return [[layer[s] for layer in layers] for s in range(len(tables))]


def _alive(network: Network, table: Table, zero: int) -> list[np.ndarray]:
    """Return the units of each layer that reach an output."""
    alive = [np.arange(network.outputs)]
    for i in range(len(network.layers) - 1, 0, -1):
        used = np.any(table[i][0][alive[0]] < zero, axis=0)
        alive.insert(0, np.flatnonzero(used.reshape(-1, network.layers[i - 1].outputs).any(0)))
    return alive


def sources(network: Network, i: int, slots: list[np.ndarray]) -> np.ndarray:
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


def reads(
    network: Network, i: int, kernels: list[np.ndarray], sources: list[np.ndarray], zero: int | None
) -> np.ndarray:
    """Return the inputs [S, R] that a layer reads, padded with -1: all of them unless leaving some out pays.

    Where `zero` is None, nothing is left out.
    """
    every = np.tile(np.arange(len(sources[0]), dtype=np.int32), (len(sources), 1))
    if zero is None:
        return every
    used = [
        np.flatnonzero((source >= 0) & np.any(kernel < zero, axis=0)[source])
        for kernel, source in zip(kernels, sources, strict=True)
    ]
    available, some = len(sources[0]), _stack(used, len(sources[0]))
    hidden = i > 0 and not any(layer.is_convolution for layer in network.layers[i - 1 : i + 1])
    return every if hidden or some.shape[1] > KEEP_ALL_INPUTS * available else some


def pick(layer: tuple[np.ndarray, np.ndarray], units: np.ndarray, zero: int) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel [A, fan_in + 1] and bias [A] of some units, D where a unit is -1 and in the last column."""
    kernel, bias = layer
    return np.pad(kernel, ((0, 1), (0, 1)), constant_values=zero)[units], np.append(bias, zero)[units]


def groups(
    tables: list[Table], slots: list[Slots], zero: int, most: int
) -> Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Cut the first layer's units into at most `most` groups of similar fan-in.

    Yields where a unit's first weight [S, G] and its bias [S, G] sit in a member, and what it reads [S, G, F + 1]: its
    inputs, input I + 1 (a zero) where its fan-in is shorter than F, and last input I (a one), for the bias.
    """
    inputs = tables[0][0][0].shape[1]
    parts = [pick(table[0], own[0], zero) for table, own in zip(tables, slots, strict=True)]
    fans = np.max([(kernel < zero).sum(1) for kernel, _ in parts], axis=0)
    begin = 0
    for end in _cuts(fans[fans > 0], most):
        kernels = np.stack([kernel[begin:end] for kernel, _ in parts])
        biases = np.stack([bias[begin:end] for _, bias in parts])
        reads = np.full((*biases.shape, fans[begin] + 1), inputs + 1, np.int32)
        reads[..., -1] = inputs
        for unit in np.ndindex(biases.shape):
            kept = np.flatnonzero(kernels[unit] < zero)
            reads[unit][: len(kept)] = kept
        # The weights of a unit are neighbours in a member, in the order of its inputs.
        yield kernels.min(-1), biases, reads
        begin = end


def _cuts(fans: np.ndarray, most: int) -> list[int]:
    """Cut fan-ins, largest first, into runs whose padded total is least; return where each ends."""
    best = [(int(fans[0]) * (end + 1), [end + 1]) for end in range(len(fans))]
    for _ in range(most - 1):
        best = [
            min([best[end], *((best[i][0] + int(fans[i + 1]) * (end - i), [*best[i][1], end + 1]) for i in range(end))])
            for end in range(len(fans))
        ]
    return best[-1][1] if best else []


def _stack(parts: Sequence[np.ndarray], most: int) -> np.ndarray:
    """Stack index lists, padded with -1 to a common size of at most `most`."""
    size = min(most, -(-max(map(len, parts)) // STEP) * STEP)
    return np.stack([np.pad(part, (0, size - len(part)), constant_values=-1) for part in parts]).astype(np.int32)
