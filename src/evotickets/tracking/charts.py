"""Saved views of MLflow's chart page and the colours of its runs, so that nobody has to arrange anything.

A view is an experiment tag that the interface lists under *Views* and opens by `viewStateShareKey`; an interface that
does not know the format shows its own default. Nothing here imports mlflow.
"""

import base64
import json
import math
import re
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

VIEW = "overview"
TAG = f"mlflow.sharedViewState.{VIEW}"
_OWN = "Model metrics"
"""The interface's name for the section of metrics without a slash."""
CRITERIA = {
    "snr": "#0072B2",
    "magnitude": "#D55E00",
    "random": "#777777",
    "snr_variance": "#56B4E9",
    "mask_reinit": "#009E73",
    "weights_permuted": "#CC79A7",
    "mask_permuted": "#E69F00",
    "snip": "#000000",
    "grasp": "#8C6D1F",
    "synflow": "#4B0082",
}
"""The colours of `figures.style`, which takes two seconds to import."""
_SHADES = {"snes": 0.0, "sep_cma_es": 0.4, "pgpe": -0.35, "open_es": 0.65, "des": -0.6, "adam": 0.2, "ppo": -0.2}
_RAMP = ("#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30")
_SPARSEST = 0.01
_PACKED = "deflate;"
_LINE = {
    "ignoreOutliers": False,
    # Without a value of its own a chart smooths its curve by 70 %.
    "lineSmoothness": 0,
    "range": {},
    "scaleType": "linear",
    "selectedXAxisMetricKey": "",
    "useGlobalLineSmoothing": True,
    "useGlobalXaxisKey": True,
    "xAxisKey": "step",
    "xAxisScaleType": "linear",
    "yAxisExpressions": [],
    "yAxisKey": "metric",
}
_AXES = {
    "level": ["trainer", "criterion", "density"],
    "cell": ["study", "depth", "seeker", "mode", "density"],
    "sparse": ["task", "method", "density"],
}
"""Parameters whose values parallel coordinates begin with, where runs have them."""
TITLES = {"chain": "All curves", "level": "All levels", "cell": "All cells", "claims": "All effects"} | {
    "sparse": "All trainings"
}
"""Name of the saved view of a kind of runs."""
FLAT = ("cell", "claims")
"""Kinds whose runs have no curves."""
CURVED = ("sparse",)
"""Kinds, beside those, that have an experiment of their own."""
_REFERENCE = re.compile("loss$|raw_|baseline_|chance_")
"""Metrics that are no results but something to compare with."""
_MOST = 60
"""Metrics in a view, results first: a tag holds 5000 characters, and the interface adds what is left out by itself."""


def address(base: str, experiment: str) -> str:
    """Return the link that opens the saved view of an experiment."""
    return (
        f"{base.rstrip('/')}/#/experiments/{experiment}/runs"
        f"?workflowType=machine_learning&compareRunsMode=CHART&viewStateShareKey={VIEW}"
    )


class Content(NamedTuple):
    """The names that a saved view draws: metrics, and parameters as the axes of parallel coordinates."""

    metrics: set[str]
    parameters: set[str]


def view(kind: str, metrics: Iterable[str], parameters: Iterable[str]) -> str:
    """Return the saved view of a kind of runs with these metrics and parameters, as the value of the experiment tag `TAG`.

    Chains show every curve, test scores first; levels and sparse trainings add parallel coordinates of their last test
    scores. Cells and claims, which have no curves, show bars of everything, cells parallel coordinates of test scores and
    recovery too.
    """
    names = ordered(sorted(ordered(metrics), key=lambda metric: bool(_REFERENCE.search(metric)))[:_MOST])
    compared = ("/test/", "/recovery/") if kind == "cell" else ("/test/",)
    scores = [m for m in names if any(section in m for section in compared) and not _REFERENCE.search(m)]
    axes = [name for name in _AXES.get(kind, []) if name in set(parameters)]
    charts = [_parallel(metric, axes) for metric in scores if axes]
    charts += [_bar(metric) if kind in FLAT else _line(metric) for metric in names]
    sections = list(dict.fromkeys(chart["metricSectionId"] for chart in charts))
    state: dict[str, Any] = {
        "searchFilter": "tags.state = 'current'",
        "runsHiddenMode": "SHOW_ALL",
        "compareRunCharts": charts,
        "compareRunSections": [_section(name) for name in sections],
        "isAccordionReordered": True,
        "hideEmptyCharts": True,
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
    }
    packed = base64.b64encode(zlib.compress(json.dumps(state, sort_keys=True).encode(), 9)).decode()
    return json.dumps(
        {"name": TITLES[kind], "createdAt": 1, "updatedAt": 1, "state": f"{_PACKED}{packed}"}, sort_keys=True
    )


def ordered(metrics: Iterable[str]) -> list[str]:
    """Sort metrics as a reader wants them: test scores, the rest by section, and last those without a section."""
    return sorted(metrics, key=lambda metric: ("/test/" not in metric, "/" not in metric, metric))


def content(view: str) -> Content:
    """Return what a saved view draws; nothing where somebody else wrote it."""
    try:
        state = json.loads(zlib.decompress(base64.b64decode(json.loads(view)["state"].removeprefix(_PACKED))))
        charts = state["compareRunCharts"]
        axes = {name for chart in charts for name in chart.get("selectedParams", [])}
        return Content({chart["metricKey"] for chart in charts if "metricKey" in chart}, axes)
    except (ValueError, KeyError, TypeError, zlib.error):
        return Content(set(), set())


def _section(name: str) -> dict[str, Any]:
    shown = {"uuid": name, "name": name, "display": name != "job", "isReordered": True, "isGenerated": True}
    large = name.endswith("/test") or " over " in name
    return shown | ({"columns": 2, "cardHeight": 420} if large else {})


def _card(kind: str, identifier: str, section: str, **settings: Any) -> dict[str, Any]:
    common = {"type": kind, "uuid": identifier, "metricSectionId": section, "deleted": False, "isGenerated": False}
    return common | settings


def _line(metric: str) -> dict[str, Any]:
    section, _, name = metric.rpartition("/")
    return _card("LINE", metric, section or _OWN, metricKey=metric, displayName=name, **_LINE)


def _bar(metric: str) -> dict[str, Any]:
    section, _, name = metric.rpartition("/")
    return _card("BAR", metric, section or _OWN, metricKey=metric, displayName=name, runsCountToCompare=100)


def _parallel(metric: str, parameters: list[str]) -> dict[str, Any]:
    axes = {"selectedParams": parameters, "selectedMetrics": [metric]}
    return _card("PARALLEL", f"parallel {metric}", "scores over density", showAllRuns=True, displayName=metric, **axes)


def colour(kind: str, parameters: Mapping[str, Any]) -> str | None:
    """Return the colour of a run: of chains by criterion, in shades of its trainer; of levels by density."""
    if kind == "level" and "density" in parameters:
        depth = min(1.0, math.log(float(parameters["density"])) / math.log(_SPARSEST))
        return _RAMP[round(depth * (len(_RAMP) - 1))]
    base = CRITERIA.get(str(parameters.get("criterion")))
    if base is None:
        return None
    shade = _SHADES.get(str(parameters.get("trainer")), 0.0)
    channels = [int(base[start : start + 2], 16) for start in (1, 3, 5)]
    mixed = [c + (255 - c) * shade if shade > 0 else c * (1 + shade) for c in channels]
    return "#" + "".join(f"{round(channel):02x}" for channel in mixed)
