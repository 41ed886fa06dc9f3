"""Figures of chains of tickets: what they score, how they train, and where a criterion cuts.

Tables have the columns of `tables.SCORES` and `results.HISTORY`. Every function saves an SVG or PNG and returns the
figure.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evotickets import statistics
from evotickets.figures import style
from evotickets.figures.declaration import figure

MOST_POINTS = 20_000
RING: Any = {"marker": "o", "markersize": 9, "fillstyle": "none", "linestyle": ""}


@figure(
    "figures/tickets/{task}_performance.svg",
    tables=("tickets",),
    category="Tickets, score over density",
    labels={"task": "{task}", "figure": "criteria"},
)
def performance(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw test score over density, a panel per trainer and a line per criterion, for one task.

    A ring marks the matching density of every line (`statistics.matching_density`), which needs two seeds.

    Raises:
        ValueError: if the test scores have several tasks or metrics.
    """
    rows, metric = style.scores(frame, "test", "performance figure")
    task = style.one(rows, "task", "performance figure")
    trainers = style.looks(rows["trainer"], style.TRAINERS)
    criteria = style.looks(rows["criterion"], style.CRITERIA)
    with style.panels(path, len(trainers)) as figure:
        panels = style.grid(figure, len(trainers), style.DENSITY, f"test {style.METRICS[metric]}")
        for axes, (trainer, look) in zip(panels, trainers.items(), strict=True):
            own = rows[rows["trainer"] == trainer]
            dense = own.loc[own["density"] == own["density"].max(), "value"].mean()
            dense_line = style.level_line(axes, dense, "dense")
            for criterion, drawn in criteria.items():
                chain = own[own["criterion"] == criterion]
                if len(chain):
                    style.curve(axes, "density", chain, drawn)
                    _ring(axes, chain, drawn.color)
            style.density_axis(axes, rows["density"])
            axes.set_title(look.label)
        style.fit_scores(panels, metric)
        figure.suptitle(f"{task}: tickets under each criterion")
        handles = [*(look.handle() for look in criteria.values()), dense_line]
        if rows["seed"].nunique() > 1:
            handles.append(Line2D([], [], color=style.BLACK, label="matches the dense mean", **RING))
        style.legend(figure, handles, style.seeds_of(rows))
    return figure


def _ring(axes: Axes, chain: pd.DataFrame, color: str) -> None:
    """Mark the smallest density at which a chain matches its dense level, if that can be told."""
    density = statistics.matching_density(chain) if chain["seed"].nunique() > 1 else np.nan
    mean = chain.loc[chain["density"] == density, "value"].mean()
    axes.plot(density, mean, color=color, **RING)


@figure(
    "figures/tickets/{task}_strategies.svg",
    tables=("tickets",),
    facts=("standing",),
    category="Tickets, score over density",
    labels={"task": "{task}", "figure": "trainers"},
)
def strategies(frame: pd.DataFrame, path: str | Path, *, standing: Mapping[str, str]) -> Figure:
    """Draw test score over density of all trainers in one panel, each under one criterion, for one task.

    Args:
        frame: score rows.
        path: where to save.
        standing: the criterion that stands for each trainer.

    Raises:
        ValueError: if the test scores have several tasks or metrics.
    """
    frame = frame[frame["criterion"] == frame["trainer"].map(dict(standing))]
    rows, metric = style.scores(frame, "test", "comparison of trainers")
    task = style.one(rows, "task", "comparison of trainers")
    trainers = style.looks(rows["trainer"], style.TRAINERS)
    with style.sheet(path, 5.6, 4.2) as figure:
        axes = figure.subplots()
        for index, (trainer, look) in enumerate(trainers.items()):
            own = rows[rows["trainer"] == trainer]
            named = look._replace(label=f"{look.label} ({standing[trainer]})")
            style.curve(axes, "density", own, named, shift=1.025 ** ((len(trainers) - 1) / 2 - index))
        style.density_axis(axes, rows["density"])
        style.fit_scores([axes], metric)
        axes.set(xlabel=style.DENSITY, ylabel=f"test {style.METRICS[metric]}", title=f"{task}: trainers compared")
        style.legend(figure, title=style.seeds_of(rows))
    return figure


@figure(
    "tickets/{task}/{trainer}/{criterion}/training_curves.svg",
    category="Tickets, training",
    subcategory="{task}",
    labels={"trainer": "{trainer}", "criterion": "{criterion}", "figure": "training curves"},
)
def training_curves(history: pd.DataFrame, path: str | Path, title: str = "", step: str = "generation") -> Figure:
    """Draw validation score over training, a line per level of one chain.

    Args:
        history: history rows of all levels with a column `density`.
        path: where to save.
        title: names the chain.
        step: what a step of the trainer is.

    Raises:
        ValueError: if the validation scores have several metrics.
    """
    rows, metric = style.scores(history, "validation", "training curves")
    with style.sheet(path, 5.6, 3.6) as figure:
        axes = figure.subplots()
        densities = style.densities(rows)
        colors = style.density_colors(densities)
        for density in densities:
            mean = rows[rows["density"] == density].groupby("step")["value"].mean()
            axes.plot(mean.index, mean, color=colors[density], label=f"{density:.3g}")
        axes.set(xlabel=step, ylabel=f"validation {style.METRICS[metric]}", title=title or "training of each level")
        style.density_bar(figure, [axes], densities)
    return figure


@figure(
    "transfers/{task}/{trainer}/{source_task}/{source_trainer}/{source_criterion}/training_curves.svg",
    category="Tickets, training",
    subcategory="{task}",
    labels={
        "trainer": "{trainer}",
        "criterion": "from {source_task} {source_trainer} {source_criterion}",
        "figure": "training curves",
    },
)
def transfer_training(history: pd.DataFrame, path: str | Path, title: str = "", step: str = "generation") -> Figure:
    """Draw the training curves of a transferred ticket, as `training_curves` does."""
    return training_curves(history, path, title, step)


@figure(
    "tickets/{task}/{trainer}/{criterion}/layer_densities.svg",
    category="Tickets, layer densities",
    subcategory="{task}",
    labels={"trainer": "{trainer}", "criterion": "{criterion}", "figure": "layer densities"},
)
def layer_densities(frame: pd.DataFrame, path: str | Path, title: str = "") -> Figure:
    """Draw the density of each layer over the density of the network, for one chain.

    Args:
        frame: columns density, layer, seed and layer_density; the layers in the order of the network.
        path: where to save.
        title: names the chain.
    """
    names = list(dict.fromkeys(frame["layer"]))
    with style.sheet(path, 5.2, 4.2) as figure:
        axes = figure.subplots()
        ends = [frame["density"].min(), 1.0]
        axes.plot(ends, ends, **style.REFERENCE, label="uniform")
        for name, look in style.looks(names, dict(zip(names, _layer_looks(names), strict=True))).items():
            style.curve(axes, "density", frame[frame["layer"] == name], look, value="layer_density")
        style.density_axis(axes, frame["density"])
        axes.set_yscale("log")
        style.plain_ticks(axes.yaxis, style.decades(axes.get_ylim()[0]))
        axes.set(xlabel=style.DENSITY, ylabel="density of the layer", title=title or "where the weights survive")
        style.legend(figure, title=style.seeds_of(frame))
    return figure


def _layer_looks(names: list[str]) -> list[style.Look]:
    palette = list(style.TRAINERS.values())
    return [palette[i % len(palette)]._replace(label=name, line="-") for i, name in enumerate(names)]


@figure(
    "tickets/{task}/{trainer}/{criterion}/first_cut.svg",
    category="Tickets, cuts",
    subcategory="{task}",
    labels={"trainer": "{trainer}", "criterion": "{criterion}", "figure": "first cut"},
)
def snr_against_magnitude(
    magnitude: np.ndarray, std: np.ndarray, kept: np.ndarray, path: str | Path, title: str = ""
) -> Figure:
    """Draw |mean| / std against |mean| of the weights of one seed, and where the cut went through them.

    The threshold is drawn where |mean| or |mean| / std separates what was kept from what was cut. The smallest half
    percent of the weights is drawn at the edge, zeros included. Of more than 20,000 weights a fixed random subset is
    drawn; the threshold is always that of all.

    Args:
        magnitude: |mean| [K].
        std: std of the search distribution [K].
        kept: whether the cut kept the weight, boolean [K].
        path: where to save.
        title: names the ticket.
    """
    magnitude, std, kept = (np.asarray(values) for values in (magnitude, std, kept))
    ratio = magnitude / std
    with style.sheet(path, 5.2, 4.0) as figure:
        axes = figure.subplots()
        axes.set(xscale="log", yscale="log", xlabel="|mean|", ylabel="|mean| / std", title=title or "the cut")
        shown = np.arange(magnitude.size)
        if magnitude.size > MOST_POINTS:
            shown = np.random.default_rng(0).choice(magnitude.size, MOST_POINTS, replace=False)
        size = float(np.clip(4000 / len(shown), 1.5, 14))
        x, y = _from(magnitude), _from(ratio)
        handles = []
        for alive, color, marker, label in ((False, style.VERMILLION, "x", "cut"), (True, style.BLUE, "o", "kept")):
            points, count = shown[kept[shown] == alive], np.count_nonzero(kept == alive)
            axes.scatter(
                x[points], y[points], s=size, color=color, marker=marker, linewidths=0.4, alpha=0.6, rasterized=True
            )
            handles.append(Line2D([], [], color=color, marker=marker, linestyle="", label=f"{label} ({count:,})"))
        for values, draw, label in ((ratio, axes.axhline, "|mean| / std"), (magnitude, axes.axvline, "|mean|")):
            threshold = _threshold(values, kept)
            if threshold is not None:
                named = f"threshold of {label}: {threshold:.3g}"
                handles.append(draw(threshold, color=style.BLACK, linewidth=1.2, linestyle="--", label=named))
        style.legend(figure, handles)
    return figure


def _from(values: np.ndarray) -> np.ndarray:
    """Raise the smallest half percent of the values, so that a logarithmic axis is not given to them."""
    return np.maximum(values, np.quantile(values[values > 0], 0.005))


def _threshold(values: np.ndarray, kept: np.ndarray) -> float | None:
    """Return the middle between the largest value cut and the smallest kept, or None where they overlap."""
    if kept.all() or not kept.any():
        return None
    low, high = values[~kept].max(), values[kept].min()
    return float((low + high) / 2) if low <= high else None
