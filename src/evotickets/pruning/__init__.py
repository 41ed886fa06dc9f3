"""Which weights are kept: criteria, exact cuts, layer densities, and controls. Every start of the workflow reads this file."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass

from evotickets.parts import Form, Parts, signature

TRAINED, INITIAL = ("mean", "std", "initial", "mask"), ("initial", "loss", "network")
"""What a criterion of trained weights may ask for, and what one at initialisation may."""


@dataclass(frozen=True)
class ByName(Form):
    """A criterion gets what it asks for by the names of its arguments."""

    def misfit(self, parameters: Mapping[str, inspect.Parameter]) -> str:
        """Return what is wrong with the arguments of a criterion."""
        names, needed = list(parameters), "mean" if "mean" in parameters else "initial"
        known = TRAINED if "mean" in parameters else INITIAL
        return "" if needed in names and set(names) <= set(known) else f"takes ({', '.join(names)})"


criterion = Parts(
    "criterion",
    "evotickets.pruning.criteria",
    form=ByName(
        "(mean, and any of std, initial, mask) -> scores [S, K] of trained weights, or "
        "(initial, and any of loss, network) -> scores [N] at initialisation, by these names and without options"
    ),
)
"""What ranks the weights: larger means keep. The names of its arguments tell when it can be asked.

A criterion of trained weights takes their `mean`, and what else it wants of `std` (of a search distribution), `initial` and
`mask`. One at initialisation takes `initial` without a mean, and the `loss` or the `network`.
"""

CONTROLS = ("random", "mask_reinit", "weights_permuted", "mask_permuted")
"""Tickets that no criterion cuts: a fresh mask with fresh weights, or another chain's ticket with one part destroyed."""


def needs(name: str) -> tuple[str, ...]:
    """Return the names of a criterion's arguments."""
    return tuple(signature(criterion[name]).parameters)


def of_trained_weights() -> list[str]:
    """Return the criteria that rank trained weights."""
    return [name for name in criterion if "mean" in needs(name)]


def at_once() -> list[str]:
    """Return the criteria that cut the initial parameters of a level at once, without training."""
    return [name for name in criterion if "mean" not in needs(name)]
