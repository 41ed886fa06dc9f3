"""The one list of seekers of planted tickets.

A seeker is one registered function `(instance, count, **options) -> mask [S, K]` that keeps exactly `count` edges.
"""

from collections.abc import Callable

import numpy as np

Seeker = Callable[..., np.ndarray]

SEEKERS: dict[str, Seeker] = {}


def register(function: Seeker) -> Seeker:
    """Add a seeker under its function's name."""
    SEEKERS[function.__name__] = function
    return function
