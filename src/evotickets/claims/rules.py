"""What the rules of all systems are made of: effects that are missing, opposite or joined, and rows with verdicts.

Rules are written before the numbers are looked at; changing one is changing the study.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from evotickets import statistics
from evotickets.statistics import Effect

MISSING = Effect(np.nan, np.nan, np.nan, 0)
"""The effect where a study has no data for it: undecided."""
ENDS = "supported if its 95 % interval lies above 0, contradicted if it does not reach above 0"

Row = dict[str, Any]


class Rule(NamedTuple):
    """How a claim and its parts are decided.

    Attributes:
        effects: tables of a study -> effects by name: of the claim, of its parts, and under single conditions.
        statement: what is claimed.
        source: who claims it, and where.
        text: how the effects are computed; the claim is that they are above zero.
        margin: how far from zero effects may lie whose claim is that there is none; for all parts, or by name.
    """

    effects: Callable[..., dict[str, Effect]]
    statement: str
    source: str
    text: str
    margin: float | Mapping[str, float] | None = None


def named(parts: Mapping[str, Mapping[str, Any]], **options: Any) -> list[str]:
    """Return the names of the parts of a study (seekers, methods) that have certain options."""
    return [name for name, own in parts.items() if all(own.get(key) == value for key, value in options.items())]


def opposite(effect: Effect) -> Effect:
    """Return the effect of the opposite claim."""
    return Effect(-effect.effect, -effect.high, -effect.low, effect.n)


def weakest(effects: Iterable[Effect]) -> Effect:
    """Return the weakest of several effects that must all be positive; missing if one is."""
    effects = list(effects)
    mean, low, high = (float(value) for value in np.min([effect[:3] for effect in effects], axis=0))
    return Effect(mean, low, high, min(effect.n for effect in effects))


def weakest_known(effects: Iterable[Effect]) -> Effect:
    """Return the weakest of the effects that the study has data for; missing if it has none."""
    known = [effect for effect in effects if effect.n]
    return weakest(known) if known else MISSING


def contrast(rows: pd.DataFrame, column: str, a: str, b: str, cells: Sequence[str]) -> Effect:
    """Return the effect of `a` over `b`, paired over seeds, all cells that both have alike; missing if they share none."""
    sides = [set(rows.loc[rows[column] == side, [*cells]].itertuples(index=False)) for side in (a, b)]
    return statistics.contrast(rows, column, a, b, [*cells]) if sides[0] & sides[1] else MISSING


def row(
    claim: str, system: str, statement: str, source: str, text: str, effect: Effect, margin: float | None = None
) -> Row:
    """Return a row of the table of claims."""
    low, high = effect.low, effect.high
    if margin is None:
        decided, ends = statistics.verdict(low, high), ENDS
    else:
        decided = statistics.equivalence(low, high, margin=margin)
        ends = f"supported if its whole 95 % interval lies within ±{margin:g}"
    words = {"claim": claim, "system": system, "statement": statement, "source": source, "rule": f"{text}; {ends}"}
    return words | effect._asdict() | {"verdict": decided}


def decide(
    system: str,
    rules: Mapping[str, Rule],
    *evidence: Any,
    statement: Callable[[str, str], str] = lambda _, whole: whole,
) -> list[Row]:
    """Return one row per claim, part and condition; what the study did not run is undecided.

    Args:
        system: whose rules they are.
        rules: by the name of the claim.
        evidence: what every rule looks at.
        statement: (name of a part, statement of the whole claim) -> statement of the part.
    """
    rows = []
    for rule in rules.values():
        for part, effect in rule.effects(*evidence).items():
            margin = rule.margin.get(part) if isinstance(rule.margin, Mapping) else rule.margin
            rows.append(row(part, system, statement(part, rule.statement), rule.source, rule.text, effect, margin))
    return rows
