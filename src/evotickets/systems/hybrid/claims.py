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
from evotickets.claims.rules import MISSING, unless_all, weakest, weakest_known
from evotickets.statistics import ANYWHERE, SHARES, TWICE, Bounds, Effect

CLOSE = 0.01
"""The accuracy that the hybrid may lose to a baseline."""
FAINT = 0.1
"""A correlation below which one knows next to nothing."""
WEIGHTS = 100
"""Weights a member at which a mask's update should still know something."""

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
    effect, low, high, n = rules.contrast(rows, "method", a, b, CELL, bounds=SHARES)
    return Effect(effect + margin, low + margin, high + margin, n)


def over_seeds(rows: pd.DataFrame, threshold: float = 0.0, bounds: Bounds = ANYWHERE) -> Effect:
    """Return by how much the mean of `value` exceeds a threshold; the rows of a seed are averaged first."""
    if not len(rows):
        return MISSING
    values = rows.groupby("seed")["value"].mean().to_numpy()
    mean, low, high = (value - threshold for value in statistics.interval(values, bounds=bounds))
    return Effect(mean, low, high, len(values))


def _competes(part: str) -> str:
    """Say what a part of H3 states of a baseline or a density."""
    _, *words = part.split()
    if words[:1] == ["beats"]:
        return f"The hybrid beats {words[1]}"
    if words[:1] == ["at"]:
        return f"The hybrid is competitive with masks that gradients learn at density {words[1]}"
    return f"The hybrid is competitive with {words[0]}" if words else ""


@claim(
    "H3",
    statement="The hybrid is competitive with masks that gradients learn, at densities from .02 to .5",
    source=PAPER,
    rule=f"accuracy of the hybrid − that of a baseline + {CLOSE}; H3 is the weakest of all baselines (SET, RigL, gradual "
    "magnitude pruning, straight-through top-k), each of which must have been run, 'H3 at' that at one density; 'H3 beats' "
    "has no margin. Tasks and densities are those that both were run with. The hybrid has the steps and samples of its "
    "baselines, each sample under two masks: twice their passes",
    figures=("performance",),
    unit="accuracy",
    parts=_competes,
)
def h3(evidence: Evidence) -> dict[str, Effect]:
    """Decide whether the hybrid is competitive with masks that gradients learn."""
    rows, own = evidence.accuracy, next(iter(evidence.hybrids), "")
    baselines = {name: kind for kind in LEARNED for name in evidence.named(kind, batches=0)}

    def all_of(effects: Mapping[str, Effect]) -> Effect:
        run = {baselines[name] for name, effect in effects.items() if effect.n}
        return unless_all(weakest_known(effects.values()), LEARNED, run)

    against = {name: above(rows, own, name, CLOSE) for name in baselines}
    at = {}
    for density in sorted(rows.loc[rows["method"] == own, "density"].unique(), reverse=True):
        here = rows[rows["density"] == density]
        at[f"H3 at {density:g}"] = all_of({name: above(here, own, name, CLOSE) for name in baselines})
    more = {f"H3 beats {name}": above(rows, own, name) for kind in ("set", "static") for name in evidence.named(kind)}
    return {"H3": all_of(against)} | {f"H3 {name}": effect for name, effect in against.items()} | at | more


_NULLS = {"H5a": "the same without learning its mask", "H5b": "the same with shuffled utilities"}


def _signal(part: str) -> str:
    """Say what a part of H5 states of a null control, a task, or a hybrid of another name."""
    head, *words = part.split()
    at = words.index("on") if "on" in words else len(words)
    who = " ".join(["the hybrid", *words[:at]])
    if head in _NULLS:
        return f"{who.capitalize()} is better than {_NULLS[head]}"
    return f"It is the signal of evolution that makes {' '.join([who, 'better', *words[at:]])}" if words else ""


@claim(
    "H5",
    statement="It is the signal of evolution that makes the hybrid better",
    source="ours",
    rule="H5a: accuracy of the hybrid − that of the same with mask learning rate 0; H5b: − that of the same with shuffled "
    "utilities; H5 and 'on' a task: the weaker of the two; a hybrid of another name by itself",
    figures=("performance",),
    unit="accuracy",
    parts=_signal,
)
def h5(evidence: Evidence) -> dict[str, Effect]:
    """Decide whether it is the signal of evolution that makes the hybrid better than its null controls."""
    rows, found = evidence.accuracy, {}
    for name in evidence.hybrids:
        still, walk = evidence.like(name, mask_rate=0), evidence.like(name, shuffled=True)
        whose = "" if name == evidence.hybrids[0] else f" {name}"
        effects = {
            f"{part}{whose}": above(rows, name, null)
            for part, nulls in (("H5a", still), ("H5b", walk))
            for null in nulls[:1]
        }
        if len(effects) == 2:
            for task in rows.loc[rows["method"] == name, "task"].unique():
                here = rows[rows["task"] == task]
                by_task = [above(here, name, null) for null in (still[0], walk[0])]
                if all(effect.n for effect in by_task):
                    effects[f"H5{whose} on {task}"] = weakest(by_task)
            found[f"H5{whose}"] = weakest([effects[f"H5a{whose}"], effects[f"H5b{whose}"]])
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
    unit={"H6a": "correlation", "H6b": "log₁₀ of weights a member"},
    parts={
        "H6a": "The update of a mask follows the effects of weights less, the more weights there are for a member",
        "H6b": f"The update of a mask still follows the effects of weights with {WEIGHTS} of them for a member",
    },
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
    return {
        "H6a": over_seeds(pd.DataFrame(falls), bounds=TWICE),
        "H6b": over_seeds(pd.DataFrame(reach), np.log10(WEIGHTS)),
    }


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
