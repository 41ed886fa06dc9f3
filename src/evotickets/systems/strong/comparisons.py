"""What claims about strong tickets compare: rows of the table side by side, and their effects.

Accuracy is that on test samples of tickets chosen on validation samples, before pruning. Effects are paired over seeds, and
every task counts alike. Where a study has several genetic seekers, the one that minimises the share of errors stands for
them on two classes, and the one that minimises the cross-entropy on more; where numbers of classes are compared, one stands
for them on all.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from evotickets import statistics
from evotickets.claims import rules
from evotickets.claims.rules import MISSING, named, weakest
from evotickets.statistics import SHARES, Effect
from evotickets.systems.strong import DENSE, FOUND

HALF = 0.5
"""The density of edge-popup in the papers."""
OBJECTIVES = ("accuracy", "cross_entropy")

Seekers = Mapping[str, Mapping[str, Any]]


def wide(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per task, seeker, state and seed.

    Its columns are `accuracy` on test samples and `validation` on validation samples, `density` and what was recovered.
    """
    keys = ["task", "family", "classes", "hidden", "initial", "seeker", "state", "seed"]
    held = table["split"].isin(["test", "validation"]) & table["metric"].eq("accuracy")
    chosen = table[held | table["split"].isin(["recovery", "mask"])]
    chosen = chosen.assign(metric=chosen["metric"].where(chosen["split"] != "validation", "validation"))
    frame = chosen.pivot(index=keys, columns="metric", values="value").reset_index()
    frame.columns.name = None
    return frame


def contrast(frame: pd.DataFrame, column: str, a: str, b: str) -> Effect:
    """Return the effect of seeker `a` over `b` on what a column holds, over the tasks that both were run on."""
    rows = frame[frame["state"] == FOUND].assign(value=frame[column])
    return rules.contrast(rows, "seeker", a, b, ["task"], bounds=SHARES)


def genetic(seekers: Seekers, classes: int) -> list[str]:
    """Name the genetic seekers, the one that stands for them first."""
    order = OBJECTIVES if classes == 2 else OBJECTIVES[::-1]
    return [name for objective in order for name in named(seekers, seeker="genetic", objective=objective)]


def fair_pairs(seekers: Seekers, kind: str) -> list[tuple[str, str]]:
    """Name the seekers of a kind, each with the genetic search whose number of evaluations and whose objective it has."""
    budgets = {name: seekers[name]["budget"] for name in named(seekers, seeker=kind)}
    return [
        (name, ours)
        for name, ours in budgets.items()
        if seekers.get(ours, {}).get("objective") == seekers[name]["objective"]
    ]


def standing(frame: pd.DataFrame, seekers: Seekers, classes: int) -> str | None:
    """Name the genetic seeker that stands for all on rows of some number of classes; None where there is none."""
    present = set(frame["seeker"])
    return next((name for name in genetic(seekers, classes) if name in present), None)


def ordinary(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out tasks whose weights were planted."""
    return frame[~frame["family"].str.startswith("planted")]


def against_popup(frame: pd.DataFrame, seekers: Seekers, name: str) -> dict[str, Effect]:
    """Compare genetic search with edge-popup at one half, in accuracy and density, and in accuracy at its own density."""
    found = {name: MISSING, f"{name}a": MISSING, f"{name}b": MISSING, f"{name}c": MISSING}
    ours = standing(frame, seekers, 2 if (frame["classes"] == 2).all() else 3)
    if ours is None:
        return found
    for half in named(seekers, seeker="edge_popup", density=HALF)[:1]:
        found[f"{name}a"] = contrast(frame, "accuracy", ours, half)
        sparser = contrast(frame, "density", half, ours)
        found[f"{name}b"] = sparser
        found[name] = weakest((found[f"{name}a"], sparser))
    for equal in named(seekers, seeker="edge_popup", density=ours)[:1]:
        found[f"{name}c"] = contrast(frame, "accuracy", ours, equal)
    return found


def gaps(frame: pd.DataFrame, seekers: Seekers) -> pd.DataFrame:
    """Return how far genetic search stays below the trained dense network: a row per task and seed, with `gap`.

    One genetic seeker stands for them in a family, so that no slope is that of a change of objective.
    """
    rows = ordinary(frame)
    rows = rows[rows["state"] == FOUND]
    keys = ["task", "family", "classes", "hidden", "initial", "seed"]
    parts = []
    for _, own in rows.groupby("family"):
        name = standing(own, seekers, int(own["classes"].max()))
        if name is not None:
            dense, ours = (own[own["seeker"] == seeker].set_index(keys)["accuracy"] for seeker in (DENSE, name))
            parts.append((dense - ours).dropna().rename("gap"))
    return pd.concat(parts).reset_index() if parts else pd.DataFrame(columns=[*keys, "gap"])


def slope(frame: pd.DataFrame, x: str, fixed: str) -> Effect:
    """Return the mean slope of `gap` over a column: one a seed and group of tasks.

    Tasks of a group are alike in family, initialisation and the column `fixed`; groups with one value of x only take no part.
    """
    slopes = []
    for _, own in frame.groupby(["family", "initial", fixed]):
        values = own.pivot_table(index="seed", columns=x, values="gap")
        if values.shape[1] > 1 and values.notna().all(axis=None):
            at = values.columns.to_numpy(float)
            at = at - at.mean()
            slopes.append(values.to_numpy() @ at / (at @ at))
    if not slopes or len({len(own) for own in slopes}) > 1:
        return MISSING
    return statistics.stratified_effect(slopes)


def mean_gain(gain: pd.Series, rows: pd.DataFrame) -> Effect:
    """Return the mean of what the rows of a frame gain, every task and seeker alike."""
    if gain.empty:
        return MISSING
    gains = gain.groupby([rows["task"], rows["seeker"], rows["seed"]]).mean().unstack("seed").to_numpy()
    return statistics.stratified_effect(gains, bounds=SHARES)
