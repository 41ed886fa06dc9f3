"""Mother networks with tickets in them, drawn for every seed."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from evotickets import streams
from evotickets.networks.layout import Network
from evotickets.planted import mother, plant, targets


class Ground(NamedTuple):
    """Mother networks with tickets in them.

    Attributes:
        parameters: [S, N], float32.
        mask: the tickets [S, K].
        scales: factors [S, outputs] by which the tickets' outputs exceed the target's.
    """

    parameters: np.ndarray
    mask: np.ndarray
    scales: np.ndarray


def network_of(target: Mapping[str, Any], depth: int) -> Network:
    """Describe the mother network of a target's settings: `target`, `width` and `noise`."""
    return mother.describe(target["target"], depth, target["width"])


def ground(target: Mapping[str, Any], depth: int, *, seed: int, count: int) -> Ground:
    """Draw `count` mother networks and plant the target in each.

    Targets that differ in noise alone get the same mothers, so that they can be compared seed by seed.
    """
    network, built = network_of(target, depth), targets.build(target["target"], depth)
    tickets = []
    for index in range(count):
        rng = streams.generator(seed, *names(target, depth), "mother", index)
        tickets.append(plant.plant(network, mother.initialise(network, rng), built))
    return Ground(
        np.stack([ticket.parameters for ticket in tickets]).astype(np.float32),
        np.stack([ticket.mask for ticket in tickets]),
        np.stack([ticket.scales[-1] for ticket in tickets]).astype(np.float32),
    )


def names(target: Mapping[str, Any], depth: int) -> tuple[str, ...]:
    """Name the random streams of a target and depth."""
    return ("planting", target["target"], f"depth{depth:02d}", f"width{target['width']}")
