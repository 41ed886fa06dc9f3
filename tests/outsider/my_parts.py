"""Parts of an outsider's own, one of every kind that a study can name."""

from __future__ import annotations

import arithmetic
import numpy as np

from evotickets.claims.registry import About
from evotickets.figures import style
from evotickets.figures.declaration import figure
from evotickets.pruning import criterion
from evotickets.statistics import contrast
from evotickets.tasks.registry import Whole, task

claim = About("tickets")


@criterion
def drift_ratio(mean, std, initial, mask):
    """Return |mean − initial| / std [S, K]: how many standard deviations training has moved a weight."""
    assert mask.shape == mean.shape
    return arithmetic.distance(mean, initial) / std


@task(kind="supervised", input_shape=(8, 8, 1), classes=2)
def brightness() -> Whole:
    """Images of noise, dark or bright."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    pixels = rng.integers(0, 128, (300, 8, 8, 1)) + 128 * labels[:, None, None, None]
    return Whole(pixels.astype(np.uint8), labels)


@claim(
    "X1",
    statement="|mean − initial| / std keeps better weights than |mean|.",
    source="ours",
    rule="mean over densities below 1 of drift_ratio − magnitude at the same seed",
    unit="accuracy",
    figures=("drifts",),
)
def drift_over_magnitude(tables):
    """X1."""
    scores = tables.scores[tables.scores["split"].eq("test") & tables.scores["metric"].eq("accuracy")]
    tested = scores[scores["density"] < 1]
    return contrast(tested, "criterion", "drift_ratio", "magnitude", ["task", "density"])


@figure(
    "figures/tickets/{task}_drifts.svg",
    tables=("tickets",),
    category="Own",
    labels={"task": "{task}", "figure": "drifts"},
)
def drifts(frame, path):
    """Draw test score over density of both criteria, for one task."""
    rows, _ = style.scores(frame, "test", "drifts")
    with style.panels(path, 1) as drawn:
        (axes,) = style.grid(drawn, 1, style.DENSITY, "test score")
        for name, look in style.looks(rows["criterion"], style.CRITERIA).items():
            style.curve(axes, "density", rows[rows["criterion"] == name], look)
        style.density_axis(axes, rows["density"])
    return drawn
