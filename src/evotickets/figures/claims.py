"""One page for all claims: what was found, how sure that is, and the verdict."""

from pathlib import Path
from textwrap import fill

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evotickets.figures import style

VERDICTS = {
    "supported": style.Look("supported", style.BLUE, "o", "-"),
    "contradicted": style.Look("contradicted", style.VERMILLION, "X", "-"),
    "undecided": style.Look("undecided", style.GREY, "s", "-"),
}


def claims(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw the effect of every claim with its interval, in the colour of its verdict.

    Args:
        frame: columns claim, system, statement, effect, low, high, verdict and n; a claim without data has only its words.
        path: where to save.
    """
    height = 0.55 * len(frame) + 1.4
    with style.sheet(path, 9.5, height) as figure:
        axes = figure.subplots()
        shown = VERDICTS.keys() & set(frame["verdict"])
        axes.axvline(0, **style.REFERENCE)
        for place, row in enumerate(frame.itertuples(index=False)):
            look = VERDICTS[row.verdict]
            axes.hlines(place, row.low, row.high, color=look.color, linewidth=1.5)
            axes.plot(row.effect, place, color=look.color, marker=look.marker)
            if not row.n:
                axes.text(0, place, " no data", color=look.color, va="center", fontsize=8)
        labels = [f"{row.claim}: {row.statement}" for row in frame.itertuples(index=False)]
        axes.set_yticks(range(len(frame)), [fill(label, 70) for label in labels], fontsize=7.5)
        axes.set_ylim(len(frame) - 0.5, -0.5)
        axes.set(
            xlabel="effect: the claim is that it is above 0 (units in each rule)",
            title=f"claims about {', '.join(sorted(set(frame['system'])))}",
        )
        handles = [
            Line2D([], [], color=look.color, marker=look.marker, label=look.label)
            for name, look in VERDICTS.items()
            if name in shown
        ]
        style.legend(figure, handles, "mean and 95 % interval over seeds")
    return figure
