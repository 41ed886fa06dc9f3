"""Figures of planted tickets: who finds what, edge by edge and over density.

Tables have the columns of `tables.PLANTING`. Every function saves an SVG or PNG and returns the figure.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evotickets.figures import style
from evotickets.figures.declaration import figure
from evotickets.systems.planting import DENSE, PLANTED, TICKET

SEEKERS = {
    **{name: style.CRITERIA[name] for name in ("magnitude", "random", "snip", "grasp", "synflow")},
    "synflow_100": style.Look("SynFlow, 100 rounds", "#4B0082", "p", "-"),
    "imp": style.Look("magnitude, trained (IMP)", style.VERMILLION, "o", "-"),
    "multi_snip": style.Look("SNIP, trained", style.BLACK, "<", "-"),
    "multi_grasp": style.Look("GraSP, trained", "#8C6D1F", ">", "-"),
    "multi_synflow": style.Look("SynFlow, trained", "#4B0082", "D", "-."),
    "edge_popup": style.Look("edge-popup", style.GREEN, "^", "-"),
    "edge_popup_annealed": style.Look("edge-popup, annealed", style.GREEN, "v", "--"),
    "gem_miner": style.Look("Gem-Miner", style.ORANGE, "D", "-"),
    "es_magnitude": style.Look("magnitude, evolved", style.SKY, "s", "--"),
    "es_snr": style.Look("signal-to-noise ratio, evolved", style.BLUE, "o", "-"),
}
NO_SEEKERS = (DENSE, PLANTED)
STATES = {"strong": "before training", "weak": "after training"}
TICKET_LOOK = style.Look("planted weights", style.BLUE, "o", "-")
REST_LOOK = style.Look("all others (left: by chance)", style.BLACK, "s", ":")
TRUE, FALSE, MISSED = style.BLUE, style.VERMILLION, "#BBBBBB"


@figure(
    "figures/planting/{target}_quality.svg",
    tables=("planting",),
    category="Planting, score over density",
    labels={"target": "{target}", "figure": "score over density"},
)
def quality(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw test accuracy or error over density of every seeker, before and after training, for one target.

    Raises:
        ValueError: if there are several targets.
    """
    target = style.one(frame, "target", "quality of planted tickets")
    rows = frame[(frame["split"] == "test") & (frame["layer"] == 0)]
    metric = "accuracy" if (rows["metric"] == "weak_accuracy").any() else "mse"
    depths = sorted(rows["depth"].unique())
    seekers = style.looks(set(rows["seeker"]) - set(NO_SEEKERS), SEEKERS)
    with style.panels(path, 2 * len(depths)) as figure:
        axes = figure.subplots(len(depths), 2, sharex=True, sharey=True, squeeze=False)
        for depth, line in zip(depths, axes, strict=True):
            for panel, (state, words) in zip(line, STATES.items(), strict=True):
                own = rows[(rows["depth"] == depth) & (rows["metric"] == f"{state}_{metric}")]
                dense = own[own["seeker"] == "dense"]
                for name, look in seekers.items():
                    chosen = own[own["seeker"] == name]
                    if len(chosen):
                        style.curve(panel, "density", pd.concat([chosen, dense]), look)
                reference = own[(own["seeker"] == "planted")]
                base = rows[(rows["depth"] == depth) & (rows["metric"] == f"baseline_{metric}")]["value"].mean()
                _planted(panel, reference)
                style.level_line(panel, base, "best constant")
                style.density_axis(panel, rows["density"])
                panel.set_title(f"depth {depth}, {words}")
            line[0].set_ylabel("test accuracy" if metric == "accuracy" else "test mean squared error")
            if metric == "mse":
                line[0].set_yscale("log")
        for panel in axes[-1]:
            panel.set_xlabel(style.DENSITY)
        if metric == "accuracy":
            style.fit_scores(list(axes.ravel()), metric)
        figure.suptitle(f"{target}: what seekers find")
        handles = [*(look.handle() for look in seekers.values()), _planted_handle(), _constant_handle()]
        style.legend(figure, handles, style.seeds_of(rows))
    return figure


@figure(
    "figures/planting/{target}_visibility.svg",
    tables=("planting",),
    category="Planting, recovery",
    labels={"target": "{target}", "figure": "visibility"},
)
def visibility(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw how far planted weights stand out among those of the mother network, over depth, for one target.

    Raises:
        ValueError: if there are several targets.
    """
    target = style.one(frame, "target", "visibility of planted tickets")
    rows = frame[frame["split"] == "visibility"]
    lines = {
        "planted share of the largest weights": ("share", "chance"),
        "largest |weight|, in stds of its layer": ("largest", "rest"),
    }
    with style.panels(path, 2, width=3.4) as figure:
        panels = style.grid(figure, 2, "depth", "", shared=False)
        for panel, (title, metrics) in zip(panels, lines.items(), strict=True):
            for metric, look in zip(metrics, (TICKET_LOOK, REST_LOOK), strict=True):
                style.curve(panel, "depth", rows[rows["metric"] == metric], look)
            panel.set_xticks(sorted(rows["depth"].unique()))
            panel.set_ylim(bottom=0)
            panel.set_title(title)
        figure.suptitle(f"{target}: are planted weights hidden?")
        style.legend(figure, [TICKET_LOOK.handle(), REST_LOOK.handle()], style.seeds_of(rows))
    return figure


def _planted(panel: Axes, rows: pd.DataFrame) -> None:
    panel.axhline(rows["value"].mean(), color=style.BLACK, linewidth=0.8)
    panel.plot(rows["density"].mean(), rows["value"].mean(), marker="*", markersize=9, color=style.BLACK)


def _planted_handle() -> Line2D:
    return Line2D([], [], color=style.BLACK, linewidth=0.8, marker="*", markersize=9, label="planted ticket")


def _constant_handle() -> Line2D:
    return Line2D([], [], **style.REFERENCE, label="best constant")


@figure(
    "figures/planting/{target}_recovery.svg",
    tables=("planting",),
    category="Planting, recovery",
    labels={"target": "{target}", "figure": "recovery per layer"},
)
def recovery(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw the share of planted edges that each seeker finds at ticket density, layer by layer, for one target.

    Raises:
        ValueError: if there are several targets.
    """
    target = style.one(frame, "target", "recovery of planted tickets")
    rows = frame[(frame["asked"] == TICKET) & (frame["layer"] > 0)]
    depths = sorted(rows["depth"].unique())
    seekers = style.looks(set(rows["seeker"]) - set(NO_SEEKERS), SEEKERS)
    with style.panels(path, len(depths), width=3.4) as figure:
        panels = style.grid(figure, len(depths), "layer", "recall of planted edges")
        for panel, depth in zip(panels, depths, strict=True):
            own = rows[rows["depth"] == depth]
            for name, look in seekers.items():
                found = own[(own["seeker"] == name) & (own["metric"] == "recall")]
                if len(found):
                    style.curve(panel, "layer", found, look)
            # A random mask finds the share of edges that it keeps, in every layer. Random masks of a layer's own number
            # of edges, which some seekers choose badly, would find another share for every seeker.
            style.level_line(panel, own.loc[own["seeker"] == "planted", "density"].mean(), "a random mask")
            panel.set_xticks(sorted(own["layer"].unique()))
            panel.tick_params(labelbottom=True)
            panel.set_title(f"depth {depth}")
        panels[0].set_ylim(-0.02, 1.02)
        figure.suptitle(f"{target}: planted edges that are found")
        handles = [*(look.handle() for look in seekers.values())]
        handles.append(Line2D([], [], **style.REFERENCE, label="a random mask of this density"))
        style.legend(figure, handles, style.seeds_of(rows))
    return figure


@figure(
    "figures/planting/{target}_collapse.svg",
    tables=("planting",),
    category="Planting, layer collapse",
    labels={"target": "{target}", "figure": "layer collapse"},
)
def collapse(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Map the share of networks with a layer that has no weight left, seekers against densities, for one target.

    A number in brackets is the share of networks in which no path leads from input to output, where it is larger.

    Raises:
        ValueError: if there are several targets.
    """
    target = style.one(frame, "target", "map of layer collapse")
    rows = frame[(frame["split"] == "mask") & (frame["layer"] == 0) & ~frame["seeker"].isin(NO_SEEKERS)]
    depths = sorted(rows["depth"].unique())
    seekers = style.looks(rows["seeker"], SEEKERS)
    height = 0.8 + 0.28 * len(seekers)
    with style.panels(path, len(depths), width=3.6, height=height) as figure:
        for panel, depth in zip(style.grid(figure, len(depths), "density", ""), depths, strict=True):
            own = rows[rows["depth"] == depth]
            cells = own.groupby("asked")["density"].mean().sort_values(ascending=False).index
            means = own.groupby(["metric", "seeker", "asked"])["value"].mean()
            collapsed, severed = (
                means[metric].unstack("asked").reindex(index=list(seekers), columns=cells)
                for metric in ("collapsed", "severed")
            )
            panel.imshow(collapsed, cmap="magma_r", vmin=0, vmax=1.25, aspect="auto")
            panel.grid(visible=False)
            for row, column in np.argwhere(collapsed.notna().to_numpy()):
                share, cut = collapsed.iat[row, column], severed.iat[row, column]
                words = f"{share:.2g}" + (f" ({cut:.2g})" if cut > share else "")
                color = "white" if share > 0.6 else style.BLACK
                panel.text(column, row, words, ha="center", va="center", fontsize=7.5, color=color)
            panel.set_xticks(range(len(cells)), cells)
            panel.set_yticks(range(len(seekers)), [look.label for look in seekers.values()])
            panel.set_title(f"depth {depth}")
        figure.suptitle(f"{target}: share of networks with a collapsed layer\n(in brackets: with no path left)")
    return figure


@figure(
    "planting/{target}/depth{depth}/networks.svg",
    category="Planting, recovery",
    labels={"target": "{target}", "figure": "networks at depth {depth}"},
)
def planted_networks(
    planted: Sequence[np.ndarray], found: Mapping[str, Sequence[np.ndarray]], path: str | Path, title: str = ""
) -> Figure:
    """Draw a planted network and beside it what each seeker found: edges true, false and missed.

    Args:
        planted: mask [I, O] of every layer.
        found: such masks by seeker.
        path: where to save.
        title: names the target.
    """
    looks = style.looks(found, SEEKERS)
    with style.panels(path, 1 + len(found), width=3.0, height=3.2) as figure:
        panels = style.grid(figure, 1 + len(found), "", "")
        _network(panels[0], planted, planted)
        panels[0].set_title("planted")
        for panel, (name, look) in zip(panels[1:], looks.items(), strict=True):
            _network(panel, planted, found[name])
            both = sum(int((t & f).sum()) for t, f in zip(planted, found[name], strict=True))
            panel.set_title(f"{look.label}: {both} of {sum(int(t.sum()) for t in planted)}")
        handles = [
            Line2D([], [], color=color, label=label)
            for color, label in ((TRUE, "found"), (FALSE, "not planted"), (MISSED, "missed"))
        ]
        figure.suptitle(title or "planted edges, found and missed")
        style.legend(figure, handles)
    return figure


def _network(panel: Axes, planted: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> None:
    """Draw layers as columns of nodes; nodes that planted edges touch are filled."""
    sizes = [planted[0].shape[0], *(mask.shape[1] for mask in planted)]
    heights = [np.linspace(0, 1, size + 2)[1:-1] for size in sizes]
    for layer, (truth, mask) in enumerate(zip(planted, found, strict=True)):
        for chosen, color, width in (
            (truth & ~mask, MISSED, 0.5),
            (mask & ~truth, FALSE, 0.5),
            (truth & mask, TRUE, 0.8),
        ):
            segments = [
                [(layer, heights[layer][i]), (layer + 1, heights[layer + 1][o])] for i, o in np.argwhere(chosen)
            ]
            panel.add_collection(LineCollection(segments, colors=color, linewidths=width, alpha=0.8))
    for layer, places in enumerate(heights):
        used = np.zeros(len(places), bool)
        if layer:
            used |= planted[layer - 1].any(0)
        if layer < len(planted):
            used |= planted[layer].any(1)
        faces = np.where(used, style.BLACK, "white")
        panel.scatter(
            np.full(len(places), layer), places, s=14, c=faces, edgecolors=style.BLACK, linewidths=0.5, zorder=3
        )
    panel.set_xlim(-0.2, len(planted) + 0.2)
    panel.set_ylim(0, 1)
    panel.axis("off")
