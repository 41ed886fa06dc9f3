"""Claims about what lies around trained tickets: connectivity, flatness, diversity.

Source of all statements: Lange & Sprekeler (2023), §5. The rules look at test accuracy, so at tasks that have one.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from evotickets import statistics
from evotickets.claims.rules import MISSING
from evotickets.landscape import PAIRS, STABLE
from evotickets.statistics import SHARE, SHARES, TWICE, Effect
from evotickets.systems.tickets.claims import Tables, claim

MATCHED = 0.05
"""Mean accuracies no farther apart count as matched."""
_CHAIN = ["task", "trainer", "criterion"]


def _barriers(tables: Tables, pair: str, column: str, *, gradient: bool) -> Effect:
    """Return the mean barrier over chains, levels and seeds of one side, with its interval over seeds."""
    rows = tables.barriers
    rows = rows[rows["pair"].eq(pair) & rows["split"].eq("test") & rows["metric"].eq("error")]
    rows = rows[rows["trainer"].isin(tables.gradient) == gradient]
    if not len(rows):
        return MISSING
    wide = rows.pivot(index=[*_CHAIN, "level"], columns="seed", values=column).to_numpy()
    return statistics.stratified_effect(wide, bounds=SHARE)


# Levels differ in density and so in error: half that difference would pass for a barrier where the line is straight.
for _pair, _name, _column, _words, _height in (
    (PAIRS[0], "levels", "bump", "consecutive levels", "rise above the straight line between the test errors of"),
    (PAIRS[2], "runs", "value", "two runs of one ticket under different noise", "barrier of the test error between"),
):
    _rule = f"mean over chains and levels of the {_height} {_words}"

    def _gradient(tables: Tables, pair: str = _pair, column: str = _column) -> Effect:
        effect, low, high, n = _barriers(tables, pair, column, gradient=True)
        return Effect(STABLE - effect, STABLE - high, STABLE - low, n)

    def _evolution(tables: Tables, pair: str = _pair, column: str = _column) -> Effect:
        effect, low, high, n = _barriers(tables, pair, column, gradient=False)
        return Effect(effect - STABLE, low - STABLE, high - STABLE, n)

    claim(
        f"C5 GD {_name}",
        statement=f"Gradient descent keeps {_words} linearly connected.",
        source="Lange & Sprekeler (2023), §5, Fig. 6",
        rule=f"{STABLE} − {_rule} of gradient trainers",
        figures=("barriers", "interpolation"),
        unit="error",
    )(_gradient)
    claim(
        f"C5 ES {_name}",
        statement=f"Evolution strategies do not keep {_words} linearly connected.",
        source="Lange & Sprekeler (2023), §5, Fig. 6",
        rule=f"{_rule} of evolution strategies − {STABLE}",
        figures=("barriers", "interpolation"),
        unit="error",
    )(_evolution)


def flat_share(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over noise levels of score under noise / score without, [chain and level, seed]."""
    score = curves.pivot_table("value", [*_CHAIN, "level", "seed"], "epsilon")
    return score.div(score.iloc[:, 0], axis=0).mean(axis=1).unstack("seed")


def matches(tables: Tables) -> Iterator[tuple[tuple, tuple]]:
    """Pair every level of an evolution strategy with that of a gradient chain on its task whose accuracy is nearest.

    Pairs whose mean test accuracies differ by more than 0.05 are left out.
    """
    curves = tables.flatness
    curves = curves[curves["split"].eq("test") & curves["metric"].eq("accuracy") & curves["epsilon"].eq(0)]
    means = curves.groupby([*_CHAIN, "level"])["value"].mean()
    for place, accuracy in means.items():
        if place[1] in tables.gradient:
            continue
        baselines = means[[other[0] == place[0] and other[1] in tables.gradient for other in means.index]]
        for _, baseline in (baselines - accuracy).abs().groupby(_CHAIN):
            if baseline.min() <= MATCHED:
                yield place, baseline.idxmin()


_AT = f"matched: with every level of a strategy, the gradient level on its task nearest in mean accuracy, within {MATCHED}"


@claim(
    "C6 flat",
    statement="Optima of evolution strategies are flatter than those of gradient descent.",
    source="Lange & Sprekeler (2023), §5, Fig. 6",
    rule="mean over matched levels of the difference (strategy − gradient) in the share of test accuracy that is left under "
    f"noise on the weights, averaged over noise levels; {_AT}",
    figures=("flatness",),
    unit="share of the accuracy",
)
def flatter(tables: Tables) -> Effect:
    """C6, flatness."""
    found = list(matches(tables))
    if not found:
        return MISSING
    curves = tables.flatness
    share = flat_share(curves[curves["split"].eq("test") & curves["metric"].eq("accuracy")])
    ours, theirs = (share.loc[list(side)].to_numpy() for side in zip(*found, strict=True))
    return statistics.stratified_effect(ours, theirs)


def _diverse(tables: Tables, measure: str, sign: int) -> Effect:
    """Return sign · (strategy − gradient) of a measure between seeds, over matched levels; it needs three seeds."""
    rows, sides = tables.diversity[tables.diversity["measure"] == measure], []
    groups = dict(iter(rows.groupby([*_CHAIN, "level"])))
    for places in matches(tables):
        if all(place in groups for place in places):
            matrices = [statistics.pair_matrix(groups[place]) for place in places]
            if len(matrices[0]) < 3:
                return MISSING
            sides.append([sign * statistics.pairwise(matrix) for matrix in matrices])
    if not sides:
        return MISSING
    ours, theirs = np.swapaxes(np.array(sides), 0, 1)
    return statistics.stratified_effect(ours, theirs, bounds=TWICE if measure == "cosine" else SHARES)


@claim(
    "C6 diverse",
    statement="Optima of evolution strategies from different seeds lie in more diverse directions.",
    source="Lange & Sprekeler (2023), §5, Fig. 6",
    rule="mean over matched levels of the difference (gradient − strategy) in the cosine similarity between the moves "
    f"(trained − initial weights) of two seeds, the interval being over the jackknife's values of seeds; {_AT}",
    figures=("diversity",),
    unit="cosine",
)
def more_diverse(tables: Tables) -> Effect:
    """C6, diversity of weights."""
    return _diverse(tables, "cosine", -1)


@claim(
    "C6 disagree",
    statement="Networks of evolution strategies from different seeds disagree more in what they predict.",
    source="ours; the functional side of §5",
    rule="mean over matched levels of the difference (strategy − gradient) in the share of test inputs on which two seeds "
    f"predict different classes, the interval being over the jackknife's values of seeds; {_AT}",
    figures=("diversity",),
    unit="share of inputs",
)
def disagree_more(tables: Tables) -> Effect:
    """C6, diversity of functions."""
    return _diverse(tables, "disagreement", 1)
