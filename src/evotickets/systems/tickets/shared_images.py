"""Test scores on random parts of test images that all seeds share: how far a verdict rests on just these images."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from evotickets import landscape, streams
from evotickets.networks.layout import Network
from evotickets.networks.tickets import Ticket
from evotickets.tasks import Control, Supervised, replicated

PARTS = 20
"""Random parts of the test images: enough degrees of freedom for their variance, few enough for a table."""


def scores(
    final: Sequence[dict[str, Any]],
    factors: dict[str, Any],
    network: Network,
    task: Supervised | Control,
    ticket: Ticket,
    *,
    seed: int,
) -> list[dict[str, Any]]:
    """Return the final scores of a trained ticket as rows of a table, with the accuracies on parts of the test images.

    The parts are the same for all tickets of a study. They are empty for other scores, and where every seed has test images
    of its own, of which an interval over seeds knows.

    Args:
        final: a row per seed and score, with `split`, `metric` and `seed`.
        factors: what all rows have in common.
        network: the network.
        task: data or environment.
        ticket: trained.
        seed: of the study.
    """
    rows = [factors | row for row in final]
    scored = [(row["split"], row["metric"]) == ("test", "accuracy") for row in rows]
    data = None if isinstance(task, Control) or not any(scored) else replicated(task)
    if data is None or len(data.tested) > 1:
        return [row | {"parts": []} for row in rows]
    (x,), (y,) = data.test
    order = streams.generator(seed, data.name, "parts of the test images").permutation(len(y))
    hits = (landscape.predictions(network, ticket.flat(network, "mean"), x) == y)[:, order]
    parts = [[float(part.mean()) for part in np.array_split(own, PARTS)] for own in hits]
    listed = dict(zip(ticket.seeds, parts, strict=True))
    return [row | {"parts": listed[row["seed"]] if own else []} for row, own in zip(rows, scored, strict=True)]
