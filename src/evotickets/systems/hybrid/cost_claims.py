"""Claims about what hybrid training and pure evolution cost; `claims` has what all of them look at."""

import numpy as np
import pandas as pd

from evotickets import statistics
from evotickets.claims.rules import MISSING, weakest_known
from evotickets.statistics import SHARES, Effect
from evotickets.systems.hybrid.claims import PAPER, Evidence, above, claim, last, over_seeds

NEAR, SAME = 0.02, 0.003
"""Accuracies: evolution may lose to gradients; semi-updates may differ from full ones."""
ALIGNED = 0.9
"""A cosine from which updates point the same way."""
FAR = 10
"""Times the compute that is far worse."""
PART, STEP = 0.05, 0.1
"""Shares of the time of gradients that evolution of a mask may take, and of plain steps that a hybrid step may exceed."""


@claim(
    "H1",
    statement="Pure evolution becomes as good as gradients as its population grows, at far worse compute",
    source=PAPER,
    rule="H1a: accuracy of the largest population − that of the smallest; H1b: accuracy of the largest − that of dense "
    f"gradient descent + {NEAR}; H1c: log₁₀ of the passes of the largest population over those after which dense gradient "
    f"descent is as good, less log₁₀ {FAR}",
    figures=("cost",),
    unit={"": "accuracy", "H1c": "log₁₀ of passes"},
    parts={
        "H1a": "Pure evolution becomes more accurate as its population grows",
        "H1b": f"Pure evolution with a large population is as accurate as gradients to {NEAR}",
        "H1c": f"Pure evolution takes more than {FAR} times the passes of gradients",
    },
)
def h1(evidence: Evidence) -> dict[str, Effect]:
    """Decide whether pure evolution becomes as good as gradients, and at what price."""
    rows = evidence.accuracy
    own = [n for n in evidence.named("evolution", groups=1) if (rows["method"] == n).any()]
    own.sort(key=lambda name: evidence.methods[name]["population"])
    dense = next(iter(evidence.named("dense", batches=0)), "")
    if not own:
        return {"H1a": MISSING, "H1b": MISSING, "H1c": MISSING}
    grows = above(rows, own[-1], own[0]) if len(own) > 1 else MISSING
    return {"H1a": grows, "H1b": above(rows, own[-1], dense, NEAR), "H1c": price(evidence, own[-1], dense)}


def price(evidence: Evidence, costly: str, cheap: str) -> Effect:
    """Return the log₁₀ of how many times the passes one method needs for what another reaches as well, less that of FAR.

    What counts is the first score of the cheap one that is no worse than the last of the costly one; seeds in which there is
    none count with all the passes of the cheap one.
    """
    passes = evidence.of("cost", "passes").set_index(["task", "method", "seed", "step"])["value"].sort_index()
    curves = evidence.of("test", "accuracy")
    rows = []
    for (task, seed), reached in last(curves[curves["method"] == costly]).set_index(["task", "seed"])["value"].items():
        other = curves[(curves["method"] == cheap) & (curves["task"] == task) & (curves["seed"] == seed)]
        if len(other):
            good = other[other["value"] >= reached]["step"]
            step = good.min() if len(good) else other["step"].max()
            spent = passes[task, costly, seed].max()
            rows.append({"seed": seed, "value": np.log10(spent / passes[task, cheap, seed, step])})
    return over_seeds(pd.DataFrame(rows), np.log10(FAR))


@claim(
    "H2",
    statement="Semi-updates are as good as full updates",
    source=PAPER,
    rule=f"H2a: mean cosine of the semi-update and the full update of the same members − {ALIGNED}; H2b: accuracy with "
    f"semi-updates − accuracy with full ones, and the claim is that it is within ±{SAME}",
    figures=("cost",),
    unit={"H2a": "cosine", "H2b": "accuracy"},
    parts={
        "H2a": "Semi-updates point where full updates of the same members do",
        "H2b": f"Evolution with semi-updates is as accurate as with full ones to {SAME}",
    },
    margin={"H2b": SAME},
)
def h2(evidence: Evidence) -> dict[str, Effect]:
    """Decide whether semi-updates are as good as full updates."""
    rows, gaps, cosines = evidence.accuracy, {}, []
    for name in evidence.named("evolution"):
        groups = evidence.methods[name]["groups"]
        for full in evidence.like(name, groups=1) if groups > 1 else []:
            gaps[name] = above(rows, name, full)
            cosines.append(name)
    moves = evidence.of("update", "cosine")
    gap = next((effect for effect in gaps.values() if effect.n), MISSING)
    return {"H2a": over_seeds(moves[moves["method"].isin(cosines)], ALIGNED, SHARES), "H2b": gap}


_COSTS = {
    "H4a": f"Evolution of the mask takes less than {PART} of the time of the gradients",
    "H4b": f"A hybrid step takes at most {STEP} longer than plain steps on as many batches",
}


def _costs(part: str) -> str:
    """Say what a part of H4 states, and of which task, method and density."""
    name, *where = part.split()
    place = f" ({where[1]} on {where[0]} at density {where[2]})" if where else ""
    return f"{_COSTS[name]}{place}" if name in _COSTS else ""


@claim(
    "H4",
    statement="Evolution of the mask costs next to nothing beside N-way data-parallel gradient descent",
    source=PAPER,
    rule=f"H4a: {PART} − time of sampling, selection and reduction over the time of all members' gradients; H4b: {STEP} − "
    "(time of a hybrid step over that of N plain steps − 1); the weakest of all tasks, intervals over repeats",
    figures=("cost",),
    unit="share of the time",
    parts=_costs,
)
def h4(evidence: Evidence) -> dict[str, Effect]:
    """Decide whether the evolution of masks costs next to nothing beside the gradients."""
    rows, found = evidence.times, {}
    for (task, method, density), own in rows.groupby(["task", "method", "density"]):
        wide = own.pivot_table("value", "repeat", "part")
        share = wide[["sampling", "selection", "reduction"]].sum(axis=1) / wide["gradients"]
        longer = wide["step"] / wide["plain"] - 1
        for name, values, most in (("H4a", share, PART), ("H4b", longer, STEP)):
            mean, low, high = statistics.interval(values.to_numpy())
            found[f"{name} {task} {method} {density:g}"] = Effect(most - mean, most - high, most - low, len(values))
    parts = {
        name: weakest_known(effect for key, effect in found.items() if key.startswith(name)) for name in ("H4a", "H4b")
    }
    return parts | found
