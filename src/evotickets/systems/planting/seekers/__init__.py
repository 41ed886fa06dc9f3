"""All seekers of planted tickets: one registered function each, in a module of this package."""

from typing import Any

import numpy as np

from evotickets.refusals import hint
from evotickets.supermasks.instance import Instance
from evotickets.systems.planting import seeker


def seek(name: str, instance: Instance, count: int, **options: Any) -> np.ndarray:
    """Return the mask [S, K] that a seeker finds, with exactly `count` edges.

    Raises:
        ValueError: if there is no such seeker, or it knows nothing of biases that are prunable.
    """
    if name not in seeker:
        raise ValueError(f"unknown seeker {name!r}; {hint(name, sorted(seeker))}")
    mask = seeker[name](instance, count, **options)
    if mask.shape != instance.everything.shape:
        raise ValueError(
            f"{name} returned masks {mask.shape}, but what is prunable is {instance.everything.shape}: "
            "start from instance.everything"
        )
    return mask
