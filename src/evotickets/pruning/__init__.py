"""Which weights are kept: criteria, exact cuts, layer densities, and controls. Every start of the workflow reads this file."""

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from evotickets.parts import Form, Parts, signature

TRAINED, INITIAL = ("mean", "std", "initial", "mask"), ("initial", "loss", "network")
"""What a criterion of trained weights may ask for, and what one at initialisation may."""


def is_of_trained_weights(needed: Iterable[str]) -> bool:
    """Tell whether a criterion that asks for these can be asked after training only."""
    return bool({"mean", "std", "mask"} & set(needed))


@dataclass(frozen=True)
class ByName(Form):
    """A criterion gets what it asks for by the names of its arguments."""

    def misfit(self, parameters: Mapping[str, inspect.Parameter]) -> str:
        """Return what is wrong with the arguments of a criterion."""
        known = TRAINED if is_of_trained_weights(parameters) else INITIAL
        fits = set(parameters) <= set(known) and set(parameters) & {"mean", "std", "initial"}
        return "" if fits else f"takes ({', '.join(parameters)})"


criterion = Parts(
    "criterion",
    "evotickets.pruning.criteria",
    form=ByName(
        "(any of mean, std, initial, mask) -> scores [S, K] of trained weights, or "
        "(initial, and any of loss, network) -> scores [N] at initialisation, by these names and without options"
    ),
)
"""What ranks the weights: larger means keep. The names of its arguments tell when it can be asked.

A criterion of trained weights takes what it wants of their `mean` and `std` (of a search distribution), `initial` and `mask`.
One at initialisation takes `initial`, and the `loss` or the `network`.
"""

CONTROLS = ("random", "mask_reinit", "weights_permuted", "mask_permuted")
"""Tickets that no criterion cuts: a fresh mask with fresh weights, or another chain's ticket with one part destroyed."""


def needs(name: str) -> tuple[str, ...]:
    """Return the names of a criterion's arguments."""
    return tuple(signature(criterion[name]).parameters)


def of_trained_weights() -> list[str]:
    """Return the criteria that rank trained weights."""
    return [name for name in criterion if is_of_trained_weights(needs(name))]


def at_once() -> list[str]:
    """Return the criteria that cut the initial parameters of a level at once, without training."""
    return [name for name in criterion if not is_of_trained_weights(needs(name))]
