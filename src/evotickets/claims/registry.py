"""The claims of the first paper, of which every rule registers itself with a decorator."""

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from evotickets.claims.rules import Row, row
from evotickets.statistics import Effect


class Tables(NamedTuple):
    """What rules look at: the tables of a study, without rows where it has none, and which trainers follow gradients."""

    scores: pd.DataFrame
    transfers: pd.DataFrame
    barriers: pd.DataFrame
    flatness: pd.DataFrame
    diversity: pd.DataFrame
    gradient: frozenset[str]


class Claim(NamedTuple):
    """A statement, where it was made, and the rule that decides it.

    Attributes:
        name: short, such as `C1 snr`.
        system: whose tables decide it.
        statement: what is claimed.
        source: who claims it, and where.
        rule: how the effect is computed; the claim is that it is above zero.
        effect: the rule as a function of tables.
    """

    name: str
    system: str
    statement: str
    source: str
    rule: str
    effect: Callable[[Tables], Effect]


CLAIMS: list[Claim] = []


def register(name: str, system: str, *, statement: str, source: str, rule: str) -> Callable:
    """Register the decorated (Tables) -> Effect as a claim."""

    def decorate(effect: Callable[[Tables], Effect]) -> Callable[[Tables], Effect]:
        CLAIMS.append(Claim(name, system, statement, source, rule, effect))
        return effect

    return decorate


def decide(tables: Tables, system: str) -> list[Row]:
    """Return one row per claim of a system, in the order of names: its words, effect, interval, verdict and number of seeds."""
    asked = sorted((claim for claim in CLAIMS if claim.system == system), key=lambda claim: claim.name)
    return [row(*claim[:-1], claim.effect(tables)) for claim in asked]
