"""The claims about strong tickets, each decided from the table of a study by a rule that was fixed beforehand."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from evotickets.claims import rules
from evotickets.claims.registry import About
from evotickets.claims.rules import MISSING, named, weakest, weakest_known
from evotickets.statistics import SHARES, TWICE, Effect
from evotickets.supermasks import TRAINED_SCORES
from evotickets.systems.strong import DENSE, FOUND, LEAKED, PLANTED, PRUNED
from evotickets.systems.strong.comparisons import (
    Seekers,
    against_popup,
    contrast,
    fair_pairs,
    gaps,
    mean_gain,
    ordinary,
    slope,
    wide,
)

FIRST, SECOND = "Altmann et al. (2024)", "Schönberger et al. (2025)"

claim = About("strong")


def _compared(name: str) -> dict[str, str]:
    """Return the units in which genetic search and edge-popup are compared; where both count, the weaker decides."""
    units = {"": "accuracy or density", "a": "accuracy", "b": "density", "c": "accuracy"}
    return {f"{name}{part}": unit for part, unit in units.items()}


def evidence(tables: Mapping[str, pd.DataFrame], *, seekers: Seekers) -> tuple[pd.DataFrame, Seekers]:
    """Return what the rules look at, from the tables of a study by name and the resolved options of seekers."""
    return wide(tables["strong"]), seekers


def _under(claim: str, sentence: str, **parts: str) -> Callable[[str], str]:
    """Return what parts state: a sentence about the condition that stands after the name of the claim, or their own."""

    def state(part: str) -> str:
        name, _, condition = part.partition(" ")
        return sentence.format(condition) if condition and name == claim else parts.get(part, "")

    return state


BASELINES = {
    "G5a": ("random_search", "random search"),
    "G5b": ("one_plus_one", "a (1+1)-EA"),
    "G5c": ("evolution_strategy", "an evolution strategy over mask logits"),
}
"""What genetic search has to beat with as many evaluations: seekers and their names by the parts of a claim."""


def _baselines(part: str) -> str:
    """Return what a part of G5 states, with the genetic search, its objective and the family of tasks where it names them."""
    name, _, condition = part.partition(" ")
    if name not in BASELINES:
        return ""
    if not condition:
        return f"Genetic search beats {BASELINES[name][1]} with as many evaluations"
    search, objective, family = condition.split(", ")
    words = objective.replace("_", "-")
    return f"By {words} on {family}, genetic search ({search}) beats {BASELINES[name][1]} with as many evaluations"


@claim(
    "G1",
    statement="Genetic search finds strong tickets better and sparser than edge-popup on two classes",
    source=f"{FIRST}, §6; {SECOND}, §6",
    rule="G1a: its test accuracy exceeds that of edge-popup at density .5; G1b: its density is lower; G1: both. G1c: its test "
    "accuracy exceeds that of edge-popup at its own mean density",
    figures=("fronts",),
    unit=_compared("G1"),
    parts={
        "G1a": "Genetic search is more accurate than edge-popup at density .5 on two classes",
        "G1b": "Genetic search finds sparser tickets than those of density .5 on two classes",
        "G1c": "Genetic search is more accurate than edge-popup at its own density on two classes",
    },
)
def g1(frame: pd.DataFrame, seekers: Seekers) -> dict[str, Effect]:
    """Decide whether genetic search beats edge-popup on two classes."""
    rows = ordinary(frame)
    return against_popup(rows[rows["classes"] == 2], seekers, "G1")


@claim(
    "G2",
    statement="Genetic search finds strong tickets better and sparser than edge-popup on more than two classes",
    source=f"{SECOND}, §6",
    rule="As G1, on tasks with more than two classes",
    figures=("fronts",),
    unit=_compared("G2"),
    parts={
        "G2a": "Genetic search is more accurate than edge-popup at density .5 on more than two classes",
        "G2b": "Genetic search finds sparser tickets than those of density .5 on more than two classes",
        "G2c": "Genetic search is more accurate than edge-popup at its own density on more than two classes",
    },
)
def g2(frame: pd.DataFrame, seekers: Seekers) -> dict[str, Effect]:
    """Decide whether genetic search beats edge-popup on more than two classes."""
    rows = ordinary(frame)
    return against_popup(rows[rows["classes"] > 2], seekers, "G2")


@claim(
    "G3",
    statement="Accuracy is a poor objective on many classes; cross-entropy is better",
    source=f"{SECOND}, §6",
    rule="On more than two classes, test accuracy of the genetic search that minimises cross-entropy exceeds that of the one "
    "that minimises the share of errors and is alike in everything else; every number of classes is also decided by itself",
    figures=("fronts",),
    unit="accuracy",
    parts=_under("G3", "Cross-entropy is a better objective than accuracy on {}"),
)
def g3(frame: pd.DataFrame, seekers: Seekers) -> dict[str, Effect]:
    """Decide whether cross-entropy is the better objective on more than two classes, and for every number of classes.

    The two searches differ in nothing but their objective.
    """
    rows = ordinary(frame)
    pairs = [
        (entropy, accuracy)
        for entropy in named(seekers, seeker="genetic", objective="cross_entropy")
        for accuracy in named(seekers, seeker="genetic", objective="accuracy")
        if {**seekers[entropy], "objective": "accuracy"} == seekers[accuracy]
    ][:1]
    if not pairs:
        return {"G3": MISSING}
    found = {"G3": contrast(rows[rows["classes"] > 2], "accuracy", *pairs[0])}
    for classes, own in rows.groupby("classes"):
        effect = contrast(own, "accuracy", *pairs[0])
        if effect.n:
            found[f"G3 {classes} classes"] = effect
    return found


@claim(
    "G4",
    statement="The gap between strong tickets and trained networks grows with classes and width",
    source=f"{SECOND}, §6",
    rule="The gap is test accuracy of the trained dense network minus that of genetic search. G4a: the mean over seeds of its "
    "least-squares slope over classes is positive, data, network and initialisation alike; G4b: over log2 of the width of "
    "one hidden layer",
    figures=("fronts",),
    unit={"G4a": "accuracy a class", "G4b": "accuracy a doubling of the width"},
    parts={
        "G4a": "The gap between strong tickets and trained networks grows with the number of classes",
        "G4b": "The gap between strong tickets and trained networks grows with the width",
    },
)
def g4(frame: pd.DataFrame, seekers: Seekers) -> dict[str, Effect]:
    """Decide whether the gap to trained networks grows with classes and with width."""
    rows = gaps(frame, seekers)
    single = rows[rows["hidden"].str.fullmatch(r"\d+")]
    wider = single.assign(width=np.log2(single["hidden"].astype(float)))
    return {"G4a": slope(rows, "classes", "hidden"), "G4b": slope(wider, "width", "classes")}


@claim(
    "G5",
    statement="Genetic search beats random search and a (1+1)-EA with as many evaluations",
    source="ours",
    rule="Its test accuracy exceeds theirs where they have its own mean number of evaluations and its objective. Every genetic "
    "search is decided on every family of tasks by itself; of these the smallest effect decides G5a to G5c. G5: G5a and G5b",
    figures=("progress",),
    unit="accuracy",
    parts=_baselines,
)
def g5(frame: pd.DataFrame, seekers: Seekers) -> dict[str, Effect]:
    """Decide whether genetic search beats as many random masks, a (1+1)-EA and an evolution strategy, and on which tasks."""
    rows, found = ordinary(frame), {}
    for part, (kind, _) in BASELINES.items():
        single = {
            f"{part} {ours}, {seekers[name]['objective']}, {family}": contrast(own, "accuracy", ours, name)
            for name, ours in fair_pairs(seekers, kind)
            for family, own in rows.groupby("family")
        }
        found[part] = weakest_known(single.values())
        found |= {name: effect for name, effect in single.items() if effect.n}
    return {"G5": weakest((found["G5a"], found["G5b"])), **found}


@claim(
    "G6",
    statement="Choosing and pruning tickets on the test set makes them look better",
    source="ours",
    rule="Test accuracy of tickets of genetic search that were chosen and pruned on test samples exceeds that of tickets that "
    "were chosen and pruned on validation samples, which are fewer. G6a: it exceeds the accuracy of the same tickets on "
    "validation samples, which they have not seen; every family of tasks is also decided by itself",
    figures=("leak",),
    unit="accuracy",
    parts=_under(
        "G6",
        "Choosing and pruning tickets on the test set makes them look better on {}",
        G6a="Tickets that were chosen and pruned on the test set look better there than on samples they have not seen",
    ),
)
def g6(frame: pd.DataFrame, seekers: Seekers) -> dict[str, Effect]:
    """Measure what choosing and pruning on the test set is worth, over all tasks and in every family.

    The test set is also larger than the validation set; G6a compares tickets with themselves on samples they have not seen.
    """
    rows = ordinary(frame)
    rows = rows[rows["seeker"].isin(named(seekers, seeker="genetic"))].assign(value=rows["accuracy"])
    leaked, sides = rows[rows["state"] == LEAKED], ("state", LEAKED, PRUNED, ["task", "seeker"])
    found = {f"G6 {family}": rules.contrast(own, *sides, bounds=SHARES) for family, own in rows.groupby("family")}
    unseen = mean_gain(leaked["accuracy"] - leaked["validation"], leaked)
    return {"G6": rules.contrast(rows, *sides, bounds=SHARES), "G6a": unseen, **found}


@claim(
    "G7",
    statement="Seekers of strong tickets recover planted edges",
    source="ours",
    rule="On planted Circle, recall minus the recall of a random mask with as many edges in every layer is positive; G7 is "
    "genetic search; every seeker is also decided by itself, random search as the control. G7a: that of genetic search "
    "exceeds that of every seeker that takes gradients, paired over seeds",
    figures=("fronts",),
    unit="recall",
    parts=_under(
        "G7",
        "{} recovers planted edges above chance",
        G7a="Genetic search recovers more planted edges than seekers that take gradients",
    ),
)
def g7(frame: pd.DataFrame, seekers: Seekers) -> dict[str, Effect]:
    """Decide who recovers planted edges above chance, random search being the control, and whether genetic search is ahead."""
    rows = frame[frame["family"].str.startswith("planted") & (frame["state"] == FOUND)]
    found = {}
    if "recall" in rows:
        for name, own in rows[~rows["seeker"].isin([DENSE, PLANTED])].groupby("seeker"):
            found[f"G7 {name}"] = mean_gain(own["recall"] - own["layer_chance_recall"], own)
    ours = {name[3:]: effect for name, effect in found.items() if name[3:] in named(seekers, seeker="genetic")}
    if not ours:
        return {"G7": MISSING, "G7a": MISSING, **found}
    best = max(ours, key=lambda name: ours[name].effect)
    gains = rows.assign(value=rows["recall"] - rows["layer_chance_recall"])
    gradients = [name for kind in TRAINED_SCORES for name in named(seekers, seeker=kind)]
    ahead = weakest_known(rules.contrast(gains, "seeker", best, name, ["task"], bounds=TWICE) for name in gradients)
    return {"G7": ours[best], "G7a": ahead, **found}
