"""Mother networks with tickets in them, drawn for every seed."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from evotickets import streams
from evotickets.networks import masks
from evotickets.networks.layout import Network
from evotickets.planted import KEPT, PRUNED, mother, plant, targets


class Ground(NamedTuple):
    """Mother networks with tickets in them.

    Attributes:
        parameters: [S, N], float32.
        mask: the tickets [S, K], or [S, N] where biases are pruned.
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

    Targets that differ in noise, factor or biases alone get the same mothers, so that they can be compared seed by seed.

    Args:
        target: `target` and `width`; `factor` and `biases` where they are not `projection` and `kept`.
        depth: number of weight layers.
        seed: of the study.
        count: of mothers.
    """
    network, built = network_of(target, depth), targets.build(target["target"], depth)
    factor, tickets = target.get("factor", plant.PROJECTION), []
    for index in range(count):
        rng = streams.generator(seed, *names(target, depth), "mother", index)
        tickets.append(plant.plant(network, mother.initialise(network, rng), built, factor))
    kept = np.stack([ticket.kept for ticket in tickets])
    return Ground(
        np.stack([ticket.parameters for ticket in tickets]).astype(np.float32),
        kept if prunes_biases(target) else masks.edges(network, kept),
        np.stack([ticket.scales[-1] for ticket in tickets]).astype(np.float32),
    )


def prunes_biases(target: Mapping[str, Any]) -> bool:
    """Tell whether a target's settings let biases be pruned."""
    return target.get("biases", KEPT) == PRUNED


def names(target: Mapping[str, Any], depth: int) -> tuple[str, ...]:
    """Name the random streams of a target and depth."""
    return ("planting", target["target"], f"depth{depth:02d}", f"width{target['width']}")
