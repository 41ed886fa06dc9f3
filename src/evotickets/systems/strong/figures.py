"""Figures of strong tickets: accuracy over density, the way there, decision boundaries, and the test-set leak.

Tables have the columns of `tables.STRONG` or `tables.STRONG_HISTORY`. Every function saves an SVG or PNG and returns the
figure.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evotickets import statistics
from evotickets.figures import style
from evotickets.figures.declaration import figure

SEEKERS = {
    "genetic": style.Look("genetic", style.BLUE, "o", "-"),
    "genetic_accuracy": style.Look("genetic, accuracy", style.BLUE, "o", "--"),
    "genetic_entropy": style.Look("genetic, cross-entropy", style.SKY, "s", "-"),
    "random_search": style.Look("random search", style.GREY, "X", ":"),
    "one_plus_one": style.Look("(1+1)-EA", style.PURPLE, "P", "-."),
    "evolution_strategy": style.Look("SNES over logits", "#4B0082", "*", "--"),
    "edge_popup": style.Look("edge-popup", style.GREEN, "^", "-"),
    "edge_popup_half": style.Look("edge-popup, density .5", style.GREEN, "v", "--"),
    "gem_miner": style.Look("Gem-Miner", style.ORANGE, "D", "-"),
    "biprop": style.Look("biprop", style.VERMILLION, "<", "-"),
    "planted": style.Look("planted ticket", style.BLACK, "*", "-"),
}
# Those that are held against genetic search by cross-entropy: the same colours, other markers.
SEEKERS |= {
    f"{name}_entropy": style.Look(f"{SEEKERS[name].label}{words}", SEEKERS[name].color, marker, (0, (3, 1.2)))
    for name, words, marker in (
        ("random_search", ", cross-entropy", "H"),
        ("one_plus_one", ", cross-entropy", "d"),
        ("evolution_strategy", ", cross-entropy", "p"),
        ("edge_popup", " (as dense as cross-entropy)", ">"),
        ("gem_miner", " (as dense as cross-entropy)", "h"),
        ("biprop", " (as dense as cross-entropy)", "8"),
    )
}
DENSE = "dense"
OBJECTIVES = {"accuracy": "share of errors", "cross_entropy": "cross-entropy"}
SIDES = ListedColormap(["#CFE3F1", "#F7DCC9"])
POINTS = 60


def _looks(names: set[str]) -> dict[str, style.Look]:
    return style.looks(names - {DENSE}, SEEKERS)


def _tests(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[(frame["split"] == "test") & (frame["metric"] == "accuracy")]


@figure(
    "figures/strong/{family}_fronts.svg",
    tables=("strong",),
    category="Strong tickets, accuracy over density",
    labels={"family": "{family}", "figure": "accuracy over density"},
)
def fronts(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw test accuracy over density of every seeker before and after pruning, a panel a task, with the dense ceiling.

    Raises:
        ValueError: if there are several families.
    """
    family = style.one(frame, "family", "accuracy of strong tickets")
    rows = _tests(frame)
    tasks, seekers = list(rows["task"].unique()), _looks(set(rows["seeker"]))
    with style.panels(path, len(tasks)) as figure:
        panels = style.grid(figure, len(tasks), style.DENSITY, "test accuracy")
        for panel, task in zip(panels, tasks, strict=True):
            own = rows[rows["task"] == task]
            for name, look in seekers.items():
                _front(panel, own[own["seeker"] == name], look)
            dense = own[own["seeker"] == DENSE]["value"]
            if len(dense):
                style.level_line(panel, dense.mean(), "trained, dense")
            panel.set_title(task.replace("_", " "))
        # Linear: these tickets are not that sparse, and pruning may leave nothing of one that is worth no more than a guess.
        panels[0].set_xlim(1.03, -0.03)
        style.fit_scores(panels, "accuracy")
        figure.suptitle(f"{family.replace('_', ' ')}: strong tickets")
        handles = [
            *(look.handle() for look in seekers.values()),
            Line2D([], [], **style.REFERENCE, label="trained, dense"),
        ]
        handles.append(Line2D([], [], color=style.GREY, marker="o", fillstyle="none", linestyle="", label="pruned"))
        style.legend(figure, handles, style.seeds_of(rows))
    return figure


def _front(panel: Axes, rows: pd.DataFrame, look: style.Look) -> None:
    """Draw one seeker: what it found, and, hollow, what pruning left of that."""
    ends = []
    for state, fill in (("found", "full"), ("pruned", "none")):
        own = rows[rows["state"] == state]
        if len(own):
            mean, low, high = statistics.interval(own["value"], bounds=statistics.SHARE)
            at = own["density"].mean()
            panel.vlines(at, low, high, color=look.color, linewidth=1)
            panel.plot(at, mean, color=look.color, marker=look.marker, fillstyle=fill, linestyle="", label=look.label)
            ends.append((at, mean))
    if len(ends) > 1:
        panel.plot(*zip(*ends, strict=True), color=look.color, linewidth=0.8)


@figure(
    "figures/strong/{family}_progress.svg",
    tables=("strong_history",),
    facts=("family", "objectives"),
    category="Strong tickets, searches",
    labels={"family": "{family}", "figure": "objective over evaluations"},
)
def progress(frame: pd.DataFrame, path: str | Path, *, family: str, objectives: Mapping[str, str]) -> Figure:
    """Draw what the best mask of a search is worth over evaluations, a panel a task and objective.

    Args:
        frame: the histories of a family of tasks.
        path: where to save.
        family: names the figure.
        objectives: what each seeker minimises.
    """
    rows = frame[(frame["metric"] == "loss") & frame["seeker"].isin(list(objectives))]
    rows = rows.assign(objective=rows["seeker"].map(dict(objectives)))
    panels_of = list(dict.fromkeys(zip(rows["task"], rows["objective"], strict=True)))
    seekers = _looks(set(rows["seeker"]))
    with style.panels(path, max(1, len(panels_of))) as figure:
        panels = style.grid(
            figure, max(1, len(panels_of)), "evaluations of a mask", "best on training samples", shared=False
        )
        for panel, (task, objective) in zip(panels, panels_of, strict=False):
            own = rows[(rows["task"] == task) & (rows["objective"] == objective)]
            for name, look in seekers.items():
                if (own["seeker"] == name).any():
                    at, curves = resampled(own[own["seeker"] == name])
                    means = np.array([statistics.interval(column) for column in curves.T])
                    panel.fill_between(at, means[:, 1], means[:, 2], color=look.color, alpha=0.15, linewidth=0)
                    panel.plot(at, means[:, 0], color=look.color, linestyle=look.line, label=look.label)
            panel.set_xscale("log")
            panel.set_title(f"{task.replace('_', ' ')}, {OBJECTIVES[objective]}")
        figure.suptitle(f"{family.replace('_', ' ')}: searches")
        if seekers:
            handles = [look.handle() for look in seekers.values()]
            style.legend(figure, handles, style.seeds_of(rows))
    return figure


def resampled(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return evaluations [points] and what every seed's best was worth there [S, points]; ended searches stay."""
    seeds = [own.sort_values("step") for _, own in rows.groupby("seed")]
    first = max(own["step"].iloc[0] for own in seeds)
    at = np.geomspace(first, max(rows["step"].max(), first + 1), POINTS)
    places = [np.searchsorted(own["step"], at * (1 + 1e-9), side="right") - 1 for own in seeds]
    return at, np.array([own["value"].to_numpy()[place] for own, place in zip(seeds, places, strict=True)])


@figure(
    "figures/strong/leak.svg",
    tables=("strong",),
    category="Strong tickets, test-set leak",
    labels={"family": "all", "figure": "test-set leak"},
)
def leak(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw by how much test accuracy rises when tickets are chosen and pruned on the test set, seed by seed."""
    rows = _tests(frame).pivot_table(index=["task", "seeker", "seed"], columns="state", values="value", sort=False)
    rows = rows.reindex(columns=["leaked", "pruned"]).dropna().reset_index()
    tasks, seekers = list(rows["task"].unique()), _looks(set(rows["seeker"]))
    with style.sheet(path, 6.0, 1.6 + 0.3 * len(tasks)) as figure:
        panel = figure.subplots()
        for index, (name, look) in enumerate(seekers.items()):
            shift = (index - (len(seekers) - 1) / 2) * 0.7 / max(1, len(seekers))
            for place, task in enumerate(tasks):
                own = rows[(rows["seeker"] == name) & (rows["task"] == task)]
                if len(own):
                    mean, low, high = statistics.interval(own["leaked"] - own["pruned"], bounds=statistics.SHARES)
                    panel.hlines(place + shift, low, high, color=look.color, linewidth=1)
                    panel.plot(mean, place + shift, color=look.color, marker=look.marker, linestyle="", markersize=3.5)
        panel.axvline(0, **style.REFERENCE)
        panel.set_yticks(range(len(tasks)), [task.replace("_", " ") for task in tasks])
        panel.invert_yaxis()
        panel.set_xlabel("test accuracy, leaked minus honest")
        figure.suptitle("chosen and pruned on the test set")
        handles = [look.handle() for look in seekers.values()]
        style.legend(figure, handles, style.seeds_of(rows))
    return figure


@figure(
    "figures/strong/{task}_boundaries.svg",
    category="Strong tickets, decision boundaries",
    labels={"family": "{task}", "figure": "decision boundaries"},
)
def boundaries(
    x: np.ndarray,
    y: np.ndarray,
    classifiers: Mapping[str, Callable[[np.ndarray], np.ndarray]],
    densities: Mapping[str, float],
    path: str | Path,
    title: str,
    points: int = 120,
) -> Figure:
    """Draw which side of its boundary every seeker's ticket puts the plane on, and test samples.

    Args:
        x: test samples [n, 2].
        y: their classes [n], 0 or 1.
        classifiers: inputs [points, 2] -> classes [points], by seeker.
        densities: of the tickets, by seeker.
        path: where to save.
        title: names the task.
        points: of the grid, along an axis.
    """
    seekers = _looks(set(classifiers))
    low, high = x.min(0), x.max(0)
    room = 0.1 * (high - low)
    axes = [np.linspace(low[i] - room[i], high[i] + room[i], points) for i in range(2)]
    plane = np.stack(np.meshgrid(*axes), -1).reshape(-1, 2)
    shown = slice(None, 300)
    with style.panels(path, len(seekers), height=2.6) as figure:
        panels = style.grid(figure, len(seekers), "", "")
        for panel, (name, look) in zip(panels, seekers.items(), strict=True):
            sides = classifiers[name](plane).reshape(points, points)
            extent = (axes[0][0], axes[0][-1], axes[1][0], axes[1][-1])
            panel.imshow(sides, origin="lower", extent=extent, cmap=SIDES, vmin=0, vmax=1, aspect="auto")
            for label, color in enumerate((style.BLUE, style.VERMILLION)):
                own = x[shown][y[shown] == label]
                panel.plot(own[:, 0], own[:, 1], linestyle="", marker=".", markersize=2, color=color)
            right = float(np.mean(classifiers[name](x) == y))
            panel.set_title(f"{look.label}\naccuracy {right:.3f}, density {densities[name]:.2f}", fontsize=9)
            panel.grid(visible=False)
        figure.suptitle(f"{title.replace('_', ' ')}: boundaries of strong tickets")
    return figure
