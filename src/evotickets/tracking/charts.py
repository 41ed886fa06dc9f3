"""Saved views of MLflow's chart page and the colours of its runs, so that nobody has to arrange anything.

A view is an experiment tag that the interface lists under *Views* and opens by `viewStateShareKey`; an interface that
does not know the format shows its own default. Nothing here imports mlflow.
"""

import base64
import colorsys
import hashlib
import json
import math
import re
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

VIEW = "overview"
_SHARED = "mlflow.sharedViewState."
TAG = f"{_SHARED}{VIEW}"
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
_TURN = 255 / 360
"""Of the hues of a study from those of the study before."""
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
DENSITY, LOG_DENSITY = "density", "log10 density"
"""Metrics of chains, by level, over which curves of different densities are compared."""
_OVER = "scores over density"
_OVER_DENSITY = {"useGlobalXaxisKey": False, "xAxisKey": "metric", "selectedXAxisMetricKey": LOG_DENSITY}
_AXES = {
    "level": ["trainer", "criterion", "density"],
    "cell": ["part", "depth", "seeker", "mode", "density"],
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
_INTERVAL = re.compile("(^|/)intervals/")
"""Metrics that are the ends of an interval."""
_MOST = 60
"""Metrics in a view, results first: a tag holds 5000 characters, and the interface adds what is left out by itself."""


def address(base: str, experiment: str, tag: str = TAG) -> str:
    """Return the link that opens a saved view of an experiment, by its tag."""
    return (
        f"{base.rstrip('/')}/#/experiments/{experiment}/runs"
        f"?workflowType=machine_learning&compareRunsMode=CHART&viewStateShareKey={tag.removeprefix(_SHARED)}"
    )


def tag(study: str) -> str:
    """Return the experiment tag that holds the saved view of a study."""
    return f"{_SHARED}study-{hashlib.sha256(study.encode()).hexdigest()[:12]}"


def studies(tags: Mapping[str, str]) -> dict[str, int]:
    """Return the studies whose views the tags of an experiment hold, and the index of each, from 0."""
    found: dict[str, int] = {}
    for name, value in tags.items():
        if name.startswith(f"{_SHARED}study-"):
            with suppress(ValueError, KeyError, TypeError):
                view = json.loads(value)
                found[str(view["study"])] = int(view["createdAt"]) - 1
    return found


class Content(NamedTuple):
    """The names that a saved view draws: metrics, and parameters as the axes of parallel coordinates."""

    metrics: set[str]
    parameters: set[str]


def view(
    kind: str,
    metrics: Iterable[str],
    parameters: Iterable[str],
    *,
    study: str = "",
    index: int = 0,
    many: bool = False,
) -> str:
    """Return the saved view of a kind of runs with these metrics and parameters, as the value of an experiment tag.

    Chains show test scores over density, then every curve over levels, test scores first; levels and sparse trainings
    parallel coordinates of their last test scores. Cells and claims, which have no curves, show bars of everything, cells
    parallel coordinates of test scores and recovery too. Intervals are folded away.

    Args:
        kind: of the runs.
        metrics: of the runs.
        parameters: of the runs.
        study: whose runs alone are shown; those of all studies without one.
        index: of the study among those of the experiment.
        many: whether the experiment has more than one study, which parallel coordinates of all then begin with.
    """
    metrics = set(metrics)
    ends = {metric for metric in metrics if _INTERVAL.search(metric)}
    metrics -= ends
    names = ordered(sorted(ordered(metrics), key=lambda metric: bool(_REFERENCE.search(metric)))[:_MOST])
    compared = ("/test/", "/recovery/") if kind == "cell" else ("/test/",)
    scores = [m for m in names if any(section in m for section in compared) and not _REFERENCE.search(m)]
    axes = [name for name in _AXES.get(kind, []) if name in set(parameters)]
    if axes and many and not study:
        axes = ["study", *axes]
    charts = [_parallel(metric, axes) for metric in scores if axes]
    if kind == "chain" and LOG_DENSITY in names:
        charts += [_line(metric, f"over density {metric}", _OVER, **_OVER_DENSITY) for metric in scores]
    charts += [_bar(metric) if kind in FLAT else _line(metric) for metric in names]
    # The interface adds charts of intervals to their sections.
    folded = sorted({metric.rpartition("/")[0] for metric in ends})
    sections = list(dict.fromkeys([*(chart["metricSectionId"] for chart in charts), *folded]))
    state: dict[str, Any] = {
        "searchFilter": "tags.state = 'current'" + (f" AND tags.study = '{study}'" if study else ""),
        "runsHiddenMode": "SHOW_ALL",
        "compareRunCharts": charts,
        "compareRunSections": [_section(name) for name in sections],
        "isAccordionReordered": True,
        "hideEmptyCharts": True,
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
    }
    packed = base64.b64encode(zlib.compress(json.dumps(state, sort_keys=True).encode(), 9)).decode()
    title = f"{TITLES[kind]} of {study}" if study else f"{TITLES[kind]} of all studies" if many else TITLES[kind]
    saved = {"name": title, "createdAt": index + 1, "updatedAt": 1, "state": f"{_PACKED}{packed}"}
    return json.dumps(saved | ({"study": study} if study else {"createdAt": 1}), sort_keys=True)


def ordered(metrics: Iterable[str]) -> list[str]:
    """Sort metrics as a reader wants them: test scores, their intervals, the rest by section, those without a section."""

    def rank(metric: str) -> tuple[bool, bool, bool, str]:
        test = "/test/" in metric
        return not test, test and bool(_INTERVAL.search(metric)), "/" not in metric, metric

    return sorted(metrics, key=rank)


def content(view: str) -> Content:
    """Return what a saved view draws; nothing where somebody else wrote it."""
    try:
        state = json.loads(zlib.decompress(base64.b64decode(json.loads(view)["state"].removeprefix(_PACKED))))
        charts = state["compareRunCharts"]
        axes = {name for chart in charts for name in chart.get("selectedParams", [])}
        # One metric stands for those of a section of intervals, which has no charts of its own.
        folded = {f"{own['name']}/" for own in state["compareRunSections"] if _INTERVAL.search(f"{own['name']}/")}
        return Content({chart["metricKey"] for chart in charts if "metricKey" in chart} | folded, axes)
    except (ValueError, KeyError, TypeError, zlib.error):
        return Content(set(), set())


def _section(name: str) -> dict[str, Any]:
    folded = name == "job" or bool(_INTERVAL.search(f"{name}/"))
    shown = {"uuid": name, "name": name, "display": not folded, "isReordered": True, "isGenerated": True}
    large = name.endswith("/test") or " over " in name
    return shown | ({"columns": 2, "cardHeight": 420} if large else {})


def _card(kind: str, identifier: str, section: str, **settings: Any) -> dict[str, Any]:
    common = {"type": kind, "uuid": identifier, "metricSectionId": section, "deleted": False, "isGenerated": False}
    return common | settings


def _line(metric: str, identifier: str = "", over: str = "", **settings: Any) -> dict[str, Any]:
    section, _, name = metric.rpartition("/")
    shown = _LINE | settings | {"metricKey": metric, "displayName": metric if over else name}
    return _card("LINE", identifier or metric, over or section or _OWN, **shown)


def _bar(metric: str) -> dict[str, Any]:
    section, _, name = metric.rpartition("/")
    return _card("BAR", metric, section or _OWN, metricKey=metric, displayName=name, runsCountToCompare=100)


def _parallel(metric: str, parameters: list[str]) -> dict[str, Any]:
    axes = {"selectedParams": parameters, "selectedMetrics": [metric]}
    return _card("PARALLEL", f"parallel {metric}", _OVER, showAllRuns=True, displayName=metric, **axes)


def coloured(kind: str, parameters: Mapping[str, Any], study: int) -> dict[str, str]:
    """Return the tag with the colour of a run in the study of an index; nothing where the interface is to choose one."""
    found = colour(kind, parameters)
    return {"mlflow.runColor": turned(found, study)} if found else {}


def turned(colour: str, study: int) -> str:
    """Return a colour as the study of an index has it: that of figures in the first, in others of another hue.

    With 255° a study, its greys coloured and every other one darker, the 16 colours of four criteria and trainers are as far
    from those of the study before as may be, twice as far as from each other.
    """
    if not study:
        return colour
    hue, lightness, saturation = colorsys.rgb_to_hls(*(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)))
    lightness = max(0.0, lightness - 0.1 * (study % 2))
    channels = colorsys.hls_to_rgb((hue + _TURN * study) % 1, lightness, max(saturation, 0.5))
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in channels)


def colour(kind: str, parameters: Mapping[str, Any]) -> str | None:
    """Return the colour of a run of the first study: of chains by criterion, in shades of trainers; of levels by density."""
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
