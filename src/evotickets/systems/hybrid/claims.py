"""The claims about hybrid training, each decided from the tables of a study by a rule that was fixed beforehand.

Accuracy is that on test data at the end of training. Methods of a task share seeds, samples and first weights, so they are
paired seed by seed; tasks and densities that two methods share count alike.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from evotickets import statistics
from evotickets.claims import rules
from evotickets.claims.registry import About
from evotickets.claims.rules import MISSING, weakest, weakest_known
from evotickets.statistics import Effect

CLOSE, NEAR, SAME = 0.01, 0.02, 0.003
"""Accuracies: the hybrid may lose to a baseline, evolution to gradients; semi-updates may differ from full ones."""
ALIGNED, FAINT = 0.9, 0.1
"""A cosine from which updates point the same way; a correlation below which one knows next to nothing."""
FAR, WEIGHTS = 10, 100
"""Times the compute that is far worse; weights a member at which a mask's update should still know something."""
PART, STEP = 0.05, 0.1
"""Shares of the time of gradients that evolution of a mask may take, and of plain steps that a hybrid step may exceed."""

LEARNED = ("set", "rigl", "gmp", "straight_through")
CELL = ["task", "density"]
PAPER = "Lenc et al. (2019)"
claim = About("hybrid")

Methods = Mapping[str, Mapping[str, Any]]


def timed(records: Iterable[Any]) -> pd.DataFrame:
    """Return a row per part and repeat of every step that was timed, from records as `results.read_record` gives them."""
    rows = [
        dict(record.parameters) | {"part": name.rpartition("/")[2], "repeat": step, "value": value}
        for record in records
        for name, step, value in record.metrics
    ]
    return pd.DataFrame(rows, columns=["task", "method", "density", "members", "part", "repeat", "value"])


class Evidence(NamedTuple):
    """What the rules look at.

    Attributes:
        scores: rows of `tables.HYBRID`.
        effects: rows of `tables.HYBRID_EFFECTS`.
        times: columns task, method, density, members, part, repeat and value, in milliseconds.
        methods: resolved options by name.
    """

    scores: pd.DataFrame
    effects: pd.DataFrame
    times: pd.DataFrame
    methods: Methods

    @property
    def accuracy(self) -> pd.DataFrame:
        """Test accuracy at the end of every training."""
        return last(self.of("test", "accuracy"))

    def of(self, split: str, metric: str) -> pd.DataFrame:
        """Return the rows of a metric, at all steps."""
        return self.scores[(self.scores["split"] == split) & (self.scores["metric"] == metric)]

    def named(self, kind: str, **options: Any) -> list[str]:
        """Return the names of methods of a kind with certain options."""
        return rules.named(self.methods, method=kind, **options)

    @property
    def hybrids(self) -> list[str]:
        """Hybrids whose masks evolve, that which is named `hybrid` first."""
        names = [name for name in self.named("hybrid", shuffled=False) if self.methods[name]["mask_rate"] > 0]
        return sorted(names, key=lambda name: name != "hybrid")

    def like(self, name: str, **changed: Any) -> list[str]:
        """Return the methods that differ from one in certain options alone."""
        wanted = dict(self.methods[name]) | changed
        return [other for other, own in self.methods.items() if dict(own) == wanted]


def evidence(tables: Mapping[str, pd.DataFrame], *, methods: Methods, records: Iterable[Any] = ()) -> tuple[Evidence]:
    """Return what the rules look at: tables of a study by name, resolved methods, and the records of steps that were timed."""
    return (Evidence(tables["hybrid"], tables["hybrid_effects"], timed(records), methods),)


def last(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the last step of every task and method."""
    return rows[rows["step"] == rows.groupby(["task", "method"])["step"].transform("max")]


def above(rows: pd.DataFrame, a: str, b: str, margin: float = 0.0) -> Effect:
    """Return the effect of method `a` over `b`, and a margin more."""
    effect, low, high, n = rules.contrast(rows, "method", a, b, CELL)
    return Effect(effect + margin, low + margin, high + margin, n)


def over_seeds(rows: pd.DataFrame, threshold: float = 0.0) -> Effect:
    """Return by how much the mean of `value` exceeds a threshold; the rows of a seed are averaged first."""
    if not len(rows):
        return MISSING
    values = rows.groupby("seed")["value"].mean().to_numpy()
    mean, low, high = (float(value) - threshold for value in statistics.interval(values))
    return Effect(mean, low, high, len(values))


@claim(
    "H1",
    statement="Pure evolution becomes as good as gradients as its population grows, at far worse compute",
    source=PAPER,
    rule="H1a: accuracy of the largest population − that of the smallest; H1b: accuracy of the largest − that of dense "
    f"gradient descent + {NEAR}; H1c: log₁₀ of the passes of the largest population over those after which dense gradient "
    f"descent is as good, less log₁₀ {FAR}",
    figures=("cost",),
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
    return {"H2a": over_seeds(moves[moves["method"].isin(cosines)], ALIGNED), "H2b": gap}


@claim(
    "H3",
    statement="The hybrid is competitive with masks that gradients learn, at densities from .02 to .5",
    source=PAPER,
    rule=f"accuracy of the hybrid − that of a baseline + {CLOSE}; H3 is the weakest of all baselines (SET, RigL, gradual "
    "magnitude pruning, straight-through top-k), 'H3 at' that at one density; 'H3 beats' has no margin. Tasks and "
    "densities are those that both were run with. The hybrid has the steps and samples of its baselines, each sample "
    "under two masks: "
    "twice their passes",
    figures=("performance",),
)
def h3(evidence: Evidence) -> dict[str, Effect]:
    """Decide whether the hybrid is competitive with masks that gradients learn."""
    rows, own = evidence.accuracy, next(iter(evidence.hybrids), "")
    baselines = [name for kind in LEARNED for name in evidence.named(kind, batches=0)]
    against = {f"H3 {name}": above(rows, own, name, CLOSE) for name in baselines}
    at = {}
    for density in sorted(rows.loc[rows["method"] == own, "density"].unique(), reverse=True):
        here = rows[rows["density"] == density]
        at[f"H3 at {density:g}"] = weakest_known(above(here, own, name, CLOSE) for name in baselines)
    more = {f"H3 beats {name}": above(rows, own, name) for kind in ("set", "static") for name in evidence.named(kind)}
    return {"H3": weakest_known(against.values())} | against | at | more


@claim(
    "H4",
    statement="Evolution of the mask costs next to nothing beside N-way data-parallel gradient descent",
    source=PAPER,
    rule=f"H4a: {PART} − time of sampling, selection and reduction over the time of all members' gradients; H4b: {STEP} − "
    "(time of a hybrid step over that of N plain steps − 1); the weakest of all tasks, intervals over repeats",
    figures=("cost",),
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


@claim(
    "H5",
    statement="It is the signal of evolution that makes the hybrid better",
    source="ours",
    rule="H5a: accuracy of the hybrid − that of the same with mask learning rate 0; H5b: − that of the same with shuffled "
    "utilities; H5 and 'on' a task: the weaker of the two; a hybrid of another name by itself",
    figures=("performance",),
)
def h5(evidence: Evidence) -> dict[str, Effect]:
    """Decide whether it is the signal of evolution that makes the hybrid better than its null controls."""
    rows, found = evidence.accuracy, {}
    for name in evidence.hybrids:
        still, walk = evidence.like(name, mask_rate=0), evidence.like(name, shuffled=True)
        prefix = "H5" if name == evidence.hybrids[0] else f"H5 {name}"
        effects = {
            f"{prefix}{part}": above(rows, name, null)
            for part, nulls in (("a", still), ("b", walk))
            for null in nulls[:1]
        }
        if len(effects) == 2:
            for task in rows.loc[rows["method"] == name, "task"].unique():
                here = rows[rows["task"] == task]
                by_task = [above(here, name, null) for null in (still[0], walk[0])]
                if all(effect.n for effect in by_task):
                    effects[f"{prefix} on {task}"] = weakest(by_task)
            found[prefix] = weakest([effects[f"{prefix}a"], effects[f"{prefix}b"]])
        found |= effects
    return {"H5": MISSING} | found


@claim(
    "H6",
    statement="The update of a mask follows the exact effects of weights, less so the more weights there are for a member",
    source="ours",
    rule="H6a: rank correlation of the update with the exact leave-one-in or -out change of the loss at the smallest n / N − "
    f"that at the largest; H6b: log₁₀ of the n / N at which it falls below {FAINT}, less log₁₀ {WEIGHTS}. Both are of "
    "masks around the trained mean, with the std that training began with",
    figures=("effects",),
)
def h6(evidence: Evidence) -> dict[str, Effect]:
    """Decide where the update of a mask no longer knows what a weight is worth."""
    rows = evidence.effects
    if not len(rows):
        return {"H6a": MISSING, "H6b": MISSING}
    falls, reach = [], []
    for seed, own in rows.groupby("seed"):
        for _, network in own.groupby(["task", "method", "density"]):
            curve = network.sort_values("population", ascending=False)
            values = curve["value"].to_numpy()
            ratios = np.log10((curve["weights"] / curve["population"]).to_numpy())
            falls.append({"seed": seed, "value": values[0] - values[-1]})
            reach.append({"seed": seed, "value": crossing(ratios, values)})
    return {"H6a": over_seeds(pd.DataFrame(falls)), "H6b": over_seeds(pd.DataFrame(reach), np.log10(WEIGHTS))}


def crossing(ratios: np.ndarray, values: np.ndarray) -> float:
    """Return where values fall below FAINT for the first time, by straight lines; the ends of the ratios bound it."""
    for index, value in enumerate(values):
        if value < FAINT:
            if index == 0:
                return float(ratios[0])
            before = values[index - 1]
            share = (before - FAINT) / (before - value)
            return float(ratios[index - 1] + share * (ratios[index] - ratios[index - 1]))
    return float(ratios[-1])
