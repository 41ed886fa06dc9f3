"""The figure of tuning. Tables have the columns of `tables.SUBSPACE`, and hold one parent."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from evotickets.figures import style
from evotickets.figures.declaration import figure

SPLITS = {"fitness": "images that it learns from", "validation": "validation images", "test": "held-out images"}
LINES = {"step": "-", "momentum": "--", "adam": ":"}


@figure(
    "figures/subspace/{parent}_tuning.svg",
    tables=("subspace",),
    study="tuning",
    category="Subspace evolution",
    labels={"parent": "{parent}", "figure": "tuning"},
)
def tuning(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw the rise of what each tuning lowers, a column for images that it learns from, of validation and held-out ones.

    The rise is from the parent of the same seed, so that what parents differ by from the start is no spread.

    Raises:
        ValueError: if there are several parents.
    """
    parent = style.one(frame, "parent", "course of tuning")
    rows = frame[(frame["study"] == "tuning") & (frame["metric"] == "goal")].sort_values("step")
    courses = rows.groupby(["mode", "density", "candidate", "rule", "sigma", "seed", "split"])["value"]
    rows = rows.assign(value=rows["value"] - courses.transform("first"))
    mutations = list(dict.fromkeys(zip(rows["mode"], rows["density"], strict=True)))
    plain = style.looks([_label(*mutation) for mutation in mutations], {})
    with style.panels(path, len(SPLITS), width=3.0) as figure:
        panels = figure.subplots(1, len(SPLITS), sharey=True)
        handles = {}
        for (split, words), panel in zip(SPLITS.items(), panels, strict=True):
            own = rows[rows["split"] == split]
            for (mode, density, update), course in own.groupby(["mode", "density", "candidate"], sort=False):
                look = plain[_label(mode, density)]
                look = look._replace(label=f"{look.label}, {update}", line=LINES[update])
                style.curve(panel, "step", course, look)
                handles[look.label] = look.handle()
            panel.set_title(words)
            panel.set_xlabel("generation")
            panel.xaxis.get_major_locator().set_params(integer=True)
        panels[0].set_ylabel("rise of the loss that is lowered")
        figure.suptitle(f"{parent}: tuning by evolution")
        style.legend(figure, list(handles.values()), style.seeds_of(rows))
    return figure


def _label(mode: str, density: float) -> str:
    return mode.replace("_", " ") if density == 1 else f"{mode}, {density:g}"
