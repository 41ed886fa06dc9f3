"""The claims about planted tickets, each decided from the table of a study by a rule that was fixed beforehand.

Quality is relative (`comparisons`); a ticket counts as found from a relative quality of `FOUND`. Every rule decides on tickets
that are planted and cut as by default, and again on each variant that a study has.
"""

from collections.abc import Collection, Mapping
from functools import partial

import numpy as np
import pandas as pd

from evotickets import statistics
from evotickets.claims.registry import About
from evotickets.claims.rules import MISSING, named, opposite, unless_all, weakest
from evotickets.statistics import SHARES, Effect
from evotickets.systems.planting import DENSE, PLANTED, TICKET
from evotickets.systems.planting.comparisons import (
    CELL,
    VARIANTS,
    Seekers,
    Targets,
    best_of,
    complete,
    in_every_variant,
    largest,
    multi_shot,
    wide,
)

FOUND, REASONABLE = 0.9, 0.5
"""The relative quality of a ticket, and of what is half way from the best constant to one."""
SPARSE = 0.1
NOISE, NOISE_MARGIN = 0.01, 0.05
"""The share of flipped labels in the paper's Circle, and the relative quality that another share may cost."""
SEEN = 0.1
"""The share of a ticket's weights beyond chance that may be among the network's largest before it counts as seen."""
QUALITY, NETWORKS, RECALL = "relative quality", "share of networks", "recall"
WEIGHTS, SIZE = "share of the ticket", "standard deviations"
BOTH = f"{WEIGHTS} or {SIZE}"
"""Units of effects."""

DIFFERENCE = partial(statistics.interval, bounds=SHARES)
"""The interval of a difference of two shares."""

PAPER = "Fischer & Burkholz (2022)"
claim = About("planting", variants=tuple(VARIANTS.values()))


def evidence(
    tables: Mapping[str, pd.DataFrame], *, seekers: Seekers, targets: Targets, single_shot: Collection[str]
) -> tuple[pd.DataFrame, Seekers]:
    """Return what the rules look at, from the tables of a study by name, and resolved seekers and targets.

    `single_shot` names the seekers that train nothing before they cut.
    """
    return wide(tables["planting"], targets, single_shot), seekers


@claim(
    "P1",
    statement="Single-shot pruning finds weak tickets only at density .1 and above",
    source=f"{PAPER}, §4.2",
    rule="At every target, depth and density that all single-shot pruners of the paper were run at, the study's own beside "
    "them. P1a: the largest mean relative quality after training over all cells with .1 ≤ density < 1 exceeds .9; P1b: below "
    ".1 the largest stays under .9; P1: both. Intervals hold for all cells at once",
    figures=("quality",),
    unit=QUALITY,
    parts={
        "P1a": "Single-shot pruning finds weak tickets at a density of .1 and above",
        "P1b": "Single-shot pruning finds no weak tickets below a density of .1",
    },
)
@in_every_variant
def p1(frame: pd.DataFrame, seekers: Seekers) -> dict[str, Effect]:
    """Decide whether single-shot pruning finds weak tickets at density .1 and more, and nowhere below."""
    rows = complete(frame, seekers)
    above = largest(rows[(rows["density"] >= SPARSE - 1e-3) & (rows["density"] < 1)], "weak", FOUND)
    below = opposite(largest(rows[rows["density"] < SPARSE - 1e-3], "weak", FOUND))
    return {"P1": weakest((above, below)), "P1a": above, "P1b": below}


@claim(
    "P2",
    statement="No single-shot method finds a strong ticket",
    source=f"{PAPER}, §4.2",
    rule="The largest mean relative quality before training over all cells below density 1 stays under .9, at every target, "
    "depth and density that all single-shot pruners of the paper were run at, the study's own beside them. The interval "
    "holds for all cells at once",
    figures=("quality",),
    unit=QUALITY,
)
@in_every_variant
def p2(frame: pd.DataFrame, seekers: Seekers) -> dict[str, Effect]:
    """Decide whether no single-shot method finds a strong ticket."""
    rows = complete(frame, seekers)
    return {"P2": opposite(largest(rows[rows["density"] < 1], "strong", FOUND))}


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
@in_every_variant
def p3(frame: pd.DataFrame, seekers: Seekers) -> dict[str, Effect]:
    """Decide where SynFlow with a hundred rounds collapses, and where with one: a row per target, depth and density."""
    found = {}
    for name in named(seekers, seeker="synflow", shots=0):
        rows = frame[(frame["seeker"] == name) & (frame["density"] < SPARSE - 1e-3)]
        if len(rows):
            rounds = seekers[name]["rounds"]
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
@in_every_variant
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
    "these three. P5d: as P5b with .5, half way from the best constant to a ticket, for what the paper's results call "
    "reasonable accuracy and its conclusion a strong ticket",
    figures=("quality",),
    unit=QUALITY,
    parts={
        "P5a": "Edge-popup finds strong Circle tickets at density .5",
        "P5b": "Annealed edge-popup finds strong Circle tickets at density .1",
        "P5c": "Edge-popup finds no strong tickets on regression",
        "P5d": "Annealed edge-popup reaches a reasonable accuracy on Circle at density .1",
    },
)
@in_every_variant
def p5(frame: pd.DataFrame, seekers: Seekers) -> dict[str, Effect]:
    """Decide where edge-popup finds strong tickets."""
    own = {name: s for name, s in seekers.items() if s["seeker"] == "edge_popup"}
    plain = frame[frame["seeker"].isin([name for name, s in own.items() if not s.get("annealed")])]
    annealed = frame[frame["seeker"].isin([name for name, s in own.items() if s.get("annealed")])]

    def circle(rows: pd.DataFrame, density: float) -> pd.DataFrame:
        return rows[(rows["family"] == "circle") & np.isclose(rows["density"], density, atol=1e-3)]

    half = largest(circle(plain, 0.5), "strong", FOUND)
    tenth, reasonable = (largest(circle(annealed, 0.1), "strong", level) for level in (FOUND, REASONABLE))
    regression = frame[frame["seeker"].isin(own) & (frame["family"] != "circle") & (frame["density"] < 1)]
    annealings = {bool(own[name].get("annealed")) for name in set(regression["seeker"])}
    none = unless_all(opposite(largest(regression, "strong", FOUND)), (False, True), annealings)
    return {"P5": weakest((half, tenth, none)), "P5a": half, "P5b": tenth, "P5c": none, "P5d": reasonable}


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
@in_every_variant
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
@in_every_variant
def p7(frame: pd.DataFrame, seekers: Seekers) -> dict[str, Effect]:
    """Decide whether anybody recovers planted edges above chance, and whether evolution beats the others at ticket density."""
    rows = frame[(frame["asked"] == TICKET) & ~frame["seeker"].isin([DENSE, PLANTED])]
    rows = rows.assign(gain=rows["recall"] - rows["layer_chance_recall"])
    above = largest(rows[rows["seeker"] != "random"], "gain", interval=DIFFERENCE)
    evolved = named(seekers, seeker="evolution_strategy")
    others = [name for name in seekers if name not in evolved]
    searching = [name for name in others if seekers[name]["seeker"] != "random"]
    return {
        "P7a": above,
        "P7b": best_of(rows, "recall", evolved, searching),
        "P7c": best_of(rows, "weak", evolved, others),
    }


def _hidden(part: str) -> str:
    """Say of what and where P8 speaks."""
    name, _, place = part.partition(" ")
    said = {
        "P8a": "Planted weights are among the largest of the network no more often than others",
        "P8b": "The largest planted weight is smaller than the largest of all others",
    }.get(name, "")
    return f"{said} on {place}" if place else said


@claim(
    "P8",
    statement="Planted weights do not stand out",
    source="ours",
    rule="In every target and depth. P8a: of as many of the network's largest weights as the ticket has, the share that is "
    "planted exceeds that of chance by less than .1; every target and depth is also decided by itself. P8b: the largest "
    "planted |weight|, in stds of its layer, is below the largest of all others. P8: both. Means over seeds; intervals hold "
    "for all targets and depths at once",
    figures=("visibility",),
    unit={"P8": BOTH, "P8a": WEIGHTS, "P8b": SIZE},
    parts=_hidden,
)
@in_every_variant
def p8(frame: pd.DataFrame, seekers: Seekers) -> dict[str, Effect]:
    """Decide whether tickets are hidden: whether their weights could be told by size alone."""
    del seekers
    rows = frame[frame["seeker"] == PLANTED]
    if "share" not in rows or rows.empty:
        return {"P8": MISSING, "P8a": MISSING, "P8b": MISSING}
    rows = rows.assign(excess=rows["share"] - rows["chance"], over=rows["largest"] - rows["rest"])
    share, size = opposite(largest(rows, "excess", SEEN, DIFFERENCE)), opposite(largest(rows, "over"))
    single = {
        f"P8a {target} depth {depth}": opposite(largest(own, "excess", SEEN, DIFFERENCE))
        for (target, depth, _, _), own in rows.groupby(CELL, observed=True)
    }
    return {"P8": weakest((share, size)), "P8a": share, "P8b": size, **single}
