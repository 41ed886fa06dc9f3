"""What lies around the trained tickets of a chain, measured into rows of the tables of the landscape.

Rows leave out what all rows of a level have in common.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import Any

import jax
import numpy as np
import pandas as pd

from evotickets import landscape
from evotickets.configuration.options import options_of
from evotickets.devices import promoting
from evotickets.landscape.evaluation import OnLine
from evotickets.networks import masks
from evotickets.networks.layout import Network
from evotickets.networks.tickets import Ticket
from evotickets.pruning import scores
from evotickets.systems.tickets.levels import displacement
from evotickets.tasks import Control, Supervised, replicated
from evotickets.trainers.fits import fit_of
from evotickets.trainers.strategies import recipe

Rows = list[dict[str, Any]]
Scoring = tuple[OnLine, Any]
"""How lines are scored on a task, and what is handed to it, a row for each split of the data (`landscape.on_task`)."""


def _rows(scoring: Scoring, seeds: Sequence[int]) -> np.ndarray:
    """Return the row of every seed [S]: its own, or the only one."""
    splits = len(jax.tree.leaves(scoring[1])[0])
    return np.arange(len(seeds), dtype=np.int32) % splits


def flatness(network: Network, ticket: Ticket, scoring: Scoring, *, draws: int, key: jax.Array) -> Rows:
    """Score trained tickets under noise on their weights: a row per test score, seed and noise level."""
    on_line, shared = scoring
    curves = landscape.noise_curves(
        on_line,
        {"test": shared["test"]},
        ticket.flat(network, "mean"),
        masks.survivors(network, ticket.flat(network, "mask")),
        fold=partial(landscape.folded, network),
        statistics=dict(ticket.statistics),
        draws=draws,
        rows=_rows(scoring, ticket.seeds),
        key=key,
    )
    return [
        {"seed": seed, "split": split, "metric": metric, "epsilon": epsilon, "value": value}
        for name, values in curves.items()
        for split, metric in [name.split("/")]
        for seed, row in zip(ticket.seeds, values.tolist(), strict=True)
        for epsilon, value in zip(landscape.EPSILONS.tolist(), row, strict=True)
    ]


def curvature(
    network: Network, task: Supervised, ticket: Ticket, scoring: Scoring, *, probes: int, key: jax.Array
) -> Rows:
    """Estimate the Hessian of the training loss over the survivors of trained tickets: a row per seed."""
    _, shared = scoring
    measured = landscape.curvature(
        landscape.loss_of(network, fit_of(task)),
        shared["train"],
        ticket.flat(network, "mean"),
        masks.survivors(network, ticket.flat(network, "mask")),
        probes=probes,
        rows=_rows(scoring, ticket.seeds),
        key=key,
    )
    return [
        {"seed": seed} | {name: float(values[row]) for name, values in measured._asdict().items()}
        for row, seed in enumerate(ticket.seeds)
    ]


def diversity(network: Network, task: Supervised | Control, ticket: Ticket) -> Rows:
    """Compare trained tickets with each other: a row per measure and pair of seeds.

    Predicted classes are compared on test images of both, where every seed has a split of its own; real values are not.
    """
    seeds, moved = ticket.seeds, displacement(network, ticket)
    measures = {"cosine": landscape.cosine(moved), "distance": landscape.distance(moved)}
    measures["jaccard"] = landscape.jaccard(ticket.flat(network, "mask"))
    if not isinstance(task, Control) and task.classes:
        seen = replicated(task)
        rows = seen.rows(len(seeds))
        classes = landscape.predictions(network, ticket.flat(network, "mean"), seen.test.x, rows=rows)
        measures["disagreement"] = landscape.disagreement(classes, seen.tested[rows])
    return [
        {"measure": measure, "seed": seeds[first], "other": seeds[second], "value": float(matrix[first, second])}
        for measure, matrix in measures.items()
        for first, second in combinations(range(len(seeds)), 2)
    ]


def snr_correlation(network: Network, tickets: Sequence[Ticket], densities: Sequence[float]) -> Rows:
    """Correlate the signal-to-noise ratios of each level with those of the first: a row per level and seed.

    There are none where training leaves no std.
    """
    kernels = masks.kernel_positions(network)
    if any(ticket.std is None for ticket in tickets):
        return []
    ratios = np.stack(
        [scores.score("snr", *(own.flat(network, part)[:, kernels] for part in ("mean", "std"))) for own in tickets]
    )
    final = tickets[-1].flat(network, "mask")
    return [
        {"level": level, "density": density, "seed": seed, "value": float(value)}
        for level, (density, row) in enumerate(zip(densities, landscape.snr_correlation(ratios, final), strict=True))
        for seed, value in zip(tickets[0].seeds, row, strict=True)
    ]


def reliability(network: Network, ticket: Ticket, copy: Ticket, settings: Mapping[str, Any]) -> Rows:
    """Compare the stds of two runs of a ticket: a row per measure and seed; there are none where training leaves no std.

    `spearman` is what they have in common, `spread` how much the stds of the first differ, and `walk` how much they would
    without selection, where that is known.
    """
    if ticket.std is None or copy.std is None:
        return []
    kernels, mask = masks.kernel_positions(network), ticket.flat(network, "mask")
    first, second = (own.flat(network, "std")[:, kernels] for own in (ticket, copy))
    measures = {"spearman": landscape.reliability(first, second, mask), "spread": landscape.spread(first, mask)}
    walk = _walk(settings, len(masks.survivors(network, mask[0])))
    measures |= {} if walk is None else {"walk": np.full(len(ticket.seeds), walk)}
    return [
        {"measure": measure, "seed": seed, "value": float(value)}
        for measure, values in measures.items()
        for seed, value in zip(ticket.seeds, values, strict=True)
    ]


def _walk(settings: Mapping[str, Any], dimensions: int) -> float | None:
    build = recipe(settings["trainer"])
    own = {name: settings[name] for name in options_of(build) if name in settings}
    with promoting():
        return landscape.random_walk(build(dimensions, **own).params, settings["generations"])


def connectivity(
    scoring: Scoring, pairs: Sequence[landscape.Pair], seeds: Sequence[int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score the straight lines between the networks of all pairs and seeds, on the data of the first network's seed.

    Returns:
        the barriers, a row per pair, seed and error; and the lines, a row more per place on the line.
    """
    first, second = (np.concatenate([getattr(pair, end) for pair in pairs]) for end in ("first", "second"))
    rows = np.tile(_rows(scoring, seeds), len(pairs))
    errors = landscape.errors(landscape.interpolate(*scoring, first, second, rows=rows))
    ends = pd.DataFrame({"pair": pair.name, "level": pair.level, "seed": seed} for pair in pairs for seed in seeds)
    barriers, lines = [], []
    for name, values in errors.items():
        split, metric = name.split("/")
        named = ends.assign(split=split, metric=metric)
        barriers.append(named.assign(value=landscape.barrier(values), bump=landscape.bump(values)))
        lines += [named.assign(alpha=alpha, value=values[:, i]) for i, alpha in enumerate(landscape.ALPHAS)]
    return pd.concat(barriers, ignore_index=True), pd.concat(lines, ignore_index=True)
