"""Claims about tickets of evolution strategies: what a mask is worth at home and elsewhere.

Source of all statements: Lange & Sprekeler (2023), "Lottery Tickets in Evolutionary Optimization".
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from evotickets import statistics
from evotickets.claims.registry import About
from evotickets.claims.rules import MISSING, contrast, opposite
from evotickets.pruning import CONTROLS
from evotickets.statistics import SHARES, TWICE, Bounds, Effect
from evotickets.systems.tickets.tables import SCORED

RELIABLE = 0.5
"""Spearman's correlation from which two runs of one ticket have most of the order of their stds in common."""
SPARSE, SPARSER, SPARSEST = 0.26, 0.11, 0.05
"""Densities up to which a level counts as sparse, sparser (about a tenth) and extremely sparse."""
RANGE = "share of a task's range of scores"
"""Unit of effects on normalised scores."""
_SOURCE = ["source_task", "source_trainer", "source_criterion"]
_NORMALISED = "test scores are min–max normalised within each task"
claim = About("tickets")


class Tables(NamedTuple):
    """What rules look at: the tables of a study, without rows where it has none, and which trainers follow gradients."""

    scores: pd.DataFrame
    transfers: pd.DataFrame
    barriers: pd.DataFrame
    flatness: pd.DataFrame
    diversity: pd.DataFrame
    reliability: pd.DataFrame
    gradient: frozenset[str]


def evidence(tables: Mapping[str, pd.DataFrame], *, gradient: Iterable[str]) -> tuple[Tables]:
    """Return what the rules look at, from the tables of a study by name and the trainers that follow gradients."""
    named = {name: tables[name] for name in ("transfers", "barriers", "flatness", "diversity", "reliability")}
    return (Tables(tables["tickets"], **named, gradient=frozenset(gradient)),)


def _tested(frame: pd.DataFrame) -> pd.DataFrame:
    return statistics.spread_parts(frame[frame["split"].eq("test") & frame["metric"].isin(SCORED)])


def _normalised(frame: pd.DataFrame, curve: list[str]) -> pd.DataFrame:
    """Scale test scores to [0, 1] within each task; a task on which all points are equal says nothing and is left out."""
    tested = _tested(frame)
    points = tested.groupby(["task", *curve])["value"].mean()
    varied = points.groupby("task").nunique()
    tested = tested[tested["task"].isin(varied.index[varied > 1])]
    return statistics.min_max(tested, ["task"], curve) if len(tested) else tested


def reliable(tables: Tables) -> set[tuple[str, str, int]]:
    """Return task, trainer and level of the cuts that were made with a std that carries signal.

    A level is cut by the std of the level before. How reliable that is, is known of the levels that the landscape looks at
    in chains of snr; of a level in between it is what it was at the last of them.
    """
    rows = tables.reliability
    rows = rows[rows["measure"].eq("spearman") & rows["criterion"].eq("snr")] if len(rows) else rows
    found = set()
    for (task, trainer), own in rows.groupby(["task", "trainer"]) if len(rows) else ():
        means = own.groupby("level")["value"].mean()
        scored = tables.scores[tables.scores["task"].eq(task) & tables.scores["trainer"].eq(trainer)]
        for level in scored["level"].unique():
            known = means[means.index < level]
            if len(known) and known.iloc[-1] >= RELIABLE:
                found.add((task, trainer, int(level)))
    return found


def _criteria(tables: Tables, a: str, b: str, most: float, only: set[tuple[str, str, int]] | None = None) -> Effect:
    scores = _normalised(tables.scores, ["trainer", "criterion", "density"])
    if only is not None and len(scores):
        scores = scores[[cell in only for cell in zip(scores["task"], scores["trainer"], scores["level"], strict=True)]]
    own = scores[~scores["trainer"].isin(tables.gradient) & (scores["density"] <= most)]
    return contrast(own, "criterion", a, b, ["task", "trainer", "density"], bounds=SHARES)


@claim(
    "C1 snr",
    statement="Tickets of evolution strategies cut by signal-to-noise ratio beat random ones when sparse.",
    source="Lange & Sprekeler (2023), §3, Fig. 2",
    rule=f"mean over tasks, evolution strategies and densities ≤ {SPARSE} of snr − random at the same seed; {_NORMALISED}",
    figures=("performance",),
    unit=RANGE,
)
def snr_over_random(tables: Tables) -> Effect:
    """C1 for the signal-to-noise ratio."""
    return _criteria(tables, "snr", "random", SPARSE)


@claim(
    "C1 magnitude",
    statement="Tickets of evolution strategies cut by magnitude beat random ones when sparse.",
    source="Lange & Sprekeler (2023), §3, Fig. 2",
    rule=f"as C1 snr, of magnitude − random at densities ≤ {SPARSE}; {_NORMALISED}",
    figures=("performance",),
    unit=RANGE,
)
def magnitude_over_random(tables: Tables) -> Effect:
    """C1 for the magnitude."""
    return _criteria(tables, "magnitude", "random", SPARSE)


@claim(
    "C2",
    statement="Cutting by signal-to-noise ratio is better than by magnitude at about a tenth of the weights and below.",
    source="Lange & Sprekeler (2023), §3, Fig. 2",
    rule=f"as C1 snr, of snr − magnitude at densities ≤ {SPARSER}, where the std that cuts carries signal: Spearman's "
    "correlation between the stds of two runs of the ticket before, or of the last one that was run twice, is at least "
    f"{RELIABLE} on average; {_NORMALISED}",
    figures=("performance",),
    unit=RANGE,
)
def snr_over_magnitude(tables: Tables) -> Effect:
    """C2."""
    return _criteria(tables, "snr", "magnitude", SPARSER, reliable(tables))


def best(frame: pd.DataFrame) -> str | None:
    """Return the criterion that stands for a trainer: snr, else magnitude, else the first by name that is no control."""
    names = sorted(set(frame["criterion"]) - set(CONTROLS))
    return next((name for name in ("snr", "magnitude") if name in names), names[0] if names else None)


def _drops(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return how far one trainer falls below its dense score [density, seed] under the criterion that stands for it."""
    wide = frame[frame["criterion"] == best(frame)].pivot(index="density", columns="seed", values=column)
    return wide.loc[wide.index.max()] - wide if len(wide) else wide


@claim(
    "C3",
    statement="On images, evolution strategies lose less to extreme sparsity than gradient descent.",
    source="Lange & Sprekeler (2023), §3, Fig. 3",
    rule=f"mean over tasks scored by accuracy, pairs of an evolution strategy and a gradient trainer, and densities "
    f"≤ {SPARSEST} of (dense − sparse accuracy of the gradient trainer) − (the same of the strategy) at the same seed; "
    "snr stands for strategies and magnitude for gradient trainers, where they have it",
    figures=("strategies",),
    unit="accuracy",
)
def lost_by_gradients(tables: Tables) -> Effect:
    """C3."""
    scores = _tested(tables.scores)

    def cells(column: str) -> Iterator[np.ndarray]:
        for _, task in scores[scores["metric"] == "accuracy"].groupby("task"):
            lost = {name: _drops(own, column) for name, own in task.groupby("trainer")}
            for gradient in sorted(lost.keys() & tables.gradient):
                for strategy in sorted(lost.keys() - tables.gradient):
                    theirs, ours = lost[gradient].align(lost[strategy], join="inner")
                    yield (theirs - ours)[theirs.index <= SPARSEST].to_numpy()

    # Each of the two losses is a difference of accuracies.
    return _over_cells(scores, cells, TWICE)


def _over_cells(scores: pd.DataFrame, cells: Callable[[str], Iterator[np.ndarray]], bounds: Bounds) -> Effect:
    """Return the mean over cells and seeds of the differences [levels, S] in a column of a score table, cell by cell."""

    found = {column: [cell for cell in cells(column) if cell.size] for column in ("value", *statistics.by_part(scores))}
    values = found.pop("value")
    if not values:
        return MISSING
    parts = [np.concatenate(differences) for differences in found.values()]
    return statistics.stratified_effect(np.concatenate(values), parts=parts or None, bounds=bounds)


def kind(row: pd.Series, gradient: frozenset[str]) -> str:
    """Name the kind of a transfer: `task to task`, or from and to which trainers (ES, GD) on one task."""
    if row["source_task"] != row["task"]:
        return "task to task"
    ends = ("GD" if trainer in gradient else "ES" for trainer in (row["source_trainer"], row["trainer"]))
    return " to ".join(ends)


def _transferred(tables: Tables, wanted: str | None, against: str) -> Effect:
    """Return transferred − `against` (`own` or `random`), over transfers of a kind at densities that count as sparse."""
    moved = tables.transfers
    if not len(moved):
        return MISSING
    together = pd.concat([moved, tables.scores.assign(**dict.fromkeys(_SOURCE, ""))], ignore_index=True)
    scaled = _normalised(together, [*_SOURCE, "trainer", "criterion", "density"])
    scaled = scaled[scaled["density"] <= SPARSE]

    def cells(column: str) -> Iterator[np.ndarray]:
        for place, rows in scaled[scaled["source_task"] != ""].groupby([*_SOURCE, "task", "trainer"]):
            if wanted is not None and kind(rows.iloc[0], tables.gradient) != wanted:
                continue
            home = scaled[scaled["task"].eq(place[3]) & scaled["trainer"].eq(place[4]) & scaled["source_task"].eq("")]
            home = home[home["criterion"] == (best(home) if against == "own" else against)]
            there, here = (frame.pivot(index="density", columns="seed", values=column) for frame in (rows, home))
            there, here = there.align(here, join="inner")
            yield (there - here).to_numpy()

    return _over_cells(scaled, cells, SHARES)


for _kind, _words in {
    "ES to ES": "from one evolution strategy to another",
    "task to task": "from one task to another",
    "ES to GD": "from evolution strategies to gradient descent",
    "GD to ES": "from gradient descent to evolution strategies",
}.items():
    claim(
        f"C4 {_kind}",
        statement=f"Tickets transfer {_words}: they beat random ones there.",
        source="Lange & Sprekeler (2023), §4" if _kind != "GD to ES" else "ours; the reverse of §4",
        rule=f"mean over transfers of this kind and densities ≤ {SPARSE} of transferred − random at the same seed, both "
        f"trained by the target; {_NORMALISED}",
        figures=("transfer",),
        unit=RANGE,
    )(lambda tables, kind=_kind: _transferred(tables, kind, "random"))


@claim(
    "C4 own",
    statement="A transferred ticket is worth less than the target's own.",
    source="Lange & Sprekeler (2023), §4",
    rule=f"mean over all transfers and densities ≤ {SPARSE} of own − transferred at the same seed, both trained by the "
    f"target, whose own ticket is cut by snr or else magnitude; {_NORMALISED}",
    figures=("transfer",),
    unit=RANGE,
)
def own_over_transferred(tables: Tables) -> Effect:
    """C4, the other side: between random and own."""
    return opposite(_transferred(tables, None, "own"))
