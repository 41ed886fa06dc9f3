"""One look for every figure: colours, markers, axes, and the sheet that a figure is drawn on.

Okabe and Ito's colours can be told apart by colour-blind readers; markers and line styles tell the same in print.
"""

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from evotickets import intervals, sealed, statistics

BLACK, GREY = "#000000", "#777777"
ORANGE, SKY, GREEN, BLUE, VERMILLION, PURPLE = "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7"
SEQUENTIAL = "viridis"
REFERENCE: Any = {"color": BLACK, "linewidth": 0.8, "linestyle": (0, (1, 2))}
"""How a line is drawn that is no result but something to compare with."""
DENSITY = "density (kept / prunable weights)"
LEGEND = 0.6
"""Inches of a sheet that are there for its legend."""

STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#444444",
    "axes.grid": True,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "figure.titlesize": 11,
    "font.size": 9,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.title_fontsize": 8.5,
    "lines.linewidth": 1.5,
    "lines.markersize": 4.5,
    "savefig.dpi": 200,
    # Text stays text: it can be searched and copied, and files stay small.
    "svg.fonttype": "none",
    "svg.hashsalt": "evotickets",
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
}


class Look(NamedTuple):
    """How one thing is called and drawn wherever it appears."""

    label: str
    color: str
    marker: str
    line: Any

    def handle(self) -> Line2D:
        """Return a legend entry."""
        return Line2D([], [], color=self.color, marker=self.marker, linestyle=self.line, label=self.label)


CRITERIA = {
    "snr": Look("signal-to-noise ratio", BLUE, "o", "-"),
    "magnitude": Look("magnitude", VERMILLION, "s", (0, (6, 1.5))),
    "random": Look("random", GREY, "X", ":"),
    "snr_variance": Look("|mean| / variance", SKY, "v", "-."),
    "mask_reinit": Look("same mask, new weights", GREEN, "^", "--"),
    "weights_permuted": Look("same mask, permuted weights", PURPLE, "D", (0, (4, 1, 1, 1))),
    "mask_permuted": Look("permuted mask and weights", ORANGE, "P", (0, (2, 1))),
    "snip": Look("SNIP", BLACK, "<", "--"),
    "grasp": Look("GraSP", "#8C6D1F", ">", "-."),
    "synflow": Look("SynFlow", "#4B0082", "*", (0, (1, 1))),
}
TRAINERS = {
    "snes": Look("SNES", BLUE, "o", "-"),
    "sep_cma_es": Look("Sep-CMA-ES", GREEN, "^", "-"),
    "pgpe": Look("PGPE", ORANGE, "D", "-"),
    "open_es": Look("OpenAI-ES", SKY, "v", "-"),
    "des": Look("DES", PURPLE, "P", "-"),
    "adam": Look("Adam", BLACK, "s", "--"),
    "ppo": Look("PPO", VERMILLION, "X", "--"),
}
METRICS = {"accuracy": "accuracy", "r2": "R² (share of variance)", "return": "return"}
"""The metrics that are scores (larger is better), with what an axis calls them."""

_SPARE = [(color, marker) for marker in "pdhH8*" for color in (GREEN, PURPLE, ORANGE, SKY, BLUE, VERMILLION)]


def looks(names: Iterable[str], known: Mapping[str, Look]) -> dict[str, Look]:
    """Give every name its look: known names first and always the same, others what is left, in alphabetical order."""
    names = set(names)
    spare = {
        name: Look(name.replace("_", " "), *_SPARE[index % len(_SPARE)], (0, (3, 1.2)))
        for index, name in enumerate(sorted(names - set(known)))
    }
    return {name: look for name, look in known.items() if name in names} | spare


_CLIP = re.compile(rb'id="(p[0-9a-f]{10})"')


@contextmanager
def sheet(path: str | Path, width: float, height: float) -> Iterator[Figure]:
    """Open a figure of a size in inches and save it as SVG or PNG; the same drawing gives the same bytes.

    The user's own matplotlib settings have no say.
    """
    with matplotlib.style.context(["default", STYLE]):
        figure = Figure((width, height), layout="constrained")
        yield figure
        drawn, kind = io.BytesIO(), Path(path).suffix.removeprefix(".")
        figure.savefig(drawn, format=kind, metadata={"Date": None} if kind == "svg" else None)
        if kind == "svg":
            sealed.write_page(path, _numbered(drawn.getvalue()))
        else:
            sealed.write(path, drawn.getvalue())


def _numbered(svg: bytes) -> bytes:
    """Number the clip paths: matplotlib names them after the last bits of a layout, which differ from process to process."""
    for number, name in enumerate(dict.fromkeys(_CLIP.findall(svg))):
        svg = svg.replace(name, b"clip%d" % number)
    return svg


def panels(path: str | Path, count: int, width: float = 2.9, height: float = 2.5) -> Any:
    """Open a sheet for `count` small multiples of a size in inches, with room for a legend below."""
    across = _across(count)
    return sheet(path, max(across * width, 4.6) + 0.4, -(-count // across) * height + 1.0)


def grid(figure: Figure, count: int, xlabel: str, ylabel: str, *, shared: bool = True) -> list[Axes]:
    """Return `count` panels row by row, labelled at the left and where a column ends; y axes may be each its own."""
    across = _across(count)
    axes = figure.subplots(-(-count // across), across, sharex=True, sharey=shared, squeeze=False).ravel()
    for spare in axes[count:]:
        spare.remove()
    for last in axes[max(0, count - across) : count]:
        last.set_xlabel(xlabel)
        last.tick_params(labelbottom=True)
    for first in axes[:count:across]:
        first.set_ylabel(ylabel)
    return list(axes[:count])


def _across(count: int) -> int:
    return 2 if count == 4 else min(count, 3)


def one(frame: pd.DataFrame, column: str, what: str) -> str:
    """Return the only value of a column.

    Raises:
        ValueError: if there are several values or none.
    """
    values = list(frame[column].unique())
    if len(values) != 1:
        listed = ", ".join(map(str, values)) or "none"
        raise ValueError(f"the {what} shows one {column}, but the table has {listed}: select one")
    return str(values[0])


def scores(frame: pd.DataFrame, split: str, what: str) -> tuple[pd.DataFrame, str]:
    """Return the rows of a split that are scores, and their metric.

    Raises:
        ValueError: if there are none or several metrics.
    """
    rows = frame[(frame["split"] == split) & frame["metric"].isin(list(METRICS))]
    return rows, one(rows, "metric", what)


def decades(smallest: float) -> list[float]:
    """Return round densities from the smallest to 1: 1, .5, .2, .1, … or, over many decades, the powers of ten."""
    exponents = range(int(np.floor(np.log10(smallest))), 1)
    steps = (1, 2, 5) if smallest > 0.004 else (1,)
    return [m * 10.0**e for e in exponents for m in steps if smallest <= m * 10.0**e <= 1]


def plain_ticks(axis: Axis, ticks: list[float]) -> None:
    """Label a logarithmic axis with plain numbers at the given ticks and nowhere else."""
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.3g}"))
    axis.set_minor_locator(NullLocator())


def density_axis(axes: Axes, densities: Iterable[float]) -> None:
    """Make x the density: logarithmic, with the dense network at the left."""
    smallest = min(densities)
    axes.set_xscale("log")
    axes.set_xlim(1.12, smallest / 1.12)
    plain_ticks(axes.xaxis, decades(smallest / 1.12))


def bounds_of(frame: pd.DataFrame) -> statistics.Bounds:
    """Return what the scores of a table cannot leave, by the one metric or measure that it has: no band goes farther."""
    names = {name for column in ("metric", "measure") if column in frame for name in frame[column].unique()}
    return intervals.BOUNDS.get(names.pop(), statistics.ANYWHERE) if len(names) == 1 else statistics.ANYWHERE


def curve(
    axes: Axes, x: str, frame: pd.DataFrame, look: Look, value: str = "value", shift: float | None = None
) -> None:
    """Draw the mean of a column over `seed` against `x`, with its 95 % interval.

    The interval is a band, or with a `shift` (a factor on x) error bars, which stay readable when many curves overlap.
    """
    bounds = bounds_of(frame)
    points = frame.groupby(x)[value].apply(lambda values: statistics.interval(values, bounds=bounds))
    mean, low, high = np.array(points.tolist()).T
    at = np.asarray(points.index, float) * (shift or 1)
    if shift is None:
        axes.fill_between(at, low, high, color=look.color, alpha=0.15, linewidth=0)
    else:
        axes.vlines(at, low, high, color=look.color, linewidth=1)
    axes.plot(at, mean, color=look.color, marker=look.marker, linestyle=look.line, label=look.label)


def level_line(axes: Axes, level: float, label: str) -> Line2D:
    """Draw a horizontal line to compare with."""
    return axes.axhline(level, **REFERENCE, label=label, zorder=1)


def densities(frame: pd.DataFrame) -> list[float]:
    """Return the densities of a table, the largest first."""
    return sorted(frame["density"].unique(), reverse=True)


def density_colors(densities: list[float]) -> dict[float, Any]:
    """Return the colour of each density, dark where sparse."""
    scale = _density_scale(densities)
    return dict(zip(densities, scale.to_rgba(np.array(densities)), strict=True))


def _density_scale(densities: list[float]) -> ScalarMappable:
    # A little beyond the ends: the darkest line stays apart from the axes, and a lone level has a range.
    return ScalarMappable(LogNorm(min(densities) / 1.2, max(max(densities), min(densities) * 1.2)), SEQUENTIAL)


def density_bar(figure: Figure, panels: list[Axes], densities: list[float]) -> None:
    """Draw the colour bar of densities, labelled where labels do not touch: a factor 1.5 apart."""
    ticks: list[float] = []
    for density in densities:
        if not ticks or density <= ticks[-1] / 1.5:
            ticks.append(density)
    bar = figure.colorbar(_density_scale(densities), ax=panels, label="density")
    plain_ticks(bar.ax.yaxis, ticks)
    bar.ax.grid(visible=False)


def fit_scores(panels: list[Axes], metric: str) -> None:
    """Fit shared y limits to the means; an interval of few seeds may leave the panel, and accuracy stays in [0, 1]."""
    means = np.concatenate([np.asarray(line.get_ydata(), float) for axes in panels for line in axes.get_lines()])
    means = means[np.isfinite(means)]
    low, high = means.min(initial=np.inf), means.max(initial=-np.inf)
    if low > high:
        return
    room = 0.35 * (high - low) or 0.1 * abs(high) or 1.0
    bottom, top = panels[0].get_ylim()
    bottom, top = max(bottom, low - room), min(top, high + room)
    if metric == "accuracy":
        bottom, top = max(bottom, -0.01), min(top, 1.01)
    panels[0].set_ylim(bottom, top)


def legend(figure: Figure, handles: list[Line2D] | None = None, title: str | None = None) -> None:
    """Put a legend below all panels, in as many columns as fit the sheet; the sheet grows when that takes many rows.

    Without handles everything that has a label is listed.
    """
    for columns in range(4, 0, -1):
        drawn = figure.legend(handles=handles, loc="outside lower center", ncols=columns, title=title)
        extent = drawn.get_window_extent()
        if columns == 1 or extent.width <= figure.bbox.width:
            break
        drawn.remove()
    figure.set_figheight(figure.get_figheight() + max(0.0, extent.height / figure.dpi - LEGEND))


def seeds_of(frame: pd.DataFrame) -> str:
    """Say over what means and intervals are taken."""
    count = frame["seed"].nunique()
    return "one seed" if count == 1 else f"mean and 95 % interval over {count} seeds"
