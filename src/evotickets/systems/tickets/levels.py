"""The recurrence of levels: initialise, cut, train, cut, train, …

Flat orders follow `networks.layout`.
"""

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from evotickets import landscape, pruning, streams
from evotickets.networks import feedforward, layout, masks
from evotickets.networks.layout import Network
from evotickets.networks.tickets import Ticket
from evotickets.pruning import at_initialisation, controls, scores, top_k
from evotickets.refusals import hint
from evotickets.tasks import Control, Supervised, replicated
from evotickets.trainers import EVOLUTION, objectives, trainer
from evotickets.trainers.fits import fit_of
from evotickets.trainers.history import Report, Trained, silent

SAMPLES = 1024
"""Training samples, drawn for each seed, from which a one-shot criterion takes its gradient."""


def initialise(network: Network, count: int, *, seed: int, name: str) -> Ticket:
    """Draw the initial parameters of `count` seeds and keep every weight."""
    draws = [
        feedforward.initialise(network, streams.generator(seed, name, "initialise", index)) for index in range(count)
    ]
    initial = np.stack([np.asarray(layout.flatten(network, params)) for params in draws])
    return Ticket.of(network, range(count), initial, masks.everything(network, count))


def cut(network: Network, trained: Ticket, criterion: str, density: float, *, rng: np.random.Generator) -> Ticket:
    """Cut a trained ticket to a density by the scores of a criterion; the initial parameters rewind to level 0.

    Source: Lange & Sprekeler (2023), §3: one global threshold over all kernels, biases never pruned, masks nested.
    Deviates: the kept count is exact, round(density · prunable), and ties fall by a seeded permutation.
    """
    kernels = masks.kernel_positions(network)
    mask, initial, mean = (trained.flat(network, part) for part in ("mask", "initial", "mean"))
    std = None if trained.std is None else trained.flat(network, "std")[:, kernels]
    count = masks.kept_count(density, network.kernel_count)
    values = scores.score(criterion, mean[:, kernels], std, initial[:, kernels], mask)
    return trained.untrained().put(network, mask=top_k.keep_largest(values, mask, count, rng))


def loss_of(
    network: Network, task: Supervised | Control | None, criterion: str, count: int, *, rng: np.random.Generator
) -> tuple[Any, Any]:
    """Return the loss whose gradient a one-shot criterion takes, and up to 1024 training samples of each seed.

    Both are None where the criterion needs no loss, or the task has none.
    """
    if task is None or isinstance(task, Control) or "loss" not in pruning.needs(criterion):
        return None, None
    seen = replicated(task)
    (x, y), rows = seen.train, seen.rows(count)[:, None]
    size = y.shape[1]
    drawn = np.stack([rng.choice(size, min(SAMPLES, size), replace=False) for _ in range(count)])
    return landscape.loss_of(network, fit_of(task)), (x[rows, drawn], y[rows, drawn])


def cut_initial(
    network: Network,
    task: Supervised | Control | None,
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
    mask, initial = ticket.flat(network, "mask"), ticket.flat(network, "initial")
    loss, samples = loss_of(network, task, criterion, len(initial), rng=rng)
    if at_initialisation.rounds_of(criterion) > 1:
        cut_mask = at_initialisation.in_rounds(network, initial, criterion, count, loss, samples, rng=rng)
        return ticket.put(network, mask=cut_mask)
    values = at_initialisation.one_shot(network, initial, criterion, loss, samples)
    return ticket.put(network, mask=top_k.keep_largest(values, mask, count, rng))


def displacement(network: Network, trained: Ticket) -> np.ndarray:
    """Return trained − initial parameters [S, N], zero where pruned."""
    initial, mean = trained.flat(network, "initial"), trained.flat(network, "mean")
    moved = np.zeros_like(initial)
    places = masks.survivors(network, trained.flat(network, "mask"))
    np.put_along_axis(moved, places, np.take_along_axis(mean - initial, places, 1), 1)
    return moved


def point(network: Network, trained: Ticket) -> np.ndarray:
    """Return the parameters [S, N] of trained tickets in the space of networks that act on raw observations."""
    mean = trained.flat(network, "mean")
    return landscape.fold(network, mean, dict(trained.statistics)) if trained.statistics else mean


def control_ticket(
    network: Network, ticket: Ticket, control: str, density: float, *, seed: int, name: str, rng: np.random.Generator
) -> Ticket:
    """Make a control ticket of a density from another ticket of that density, destroying one part of it.

    `random` destroys mask and weights, `mask_reinit` the weights, `weights_permuted` their places inside each layer,
    `mask_permuted` the places of mask and weights inside each layer.

    Source: Lange & Sprekeler (2023), Fig. 2 (random); Frankle & Carbin (2019) and Frankle et al. (2021) (the others).
    """

    mask, initial = ticket.flat(network, "mask"), ticket.flat(network, "initial")

    def made(initial: np.ndarray, mask: np.ndarray) -> Ticket:
        return Ticket.of(network, ticket.seeds, initial, mask)

    def fresh() -> np.ndarray:
        return initialise(network, len(mask), seed=seed, name=name).flat(network, "initial")

    match control:
        case "random":
            count = masks.kept_count(density, network.kernel_count)
            return made(fresh(), controls.random_mask(mask.shape, count, rng))
        case "mask_reinit":
            return made(fresh(), mask)
        case "weights_permuted":
            return made(controls.permute_weights(network, mask, initial, rng), mask)
        case "mask_permuted":
            moved, initial = controls.permute_mask(network, mask, initial, rng)
            return made(initial, moved)
    raise ValueError(f"unknown control {control!r}; {hint(control, pruning.CONTROLS)}")


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

    Raises:
        ValueError: if ticket, network, task and settings do not fit each other.
    """
    own, mask = dict(settings), ticket.flat(network, "mask")
    if "trainer" not in own:
        raise ValueError("the settings name no trainer; add one, such as trainer: snes")
    engine = {name: own.pop(name) for name in ("path", "precision") if name in own}
    if not isinstance(task, Control):
        drawn = {name: own.pop(name) for name in ("batch",) if name in own}
        objective = objectives.supervised(network, mask, task, mesh=mesh, **drawn, **engine)
    else:
        play = {name: own.pop(name) for name in ("episodes", "test_episodes") if name in own}
        objective = objectives.control(network, mask, task, mesh=mesh, **play, **engine)
    places = masks.survivors(network, mask)
    initial = jnp.asarray(np.take_along_axis(ticket.flat(network, "initial"), places, 1))
    train_with = _trainer(own.pop("trainer"), network=network, task=task)
    trained = train_with(objective, initial, **own, report=report, key=key)

    def scattered(values: np.ndarray) -> np.ndarray:
        full = np.zeros((len(values), network.parameter_count), np.float32)
        np.put_along_axis(full, places, values, 1)
        return full

    std = None if trained.std is None else scattered(trained.std)
    statistics = trained.carry._asdict() if isinstance(task, Control) else {}
    made = ticket.put(network, mean=scattered(trained.mean), std=std)
    return replace(made, statistics=statistics, settings={}), trained
