"""A cell of the study: one task and one seeker, all seeds at once."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from evotickets import intervals, streams
from evotickets.networks import layout, masks
from evotickets.networks.layout import Network
from evotickets.planted import ground as grounds
from evotickets.planted import measures
from evotickets.planted import samples as planted_samples
from evotickets.supermasks import biprop, leaves
from evotickets.supermasks.instance import Instance, Samples
from evotickets.systems.strong import (
    DENSE,
    FOUND,
    LEAKED,
    PLANTED,
    PLANTED_CIRCLE,
    PRUNED,
    TARGET,
    choice,
    data,
    seekers,
    weights,
)
from evotickets.systems.strong.search import Progress, quiet

Rows = list[dict[str, Any]]
Settings = Mapping[str, Any]


class Searched(NamedTuple):
    """What a cell found.

    Attributes:
        masks: [S, K] by state.
        rows: one per state, seed, split and metric, with the density of the mask.
        history: one per point of the search, seed and metric: step (evaluations), seed, split, metric, value.
    """

    masks: dict[str, np.ndarray]
    rows: Rows
    history: Rows


def initial(task: Settings) -> str:
    """Say how the weights of a task are drawn: `uniform 2.5`, say; the other schemes have no scale, functions their own."""
    if "network" in task:
        return "own"
    return f"uniform {task['scale']:g}" if task["initial"] == "uniform" else task["initial"]


def depth(task: Settings) -> dict[str, int]:
    """Return the number of layers of a task's perceptron, as a record shows it."""
    return {} if "network" in task else {"depth": len(task["hidden"]) + 1}


def factors(name: str, task: Settings, seeker: str) -> dict[str, Any]:
    """Return what all rows of a cell have in common: the name and settings of the task, and the seeker."""
    network = {"classes": task["classes"], "hidden": weights.label(task), "initial": initial(task)}
    return {"system": "strong", "task": name, "family": task["task"], **network, "seeker": seeker}


def mask_rows(masks: Mapping[str, np.ndarray]) -> Rows:
    """Return a row per state and seed of masks [S, K] by state."""
    return [
        {"state": state, "seed": seed, "mask": mask}
        for state, of_state in masks.items()
        for seed, mask in enumerate(of_state)
    ]


def instance(
    task: Settings, *, samples: int, training: dict[str, Any], seed: int, count: int
) -> tuple[Instance, np.ndarray | None]:
    """Draw samples and weights of a task for `count` seeds; also return the planted masks [S, K], if there are any.

    Tasks that differ in network alone have the same samples.

    Args:
        task: `task`, `classes`, `hidden` or `network`, `initial`, `scale` and `noise`.
        samples: training samples at most.
        training: `epochs`, `batch` and `learning_rate`.
        seed: of the study.
        count: of seeds.

    Raises:
        ValueError: if there are fewer training samples than a batch has.
    """
    network = weights.network_of(task)
    where = ("strong", task["task"], str(task["classes"]))
    names = (*where, weights.label(task), task["initial"], f"{task['scale']:g}")
    if task["task"] == PLANTED_CIRCLE:
        return _planted(task, network, names, samples, training, seed, count)
    problem = data.draw(
        task["task"], task["classes"], samples, task["noise"], _rngs(seed, *where, "samples", count=count)
    )
    if problem.train.x.shape[1] < training["batch"]:
        raise ValueError(
            f"{task['task']} has {problem.train.x.shape[1]} training samples, fewer than a batch of {training['batch']}; "
            "lower strong.training.batch"
        )
    parameters = np.stack(
        [
            weights.initialise(network, task["initial"], task["scale"], rng)
            for rng in _rngs(seed, *names, "weights", count=count)
        ]
    )
    return Instance(network, problem, parameters, _schedule(training), seed, names), None


def _planted(
    task: Settings,
    network: Network,
    names: tuple[str, ...],
    samples: int,
    training: dict[str, Any],
    seed: int,
    count: int,
) -> tuple[Instance, np.ndarray]:
    """Take mother networks and samples from planting; validation samples are drawn beside them.

    Searches judge masks by outputs as they are. Planted tickets compute their target up to a factor for every class, so
    each class is divided by its own: what it looks like stays, and the planted mask is a strong ticket.
    """
    target = {"target": TARGET, "width": task["hidden"][0], "noise": task["noise"]}
    ground = grounds.ground(target, len(task["hidden"]) + 1, seed=seed, count=count)
    problem = planted_samples.draw(TARGET, samples, task["noise"], _rngs(seed, *names, "samples", count=count))
    few = max(1, samples // data.VALIDATION)
    validation = planted_samples.draw(TARGET, few, task["noise"], _rngs(seed, *names, "validation", count=count)).train
    problem = problem._replace(validation=Samples(*validation))
    parameters = ground.parameters.copy()
    for own, scales in zip(parameters, ground.scales, strict=True):
        kernel, bias = layout.layers(network, own)[-1]
        kernel /= scales[:, None]
        bias /= scales
    return Instance(network, problem, parameters, _schedule(training), seed, names), ground.mask


def _schedule(training: dict[str, Any]) -> dict[str, Any]:
    """Let the rate of the dense network fall as those of the seekers do that take gradients: it is their ceiling."""
    return training | {"cosine": True}


def _rngs(seed: int, *names: str, count: int) -> list[np.random.Generator]:
    return [streams.generator(seed, *names, index) for index in range(count)]


def resolved(seeker: Settings, reference: Rows | None) -> dict[str, Any]:
    """Return a seeker's options with numbers where they name another seeker, from the rows of that seeker's cell.

    Its density becomes the mean density of the tickets found, its budget the mean number of evaluations, over seeds.

    Raises:
        ValueError: if a name stands there and rows are missing.
    """
    options = dict(seeker)
    for option, split, metric in (("density", "mask", "density"), ("budget", "search", "evaluations")):
        if isinstance(options.get(option), str):
            values = [
                row["value"]
                for row in reference or []
                if (row["state"], row["split"], row["metric"]) == (FOUND, split, metric)
            ]
            if not values:
                raise ValueError(f"{option} is that of {options[option]}, whose cell is missing; run it first")
            mean = float(np.mean(values))
            options[option] = round(mean) if option == "budget" else mean
    return options


def seek(
    task: Settings,
    seeker: Settings,
    *,
    samples: int,
    training: dict[str, Any],
    seed: int,
    count: int,
    progress: Progress = quiet,
) -> Searched:
    """Let a seeker loose on a task, choose and prune what it found, and measure every state of it.

    Args:
        task: as for `instance`.
        seeker: `seeker` and its options, all of them numbers or their own words (`resolved`).
        samples: training samples at most.
        training: `epochs`, `batch` and `learning_rate` of the dense network, and the batch of seekers that take gradients.
        seed: of the study. All seekers of a task see the same samples and weights.
        count: of seeds.
        progress: makes what searches call as they go on.
    """
    where, planted = instance(task, samples=samples, training=training, seed=seed, count=count)
    options = dict(seeker)
    name = options.pop("seeker")
    if name == DENSE:
        everything = where.everything
        trained = where.train(everything, training["epochs"], "dense")
        return Searched({FOUND: everything}, _rows(where, FOUND, everything, trained, None), [])
    if name == PLANTED:
        if planted is None:
            raise ValueError(f"nothing is planted in {task['task']}: choose {PLANTED_CIRCLE}")
        return Searched({FOUND: planted}, _rows(where, FOUND, planted, where.parameters, planted), [])
    found = seekers.seek(name, where, progress=progress, **options)
    parameters = where.parameters if found.parameters is None else found.parameters
    held: Any = {FOUND: where.problem.validation, LEAKED: where.problem.test}
    chosen = {state: choice.choose(where.network, found.candidates, parameters, split) for state, split in held.items()}
    pruned = {
        state: choice.prune(where.network, chosen[state], parameters, split, rngs=where.rngs("pruning"))
        for state, split in held.items()
    }
    tickets = {FOUND: chosen[FOUND], PRUNED: pruned[FOUND], LEAKED: pruned[LEAKED]}
    rows = [row for state, mask in tickets.items() for row in _rows(where, state, mask, parameters, planted)]
    for metric in ("evaluations", "steps", "bound"):
        rows += _spread(FOUND, tickets[FOUND], "search", metric, getattr(found, metric))
    return Searched(tickets, rows, found.history)


def classifier(where: Instance, seeker: str, mask: np.ndarray, found: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function that tells the classes [n] of inputs [n, I] for the ticket [K] of the first seed.

    `found` is the ticket [K] before pruning, from which biprop's weights have their magnitude.
    """
    parameters = where.parameters[:1]
    if seeker == "biprop":
        parameters = biprop.binarised(where.network, parameters, found[None])
    kept = jnp.asarray((parameters * masks.spread(where.network, mask[None]))[0])
    layers = leaves.cut_up(where.network, kept)
    return lambda x: np.asarray(jnp.argmax(leaves.outputs(where.network, layers, jnp.asarray(x, jnp.float32)), 0))


def _rows(where: Instance, state: str, mask: np.ndarray, parameters: np.ndarray, planted: np.ndarray | None) -> Rows:
    """Return what the tickets [S, K] of a state are worth, and how much of a planted one they are."""
    grades = choice.grade(where.network, where.problem, parameters * masks.spread(where.network, mask))
    rows = [row for (split, metric), values in grades.items() for row in _spread(state, mask, split, metric, values)]
    rows += _spread(state, mask, "mask", "density", mask.mean(1))
    if planted is not None:
        for metric, values in measures.recovery(where.network, mask, planted)._asdict().items():
            rows += _spread(state, mask, "recovery", metric, values[:, 0])
    return rows


def _spread(state: str, mask: np.ndarray, split: str, metric: str, values: Sequence[float] | np.ndarray) -> Rows:
    at = {"state": state, "split": split, "metric": metric}
    return [
        at | {"seed": seed, "density": float(own.mean()), "value": float(value)}
        for seed, (own, value) in enumerate(zip(mask, values, strict=True))
    ]


def summary(rows: Rows) -> dict[str, float]:
    """Return the mean over seeds of every measure by `split/metric`, and interval; states other than `found` end the name."""
    found: dict[str, list[float]] = {}
    for row in rows:
        if not np.isnan(row["value"]):
            ending = "" if row["state"] == FOUND else f"_{row['state']}"
            found.setdefault(f"{row['split']}/{row['metric']}{ending}", []).append(row["value"])
    told = [one for name, values in found.items() for one in intervals.measured(name, 0, values)]
    return {name: value for name, _, value in told}
