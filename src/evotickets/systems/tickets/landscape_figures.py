"""Figures of what tickets are worth elsewhere, and of the landscape around trained ones.

Every function saves an SVG or PNG and returns the figure. Tables are tidy, one row per seed with a `value`; a `pair`
names what is compared and becomes a panel, in the order of the table. Lines are trainers; where one has several
criteria, a column `criterion` tells its lines apart.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from evotickets import landscape, statistics
from evotickets.figures import style
from evotickets.figures.declaration import figure
from evotickets.systems.tickets.tables import ERRORS

SOURCE = ["source_task", "source_trainer", "source_criterion"]
ORIGINS = {
    "own": style.Look("the target's own ticket", style.BLUE, "o", "-"),
    "transferred": style.Look("transferred ticket", style.ORANGE, "D", (0, (6, 1.5))),
    "random": style.CRITERIA["random"],
}


@figure(
    "figures/transfers/{task}_transfers.svg",
    tables=("tickets", "transfers"),
    facts=("standing",),
    category="Tickets, transfer",
    labels={"target task": "{task}", "figure": "transfers"},
)
def transfer(scores: pd.DataFrame, moved: pd.DataFrame, path: str | Path, *, standing: Mapping[str, str]) -> Figure:
    """Draw test score over density of a target trained on a transferred, its own and a random ticket, a panel per pair.

    Args:
        scores: score rows of the target's own chains.
        moved: score rows of tickets that were transferred to it.
        path: where to save.
        standing: the criterion that stands for each trainer's own tickets.

    Raises:
        ValueError: if the test scores have several tasks or metrics.
    """
    task = style.one(moved, "task", "transfer figure")
    panels = []
    for (trainer, *source), transferred in moved.groupby(["trainer", *SOURCE], sort=False):
        pair = f"{' '.join(source)} → {task} {trainer}"
        panels.append(transferred.assign(pair=pair, origin="transferred"))
        for criterion, origin in ((standing[trainer], "own"), ("random", "random")):
            chain = scores[scores["trainer"].eq(trainer) & scores["criterion"].eq(criterion)]
            panels.append(chain.assign(pair=pair, origin=origin))
    rows, metric = style.scores(pd.concat(panels, ignore_index=True), "test", "transfer figure")
    heading = f"{task}: tickets from elsewhere"
    return _over_density(rows, path, "origin", ORIGINS, f"test {style.METRICS[metric]}", heading, metric=metric)


@figure(
    "figures/landscape/{task}_barriers.svg",
    tables=("barriers",),
    category="Tickets, landscape",
    subcategory="{task}",
    labels={"trainer": "all", "criterion": "own", "figure": "barriers"},
)
def barriers(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw the barrier of the test error on the line between two networks over density, for one task.

    A panel is a pair and a line a trainer; the density is that of the sparser network. Below a dotted line, two networks
    count as connected (`landscape.STABLE`), which says nothing of the return of a control task.

    Raises:
        ValueError: if there are several tasks or metrics of error.
    """
    task = style.one(frame, "task", "barrier figure")
    frame = frame[frame["split"].eq("test") & frame["metric"].isin(ERRORS)]
    what = f"barrier of the {_measure(frame, 'barrier figure')}"
    stable = landscape.STABLE if (frame["metric"] == "error").all() else None
    rows, heading = _chains(frame), f"{task}: linear mode connectivity"
    return _over_density(rows, path, "trainer", style.TRAINERS, what, heading, stable=stable, shared=False)


@figure(
    "figures/landscape/{task}_diversity.svg",
    tables=("diversity",),
    category="Tickets, landscape",
    subcategory="{task}",
    labels={"trainer": "all", "criterion": "own", "figure": "diversity"},
)
def diversity(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw how different the solutions of several seeds are, over density, for one task.

    A panel is a measure and a line a trainer. Lines are means over all pairs of seeds; from three seeds on, intervals are
    over the jackknife's values of seeds.

    Raises:
        ValueError: if there are several tasks.
    """
    task = style.one(frame, "task", "diversity figure")
    rows = []
    for (measure, trainer, density), pairs in _chains(frame).groupby(["measure", "trainer", "density"], sort=False):
        matrix = statistics.pair_matrix(pairs)
        values = statistics.pairwise(matrix) if len(matrix) > 2 else pairs["value"]
        factors = {"pair": measure, "trainer": trainer, "density": density}
        rows += [factors | {"seed": seed, "value": value} for seed, value in enumerate(values)]
    seeds = len({*frame["seed"], *frame["other"]})
    legend = f"mean over pairs of {seeds} seeds" + " and the jackknife's 95 % interval" * (seeds > 2)
    heading, ylabel = f"{task}: diversity of trained tickets", "between two seeds"
    return _over_density(
        pd.DataFrame(rows), path, "trainer", style.TRAINERS, ylabel, heading, shared=False, legend=legend
    )


@figure(
    "figures/landscape/{task}_snr_correlation.svg",
    tables=("snr_correlation",),
    category="Tickets, landscape",
    subcategory="{task}",
    labels={"trainer": "all", "criterion": "own", "figure": "SNR correlation"},
)
def snr_correlation(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw Spearman's correlation of the weights' first signal-to-noise ratios with later ones, over density, for one task.

    Raises:
        ValueError: if there are several tasks.
    """
    heading = f"{style.one(frame, 'task', 'memory of ratios')}: memory of the signal-to-noise ratio"
    ylabel = "rank correlation with\nthe dense level"
    return _over_density(_chains(frame).assign(pair=""), path, "trainer", style.TRAINERS, ylabel, heading)


def _over_density(
    rows: pd.DataFrame,
    path: str | Path,
    by: str,
    known: Mapping[str, style.Look],
    ylabel: str,
    title: str,
    *,
    metric: str = "",
    stable: float | None = None,
    shared: bool = True,
    legend: str = "",
) -> Figure:
    """Draw a panel per pair and a line with an interval per value of `by`."""
    pairs = list(dict.fromkeys(rows["pair"]))
    looks = style.looks(rows[by], known)
    with style.panels(path, len(pairs)) as figure:
        panels = style.grid(figure, len(pairs), style.DENSITY, ylabel, shared=shared)
        handles = [look.handle() for look in looks.values()]
        for axes, pair in zip(panels, pairs, strict=True):
            for name, look in looks.items():
                own = rows[(rows["pair"] == pair) & (rows[by] == name)]
                if len(own):
                    style.curve(axes, "density", own, look)
            style.density_axis(axes, rows["density"])
            axes.set_title(pair)
            if stable is not None:
                line = style.level_line(axes, stable, f"connected below {stable:g}")
                handles[len(looks) :] = [line]
        for group in [panels] if shared else [[axes] for axes in panels]:
            style.fit_scores(group, metric)
        figure.suptitle(title)
        style.legend(figure, handles, legend or style.seeds_of(rows))
    return figure


@figure(
    "landscape/{task}/{trainer}/{criterion}/interpolation.svg",
    category="Tickets, landscape",
    subcategory="{task}",
    labels={"trainer": "{trainer}", "criterion": "{criterion}", "figure": "interpolation"},
)
def interpolation(frame: pd.DataFrame, path: str | Path, title: str = "") -> Figure:
    """Draw the error on the straight line between two networks, a panel per pair and a line per density.

    Lines are means over seeds; a dot marks the largest.

    Args:
        frame: columns pair, density, alpha, seed, split, metric and value, of one split and metric.
        path: where to save.
        title: names the chain.

    Raises:
        ValueError: if there are several splits or metrics.
    """
    ylabel = _measure(frame, "interpolation figure")
    pairs = list(dict.fromkeys(frame["pair"]))
    densities = style.densities(frame)
    colors = style.density_colors(densities)
    with style.panels(path, len(pairs)) as figure:
        panels = style.grid(figure, len(pairs), "α (1: first network, 0: second)", ylabel, shared=False)
        for axes, pair in zip(panels, pairs, strict=True):
            own = frame[frame["pair"] == pair]
            for density in densities:
                mean = own[own["density"] == density].groupby("alpha")["value"].mean()
                if len(mean):
                    color = colors[density]
                    axes.plot(mean.index, mean, color=color, label=f"{density:.3g}")
                    axes.plot(mean.idxmax(), mean.max(), color=color, marker="o")
            axes.set_title(pair)
        figure.suptitle(title or "on the line between two networks")
        style.density_bar(figure, panels, densities)
    return figure


@figure(
    "figures/landscape/{task}_flatness.svg",
    tables=("flatness",),
    category="Tickets, landscape",
    subcategory="{task}",
    labels={"trainer": "all", "criterion": "own", "figure": "flatness"},
)
def flatness(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw test score under noise on the weights, a panel per density and a line per trainer, for one task.

    Raises:
        ValueError: if there are several tasks, or the test scores have several metrics.
    """
    task = style.one(frame, "task", "flatness figure")
    rows, metric = style.scores(_chains(frame), "test", "flatness figure")
    densities = style.densities(rows)
    trainers = style.looks(rows["trainer"], style.TRAINERS)
    with style.panels(path, len(densities)) as figure:
        panels = style.grid(figure, len(densities), "noise / RMS of the survivors", f"test {style.METRICS[metric]}")
        for axes, density in zip(panels, densities, strict=True):
            for trainer, look in trainers.items():
                own = rows[(rows["density"] == density) & (rows["trainer"] == trainer)]
                if len(own):
                    style.curve(axes, "epsilon", own, look)
            axes.set_title(f"density {density:.3g}")
        style.fit_scores(panels, metric)
        figure.suptitle(f"{task}: flatness of trained tickets")
        handles = [look.handle() for look in trainers.values()]
        style.legend(figure, handles, style.seeds_of(rows))
    return figure


def _chains(frame: pd.DataFrame) -> pd.DataFrame:
    """Let `trainer` name the criterion too where a trainer has several."""
    if "criterion" not in frame:
        return frame
    several = frame.groupby("trainer")["criterion"].transform("nunique") > 1
    return frame.assign(trainer=frame["trainer"].where(~several, frame["trainer"] + " " + frame["criterion"]))


def _measure(frame: pd.DataFrame, what: str) -> str:
    return f"{style.one(frame, 'split', what)} {style.one(frame, 'metric', what)}".replace("_", " ")
