"""Figures of hybrid training: accuracy over density and over compute, how masks change, what their evolution sees and costs.

Tables have the columns of `tables.HYBRID` or `tables.HYBRID_EFFECTS`. Every function saves an SVG or PNG and returns the
figure.
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
    return frame[frame["step"] == frame["step"].max()]


@figure(
    "figures/hybrid/{task}_performance.svg",
    tables=("hybrid",),
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
    with style.panels(path, len(shown), width=5.4, height=3.6) as figure:
        panels = style.grid(figure, len(shown), style.DENSITY, "test accuracy")
        handles = [look.handle() for look in methods.values()]
        dense = rows[rows["method"] == "dense"]
        for panel, names in zip(panels, shown, strict=True):
            for index, name in enumerate(names):
                shift = BESIDE ** (index - (len(names) - 1) / 2)
                style.curve(panel, "density", sparse[sparse["method"] == name], methods[name], shift=shift)
            if len(dense):
                style.level_line(panel, dense["value"].mean(), "dense")
            if len(sparse):
                style.density_axis(panel, sparse["density"])
        if len(dense):
            handles.append(Line2D([], [], **style.REFERENCE, label="dense"))
        style.fit_scores(panels, "accuracy")
        figure.suptitle(f"{task}: test accuracy over density")
        style.legend(figure, handles, style.seeds_of(rows))
    return figure


@figure(
    "figures/hybrid/{task}_cost.svg",
    tables=("hybrid",),
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
    keys = ["method", "density", "step", "seed"]
    rows = _accuracy(frame).merge(passes[[*keys, "value"]].rename(columns={"value": "passes"}), on=keys)
    methods = style.looks(rows["method"], METHODS)
    densities = [density for density in style.densities(rows) if density < 1] or [1.0]
    with style.panels(path, len(densities), width=3.6) as figure:
        panels = style.grid(figure, len(densities), "passes of a sample", "test accuracy")
        for panel, density in zip(panels, densities, strict=True):
            for name, look in methods.items():
                own = rows[(rows["method"] == name) & rows["density"].isin([density, 1.0])]
                if len(own):
                    style.curve(panel, "passes", own, look)
            panel.set_xscale("log")
            panel.set_title(f"density {density:g}")
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
    densities = style.densities(rows) or [1.0]
    with style.panels(path, len(densities), width=3.6) as figure:
        panels = style.grid(figure, len(densities), "step", "share of new weights")
        for panel, density in zip(panels, densities, strict=True):
            for name, look in methods.items():
                own = rows[(rows["method"] == name) & (rows["density"] == density)]
                if len(own):
                    style.curve(panel, "step", own, look)
            panel.set_title(f"density {density:g}")
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
