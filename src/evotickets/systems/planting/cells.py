"""A cell of the grid: one target, depth, seeker and density, all seeds at once."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from evotickets import intervals, streams
from evotickets.networks import masks
from evotickets.planted import measures, samples
from evotickets.planted.ground import Ground, names, network_of, prunes_biases
from evotickets.supermasks.instance import Instance
from evotickets.systems.planting import DENSE, PLANTED, TICKET, seekers

Rows = list[dict[str, Any]]


class Found(NamedTuple):
    """What a seeker found: the mask [S, K], or [S, N] of biases too, and rows.

    There is one row per seed, layer (0: the whole network), split and metric.
    """

    mask: np.ndarray
    rows: Rows


def seek(
    target: Mapping[str, Any],
    depth: int,
    where: Ground,
    seeker: Mapping[str, Any],
    density: float | str,
    *,
    count: int,
    training: dict[str, Any],
    seed: int,
) -> Found:
    """Let a seeker loose and measure what it found, before and after training.

    Args:
        target: `target`, `width` and `noise`; `factor` and `biases` as for `ground`.
        depth: number of weight layers.
        where: the mother networks.
        seeker: `seeker` and its options.
        density: of the mask to find, or `ticket`.
        count: number of training and of test samples.
        training: `epochs`, `batch` and `learning_rate` of the last training, and of a seeker's where it does not
            choose its own.
        seed: of the study. All seekers of a target and depth see the same mothers, samples and orders of samples.
    """
    network, streamed = network_of(target, depth), names(target, depth)
    generators = [streams.generator(seed, *streamed, "samples", i) for i in range(len(where.mask))]
    problem = samples.draw(target["target"], count, target["noise"], generators)
    instance = Instance(network, problem, where.parameters, training, seed, streamed, prunes_biases(target))
    options = dict(seeker)
    name = options.pop("seeker")
    if name == DENSE:
        found = instance.everything
    elif name == PLANTED:
        found = where.mask
    else:
        wanted = int(where.mask[0].sum())
        if density != TICKET:
            wanted = masks.kept_count(float(density), where.mask.shape[1])
        found = seekers.seek(name, instance, wanted, **options)
    return Found(found, _measure(instance, where, found) + (_visible(instance, where) if name == PLANTED else []))


def _measure(instance: Instance, where: Ground, found: np.ndarray) -> Rows:
    network, problem, metric = instance.network, instance.problem, instance.problem.metric
    strong = measures.quality(network, problem, where.parameters * masks.spread(network, found))
    weak = measures.quality(network, problem, instance.train(found, instance.training["epochs"], "last"))
    rows = _rows("test", f"strong_{metric}", strong.fair) + _rows("test", f"strong_raw_{metric}", strong.raw)
    rows += _rows("test", f"weak_{metric}", weak.fair) + _rows("test", f"weak_raw_{metric}", weak.raw)
    rows += _rows("test", f"baseline_{metric}", measures.baseline(problem))
    rows += _rows("mask", "collapsed", measures.collapsed(network, found))
    rows += _rows("mask", "severed", measures.severed(network, found))
    kept = measures.layer_counts(network, found)
    rows += _rows("mask", "kept", np.concatenate([kept.sum(1, keepdims=True), kept], 1))
    rows += _rows("mask", "kept_biases", masks.spread(network, found).sum(1) - kept.sum(1))
    for name, values in measures.recovery(network, found, where.mask)._asdict().items():
        rows += _rows("recovery", name, values)
    return rows


def _visible(instance: Instance, where: Ground) -> Rows:
    seen = measures.visibility(instance.network, where.parameters, where.mask)._asdict()
    return [row for name, values in seen.items() for row in _rows("visibility", name, values)]


def _rows(split: str, metric: str, values: Sequence[Any] | np.ndarray) -> Rows:
    """Return one row per seed and layer of values [S] or [S, L + 1]."""
    return [
        {"seed": seed, "layer": layer, "split": split, "metric": metric, "value": float(value)}
        for seed, row in enumerate(np.asarray(values, float))
        for layer, value in enumerate(np.atleast_1d(row))
    ]


def summary(rows: Rows) -> dict[str, float]:
    """Return the mean over seeds of every measure of the whole network, by `split/metric`, and its interval."""
    found: dict[str, list[float]] = {}
    for row in rows:
        if row["layer"] == 0 and not np.isnan(row["value"]):
            found.setdefault(f"{row['split']}/{row['metric']}", []).append(row["value"])
    told = [one for name, values in found.items() for one in intervals.measured(name, 0, values)]
    return {name: value for name, _, value in told}
