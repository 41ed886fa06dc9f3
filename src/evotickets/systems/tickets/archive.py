"""What a trained ticket and a task leave as results.

Scripts alone use this module.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from evotickets import results
from evotickets.networks.tickets import Ticket
from evotickets.tasks import Control, Supervised, replicated
from evotickets.trainers.history import Trajectory


def write_trained(output: Any, ticket: Ticket, trajectory: Trajectory, metadata: Mapping[str, Any]) -> None:
    """Write a ticket that was trained, and its way there, to the paths `ticket` and `history`."""
    results.write_ticket(output.ticket, ticket, metadata)
    results.write_table(output.history, trajectory.rows(ticket.seeds), schema=results.HISTORY, metadata=metadata)


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
