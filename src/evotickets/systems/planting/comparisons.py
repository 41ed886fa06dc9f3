"""What claims about planted tickets compare: cells of the table side by side, and their effects.

Quality is relative: 0 is the best constant output, 1 what the planted ticket reaches (accuracy), or no error (mse), with the
fair evaluation of `measures`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import wraps
from typing import Any

import numpy as np
import pandas as pd

from evotickets import statistics
from evotickets.claims.rules import MISSING, contrast, weakest
from evotickets.planted import PRUNED
from evotickets.planted.plant import LEAST_SQUARES
from evotickets.statistics import Effect, Interval
from evotickets.systems.planting import PLANTED

SCORED = ("random", "magnitude", "snip", "grasp", "synflow")
"""The pruners of the paper."""

GROUND = ["target", "depth"]
CONDITION = [*GROUND, "asked"]
CELL = ["target", "depth", "seeker", "asked"]

Seekers = Mapping[str, Mapping[str, Any]]
Targets = Mapping[str, Mapping[str, Any]]
Rule = Callable[[pd.DataFrame, Seekers], dict[str, Effect]]

VARIANTS = {("factor", LEAST_SQUARES): "with the paper's factor", ("biases", PRUNED): "with biases pruned"}
"""What tickets were planted or cut otherwise than by default, and what is added to the names of claims about those."""


def wide(table: pd.DataFrame, targets: Targets, single_shot: Collection[str]) -> pd.DataFrame:
    """Return one row per cell and seed with a column per measure of the whole network.

    Added are `strong`, `weak`, `width`, `single_shot`, and the `variant` of the target in words, "" by default.
    """
    rows = table[table["layer"] == 0]
    keys = ["target", "family", "noise", "depth", "seeker", "asked", "density", "seed"]
    frame = rows.pivot(index=keys, columns="metric", values="value").reset_index()
    frame.columns.name = None
    frame["width"] = frame["target"].map({name: settings["width"] for name, settings in targets.items()})
    frame["variant"] = frame["target"].map({name: variant(settings) for name, settings in targets.items()})
    frame["single_shot"] = frame["seeker"].isin(list(single_shot))
    reference = frame[frame["seeker"] == PLANTED].set_index([*GROUND, "seed"])
    at = pd.MultiIndex.from_frame(frame[[*GROUND, "seed"]])
    for state in ("strong", "weak"):
        quality = pd.Series(np.nan, frame.index)
        if f"{state}_accuracy" in frame:
            top = reference["strong_accuracy"].reindex(at).to_numpy()
            base = frame["baseline_accuracy"]
            quality = (frame[f"{state}_accuracy"] - base) / (top - base)
        if f"{state}_mse" in frame:
            quality = quality.fillna(1 - frame[f"{state}_mse"] / frame["baseline_mse"])
        frame[state] = quality
    return frame


def variant(settings: Mapping[str, Any]) -> str:
    """Say in words how a target is planted or cut otherwise than by default; "" where it is not."""
    return ", ".join(words for (key, value), words in VARIANTS.items() if settings.get(key) == value)


def in_every_variant(rule: Rule) -> Rule:
    """Let a rule decide on targets as they are by default, and again on those of every variant that a study has."""

    @wraps(rule)
    def decided(frame: pd.DataFrame, seekers: Seekers) -> dict[str, Effect]:
        found = dict(rule(frame[frame["variant"] == ""], seekers))
        for words in sorted(set(frame["variant"]) - {""}):
            effects = rule(frame[frame["variant"] == words], seekers)
            found |= {f"{part} {words}": effect for part, effect in effects.items() if effect.n}
        return found

    return decided


def complete(frame: pd.DataFrame, seekers: Seekers) -> pd.DataFrame:
    """Return the cells of single-shot seekers, where all single-shot pruners of the paper were run beside each other."""
    rows = frame[frame["single_shot"]]
    if rows.empty:
        return rows
    kinds = rows["seeker"].map({name: own["seeker"] for name, own in seekers.items()})
    ran = kinds.groupby([rows[key] for key in CONDITION]).agg(set)
    whole = ran[[set(SCORED) <= kinds for kinds in ran]].index
    return rows[pd.MultiIndex.from_frame(rows[CONDITION]).isin(whole)]


def multi_shot(seekers: Seekers, score: str | None = None) -> list[str]:
    """Name the pruners of the paper that score trained weights, by a certain score if one is given."""
    chosen = [name for name, s in seekers.items() if s["seeker"] in SCORED and s.get("shots", 0)]
    return [name for name in chosen if score in (None, seekers[name]["seeker"])]


def largest(
    frame: pd.DataFrame, column: str, threshold: float = 0.0, interval: Callable[..., Interval] = statistics.interval
) -> Effect:
    """Return how far the largest cell mean exceeds a threshold, with an interval that holds for all cells at once.

    With the confidence shared out over the cells (Bonferroni), the largest mean lies between the largest lower and the
    largest upper end.
    """
    cells = [rows[column].to_numpy() for _, rows in frame.groupby(CELL, observed=True)]
    if not cells:
        return MISSING
    means = np.array([interval(values, statistics.shared_out(len(cells))) for values in cells])
    mean, low, high = (float(value) for value in means.max(0) - threshold)
    return Effect(mean, low, high, min(map(len, cells)))


def paired(frame: pd.DataFrame, column: str, a: str, b: str) -> Effect:
    """Return the effect of seeker `a` over `b`, paired over seeds, every target, depth and density they share alike."""
    return contrast(frame.assign(value=frame[column]), "seeker", a, b, CONDITION)


def best_of(frame: pd.DataFrame, column: str, ours: Iterable[str], others: Iterable[str]) -> Effect:
    """Return the effect of the best of ours over the best of the others, one pairing of seeds at a time."""
    others = [name for name in others if (frame["seeker"] == name).any()]
    against = [weakest(paired(frame, column, name, other) for other in others) for name in ours if others]
    decided = [effect for effect in against if effect.n]
    return max(decided, key=lambda effect: effect.effect) if decided else MISSING
