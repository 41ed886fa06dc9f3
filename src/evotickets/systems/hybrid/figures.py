"""Figures of hybrid training: accuracy over density and over compute, how masks change, what their evolution sees and costs.

Tables have the columns of `tables.HYBRID`, `tables.HYBRID_CHOICES` or `tables.HYBRID_EFFECTS`. Every function saves an SVG or
PNG and returns the figure.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evotickets import statistics
from evotickets.figures import style
from evotickets.figures.declaration import figure
from evotickets.systems.hybrid import SHARE_OUTS, WHOLE

METHODS = {
    "hybrid": style.Look("hybrid", style.BLUE, "o", "-"),
    "noise_only": style.Look("hybrid, mask noise only", style.SKY, "v", "--"),
    "shuffled": style.Look("hybrid, shuffled fitness", style.PURPLE, "P", ":"),
    "static": style.CRITERIA["random"]._replace(label="static random mask"),
    "set": style.Look("SET", style.GREEN, "^", "-"),
    "rigl": style.Look("RigL", style.VERMILLION, "s", "-"),
    "gmp": style.Look("gradual magnitude pruning", style.ORANGE, "D", "-"),
    "straight_through": style.Look("straight-through top-k", "#8C6D1F", ">", "-"),
    "small_dense": style.Look("small dense", style.BLACK, "<", "--"),
    "dense": style.Look("dense", style.BLACK, "*", "-"),
}
BESIDE = 1.015
"""Factor on the density from one method to the next, so that intervals stand side by side."""
PARTS = {
    "gradients": ("gradients of all members", style.SKY),
    "sampling": ("sampling", style.ORANGE),
    "selection": ("top-k and masking", style.VERMILLION),
    "reduction": ("update of the mask", style.PURPLE),
}


def _accuracy(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[(frame["split"] == "test") & (frame["metric"] == "accuracy")]


def _last(frame: pd.DataFrame) -> pd.DataFrame:
    courses = frame.groupby(["layer_densities", "method", "density", "seed"])
    return frame[frame["step"] == courses["step"].transform("max")]


def _share_outs(frame: pd.DataFrame) -> list[str]:
    """Return the share-outs over layers that a table has, or one that it has not where nothing is pruned."""
    return [name for name in SHARE_OUTS if (frame["layer_densities"] == name).any()] or [WHOLE]


def _under(frame: pd.DataFrame, share_out: str) -> pd.DataFrame:
    """Return the rows under a share-out, and those that need none."""
    return frame[frame["layer_densities"].isin([share_out, WHOLE])]


def _panels(frame: pd.DataFrame) -> list[tuple[str, float, str]]:
    """Return share-out, density and title of every panel: densities below 1 under every share-out that they were run with."""
    share_outs = _share_outs(frame)
    sparse = frame[frame["density"] < 1]
    found = []
    for share_out in share_outs:
        for density in style.densities(_under(sparse, share_out)):
            words = f", {SHARE_OUTS[share_out]}" if len(share_outs) > 1 else ""
            found.append((share_out, density, f"density {density:g}{words}"))
    return found or [(WHOLE, 1.0, "density 1")]


@figure(
    "figures/hybrid/{task}_performance.svg",
    tables=("hybrid",),
    study="classes",
    category="Hybrid, accuracy over density",
    labels={"task": "{task}", "figure": "accuracy over density"},
)
def performance(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw test accuracy over density at the end of training, for every method on one task; the dense network is a line.

    What a study names itself has a panel of its own, with the hybrid to compare with.

    Raises:
        ValueError: if there are several tasks.
    """
    task = style.one(frame, "task", "accuracy of sparse networks")
    rows = _last(_accuracy(frame))
    sparse = rows[rows["density"] < 1]
    methods = style.looks(sparse["method"], METHODS)
    shown = [[name for name in methods if name in METHODS]]
    if more := [name for name in methods if name not in METHODS]:
        shown.append([name for name in methods if name == "hybrid"] + more)
    share_outs = _share_outs(rows)
    with style.panels(path, len(shown) * len(share_outs), width=5.4, height=3.6) as figure:
        panels = style.grid(figure, len(shown) * len(share_outs), style.DENSITY, "test accuracy")
        handles = [look.handle() for look in methods.values()]
        dense = rows[rows["method"] == "dense"]
        places = [(share_out, names) for share_out in share_outs for names in shown]
        for panel, (share_out, names) in zip(panels, places, strict=True):
            own = _under(sparse, share_out)
            for index, name in enumerate(names):
                shift = BESIDE ** (index - (len(names) - 1) / 2)
                # Some methods are run under one share-out alone.
                if (own["method"] == name).any():
                    style.curve(panel, "density", own[own["method"] == name], methods[name], shift=shift)
            if len(dense):
                style.level_line(panel, dense["value"].mean(), "dense")
            if len(sparse):
                style.density_axis(panel, sparse["density"])
            if len(share_outs) > 1:
                panel.set_title(SHARE_OUTS[share_out])
        if len(dense):
            handles.append(Line2D([], [], **style.REFERENCE, label="dense"))
        style.fit_scores(panels, "accuracy")
        figure.suptitle(f"{task}: test accuracy over density")
        style.legend(figure, handles, style.seeds_of(rows))
    return figure


@figure(
    "figures/hybrid/{task}_choices.svg",
    tables=("hybrid_choices",),
    category="Hybrid, choices",
    labels={"task": "{task}", "figure": "what validation chose"},
)
def choices(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw validation accuracy over learning rates, a panel a density and share-out, and around what was chosen a ring.

    Of a method that chooses more than its rate, the best candidate at every rate is drawn. Sequences have bits per sample.

    Raises:
        ValueError: if there are several tasks.
    """
    task = style.one(frame, "task", "choice of settings")
    # The largest is the best; bits are drawn as they are.
    told = bool(frame["accuracy"].isna().all())
    frame = frame.assign(accuracy=-frame["loss"] / np.log(2)) if told else frame
    sign = -1 if told else 1
    keys = ["layer_densities", "density", "method"]
    candidates = frame.groupby([*keys, "candidate", "learning_rate"], as_index=False).agg(
        accuracy=("accuracy", "mean"), chosen=("chosen", "mean")
    )
    methods = style.looks(frame["method"], METHODS)
    order = {name: place for place, name in enumerate([*SHARE_OUTS, WHOLE])}
    places = sorted(
        set(zip(frame["layer_densities"], frame["density"], strict=True)), key=lambda p: (order[p[0]], -p[1])
    )
    with style.panels(path, len(places), width=3.2) as figure:
        score = "bits per sample" if told else "accuracy"
        panels = style.grid(figure, len(places), "learning rate", f"validation {score}")
        for panel, (share_out, density) in zip(panels, places, strict=True):
            own = candidates[(candidates["layer_densities"] == share_out) & (candidates["density"] == density)]
            for name, look in methods.items():
                rates = own[own["method"] == name].groupby("learning_rate")["accuracy"].max()
                panel.plot(
                    rates.index, sign * rates, color=look.color, marker=look.marker, linestyle=look.line, markersize=4
                )
                taken = own[(own["method"] == name) & (own["chosen"] > 0)]
                panel.scatter(
                    taken["learning_rate"], sign * taken["accuracy"], s=90, facecolors="none", edgecolors=look.color
                )
            panel.set_xscale("log")
            style.plain_ticks(panel.xaxis, sorted(frame["learning_rate"].unique()))
            words = SHARE_OUTS.get(share_out, "not pruned" if density == 1 else "smaller network")
            panel.set_title(words if density == 1 else f"density {density:g}, {words}", fontsize="small")
        style.fit_scores(panels, score)
        figure.suptitle(f"{task}: what validation {'sequences' if told else 'images'} chose (rings)")
        style.legend(figure, [look.handle() for look in methods.values()])
    return figure


@figure(
    "figures/hybrid/{task}_cost.svg",
    tables=("hybrid",),
    study="classes",
    category="Hybrid, cost",
    labels={"task": "{task}", "figure": "accuracy over compute"},
)
def cost(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw test accuracy over what training had cost by then, one panel a density, what prunes nothing in all of them.

    Raises:
        ValueError: if there are several tasks.
    """
    task = style.one(frame, "task", "accuracy over compute")
    passes = frame[(frame["split"] == "cost") & (frame["metric"] == "passes")]
    keys = ["layer_densities", "method", "density", "step", "seed"]
    rows = _accuracy(frame).merge(passes[[*keys, "value"]].rename(columns={"value": "passes"}), on=keys)
    methods = style.looks(rows["method"], METHODS)
    places = _panels(rows)
    with style.panels(path, len(places), width=3.6) as figure:
        panels = style.grid(figure, len(places), "passes of a sample", "test accuracy")
        for panel, (share_out, density, title) in zip(panels, places, strict=True):
            for name, look in methods.items():
                own = _under(rows[(rows["method"] == name) & rows["density"].isin([density, 1.0])], share_out)
                if len(own):
                    style.curve(panel, "passes", own, look)
            panel.set_xscale("log")
            panel.set_title(title)
        style.fit_scores(panels, "accuracy")
        figure.suptitle(f"{task}: test accuracy over compute")
        handles = [look.handle() for look in methods.values()]
        style.legend(figure, handles, style.seeds_of(rows))
    return figure


@figure(
    "figures/hybrid/{task}_churn.svg",
    tables=("hybrid",),
    category="Hybrid, masks",
    labels={"task": "{task}", "figure": "mask churn"},
)
def churn(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw the share of a mask's weights that are new since the score before, over steps, one panel a density.

    Raises:
        ValueError: if there are several tasks.
    """
    task = style.one(frame, "task", "churn of masks")
    rows = frame[(frame["split"] == "mask") & (frame["metric"] == "churn") & (frame["density"] < 1)]
    rows = rows[rows["method"] != "small_dense"]
    methods = style.looks(rows["method"], METHODS)
    places = _panels(rows)
    with style.panels(path, len(places), width=3.6) as figure:
        panels = style.grid(figure, len(places), "step", "share of new weights")
        for panel, (share_out, density, title) in zip(panels, places, strict=True):
            for name, look in methods.items():
                own = _under(rows[(rows["method"] == name) & (rows["density"] == density)], share_out)
                if len(own):
                    style.curve(panel, "step", own, look)
            panel.set_title(title)
        panels[0].set_ylim(-0.02, 1.02)
        figure.suptitle(f"{task}: how masks change")
        handles = [look.handle() for look in methods.values()]
        style.legend(figure, handles, style.seeds_of(rows))
    return figure


@figure(
    "figures/hybrid/effects.svg",
    tables=("hybrid_effects",),
    category="Hybrid, masks",
    labels={"task": "small networks", "figure": "update and exact effect"},
)
def effects(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw the correlation of a mask's update with exact effects over weights a member, a curve for every network."""
    rows = frame.assign(ratio=frame["weights"] / frame["population"])
    kinds = list(rows.groupby(["task", "method", "density", "weights"]))
    names = [
        f"{task}, {method}, density {density:g}: {weights:,} weights" for (task, method, density, weights), _ in kinds
    ]
    looks = style.looks(names, {})
    with style.panels(path, 1, width=5.4, height=3.4) as figure:
        (panel,) = style.grid(figure, 1, "weights / members (n / N)", "rank correlation with the exact effect")
        for name, (_, own) in zip(names, kinds, strict=True):
            style.curve(panel, "ratio", own, looks[name])
        style.level_line(panel, 0, "no signal")
        panel.set_xscale("log")
        figure.suptitle("what the update of a mask knows of the worth of a weight")
        style.legend(figure, [looks[name].handle() for name in names], style.seeds_of(rows))
    return figure


@figure(
    "hybrid/overhead/{task}/{method}/{density}/parts.png",
    category="Hybrid, cost",
    labels={"task": "{task}", "figure": "parts of a step of {method} at density {density}"},
)
def overhead(times: Mapping[str, np.ndarray], members: int, path: str | Path, title: str = "") -> Figure:
    """Draw the milliseconds of a hybrid step's parts beside the whole step and as many plain steps as it has members.

    Args:
        times: milliseconds [repeats] by part: those of `PARTS`, `step` and `plain`.
        members: N.
        path: where to save.
        title: names the task.
    """
    with style.sheet(path, 6.4, 2.9) as figure:
        axes = figure.subplots()
        left = 0.0
        base = statistics.interval(times["gradients"]).mean
        for part, (label, color) in PARTS.items():
            mean = statistics.interval(times[part]).mean
            axes.barh(1, mean, left=left, color=color, label=f"{label} ({mean / base:.1%})")
            left += mean
        for place, name in ((0, "step"), (2, "plain")):
            mean, low, high = statistics.interval(times[name])
            axes.barh(place, mean, color=style.GREY)
            axes.errorbar(mean, place, xerr=[[mean - low], [high - mean]], color=style.BLACK)
        axes.set_yticks(range(3), ["hybrid step", "its parts", f"{members} plain steps"])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("milliseconds; in brackets the share of N-way data-parallel gradient descent")
        figure.suptitle(title or "what a step of the hybrid costs")
        style.legend(figure, title=f"mean of {len(times['step'])} repeats")
    return figure
