"""What is drawn and tracked of the levels of a chain, from their tables and tickets."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from evotickets import intervals
from evotickets.systems.tickets.tables import ERRORS

Metrics = list[tuple[str, int, float]]
"""(name, level, value)."""


def training_curves(histories: Iterable[pd.DataFrame], densities: Iterable[float]) -> pd.DataFrame:
    """Put the histories of levels into one table, told apart by density."""
    levels = [history.assign(density=density) for history, density in zip(histories, densities, strict=True)]
    return pd.concat(levels, ignore_index=True)


def step_name(settings: Mapping[str, Any]) -> str:
    """Say what a step of a trainer with these settings is."""
    return "generation" if "generations" in settings else "gradient step"


def layer_densities(
    masks: Iterable[Mapping[str, Any]], densities: Iterable[float], seeds: Sequence[int]
) -> pd.DataFrame:
    """Return the density of every layer: a row per level, layer and seed, from masks [S, …] by name of their kernel."""
    return pd.DataFrame(
        {"density": density, "seed": seed, "layer": name.removesuffix("/kernel"), "layer_density": kernels[row].mean()}
        for level, density in zip(masks, densities, strict=True)
        for name, kernels in level.items()
        for row, seed in enumerate(seeds)
    )


def score_means(scores: pd.DataFrame) -> Metrics:
    """Return the means over seeds of every score at every level, and their intervals."""
    groups = scores.groupby(["split", "metric", "level"], sort=True)["value"]
    return [
        value
        for (split, metric, level), values in groups
        for value in intervals.measured(f"{split}/{metric}", int(level), values)
    ]


def landscape_means(tables: Mapping[str, pd.DataFrame]) -> Metrics:
    """Return the means, over seeds or dependent pairs of them, of what lies around the tickets of every level."""
    barriers, noisy, hessian = tables["barriers"], tables["flatness"], tables["curvature"]
    barriers = barriers[barriers["metric"].isin(ERRORS)]
    metrics = []
    for column, name in (("value", "barrier"), ("bump", "bump")):
        metrics += _means(barriers, barriers["split"] + f"/{name}/" + barriers["pair"], column)
    for part, name in ((noisy["epsilon"] == 0, ""), (noisy["epsilon"] > 0, "_under_noise")):
        metrics += _means(noisy[part], noisy["split"] + "/" + noisy["metric"] + name)
    for name in ("trace", "largest", "smallest"):
        metrics += _means(hessian, f"hessian/{name}", name)
    metrics += _means(tables["diversity"], "diversity/" + tables["diversity"]["measure"])
    return metrics + _means(tables["snr_correlation"], "snr/correlation_with_dense")


def _means(table: pd.DataFrame, name: str | pd.Series, value: str = "value") -> Metrics:
    means = table.assign(name=name, mean=table[value]).groupby(["name", "level"], sort=False)["mean"].mean()
    return [(name.replace(" ", "_"), int(level), float(mean)) for (name, level), mean in means.items()]
