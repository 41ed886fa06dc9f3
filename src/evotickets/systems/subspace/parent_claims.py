"""Claims about parents of different kinds; `claims` has what all of them look at."""

import pandas as pd

from evotickets import statistics
from evotickets.claims.rules import MISSING, weakest
from evotickets.statistics import ANYWHERE, TWICE, Bounds, Effect
from evotickets.systems.subspace import PARENT
from evotickets.systems.subspace.claims import at_chosen_sigma, chosen, claim, picked

SURE, EVEN = 0.03, 0.015
"""Mean confidence less accuracy from which a parent is overconfident, and within which it is calibrated."""


def kinds(table: pd.DataFrame) -> dict[str, list[str]]:
    """Return the names of overconfident and of calibrated parents, by their test images, mean over seeds."""
    rows = picked(table, "parent", candidate=PARENT, metric="overconfidence")
    gaps = rows.groupby("parent")["value"].mean()
    return {"overconfident": list(gaps[gaps >= SURE].index), "calibrated": list(gaps[gaps.abs() <= EVEN].index)}


@claim(
    "S6",
    statement="What children add depends on the parent: they help overconfident parents more than calibrated ones",
    source="ours",
    rule=f"A parent is overconfident if its mean confidence on test images exceeds its accuracy by {SURE} or more, calibrated "
    f"if both differ by {EVEN} at most, mean over seeds; others take no part. Gains in test loss, of overconfident less of "
    "calibrated parents, each mean over parents, paired by seed. S6a: of what validation images chose, as in S3a; S6b: of an "
    "ensemble of sparse children over the parent, both with a temperature, as in S2c; S6c: gain in accuracy, as in S3b; S6 is "
    "the weaker of S6a and S6b",
    figures=("ensembles",),
    unit={"": "loss", "S6c": "accuracy"},
    parts={
        "S6a": "One generation lowers the loss of overconfident parents more than that of calibrated ones",
        "S6b": "Ensembles of children help overconfident parents more than calibrated ones, beyond a temperature",
        "S6c": "One generation makes overconfident parents more accurate than calibrated ones, compared with what they were",
    },
)
def s6(table: pd.DataFrame) -> dict[str, Effect]:
    """Decide whether what children add depends on how sure their parent is."""
    groups = kinds(table)
    gains = chosen(table)
    rows = at_chosen_sigma(table, "norm")
    sparse = rows[rows["mode"] == "bernoulli"]
    wide = sparse.pivot_table("value", ["parent", "seed"], "candidate", aggfunc="mean")
    scaled = {"parent_scaled", "ensemble_scaled"} <= set(wide.columns)
    beyond = (wide["parent_scaled"] - wide["ensemble_scaled"]).rename("value").reset_index() if scaled else rows[:0]

    def between(values: pd.DataFrame, column: str, bounds: Bounds = ANYWHERE) -> Effect:
        sides = [values[values["parent"].isin(names)].groupby("seed")[column].mean() for names in groups.values()]
        # A seed that one side lacks takes no part.
        apart = (sides[0] - sides[1]).dropna()
        return statistics.stratified_effect(apart.to_numpy()[None], bounds=bounds) if len(apart) else MISSING

    found = {"S6a": between(gains, "nll"), "S6b": between(beyond, "value")}
    return {"S6": weakest(found.values())} | found | {"S6c": between(gains, "accuracy", TWICE)}
