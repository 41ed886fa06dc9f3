"""Networks whose weights are never trained: every seeker of a task gets the same."""

from collections.abc import Mapping
from math import prod, sqrt
from typing import Any, cast

import numpy as np

from evotickets.networks import layout
from evotickets.networks.layout import Network
from evotickets.refusals import hint
from evotickets.systems.strong import FAMILIES, PLANTED_CIRCLE

SCHEMES = ("uniform", "kaiming_normal", "signed_constant")


def network_of(task: Mapping[str, Any]) -> Network:
    """Describe the network of a task's settings: `task`, `classes`, and `hidden` or a registered `network`."""
    if "network" in task:
        from evotickets.networks.functions import describe

        options = dict(task["network"])
        name, shape = options.pop("network"), FAMILIES[task["task"]].input_shape
        # Whatever takes the one takes the other, but for what needs layers.
        return cast(Any, describe(name, shape, task["classes"], options))
    inputs = 2 if task["task"] == PLANTED_CIRCLE else prod(FAMILIES[task["task"]].input_shape)
    return layout.build((inputs,), task["classes"], task)


def label(task: Mapping[str, Any]) -> str:
    """Return what tables and streams call the network of a task: `50-50`, or `residual-blocks-2-units-16`."""
    if "network" not in task:
        return "-".join(map(str, task["hidden"]))
    options = dict(task["network"])
    return "-".join([options.pop("network"), *(str(word) for option in sorted(options.items()) for word in option)])


def initialise(network: Network, scheme: str, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Draw parameters [N], float32. A network of functions draws its own, whatever the scheme.

    `uniform` is U[−scale, scale] for kernels and biases; `kaiming_normal` has kernels of std √(2 / fan-in), and
    `signed_constant` kernels of that size and random sign; their biases are U[−1, 1] / √fan-in.

    Source: Altmann et al. (2024), §4 (U[−1, 1]); Schönberger et al. (2025), §4 (U[−2.5, 2.5]); Ramanujan et al. (2020),
    §3 (signed constant).

    Raises:
        ValueError: if there is no such scheme.
    """
    if not isinstance(network, Network):
        from evotickets.networks import feedforward

        return np.asarray(layout.flatten(network, feedforward.initialise(network, rng)), np.float32)
    if scheme not in SCHEMES:
        raise ValueError(f"unknown initialisation {scheme!r}; {hint(scheme, SCHEMES)}")
    parts = []
    for layer in network.layers:
        size, std = layer.kernel_size, sqrt(2 / layer.fan_in)
        if scheme == "uniform":
            parts.append(rng.uniform(-scale, scale, size + layer.outputs))
            continue
        kernel = rng.normal(0, std, size) if scheme == "kaiming_normal" else std * rng.choice([-1, 1], size)
        parts += [kernel, rng.uniform(-1, 1, layer.outputs) / sqrt(layer.fan_in)]
    return np.concatenate(parts).astype(np.float32)
