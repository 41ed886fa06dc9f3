"""What a claim is, and the one list of claims: a rule registers itself with a decorator.

Rules are written before the numbers are looked at; changing one is changing the study.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from evotickets.statistics import Effect, verdict


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
MISSING = Effect(np.nan, np.nan, np.nan, 0)
"""The effect where a study has no data for it: undecided."""
ENDS = "supported if its 95 % interval over seeds lies above 0, contradicted if it does not reach above 0"


def register(name: str, system: str, *, statement: str, source: str, rule: str) -> Callable:
    """Register the decorated (Tables) -> Effect as a claim."""

    def decorate(effect: Callable[[Tables], Effect]) -> Callable[[Tables], Effect]:
        CLAIMS.append(Claim(name, system, statement, source, f"{rule}; {ENDS}", effect))
        return effect

    return decorate


def decide(tables: Tables, system: str) -> list[dict[str, Any]]:
    """Return one row per claim of a system, in the order of names: its words, effect, interval, verdict and number of seeds."""
    rows = []
    for claim in sorted((claim for claim in CLAIMS if claim.system == system), key=lambda claim: claim.name):
        words = {"claim": claim.name, "system": system, "statement": claim.statement, "source": claim.source}
        effect, low, high, n = claim.effect(tables)
        found = {"effect": effect, "low": low, "high": high, "verdict": verdict(low, high)}
        rows.append(words | found | {"rule": claim.rule, "n": n})
    return rows
