"""Claims about tuning: what mutations of a structure reach beside dense ones, and evolution beside gradients.

All sides are given as many evaluations, and of each the generation counts that validation images choose.
"""

import pandas as pd

from evotickets import statistics
from evotickets.claims.rules import MISSING, opposite, unless_all, weakest
from evotickets.statistics import ANYWHERE, TWICE, Bounds, Effect
from evotickets.systems.subspace import DENSE, GRADIENT, LOW_RANK, ONLY
from evotickets.systems.subspace.claims import SCALE, against, claim, picked

BAR = 1.05
"""Plain evaluations of its parent that a child may cost."""
CELL = ["parent", "mode", "density", "candidate", "rule", "sigma", "decay"]
STRUCTURES = {
    "fresh masks": "bernoulli",
    "static mask": "static",
    "blocks": "partition",
    "low rank": LOW_RANK,
    "layers": ONLY,
}
"""Parts of S7, and how the modes of their mutations begin."""


def outcomes(table: pd.DataFrame) -> pd.DataFrame:
    """Return of every cell and seed of tuning the test loss (`nll`), `accuracy` and validation `goal` of its best generation.

    It is that of the smallest goal on validation images, the first of several, as the network `best` is.
    """
    rows = picked(table, "tuning", metric=["nll", "accuracy", "goal"])
    wide = rows.pivot_table("value", [*CELL, "seed", "step"], ["split", "metric"])
    if wide.empty or ("validation", "goal") not in wide:
        return pd.DataFrame(columns=[*CELL, "seed", "nll", "accuracy", "goal"])
    best = wide.loc[wide["validation", "goal"].groupby([*CELL, "seed"]).idxmin()]
    found = {"nll": best["test", "nll"], "accuracy": best["test", "accuracy"], "goal": best["validation", "goal"]}
    return pd.DataFrame(found).droplevel("step").reset_index()


@claim(
    "S7",
    statement="Mutations with a structure tune better than dense ones, at equal norm and for as many evaluations",
    source="ours",
    rule="Test loss of the generation that validation images choose, of tuning by dense mutations minus that by others of the "
    "same norm, sigma and update, mean over parents, densities, ranks and updates: fresh masks (Bernoulli), one static mask, "
    "blocks (a partition), low rank, and some layers alone; S7 is the weakest of the five, and not asked where one is missing, "
    "unless another contradicts it",
    figures=("tuning",),
    unit="loss",
    parts={
        f"S7 {name}": f"Tuning by mutations of this structure beats dense ones of their norm: {name}"
        for name in STRUCTURES
    },
)
def s7(table: pd.DataFrame) -> dict[str, Effect]:
    """Compare what tuning reaches by mutations of a structure and by dense ones of their norm."""
    rows = outcomes(table[table["rule"] == "norm"])
    if rows.empty:
        return {"S7": MISSING}
    rows = rows.assign(value=rows["nll"].astype(float), shift="none", step=0)
    dense = rows[rows["mode"] == DENSE]
    found = {
        f"S7 {name}": opposite(against(rows[rows["mode"].str.startswith(mode)], dense, [*SCALE, "decay", "candidate"]))
        for name, mode in STRUCTURES.items()
    }
    known = {name: effect for name, effect in found.items() if effect.n}
    return {"S7": unless_all(weakest(known.values()), found, known) if known else MISSING} | found


@claim(
    "S9",
    statement="A child costs little more than a plain evaluation of its parent, whatever the structure of its mutation",
    source="ours",
    rule=f"{BAR} minus the time of a child over that of its parent on the images of fitness, medians of runs in turn, mean "
    "over parents, densities and ranks; S9 is the weakest of dense mutations and the five structures of S7, and not asked "
    "where one is missing, unless another contradicts it",
    figures=("tuning",),
    unit="evaluations",
    parts={
        f"S9 {name}": f"A child costs at most {BAR} evaluations of its parent: {name}"
        for name in ("dense", *STRUCTURES)
    },
)
def s9(table: pd.DataFrame) -> dict[str, Effect]:
    """Hold what children cost against a bar."""
    rows = picked(table, "costs", metric="cost")
    if rows.empty:
        return {"S9": MISSING}
    found = {}
    for name, mode in {DENSE: DENSE, **STRUCTURES}.items():
        own = rows[rows["mode"].str.startswith(mode)]
        wide = own.pivot_table("value", CELL, "seed").dropna(axis=1)
        found[f"S9 {name}"] = statistics.stratified_effect(BAR - wide.to_numpy()) if wide.size else MISSING
    known = {name: effect for name, effect in found.items() if effect.n}
    return {"S9": unless_all(weakest(known.values()), found, known)} | found


@claim(
    "S8",
    statement="Where there is a gradient, following it reaches more than evolution does for as many evaluations",
    source="ours",
    rule="Of every parent and seed, the tuning by mutations and that by gradients whose smallest goal on validation images is "
    "the smallest, among all mutations, sigmas and updates, and all learning rates; at these generations, test loss of "
    "evolution minus that of gradients (S8, S8a), and test accuracy of gradients minus that of evolution (S8b), mean over "
    "parents; a gradient counts for three evaluations",
    figures=("tuning",),
    unit={"": "loss", "S8b": "accuracy"},
    parts={
        "S8a loss": "Gradients reach a smaller test loss than evolution for as many evaluations",
        "S8b accuracy": "Gradients reach a higher test accuracy than evolution for as many evaluations",
    },
)
def s8(table: pd.DataFrame) -> dict[str, Effect]:
    """Compare what evolution and gradients reach on the same images for as many evaluations."""
    rows = outcomes(table)
    by_gradient = rows["mode"].astype(str).str.startswith(GRADIENT)
    groups = [rows[~by_gradient], rows[by_gradient]]
    chosen = [own.loc[own.groupby(["parent", "seed"])["goal"].idxmin()] for own in groups]
    sides = [own.set_index(["parent", "seed"]) for own in chosen]
    both = sides[0].index.intersection(sides[1].index)
    if both.empty:
        return {"S8": MISSING}
    evolved, followed = (side.loc[both, ["nll", "accuracy"]].astype(float) for side in sides)

    def over(values: pd.Series, bounds: Bounds = ANYWHERE) -> Effect:
        wide = values.unstack("seed").dropna(axis=1)
        return statistics.stratified_effect(wide.to_numpy(), bounds=bounds) if wide.size else MISSING

    loss = over(evolved["nll"] - followed["nll"])
    return {"S8": loss, "S8a loss": loss, "S8b accuracy": over(followed["accuracy"] - evolved["accuracy"], TWICE)}
