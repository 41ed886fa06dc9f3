"""Tickets and tasks as results: flat arrays become named tensors in a file and come back.

Scripts alone use this module.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evotickets import results
from evotickets.networks import layout
from evotickets.networks.layout import Network
from evotickets.systems.tickets import levels as tickets
from evotickets.tasks import Control, Supervised, replicated
from evotickets.trainers.history import Trajectory


def write_ticket(
    path: str, network: Network, ticket: tickets.Ticket, seeds: Sequence[int], metadata: Mapping[str, Any]
) -> None:
    """Write a flat ticket tensor by tensor."""

    def tensors(flat: np.ndarray | None) -> results.Tensors | None:
        return None if flat is None else layout.unflatten(network, flat)

    stored = results.Ticket(
        tuple(seeds),
        layout.unflatten(network, ticket.initial),
        layout.unflatten(network, ticket.mask),
        tensors(ticket.mean),
        tensors(ticket.std),
        ticket.statistics,
    )
    results.write_ticket(path, stored, metadata)


def write_trained(
    output: Any,
    network: Network,
    ticket: tickets.Ticket,
    trajectory: Trajectory,
    seeds: Sequence[int],
    metadata: Mapping[str, Any],
) -> None:
    """Write a ticket that was trained, and its way there, to the paths `ticket` and `history`."""
    write_ticket(output.ticket, network, ticket, seeds, metadata)
    results.write_table(output.history, trajectory.rows(seeds), schema=results.HISTORY, metadata=metadata)


def read_ticket(path: str, network: Network) -> tuple[tickets.Ticket, tuple[int, ...]]:
    """Read a ticket of a network as flat arrays, and its seeds."""
    stored = results.read_ticket(path)

    def flat(tensors: results.Tensors | None) -> np.ndarray | None:
        return None if tensors is None else layout.flatten(network, tensors)

    ticket = tickets.Ticket(
        layout.flatten(network, stored.initial),
        layout.flatten(network, stored.mask),
        flat(stored.mean),
        flat(stored.std),
        stored.statistics,
    )
    return ticket, stored.seeds


def dataset(task: Supervised | Control) -> dict[str, str | int]:
    """Describe a task as the tracking store wants it."""
    if not isinstance(task, Control):
        seen = replicated(task)
        rows = {split: getattr(seen, split).y.shape[1] for split in ("train", "validation", "test")}
        return {
            "name": task.name,
            "digest": task.digest,
            "rows": sum(rows.values()),
            "features": int(np.prod(task.input_shape)),
        }
    return {"name": task.name, "digest": f"horizon-{task.horizon}", "rows": 0, "features": task.observation_size}
