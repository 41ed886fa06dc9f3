"""Tickets and the recurrence of levels: initialise, cut, train, cut, train, …

Flat orders follow `networks.layout`.
"""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from evotickets import landscape, pruning, streams
from evotickets.networks import feedforward, layout, masks
from evotickets.networks.layout import Network
from evotickets.pruning import at_initialisation, controls, scores, top_k
from evotickets.tasks import Control, Supervised, replicated
from evotickets.trainers import EVOLUTION, objectives, trainer
from evotickets.trainers.fits import fit_of
from evotickets.trainers.history import Report, Trained, silent

SAMPLES = 1024
"""Training samples, drawn for each seed, from which a one-shot criterion takes its gradient."""


class Ticket(NamedTuple):
    """Initial parameters and mask of every seed, and what training made of them.

    All arrays are flat, as algorithms take them; `results.Ticket` is the same ticket as its file names it, tensor by tensor
    and with its seeds, for readers that know no network. `archive` turns each into the other.

    Attributes:
        initial: [S, N].
        mask: [S, K].
        mean: trained weights [S, N], zero where pruned; None before training.
        std: std of the search distribution [S, N], zero where pruned; None before training and for gradient trainers.
        statistics: observation normaliser, arrays [S, ...] by name; empty for supervised tasks.
    """

    initial: np.ndarray
    mask: np.ndarray
    mean: np.ndarray | None = None
    std: np.ndarray | None = None
    statistics: dict[str, np.ndarray] = {}  # noqa: RUF012 (never mutated)


def initialise(network: Network, count: int, *, seed: int, name: str) -> Ticket:
    """Draw the initial parameters of `count` seeds and keep every weight."""
    draws = [
        feedforward.initialise(network, streams.generator(seed, name, "initialise", index)) for index in range(count)
    ]
    initial = np.stack([np.asarray(layout.flatten(network, params)) for params in draws])
    return Ticket(initial, np.ones((count, network.kernel_count), bool))


def cut(network: Network, trained: Ticket, criterion: str, density: float, *, rng: np.random.Generator) -> Ticket:
    """Cut a trained ticket to a density by the scores of a criterion; the initial parameters rewind to level 0.

    Source: Lange & Sprekeler (2023), §3: one global threshold over all kernels, biases never pruned, masks nested.
    Deviates: the kept count is exact, round(density · prunable), and ties fall by a seeded permutation.
    """
    kernels = masks.kernel_positions(network)
    mean, std = _mean(trained)[:, kernels], None if trained.std is None else trained.std[:, kernels]
    count = masks.kept_count(density, network.kernel_count)
    values = scores.score(criterion, mean, std, trained.initial[:, kernels], trained.mask)
    return Ticket(trained.initial, top_k.keep_largest(values, trained.mask, count, rng))


def cut_initial(
    network: Network,
    task: Supervised | Control,
    ticket: Ticket,
    criterion: str,
    density: float,
    *,
    rng: np.random.Generator,
) -> Ticket:
    """Cut an untrained ticket to a density at once, by a criterion that looks at the initial parameters alone.

    `snip` and `grasp` take the gradient of the mean loss of the data set on up to 1024 training samples a seed; `synflow` needs
    no data.

    Source: Lange & Sprekeler (2023), Fig. 2 compares with trained criteria; Frankle et al. (2021) study these.

    Raises:
        ValueError: if the criterion needs a loss that can be differentiated and the task has none.
    """
    count = masks.kept_count(density, network.kernel_count)
    loss, samples = None, None
    if not isinstance(task, Control) and "loss" in pruning.needs(criterion):
        seen = replicated(task)
        (x, y), rows = seen.train, seen.rows(len(ticket.initial))[:, None]
        size = y.shape[1]
        drawn = np.stack([rng.choice(size, min(SAMPLES, size), replace=False) for _ in ticket.initial])
        loss, samples = landscape.loss_of(network, fit_of(task)), (x[rows, drawn], y[rows, drawn])
    if at_initialisation.rounds_of(criterion) > 1:
        mask = at_initialisation.in_rounds(network, ticket.initial, criterion, count, loss, samples, rng=rng)
        return ticket._replace(mask=mask)
    values = at_initialisation.one_shot(network, ticket.initial, criterion, loss, samples)
    return ticket._replace(mask=top_k.keep_largest(values, ticket.mask, count, rng))


def untrained(trained: Ticket) -> Ticket:
    """Return a ticket as it was before its training."""
    return Ticket(trained.initial, trained.mask)


def displacement(network: Network, trained: Ticket) -> np.ndarray:
    """Return trained − initial parameters [S, N], zero where pruned."""
    moved = np.zeros_like(trained.initial)
    places = masks.survivors(network, trained.mask)
    np.put_along_axis(moved, places, np.take_along_axis(_mean(trained) - trained.initial, places, 1), 1)
    return moved


def point(network: Network, trained: Ticket) -> np.ndarray:
    """Return the parameters [S, N] of trained tickets in the space of networks that act on raw observations."""
    return landscape.fold(network, _mean(trained), trained.statistics) if trained.statistics else _mean(trained)


def _mean(trained: Ticket) -> np.ndarray:
    if trained.mean is None:
        raise ValueError("only a trained ticket can be cut or looked at: train it first")
    return trained.mean


def control_ticket(
    network: Network, ticket: Ticket, control: str, density: float, *, seed: int, name: str, rng: np.random.Generator
) -> Ticket:
    """Make a control ticket of a density from another ticket of that density, destroying one part of it.

    `random` destroys mask and weights, `mask_reinit` the weights, `weights_permuted` their places inside each layer,
    `mask_permuted` the places of mask and weights inside each layer.

    Source: Lange & Sprekeler (2023), Fig. 2 (random); Frankle & Carbin (2019) and Frankle et al. (2021) (the others).
    """

    def fresh() -> np.ndarray:
        return initialise(network, len(ticket.mask), seed=seed, name=name).initial

    match control:
        case "random":
            count = masks.kept_count(density, network.kernel_count)
            return Ticket(fresh(), controls.random_mask(ticket.mask.shape, count, rng))
        case "mask_reinit":
            return Ticket(fresh(), ticket.mask)
        case "weights_permuted":
            return Ticket(controls.permute_weights(network, ticket.mask, ticket.initial, rng), ticket.mask)
        case "mask_permuted":
            mask, initial = controls.permute_mask(network, ticket.mask, ticket.initial, rng)
            return Ticket(initial, mask)
    raise ValueError(f"unknown control {control!r}; known are {', '.join(pruning.CONTROLS)}")


def next_ticket(
    network: Network,
    task: Supervised | Control,
    source: Ticket,
    criterion: str,
    density: float,
    *,
    seed: int,
    name: str,
    place: tuple[str, ...],
) -> Ticket:
    """Make the ticket of a level.

    Args:
        network: the network.
        task: data or environment.
        source: the initial ticket for `dense`, `random` and one-shot criteria, the reference chain's ticket of this
            level for the other controls, the trained ticket of the level before for a score.
        criterion: `dense`, a control, a one-shot criterion or a score.
        density: of the new ticket.
        seed: of the study.
        name: of the task.
        place: trainer and level; with the criterion they name the random stream.
    """
    if criterion == "dense":
        return source
    if criterion in pruning.at_once():
        # One stream for all levels and trainers, because nothing was trained: the same samples and nested masks.
        return cut_initial(network, task, source, criterion, density, rng=streams.generator(seed, name, criterion))
    rng = streams.generator(seed, name, *place, criterion)
    if criterion in pruning.CONTROLS:
        fresh = "/".join((name, *place, criterion))
        return control_ticket(network, source, criterion, density, seed=seed, name=fresh, rng=rng)
    return cut(network, source, criterion, density, rng=rng)


def _trainer(name: str, **known: Any) -> Callable[..., Trained]:
    """Return a trainer by its name or by that of a strategy, with as much of what is known as it asks for."""
    if name not in trainer:
        return partial(trainer[EVOLUTION], trainer=name)
    asked = inspect.signature(trainer[name]).parameters
    return partial(trainer[name], **{key: value for key, value in known.items() if key in asked})


def train(
    network: Network,
    task: Supervised | Control,
    ticket: Ticket,
    settings: dict[str, Any],
    *,
    mesh: Mesh | None = None,
    report: Report = silent,
    key: jax.Array,
) -> tuple[Ticket, Trained]:
    """Train the survivors of every seed from their initial values.

    Args:
        network: the network.
        task: data or environment.
        ticket: initial parameters and masks.
        settings: the trainer's settings; `batch` or `episodes` and `test_episodes` belong to the objective,
            `path` and `precision` to the population engine, the others are the trainer's own.
        mesh: spreads populations over devices.
        report: called after each evaluation.
        key: decides everything.
    """
    own = dict(settings)
    engine = {name: own.pop(name) for name in ("path", "precision") if name in own}
    if not isinstance(task, Control):
        objective = objectives.supervised(network, ticket.mask, task, batch=own.pop("batch"), mesh=mesh, **engine)
    else:
        play = {name: own.pop(name) for name in ("episodes", "test_episodes") if name in own}
        objective = objectives.control(network, ticket.mask, task, mesh=mesh, **play, **engine)
    places = masks.survivors(network, ticket.mask)
    initial = jnp.asarray(np.take_along_axis(ticket.initial, places, 1))
    train_with = _trainer(own.pop("trainer"), network=network, task=task)
    trained = train_with(objective, initial, **own, report=report, key=key)

    def scattered(values: np.ndarray) -> np.ndarray:
        full = np.zeros((len(values), network.parameter_count), np.float32)
        np.put_along_axis(full, places, values, 1)
        return full

    std = None if trained.std is None else scattered(trained.std)
    statistics = trained.carry._asdict() if isinstance(task, Control) else {}
    return ticket._replace(mean=scattered(trained.mean), std=std, statistics=statistics), trained
