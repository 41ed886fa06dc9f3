"""The claims about subspace evolution, each decided from the table of a study by a rule that was fixed beforehand.

Everything is paired over seeds and averaged over the cells that both sides share: parents, densities and scales. Gains are
the parent's loss (NLL) minus a candidate's, on test images. Where the best of several sigmas or candidates is asked for,
validation images choose it, so that no look at the test images decides what is shown of them.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from evotickets import statistics
from evotickets.claims.registry import About
from evotickets.claims.rules import MISSING, opposite, weakest
from evotickets.statistics import ANYWHERE, SHARES, TWICE, Bounds, Effect
from evotickets.systems.subspace import DENSE, ENSEMBLES, PARENT, RECOMBINED

SCALE = ["parent", "rule", "sigma"]
PAPER = "Whitaker & Whitley (2023)"
claim = About("subspace")


def evidence(tables: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame]:
    """Return what the rules look at, from the tables of a study by name."""
    return (tables["subspace"],)


def picked(table: pd.DataFrame, study: str, **where: str | float | Sequence[str]) -> pd.DataFrame:
    """Return the rows of a study whose columns have the given values, or one of them."""
    rows = table[table["study"] == study]
    for column, value in where.items():
        rows = rows[rows[column].isin([value] if isinstance(value, str | float | int) else list(value))]
    return rows


def against(left: pd.DataFrame, right: pd.DataFrame, keys: Sequence[str], *, bounds: Bounds = ANYWHERE) -> Effect:
    """Return the effect of left − right, [cells, S] paired by `keys` and seed; what a seed lacks takes no part.

    Left may have several cells for one of the right, as densities have one dense mutation.
    """
    joined = left.merge(right[[*keys, "seed", "value"]], on=[*keys, "seed"], suffixes=("", "_other"))
    if joined.empty:
        return MISSING
    cells = ["parent", "mode", "density", "rule", "sigma", "shift", "decay", "step", "candidate"]
    wide = joined.assign(difference=joined["value"] - joined["value_other"])
    found = wide.pivot(index=cells, columns="seed", values="difference").dropna()
    return statistics.stratified_effect(found.to_numpy(), bounds=bounds) if found.size else MISSING


def logarithm(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the logarithm of their values."""
    return rows.assign(value=np.log(rows["value"].where(rows["value"] > 0)))


@claim(
    "S1",
    statement="Sparse mutations tolerate stronger perturbations and vary less, at equal sigma and at equal norm",
    source=PAPER,
    rule="Log of dense over sparse (Bernoulli), mean over parents, densities and sigmas: mean loss of children (S1a at "
    "equal sigma, S1b at equal norm) and std of their losses (S1c, S1d); S1 is the weakest of the four",
    figures={"": ("damage",), "S1c": ("variance",), "S1d": ("variance",)},
    unit="log of a ratio",
    parts={
        "S1a": "Children of sparse mutations have a smaller loss than dense ones, at equal sigma",
        "S1b": "Children of sparse mutations have a smaller loss than dense ones, at equal norm",
        "S1c": "The losses of children of sparse mutations vary less than those of dense ones, at equal sigma",
        "S1d": "The losses of children of sparse mutations vary less than those of dense ones, at equal norm",
    },
)
def s1(table: pd.DataFrame) -> dict[str, Effect]:
    """Compare the loss of children and its spread, dense against sparse, at equal sigma and at equal norm."""
    found = {}
    for part, metric, rule in (
        ("S1a", "nll", "absolute"),
        ("S1b", "nll", "norm"),
        ("S1c", "nll_std", "absolute"),
        ("S1d", "nll_std", "norm"),
    ):
        rows = logarithm(picked(table, "mutations", candidate="child", split="test", metric=metric, rule=rule))
        found[part] = opposite(against(rows[rows["mode"] == "bernoulli"], rows[rows["mode"] == DENSE], SCALE))
    return {"S1": weakest(found.values())} | found


def at_chosen_sigma(table: pd.DataFrame, rule: str) -> pd.DataFrame:
    """Return the test losses of one generation at the sigma that validation images choose for every parent and seed.

    It is that with the smallest loss of ensembles on them, mean over the densities of fresh masks and the dense mutation: one
    for both sides of a comparison. Its column is zero, since it is another one for every seed.
    """
    rows = picked(table, "mutations", metric="nll", rule=rule, mode=["bernoulli", DENSE])
    seen = rows[(rows["split"] == "validation") & (rows["candidate"] == "ensemble")]
    losses = seen.groupby(["parent", "seed", "sigma"])["value"].mean()
    if losses.empty:
        return rows[:0]
    best = losses.groupby(["parent", "seed"]).idxmin()
    test = rows[rows["split"] == "test"]
    at = pd.MultiIndex.from_frame(test[["parent", "seed", "sigma"]])
    return test[at.isin(list(best))].assign(sigma=0.0)


_ENSEMBLES = {
    "S2": "Sparse children ensemble better than dense ones of their norm, and better than the controls",
    "S2a dense": "Sparse children ensemble better than dense ones of their norm",
    "S2b parent": "An ensemble of sparse children is better than their parent",
    "S2c scaled parent": "An ensemble of sparse children is better than their parent, both with a temperature",
    "S2d weight average": "An ensemble of sparse children is better than the average of their weights",
}
_GAINS = {
    "S3": "One generation improves held-out loss",
    "S3a loss": "One generation improves held-out loss",
    "S3b accuracy": "One generation improves held-out accuracy",
    "S3c curse of the winner": "What one generation gains is larger on the images that chose it than on held-out ones",
}


def _of_parent(part: str, words: Mapping[str, str]) -> str:
    """Say what a part states, and of which parent, if of one."""
    name, on, parent = part.partition(" on ")
    return "" if part in ("S2", "S3") or name not in words else f"{words[name]}{on}{parent}"


@claim(
    "S2",
    statement=_ENSEMBLES["S2"],
    source=PAPER,
    rule="Test loss minus that of the ensemble (mean softmax) of all sparse children (Bernoulli), at equal norm and the sigma "
    "with the smallest validation loss of ensembles, mean over parents and densities. S2a: ensemble of dense children; S2b: "
    "the parent; S2c: the parent with a temperature, against the ensemble with one; S2d: the average of all children's "
    "weights; S2, and 'on' a parent: the weakest. Temperatures are cross-fitted, with a prior at 1",
    figures=("ensembles",),
    unit="loss",
    parts=lambda part: _of_parent(part, _ENSEMBLES),
)
def s2(table: pd.DataFrame) -> dict[str, Effect]:
    """Compare ensembles of sparse children with those of dense ones of their norm, and with the controls."""
    rows = at_chosen_sigma(table, "norm")
    found = _ensembles(rows)
    by_parent = {parent: _ensembles(own) for parent, own in rows.groupby("parent")}
    parts = dict(sorted(found.items()))
    for parent, own in by_parent.items():
        parts |= {f"S2 on {parent}": weakest(own.values())}
        parts |= {f"{name} on {parent}": effect for name, effect in sorted(own.items())}
    return {"S2": weakest(found.values())} | (parts if len(by_parent) > 1 else dict(sorted(found.items())))


def _ensembles(rows: pd.DataFrame) -> dict[str, Effect]:
    """Return the effects of ensembles of sparse children over dense ones and the controls, by part."""
    sparse = rows[rows["mode"] == "bernoulli"]
    ensemble = sparse[sparse["candidate"] == "ensemble"]
    cell = [*SCALE, "mode", "density"]

    def better(others: pd.DataFrame, own: pd.DataFrame, keys: Sequence[str]) -> Effect:
        return opposite(against(own, others, keys))

    dense = rows[(rows["mode"] == DENSE) & (rows["candidate"] == "ensemble")]
    controls = {
        "S2b parent": sparse[sparse["candidate"] == PARENT],
        "S2d weight average": sparse[sparse["candidate"] == "weight_average"],
    }
    found = {"S2a dense": better(dense, ensemble, SCALE)}
    found |= {name: better(control, ensemble, cell) for name, control in controls.items()}
    scaled = sparse[sparse["candidate"] == "ensemble_scaled"]
    return found | {"S2c scaled parent": better(sparse[sparse["candidate"] == "parent_scaled"], scaled, cell)}


def chosen(table: pd.DataFrame) -> pd.DataFrame:
    """Return what the smallest loss on validation images chooses: a row per parent and seed, with gains.

    Columns `nll`, `accuracy` and `validation` are gains over the parent: on test images, and in loss on those that chose.
    """
    rows = picked(table, "mutations", candidate=[PARENT, *RECOMBINED, *ENSEMBLES], metric=["nll", "accuracy"])
    # A temperature is no child's, and the average of all is a control.
    rows = rows[
        ~rows["candidate"].isin(["ensemble_scaled", "weight_average"]) & rows["split"].isin(["validation", "test"])
    ]
    keys = ["parent", "seed", "mode", "density", "rule", "sigma", "candidate"]
    wide = rows.pivot_table("value", keys, ["split", "metric"])
    if wide.empty:
        return pd.DataFrame(columns=["parent", "seed", "nll", "accuracy", "validation"])
    own = wide[wide.index.get_level_values("candidate") != PARENT]
    best = own.loc[own["validation", "nll"].groupby(["parent", "seed"]).idxmin()]
    before = wide.xs(PARENT, level="candidate").groupby(["parent", "seed"]).first()
    best = best.droplevel(["mode", "density", "rule", "sigma", "candidate"])
    return pd.DataFrame(
        {
            "nll": before["test", "nll"] - best["test", "nll"],
            "accuracy": best["test", "accuracy"] - before["test", "accuracy"],
            "validation": before["validation", "nll"] - best["validation", "nll"],
        }
    ).reset_index()


@claim(
    "S3",
    statement="One generation improves held-out loss or accuracy",
    source=PAPER,
    rule="For every parent and seed, what has the smallest loss on validation images among all modes, densities, scales, "
    "recombinations and ensembles of children, which images of fitness rank. S3a, S3: its gain in test loss; S3b: in test "
    "accuracy; S3c: by how much its gain in loss on the images that chose it exceeds that on those of the test; 'on' a parent "
    "by itself",
    figures=("ensembles",),
    unit={"": "loss", "S3b": "accuracy"},
    parts=lambda part: _of_parent(part, _GAINS),
)
def s3(table: pd.DataFrame) -> dict[str, Effect]:
    """Decide whether one generation, chosen on validation images, improves test loss or accuracy."""
    rows = chosen(table)
    if rows.empty:
        return {"S3": MISSING}

    def gains(rows: pd.DataFrame) -> dict[str, Effect]:
        def over_seeds(values: pd.Series, bounds: Bounds = ANYWHERE) -> Effect:
            wide = rows.assign(value=values).pivot(index="parent", columns="seed", values="value").dropna()
            return statistics.stratified_effect(wide.to_numpy(), bounds=bounds) if wide.size else MISSING

        return {
            "S3a loss": over_seeds(rows["nll"]),
            "S3b accuracy": over_seeds(rows["accuracy"], SHARES),
            "S3c curse of the winner": over_seeds(rows["validation"] - rows["nll"]),
        }

    found, parents = gains(rows), list(rows.groupby("parent"))
    parts = dict(found)
    for parent, own in parents if len(parents) > 1 else []:
        parts |= {f"{name} on {parent}": effect for name, effect in gains(own).items()}
    return {"S3": found["S3a loss"]} | parts


_PAIRS = {"a": ("A partition", "fresh masks"), "b": ("Fresh masks", "a static mask")}
_WORTH = {
    "ensemble": "{} of children ensembles better than {}",
    "step": "{} makes a better step along ranks than {}",
    "gradient": "{} estimates the gradient better than {}",
}


@claim(
    "S4",
    statement="A partition is worth more than fresh masks (S4a), and fresh masks more than a static one (S4b), per evaluation",
    source=PAPER,
    rule="At equal norm and number of children, mean over parents, densities and sigmas: difference in held-out loss of "
    "ensembles, of steps along ranks, and in the cosine of the estimated to the true gradient",
    figures={"": ("ensembles",), "S4a gradient": ("gradients",), "S4b gradient": ("gradients",)},
    unit={"": "loss", "S4a gradient": "cosine", "S4b gradient": "cosine"},
    parts={
        f"S4{part} {name}": words.format(*sides) for part, sides in _PAIRS.items() for name, words in _WORTH.items()
    },
)
def s4(table: pd.DataFrame) -> dict[str, Effect]:
    """Compare partitions with fresh masks, and fresh masks with a static one, for as many evaluations."""
    rows = picked(table, "mutations", split="test", metric="nll", rule="norm")
    gradients = picked(table, "gradients", candidate="estimate")
    keys = [*SCALE, "density"]
    found = {}
    for part, better, worse in (("a", "partition", "bernoulli"), ("b", "bernoulli", "static")):
        for name, candidate in (("ensemble", "ensemble"), ("step", "es_step")):
            own = rows[rows["candidate"] == candidate]
            found[f"S4{part} {name}"] = opposite(against(own[own["mode"] == better], own[own["mode"] == worse], keys))
        sides = [gradients[gradients["mode"] == mode] for mode in (better, worse)]
        found[f"S4{part} gradient"] = against(sides[0], sides[1], [*keys, "step"], bounds=TWICE)
    return found


@claim(
    "S5",
    statement="Sparsity reduces the forgetting of many generations on a shifted task, at equal norm",
    source="ours",
    rule="Rise of the loss on original held-out images from the first to the last generation, dense minus sparse, mean "
    "over parents, densities and modes, without (S5a) and with decay towards the parent (S5b); S5 is the weaker. Beside "
    "it what is learnt: fall of the loss on shifted held-out images, sparse minus dense",
    figures=("generations",),
    unit="loss",
    parts={
        "S5a forgotten without decay": "Sparse generations forget less than dense ones of their norm, without decay",
        "S5a learnt without decay": "Sparse generations learn more than dense ones of their norm, without decay",
        "S5b forgotten with decay": "Sparse generations forget less than dense ones of their norm, with decay",
        "S5b learnt with decay": "Sparse generations learn more than dense ones of their norm, with decay",
    },
)
def s5(table: pd.DataFrame) -> dict[str, Effect]:
    """Compare what dense and sparse generations of one norm forget, and what they learn."""
    rows = picked(table, "generations", candidate=PARENT, metric="nll", rule="norm")
    if rows.empty:
        return {"S5": MISSING}
    course = ["parent", "mode", "density", "rule", "sigma", "shift", "decay", "seed", "split"]
    rows = rows.sort_values("step")
    ends = rows.groupby(course)
    last = ends["step"].transform("max")
    before = ends["value"].transform("first")
    change = rows.assign(value=rows["value"] - before)[rows["step"] == last]
    found = {}
    for part, name, decayed in (("S5a", "without decay", False), ("S5b", "with decay", True)):
        for split, words in (("original", "forgotten"), ("test", "learnt")):
            own = change[(change["split"] == split) & ((change["decay"] > 0) == decayed)]
            sides = [own[own["mode"] != DENSE], own[own["mode"] == DENSE]]
            # Less loss is forgotten less, and is learnt more.
            found[f"{part} {words} {name}"] = opposite(against(sides[0], sides[1], [*SCALE, "shift", "decay", "step"]))
    return {"S5": weakest(effect for name, effect in found.items() if "forgotten" in name)} | found
