"""Tickets as a notebook draws, trains, scores and cuts them; streams are those of a study, so that its numbers come again."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evotickets import pruning, streams
from evotickets.library.problems import kind_of, rules_of
from evotickets.networks import layout, masks
from evotickets.networks.layout import Network
from evotickets.networks.tickets import Tensors, Ticket
from evotickets.pruning import at_initialisation, scores, top_k
from evotickets.refusals import hint
from evotickets.systems.tickets import config, levels, shared_images
from evotickets.systems.tickets.section import TRAINER
from evotickets.systems.tickets.tables import factors
from evotickets.tasks import Control, Supervised
from evotickets.trainers import EVOSAX
from evotickets.trainers import settings as trainers
from evotickets.trainers.history import Report, silent

if TYPE_CHECKING:
    import pandas as pd


def draw_ticket(network: Network, *, seeds: int = 1, seed: int = 0, name: str = "ticket") -> Ticket:
    """Draw the initial parameters [S, …] of some seeds, by the names of their tensors, and keep every weight.

        >>> ticket = draw_ticket(network, seeds=2)
        >>> ticket.initial["dense1/kernel"].shape, ticket.mask["dense1/kernel"].mean()
        ((2, 64, 16), np.float64(1.0))

    Args:
        network: says names and shapes.
        seeds: number of replicates.
        seed: decides the draw.
        name: of the random stream; with that of a task these are the initial weights of a study.
    """
    if seeds < 1:
        raise ValueError(f"seeds is {seeds}; give at least one")
    return levels.initialise(network, seeds, seed=seed, name=name)


def settings_of(trainer: str, task: Supervised | Control, options: Mapping[str, Any]) -> dict[str, Any]:
    """Check the options of a trainer and fill in the others, as a study does.

    Raises:
        StudyError: if trainer or option is unknown, out of bounds, or not for this kind of task.
    """
    held, kind = trainers.settings(), kind_of(task)
    rules = {name: rules_of(TRAINER, held, name) for name in held}
    strange = sorted(set(options) & config.OBJECTIVE_ONLY[kind])
    if strange:
        raise ValueError(f"{trainer}: {strange[0]!r} is no option for {task.name}, a {kind} task; leave it out")
    checked = config.trainer_settings(trainer, trainer, dict(options), {}, trainer, rules)
    return config.for_kind(kind, task.name, trainer, checked, "this call", rules)


def train(
    network: Network,
    task: Supervised | Control,
    ticket: Ticket,
    trainer: str = "snes",
    *,
    seed: int = 0,
    level: int = 0,
    report: Report = silent,
    **options: Any,
) -> tuple[Ticket, "pd.DataFrame"]:
    """Train the survivors of every seed of a ticket from their initial values: all seeds in one program.

        >>> trained, history = train(network, task, ticket, "snes", population=16, generations=20)
        >>> trained.mean["dense1/kernel"].shape, trained.std["dense1/kernel"].shape
        ((2, 64, 16), (2, 64, 16))
        >>> list(history)
        ['step', 'seed', 'split', 'metric', 'value']

    Args:
        network: of the ticket.
        task: its data or environment.
        ticket: initial parameters and masks.
        trainer: a strategy, another trainer, or a class of evosax by its own name.
        seed: decides everything; with `level` it names the random stream of a level of a study.
        level: number of the level.
        report: called with steps done and loss after each evaluation.
        options: of the trainer, its objective and the population engine; `evotickets.options(trainer)` lists them.

    Returns:
        the ticket with `mean` [S, …], `std` [S, …] where the trainer has one, and `statistics` of environments; and the scores
        at every evaluation, a row per step, seed, split and metric.

    Raises:
        ValueError: if a name or value is none that there is, or network, task and ticket do not fit each other.
        FloatingPointError: if a seed has no finite loss left.
    """
    import pandas as pd

    settings = settings_of(trainer, task, options)
    key = streams.stream(seed, task.name, trainer, f"{level:02d}")
    trained, run = levels.train(network, task, ticket, settings, report=report, key=key)
    made = {"task": task.name, "settings": settings, "seed": seed, "level": level}
    return replace(trained, settings={"config": made}), pd.DataFrame(run.trajectory.rows(ticket.seeds))


def options(trainer: str) -> dict[str, Any]:
    """Return the options of a trainer with their defaults.

        >>> options("adam")["learning_rate"]
        0.001

    Raises:
        ValueError: if there is no such trainer.
    """
    held = trainers.settings()
    known = [*(name for name in held if name != trainers.EVOSAX), *EVOSAX]
    if trainer not in known:
        raise ValueError(f"there is no trainer {trainer!r}; {hint(trainer, known)}")
    described = held[trainers.EVOSAX if trainer in EVOSAX else trainer]
    return {name: parameter.default for name, parameter in described.options.items()}


class Chain(NamedTuple):
    """What became of all levels of a chain.

    Attributes:
        tickets: trained, one a level.
        scores: a row per level, seed, split and metric, with the columns of the table `tickets` of a study.
    """

    tickets: tuple[Ticket, ...]
    scores: "pd.DataFrame"


def train_chain(
    network: Network,
    task: Supervised | Control,
    trainer: str,
    criterion: str,
    densities: Sequence[float],
    *,
    seeds: int = 1,
    seed: int = 0,
    reference: Chain | None = None,
    **options: Any,
) -> Chain:
    """Train a dense ticket, cut it by a criterion, rewind it and train again, level after level.

    What a study with the same settings makes of this chain, bit for bit, where its trainer and task have their own names.

        >>> chain = train_chain(network, task, "adam", "magnitude", [1, 0.2], seeds=2, steps=20, batch=32)
        >>> [ticket.kept for ticket in chain.tickets]
        [1184, 237]

    Args:
        network: of all levels.
        task: its data or environment, loaded for as many seeds.
        trainer: as for `train`.
        criterion: a criterion, or a control.
        densities: of the levels, from 1 on falling.
        seeds: number of replicates.
        seed: of everything.
        reference: the chain from whose tickets a control is made; `random` needs none.
        options: of the trainer.

    Raises:
        ValueError: as `train`; if densities do not fall from 1 on, or a control has no reference.
    """
    import pandas as pd

    cutting = [*pruning.of_trained_weights(), *pruning.at_once()]
    if criterion not in (*cutting, *pruning.CONTROLS):
        raise ValueError(f"there is no criterion {criterion!r}; {hint(criterion, [*cutting, *pruning.CONTROLS])}")
    falling = all(higher > lower for higher, lower in zip(densities, [*densities[1:], 0.0], strict=True))
    if not densities or densities[0] != 1 or not falling:
        raise ValueError(f"densities are {list(densities)}; they begin with 1, and fall from level to level to above 0")
    made_of = criterion in pruning.CONTROLS and criterion != "random"
    if made_of and (reference is None or len(reference.tickets) < len(densities)):
        raise ValueError(f"{criterion} is made of another chain's tickets: give reference=, a chain of as many levels")
    settings_of(trainer, task, options)
    start = draw_ticket(network, seeds=seeds, seed=seed, name=task.name)
    tickets: list[Ticket] = []
    rows = []
    for level, density in enumerate(densities):
        if level and made_of and reference is not None:
            source = reference.tickets[level]
        else:
            source = tickets[-1] if level and criterion in pruning.of_trained_weights() else start
        cut, place = criterion if level else "dense", (trainer, f"{level:02d}")
        ticket = levels.next_ticket(network, task, source, cut, density, seed=seed, name=task.name, place=place)
        trained, history = train(network, task, ticket, trainer, seed=seed, level=level, **options)
        tickets.append(trained)
        last = history[history["step"] == history["step"].max()].drop(columns="step")
        chain = {"task": task.name, "trainer": trainer, "criterion": criterion}
        final: list[dict[str, Any]] = last.to_dict("records")
        rows += shared_images.scores(final, factors(chain, level, density), network, task, trained, seed=seed)
    return Chain(tuple(tickets), pd.DataFrame(rows))


def score(
    network: Network, ticket: Ticket, criterion: str, *, task: Supervised | Control | None = None, seed: int = 0
) -> Tensors:
    """Score the prunable weights of a ticket, larger meaning keep, by the names of their tensors [S, …].

        >>> score(network, trained, "snr")["dense2/kernel"].shape
        (2, 16, 10)

    Args:
        network: of the ticket.
        ticket: trained, or not for a criterion at initialisation.
        criterion: its name.
        task: where the criterion follows the gradient of a loss.
        seed: draws the samples of that loss.

    Raises:
        ValueError: if there is no such criterion, or it needs what the ticket does not have, or a task.
    """
    return Tensors(layout.unflatten(network, _scores(network, ticket, criterion, task, seed)))


def _scores(
    network: Network, ticket: Ticket, criterion: str, task: Supervised | Control | None, seed: int
) -> np.ndarray:
    _refuse_unknown(criterion, task)
    initial, kernels = ticket.flat(network, "initial"), masks.kernel_positions(network)
    if criterion in pruning.at_once():
        rng = streams.generator(seed, "score", criterion)
        loss, samples = levels.loss_of(network, task, criterion, len(initial), rng=rng)
        return at_initialisation.one_shot(network, initial, criterion, loss, samples)
    parts = {name: ticket.flat(network, name) for name in ("mean", "mask")}
    std = ticket.flat(network, "std")[:, kernels] if "std" in pruning.needs(criterion) else None
    return scores.score(criterion, parts["mean"][:, kernels], std, initial[:, kernels], parts["mask"])


def _refuse_unknown(criterion: str, task: Supervised | Control | None) -> None:
    known = [*pruning.of_trained_weights(), *pruning.at_once()]
    if criterion not in known:
        raise ValueError(f"there is no criterion {criterion!r}; {hint(criterion, known)}")
    if task is None and "loss" in pruning.needs(criterion):
        raise ValueError(f"criterion {criterion!r} follows the gradient of a loss: give task=, whose samples it sees")


def prune(
    network: Network,
    ticket: Ticket,
    criterion: str | Mapping[str, np.ndarray],
    density: float,
    *,
    task: Supervised | Control | None = None,
    seed: int = 0,
) -> Ticket:
    """Cut a ticket to a density, all layers by one threshold, and rewind it to its initial parameters.

    Exactly round(density · K) weights of every seed are kept, all among those that were kept before; ties fall by the seed.

        >>> prune(network, trained, "snr", 0.1).kept
        118
        >>> own = {name: abs(mean) for name, mean in trained.mean.items() if name.endswith("kernel")}
        >>> prune(network, trained, own, 0.1).kept
        118

    Args:
        network: of the ticket.
        ticket: trained, or not for a criterion at initialisation.
        criterion: its name, or scores of your own, larger meaning keep, by the names of the prunable tensors [S, …].
        density: kept / prunable, in (0, 1].
        task: where the criterion follows the gradient of a loss.
        seed: decides among ties.

    Raises:
        ValueError: as `score`; if the density is out of range, or above that of the ticket.
    """
    count, mask = masks.kept_count(density, network.kernel_count), ticket.flat(network, "mask")
    if isinstance(criterion, Mapping):
        rng = streams.generator(seed, "prune", "own")
        return ticket.untrained().put(
            network, mask=top_k.keep_largest(layout.flatten(network, criterion), mask, count, rng)
        )
    _refuse_unknown(criterion, task)
    rng = streams.generator(seed, "prune", criterion)
    if criterion in pruning.of_trained_weights():
        return levels.cut(network, ticket, criterion, density, rng=rng)
    return levels.cut_initial(network, task, ticket, criterion, density, rng=rng)
