"""Claims about what an update of a mask knows; `claims` has what all of them look at."""

import numpy as np
import pandas as pd

from evotickets.claims.rules import MISSING
from evotickets.statistics import TWICE, Effect
from evotickets.systems.hybrid.claims import Evidence, claim, over_seeds

FAINT = 0.1
"""A correlation below which one knows next to nothing."""
WEIGHTS = 100
"""Weights a member at which a mask's update should still know something."""


@claim(
    "H6",
    statement="The update of a mask follows the exact effects of weights, less so the more weights there are for a member",
    source="ours",
    rule="H6a: rank correlation of the update with the exact leave-one-in or -out change of the loss at the smallest n / N − "
    f"that at the largest; H6b: log₁₀ of the n / N at which it falls below {FAINT}, less log₁₀ {WEIGHTS}. Both are of "
    "masks around the trained mean, with the std that training began with",
    figures=("effects",),
    unit={"H6a": "correlation", "H6b": "log₁₀ of weights a member"},
    parts={
        "H6a": "The update of a mask follows the effects of weights less, the more weights there are for a member",
        "H6b": f"The update of a mask still follows the effects of weights with {WEIGHTS} of them for a member",
    },
)
def h6(evidence: Evidence) -> dict[str, Effect]:
    """Decide where the update of a mask no longer knows what a weight is worth."""
    rows = evidence.effects
    if not len(rows):
        return {"H6a": MISSING, "H6b": MISSING}
    falls, reach = [], []
    for seed, own in rows.groupby("seed"):
        for _, network in own.groupby(["task", "method", "density"]):
            curve = network.sort_values("population", ascending=False)
            values = curve["value"].to_numpy()
            ratios = np.log10((curve["weights"] / curve["population"]).to_numpy())
            falls.append({"seed": seed, "value": values[0] - values[-1]})
            reach.append({"seed": seed, "value": crossing(ratios, values)})
    return {
        "H6a": over_seeds(pd.DataFrame(falls), bounds=TWICE),
        "H6b": over_seeds(pd.DataFrame(reach), np.log10(WEIGHTS)),
    }


def crossing(ratios: np.ndarray, values: np.ndarray) -> float:
    """Return where values fall below FAINT for the first time, by straight lines; the ends of the ratios bound it."""
    for index, value in enumerate(values):
        if value < FAINT:
            if index == 0:
                return float(ratios[0])
            before = values[index - 1]
            share = (before - FAINT) / (before - value)
            return float(ratios[index - 1] + share * (ratios[index] - ratios[index - 1]))
    return float(ratios[-1])
