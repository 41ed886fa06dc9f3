"""What the rules of all systems are made of: effects that are missing, opposite or joined."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evotickets import statistics
from evotickets.statistics import ANYWHERE, Bounds, Effect

MISSING = Effect(np.nan, np.nan, np.nan, 0)
"""The effect where a study has no data for it: not asked."""


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


def unless_all(effect: Effect, asked: Iterable[Any], run: Iterable[Any]) -> Effect:
    """Return the effect of a claim about all of several methods, which is missing where a study has not run all of them.

    One method is enough to contradict it: what is contradicted stays.
    """
    return effect if set(asked) <= set(run) or effect.high <= 0 else MISSING


def contrast(
    rows: pd.DataFrame, column: str, a: str, b: str, cells: Sequence[str], *, bounds: Bounds = ANYWHERE
) -> Effect:
    """Return the effect of `a` over `b`, paired over seeds, all cells that both have alike; missing if they share none."""
    sides = [set(rows.loc[rows[column] == side, [*cells]].itertuples(index=False)) for side in (a, b)]
    return statistics.contrast(rows, column, a, b, [*cells], bounds=bounds) if sides[0] & sides[1] else MISSING
