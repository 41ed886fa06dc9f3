"""One page for all claims: what was found, how sure that is, and the verdict."""

from pathlib import Path
from textwrap import fill

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evotickets.figures import style

VERDICTS = {
    "supported": style.Look("supported", style.BLUE, "o", "-"),
    "contradicted": style.Look("contradicted", style.VERMILLION, "X", "-"),
    "undecided": style.Look("undecided", style.GREY, "s", "-"),
}
"""What is not asked has no effect to draw."""


def claims(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw the effect of every claim with its interval, in the colour of its verdict; a panel for every unit of effects.

    Args:
        frame: columns claim, system, statement, effect, low, high, unit and verdict; what is not asked is left out.
        path: where to save.
    """
    asked = frame[frame["verdict"].isin(list(VERDICTS))]
    units = [own for _, own in asked.groupby("unit", sort=False)]
    title = f"claims about {', '.join(sorted(set(frame['system'])))}"
    left_out = f"; {len(frame) - len(asked)} not asked" if len(asked) < len(frame) else ""
    with style.sheet(path, 9.5, 0.55 * len(asked) + 0.7 * len(units) + 1.4) as figure:
        figure.suptitle(f"{title}{left_out}")
        if not units:
            return figure
        heights = [0.55 * len(own) + 0.3 for own in units]
        panels = figure.subplots(len(units), squeeze=False, height_ratios=heights).ravel()
        for axes, own in zip(panels, units, strict=True):
            _panel(axes, own)
        handles = [
            Line2D([], [], color=look.color, marker=look.marker, label=look.label)
            for name, look in VERDICTS.items()
            if name in set(asked["verdict"])
        ]
        style.legend(figure, handles, "mean and interval over seeds; the claim is that an effect is above 0")
    return figure


def _panel(axes: Axes, frame: pd.DataFrame) -> None:
    axes.axvline(0, **style.REFERENCE)
    for place, row in enumerate(frame.itertuples(index=False)):
        look = VERDICTS[row.verdict]
        axes.hlines(place, row.low, row.high, color=look.color, linewidth=1.5)
        axes.plot(row.effect, place, color=look.color, marker=look.marker)
    labels = [f"{row.claim}: {row.statement}" for row in frame.itertuples(index=False)]
    axes.set_yticks(range(len(frame)), [fill(label, 70) for label in labels], fontsize=7.5)
    axes.set_ylim(len(frame) - 0.5, -0.5)
    axes.set_xlabel(f"effect: {frame['unit'].iloc[0]}")
