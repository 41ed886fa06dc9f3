"""The claims about planted tickets, each decided from the table of a study by a rule that was fixed beforehand.

Quality is relative: 0 is the best constant output, 1 what the planted ticket reaches (accuracy), or no error (mse), with the
fair evaluation of `measures`. A ticket counts as found from a relative quality of `FOUND`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from evotickets import statistics
from evotickets.claims.registry import About
from evotickets.claims.rules import MISSING, contrast, named, opposite, unless_all, weakest
from evotickets.statistics import Effect, Interval
from evotickets.systems.planting import DENSE, PLANTED, TICKET

FOUND = 0.9
SPARSE = 0.1
NOISE, NOISE_MARGIN = 0.01, 0.05
"""The share of flipped labels in the paper's Circle, and the relative quality that another share may cost."""
SCORED = ("random", "magnitude", "snip", "grasp", "synflow")
"""The pruners of the paper."""
QUALITY, NETWORKS, RECALL = "relative quality", "share of networks", "recall"
"""Units of effects."""

GROUND = ["target", "depth"]
CELL = ["target", "depth", "seeker", "asked"]

PAPER = "Fischer & Burkholz (2022)"
Seekers = Mapping[str, Mapping[str, Any]]
Targets = Mapping[str, Mapping[str, Any]]
claim = About("planting")


def evidence(tables: Mapping[str, pd.DataFrame], *, seekers: Seekers, targets: Targets) -> tuple[pd.DataFrame, Seekers]:
    """Return what the rules look at, from the tables of a study by name and resolved seekers and targets."""
    return wide(tables["planting"], targets), seekers


def wide(table: pd.DataFrame, targets: Targets) -> pd.DataFrame:
    """Return one row per cell and seed with a column per measure of the whole network; `strong`, `weak` and `width` added."""
    rows = table[table["layer"] == 0]
    keys = ["target", "family", "noise", "depth", "seeker", "asked", "density", "seed"]
    frame = rows.pivot(index=keys, columns="metric", values="value").reset_index()
    frame.columns.name = None
    frame["width"] = frame["target"].map({name: settings["width"] for name, settings in targets.items()})
    reference = frame[frame["seeker"] == PLANTED].set_index([*GROUND, "seed"])
    at = pd.MultiIndex.from_frame(frame[[*GROUND, "seed"]])
    for state in ("strong", "weak"):
        quality = pd.Series(np.nan, frame.index)
        if f"{state}_accuracy" in frame:
            top = reference["strong_accuracy"].reindex(at).to_numpy()
            base = frame["baseline_accuracy"]
            quality = (frame[f"{state}_accuracy"] - base) / (top - base)
        if f"{state}_mse" in frame:
            quality = quality.fillna(1 - frame[f"{state}_mse"] / frame["baseline_mse"])
        frame[state] = quality
    return frame


def single_shot(seekers: Seekers) -> list[str]:
    """Name the seekers that score untrained weights."""
    return [name for name, s in seekers.items() if s["seeker"] in SCORED and not s.get("shots", 0)]


def multi_shot(seekers: Seekers, score: str | None = None) -> list[str]:
    """Name the seekers that score trained weights, by a certain score if one is given."""
    chosen = [name for name, s in seekers.items() if s["seeker"] in SCORED and s.get("shots", 0)]
    return [name for name in chosen if score in (None, seekers[name]["seeker"])]


def largest(
    frame: pd.DataFrame, column: str, threshold: float = 0.0, interval: Callable[..., Interval] = statistics.interval
) -> Effect:
    """Return how far the largest cell mean exceeds a threshold, with an interval that holds for all cells at once.

    With the confidence shared out over the cells (Bonferroni), the largest mean lies between the largest lower and the
    largest upper end.
    """
    cells = [rows[column].to_numpy() for _, rows in frame.groupby(CELL, observed=True)]
    if not cells:
        return MISSING
    means = np.array([interval(values, statistics.shared_out(len(cells))) for values in cells])
    mean, low, high = (float(value) for value in means.max(0) - threshold)
    return Effect(mean, low, high, min(map(len, cells)))


def kinds(frame: pd.DataFrame, seekers: Seekers) -> set[str]:
    """Return what the seekers of a frame are."""
    return {seekers[name]["seeker"] for name in set(frame["seeker"]) & set(seekers)}


def paired(frame: pd.DataFrame, column: str, a: str, b: str) -> Effect:
    """Return the effect of seeker `a` over `b`, paired over seeds, every target, depth and density they share alike."""
    return contrast(frame.assign(value=frame[column]), "seeker", a, b, [*GROUND, "asked"])


def best_of(frame: pd.DataFrame, column: str, ours: Iterable[str], others: Iterable[str]) -> Effect:
    """Return the effect of the best of ours over the best of the others, one pairing of seeds at a time."""
    others = [name for name in others if (frame["seeker"] == name).any()]
    against = [weakest(paired(frame, column, name, other) for other in others) for name in ours if others]
    decided = [effect for effect in against if effect.n]
    return max(decided, key=lambda effect: effect.effect) if decided else MISSING


@claim(
    "P1",
    statement="Single-shot pruning finds weak tickets only at density .1 and above",
    source=f"{PAPER}, §4.2",
    rule="P1a: the largest mean relative quality after training over all single-shot cells with .1 ≤ density < 1 exceeds "
    ".9; P1b: below .1 the largest stays under .9, every pruner of the paper having been run; P1: both. Intervals hold for "
    "all cells at once",
    figures=("quality",),
    unit=QUALITY,
    parts={
        "P1a": "Single-shot pruning finds weak tickets at a density of .1 and above",
        "P1b": "Single-shot pruning finds no weak tickets below a density of .1",
    },
)
def p1(frame: pd.DataFrame, seekers: Seekers) -> dict[str, Effect]:
    """Decide whether single-shot pruning finds weak tickets at density .1 and more, and nowhere below."""
    rows = frame[frame["seeker"].isin(single_shot(seekers))]
    above = largest(rows[(rows["density"] >= SPARSE - 1e-3) & (rows["density"] < 1)], "weak", FOUND)
    sparse = rows[rows["density"] < SPARSE - 1e-3]
    below = unless_all(opposite(largest(sparse, "weak", FOUND)), SCORED, kinds(sparse, seekers))
    return {"P1": weakest((above, below)), "P1a": above, "P1b": below}


@claim(
    "P2",
    statement="No single-shot method finds a strong ticket",
    source=f"{PAPER}, §4.2",
    rule="The largest mean relative quality before training over all single-shot cells below density 1 stays under .9, every "
    "pruner of the paper having been run. The interval holds for all cells at once",
    figures=("quality",),
    unit=QUALITY,
)
def p2(frame: pd.DataFrame, seekers: Seekers) -> dict[str, Effect]:
    """Decide whether no single-shot method finds a strong ticket."""
    rows = frame[frame["seeker"].isin(single_shot(seekers)) & (frame["density"] < 1)]
    return {"P2": unless_all(opposite(largest(rows, "strong", FOUND)), SCORED, kinds(rows, seekers))}


def _collapses(*words: str) -> str:
    """Say of whom and where P3 speaks: the words after its name are the rounds, if they are few, and the condition."""
    rounds = " ".join(words[:3]) if words[:1] == ("with",) else "with a hundred rounds or more"
    where = words[3:] if words[:1] == ("with",) else words
    place = f" on {' '.join(where[:3])} at density {where[3]}" if where else ""
    return f"SynFlow suffers layer collapse {rounds}{place}"


@claim(
    "P3",
    statement="SynFlow suffers layer collapse even with a hundred rounds",
    source=f"{PAPER}, §4.2",
    rule="At a density below .1, at least one target, depth and density exists where more than half of the networks have "
    "a layer without weights; its interval holds for all conditions at once. Every condition is also decided by itself; "
    "intervals are Clopper-Pearson's",
    figures=("collapse",),
    unit=NETWORKS,
    parts=lambda part: _collapses(*part.split()[1:]) if " " in part else "",
)
def p3(frame: pd.DataFrame, seekers: Seekers) -> dict[str, Effect]:
    """Decide where SynFlow with a hundred rounds collapses, and where with one: a row per target, depth and density."""
    found = {}
    for name in single_shot(seekers):
        if seekers[name]["seeker"] == "synflow":
            rounds = seekers[name]["rounds"]
            rows = frame[(frame["seeker"] == name) & (frame["density"] < SPARSE - 1e-3)]
            prefix = "P3" if rounds >= 100 else f"P3 with {rounds} round{'s' * (rounds > 1)}"
            found[prefix] = largest(rows, "collapsed", 0.5, statistics.share)
            for (target, depth, _, cell), own in rows.groupby(CELL, observed=True):
                found[f"{prefix} {target} depth {depth} {cell}"] = largest(own, "collapsed", 0.5, statistics.share)
    return found or {"P3": MISSING}


@claim(
    "P4",
    statement="Multi-shot SynFlow is the best multi-shot pruner and recovers a weak Circle ticket at ticket density",
    source=f"{PAPER}, §4.3",
    rule="P4a: on Circle at ticket density, in the widest mother networks and with the paper's label noise of .01, its "
    "relative quality after training exceeds that of each other multi-shot pruner, paired over seeds, all depths that "
    "both were run at alike; P4b: it exceeds .9 at one depth at least; P4: both",
    figures=("quality",),
    unit=QUALITY,
    parts={
        "P4a": "Multi-shot SynFlow is the best multi-shot pruner on Circle at ticket density",
        "P4b": "Multi-shot SynFlow recovers a weak Circle ticket at ticket density",
    },
)
def p4(frame: pd.DataFrame, seekers: Seekers) -> dict[str, Effect]:
    """Decide whether multi-shot SynFlow is the best multi-shot pruner and finds a weak Circle ticket at its density."""
    rows = frame[(frame["family"] == "circle") & (frame["noise"] == NOISE) & (frame["asked"] == TICKET)]
    rows = rows[rows["width"] == rows["width"].max()]
    ours = multi_shot(seekers, "synflow")
    others = [name for name in multi_shot(seekers) if name not in ours]
    best = best_of(rows, "weak", ours, others)
    found = largest(rows[rows["seeker"].isin(ours)], "weak", FOUND)
    return {"P4": weakest((best, found)), "P4a": best, "P4b": found}


@claim(
    "P5",
    statement="Edge-popup finds strong Circle tickets at density .5, at .1 when annealed, and none on regression",
    source=f"{PAPER}, §4.4",
    rule="P5a, P5b: the mean relative quality before training exceeds .9 at one depth at least, at .5 and (annealed) at "
    ".1; P5c: on regression that of both, the plain and the annealed, stays under .9 at every depth and density below 1; P5: "
    "all three",
    figures=("quality",),
    unit=QUALITY,
    parts={
        "P5a": "Edge-popup finds strong Circle tickets at density .5",
        "P5b": "Annealed edge-popup finds strong Circle tickets at density .1",
        "P5c": "Edge-popup finds no strong tickets on regression",
    },
)
def p5(frame: pd.DataFrame, seekers: Seekers) -> dict[str, Effect]:
    """Decide where edge-popup finds strong tickets."""
    own = {name: s for name, s in seekers.items() if s["seeker"] == "edge_popup"}
    plain = frame[frame["seeker"].isin([name for name, s in own.items() if not s.get("annealed")])]
    annealed = frame[frame["seeker"].isin([name for name, s in own.items() if s.get("annealed")])]

    def circle(rows: pd.DataFrame, density: float) -> pd.DataFrame:
        return rows[(rows["family"] == "circle") & np.isclose(rows["density"], density, atol=1e-3)]

    half = largest(circle(plain, 0.5), "strong", FOUND)
    tenth = largest(circle(annealed, 0.1), "strong", FOUND)
    regression = frame[frame["seeker"].isin(own) & (frame["family"] != "circle") & (frame["density"] < 1)]
    annealings = {bool(own[name].get("annealed")) for name in set(regression["seeker"])}
    none = unless_all(opposite(largest(regression, "strong", FOUND)), (False, True), annealings)
    return {"P5": weakest((half, tenth, none)), "P5a": half, "P5b": tenth, "P5c": none}


@claim(
    "P6",
    statement="Seekers are robust to label noise",
    source=f"{PAPER}, appendix",
    rule="On Circle, relative quality after training differs by less than .05 from that without noise, the mean over "
    "widths, seekers, depths and densities that both were run with; P6 is the noise with the largest difference",
    figures=("quality",),
    unit=QUALITY,
    parts=lambda part: f"Seekers are robust to a share of {part.split()[-1]} flipped labels" if " " in part else "",
    margin=NOISE_MARGIN,
)
def p6(frame: pd.DataFrame, seekers: Seekers) -> dict[str, Effect]:
    """Compare every noise on the labels of Circle with none: the mean difference over what both noises were run with.

    What is compared has the same mother networks: one width, depth, seeker and density.
    """
    rows = frame[(frame["family"] == "circle") & frame["seeker"].isin(set(seekers) - {DENSE, PLANTED})]
    rows = rows[rows["density"] < 1]
    shared, found = ["width", "depth", "seeker", "asked"], {}
    levels = sorted(set(rows["noise"]) - {0.0})
    for noise in levels:
        sides = []
        for level in (noise, 0.0):
            values = rows[rows["noise"] == level].groupby([*shared, "seed"], observed=True)["weak"].mean()
            sides.append(values)
        difference = (sides[0] - sides[1]).dropna().unstack("seed")
        if difference.size:
            found[f"P6 noise {noise:g}"] = statistics.stratified_effect(difference.to_numpy())
    worst = max(found.values(), key=lambda effect: abs(effect.effect), default=MISSING)
    return {"P6": worst, **found}


@claim(
    "P7",
    statement="Seekers recover planted edges above chance, evolution more of them than gradients",
    source="ours",
    rule="At ticket density. P7a: the largest mean of recall minus the recall of a random mask with as many edges in "
    "every layer is positive, for all cells at once. P7b: recall of the best evolutionary seeker exceeds that of "
    "every other seeker but random, paired over seeds, all targets and depths they share alike; P7c: so does its "
    "relative quality after training, that of random masks included",
    figures=("recovery",),
    unit={"": RECALL, "P7c": QUALITY},
    parts={
        "P7a": "A seeker recovers planted edges above chance",
        "P7b": "Evolution recovers more planted edges than gradients",
        "P7c": "At ticket density, masks that evolution cuts train better than those of every other seeker",
    },
)
def p7(frame: pd.DataFrame, seekers: Seekers) -> dict[str, Effect]:
    """Decide whether anybody recovers planted edges above chance, and whether evolution beats the others at ticket density."""
    rows = frame[(frame["asked"] == TICKET) & ~frame["seeker"].isin([DENSE, PLANTED])]
    rows = rows.assign(gain=rows["recall"] - rows["layer_chance_recall"])
    above = largest(rows[rows["seeker"] != "random"], "gain")
    evolved = named(seekers, seeker="evolution_strategy")
    others = [name for name in seekers if name not in evolved]
    searching = [name for name in others if seekers[name]["seeker"] != "random"]
    return {
        "P7a": above,
        "P7b": best_of(rows, "recall", evolved, searching),
        "P7c": best_of(rows, "weak", evolved, others),
    }
