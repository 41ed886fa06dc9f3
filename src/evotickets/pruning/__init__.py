"""Which weights are kept: criteria, exact cuts, layer densities, and controls. Every start of the workflow reads this file."""

import inspect

from evotickets.parts import Parts

criterion = Parts("criterion", "evotickets.pruning.criteria")
"""What ranks the weights: larger means keep. The names of its arguments tell when it can be asked.

A criterion of trained weights takes their `mean`, and what else it wants of `std` (of a search distribution), `initial` and
`mask`. One at initialisation takes `initial` without a mean, and the `loss` or the `network`.
"""

CONTROLS = ("random", "mask_reinit", "weights_permuted", "mask_permuted")
"""Tickets that no criterion cuts: a fresh mask with fresh weights, or another chain's ticket with one part destroyed."""


def needs(name: str) -> tuple[str, ...]:
    """Return the names of a criterion's arguments."""
    return tuple(inspect.signature(criterion[name]).parameters)


def of_trained_weights() -> list[str]:
    """Return the criteria that rank trained weights."""
    return [name for name in criterion if "mean" in needs(name)]


def at_once() -> list[str]:
    """Return the criteria that cut the initial parameters of a level at once, without training."""
    return [name for name in criterion if "mean" not in needs(name)]
