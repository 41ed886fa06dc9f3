"""The section `tickets` of a study, checked and resolved into chains.

Reads no data and compiles nothing, because every start of the workflow waits for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from evotickets import tasks
from evotickets.configuration.reader import StudyError, conform, conform_part, described, known, shown
from evotickets.networks import network
from evotickets.pruning import CONTROLS, criterion, is_of_trained_weights
from evotickets.refusals import hint
from evotickets.systems.tickets import comparisons, problems, sizes
from evotickets.systems.tickets.comparisons import Landscape, Transfer
from evotickets.systems.tickets.section import TRAINERS, Section
from evotickets.trainers import EVOSAX, UNUSABLE

__all__ = [
    "OBJECTIVE_ONLY",
    "Chain",
    "Section",
    "Tickets",
    "for_kind",
    "gradient",
    "needs",
    "one_shot",
    "resolve",
    "scores",
    "trainer_settings",
    "without_std",
]

EVOSAX_RULES = "evosax"
"""Under this name the schema describes the options of every class of evosax."""
Rules = Mapping[str, dict[str, Any]]
"""Rules of the options of parts, by name."""
NETWORKS = ("hidden", "channels", "network")
OBJECTIVE_ONLY = {"supervised": {"episodes", "test_episodes"}, "control": {"batch"}, "host": {"batch"}}


@dataclass(frozen=True)
class Chain:
    """One (task, trainer, criterion): levels 0…L. Level 0 is dense and shared by all criteria of a task and trainer."""

    task: str
    trainer: str
    criterion: str
    reference: str
    """The criterion that cuts the tickets a control starts from; the criterion itself where it cuts."""


@dataclass(frozen=True)
class Tickets:
    """The resolved `tickets` section.

    Attributes:
        densities: one a level.
        tasks: settings of the network by task name, `task` resolved.
        settings: resolved trainer settings by (task, trainer).
        chains: every chain once.
        transfers: tickets of chains that are trained elsewhere.
        landscape: the chains whose trained tickets are looked at.
    """

    densities: tuple[float, ...] = ()
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    settings: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    chains: tuple[Chain, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    landscape: Landscape = field(default_factory=Landscape)

    @property
    def data(self) -> dict[str, str]:
        """The data that the section asks for, by the key that names it."""
        return {f"tickets.tasks.{name}": settings["task"] for name, settings in self.tasks.items()}

    @property
    def environments(self) -> dict[str, dict[str, Any]]:
        """The options of environments, by the key that names each."""
        return {f"tickets.tasks.{name}": problems.options_of(settings) for name, settings in self.tasks.items()}

    @property
    def levels(self) -> range:
        """All levels, the dense one included."""
        return range(len(self.densities))

    def of(self, task: str) -> list[Chain]:
        """Return the chains of a task."""
        return [chain for chain in self.chains if chain.task == task]

    def own(self, task: str, trainer: str) -> str:
        """Return the criterion that stands for a trainer where trainers are compared.

        It is snr, else magnitude, else the first by name that is no control, else the first.
        """
        names = [chain.criterion for chain in self.of(task) if chain.trainer == trainer]
        scored = sorted(set(names) - set(CONTROLS))
        return next((name for name in ("snr", "magnitude") if name in names), [*scored, *names][0])


def needs() -> dict[str, list[str]]:
    """Return what every criterion needs: a `mean`, a `std`, a `loss`, …"""
    return {name: rule["x-needs"] for name, rule in described(criterion).items()}


def scores() -> list[str]:
    """Return the criteria that rank trained weights."""
    return [name for name, needed in needs().items() if is_of_trained_weights(needed)]


def one_shot() -> list[str]:
    """Return the criteria that cut the initial parameters of a level at once, without training."""
    return [name for name, needed in needs().items() if not is_of_trained_weights(needed)]


def without_std() -> set[str]:
    """Return the trainers whose weights have no std: those that follow gradients, and strategies that say so."""
    silent = {name for name, rule in described(TRAINERS).items() if not rule.get("x-std", True)}
    return {*gradient(), *silent}


def gradient(trainers: Rules | None = None) -> dict[str, tuple[str, ...]]:
    """Return the trainers that are no evolution strategies, and the kinds of tasks that each can train."""
    rules = described(TRAINERS) if trainers is None else trainers
    return {name: tuple(rule["x-tasks"]) for name, rule in rules.items() if "x-tasks" in rule}


def resolve(section: dict[str, Any]) -> Tickets:
    """Check a section that conforms to `Section`, and list its chains.

    Raises:
        StudyError: if a name is unknown, or a value is impossible.
    """
    densities = section["densities"]
    if densities[0] != 1:
        raise StudyError(f"tickets.densities starts with {densities[0]}; the first level is dense: start with 1")
    for higher, lower in pairwise(densities):
        if lower >= higher:
            raise StudyError(f"tickets.densities has {lower} after {higher}; densities must fall from level to level")
    networks = {name: _task(name, dict(task)) for name, task in section["tasks"].items()}
    for name, task in networks.items():
        sizes.refuse_indistinct(name, task, densities)
    settings: dict[tuple[str, str], dict[str, Any]] = {}
    chains: dict[Chain, None] = {}
    needed = needs()
    for index, entry in enumerate(section["chains"]):
        where = f"tickets.chains[{index}]"
        known(f"{where}.task", entry["task"], networks)
        reference = entry.get("controls_of", "magnitude")
        for trainer in entry["trainers"]:
            known(f"{where}.trainers", trainer, section["trainers"])
            resolved = trainer_settings(
                f"tickets.trainers.{trainer}", trainer, section["trainers"][trainer], entry["settings"], where
            )
            name = networks[entry["task"]]["task"]
            resolved = for_kind(tasks.kind(name), name, trainer, resolved, where)
            sizes.refuse_too_large(f"{where}: {trainer} on {entry['task']}", networks[entry["task"]], resolved)
            key = (entry["task"], trainer)
            if settings.setdefault(key, resolved) != resolved:
                raise StudyError(
                    f"{where} gives {trainer} on {entry['task']} other settings than an earlier chain; "
                    "add a trainer of another name"
                )
            for name in entry["criteria"]:
                cuts = reference if name in CONTROLS else name
                if "std" in needed[cuts] and resolved["trainer"] in without_std():
                    kind = "gradient trainer" if resolved["trainer"] in gradient() else "strategy"
                    raise StudyError(
                        f"{where}.criteria has {cuts} for {trainer}, a {kind} without a std; use magnitude"
                    )
                if "loss" in needed[cuts] and tasks.is_control(networks[entry["task"]]["task"]):
                    raise StudyError(
                        f"{where}.criteria has {cuts} for the control task {entry['task']}, which has no gradient; "
                        "use synflow or a criterion of trained weights"
                    )
                if "network" in needed[cuts] and "network" in networks[entry["task"]]:
                    raise StudyError(
                        f"{where}.criteria has {cuts}, which needs the layers of a perceptron or of convolutions; "
                        f"{entry['task']} has a network of functions: use another"
                    )
                chains[Chain(entry["task"], trainer, name, cuts)] = None
                if name in set(CONTROLS) - {"random"}:
                    chains[Chain(entry["task"], trainer, cuts, cuts)] = None
    names = [(c.task, c.trainer, c.criterion) for c in chains]
    for cell in names:
        if names.count(cell) > 1:
            raise StudyError(f"tickets.chains lists {'/'.join(cell)} twice with different controls_of; keep one")
    transfers = comparisons.transfers(section["transfers"], networks, names, len(densities))
    landscape = comparisons.landscape(section.get("landscape"), networks, names, len(densities))
    return Tickets(tuple(densities), networks, settings, tuple(chains), transfers, landscape)


def _task(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    settings.setdefault("task", name)
    where = f"tickets.tasks.{name}"
    known(where, settings["task"], [*tasks.SUPERVISED, *tasks.CONTROL])
    for option, takers in tasks.options().items():
        if option in settings and settings["task"] not in takers:
            raise StudyError(f"{where} has {option}, which {settings['task']} does not take; {', '.join(takers)} do")
    control = tasks.is_control(settings["task"])
    if sum(key in settings for key in NETWORKS) != 1:
        raise StudyError(
            f"{where} needs either 'hidden' (a perceptron), 'channels' (a convolutional network) or 'network' (another)"
        )
    if control and "validation" in settings:
        raise StudyError(f"{where} is a control task, which has no images for 'validation'; take it out")
    if "network" in settings:
        known(f"{where}.network.network", settings["network"].get("network", ""), described(network))
        settings["network"] = conform_part(network, "", settings["network"], f"{where}.network")
    if control and "channels" in settings:
        raise StudyError(f"{where} is a control task, which has no images for 'channels'; use 'hidden'")
    if control:
        settings.setdefault(tasks.NORMALISE, True)
    if "network" not in settings:
        settings.setdefault("activation", "tanh" if control else "relu")
    return settings


def trainer_settings(
    where: str,
    name: str,
    settings: dict[str, Any],
    override: dict[str, Any],
    place: str,
    trainers: Rules | None = None,
) -> dict[str, Any]:
    """Check the settings of an entry of `trainers`, and what a chain changes of them; fill in the defaults.

    Args:
        where: the entry stands.
        name: of the entry.
        settings: its own.
        override: what a chain changes.
        place: of the chain.
        trainers: rules of all trainers by name; those of configurations unless given.

    Raises:
        StudyError: if the trainer is unknown, or an option or what they come to together is impossible.
    """
    strategy = settings.get("trainer", name)
    trainers = described(TRAINERS) if trainers is None else trainers
    names = [*(own for own in trainers if own != EVOSAX_RULES), *EVOSAX]
    if strategy in UNUSABLE:
        raise StudyError(f"{where}: evosax's {strategy} cannot train a ticket: {UNUSABLE[strategy]}; use another")
    if strategy not in names:
        raise StudyError(f"{where}: there is no trainer {shown(strategy)}; {hint(strategy, names)}")
    rule = trainers.get(strategy, trainers[EVOSAX_RULES])
    conform(settings, rule, f"{where}.")
    if "trainer" in override:
        raise StudyError(f"{place}.settings cannot change the trainer; add a trainer of another name")
    conform(override, rule, f"{place}.settings.")
    resolved = conform({**settings, **override, "trainer": strategy}, rule, f"{where}.")
    if strategy not in trainers:
        fewest, multiple = EVOSAX[strategy]
        if resolved["population"] < fewest or resolved["population"] % multiple:
            kind = f"{'an even number ' if multiple == 2 else ''}of at least {fewest}"
            raise StudyError(
                f"{where}.population is {resolved['population']}; evosax's {strategy} takes {kind} members"
            )
    length = "steps" if strategy in gradient(trainers) else "generations"
    if "minibatches" in resolved and resolved["environments"] * resolved["rollout"] % resolved["minibatches"]:
        raise StudyError(
            f"{where}: environments times rollout is {resolved['environments'] * resolved['rollout']}, no multiple of "
            f"minibatches, {resolved['minibatches']}; change one of them"
        )
    if resolved[length] % resolved["evaluations"]:
        raise StudyError(
            f"{where}: {length} is {resolved[length]}, no multiple of evaluations, {resolved['evaluations']}; "
            "change one of them"
        )
    return resolved


def for_kind(
    kind: str, task: str, trainer: str, settings: dict[str, Any], where: str, trainers: Rules | None = None
) -> dict[str, Any]:
    """Return the settings of a trainer without those that a task of a kind has no use for.

    Raises:
        StudyError: if the trainer cannot train it.
    """
    if kind not in gradient(trainers).get(settings["trainer"], (kind,)):
        able = " or ".join(name for name, kinds in gradient(trainers).items() if kind in kinds)
        if kind == "host":
            raise StudyError(
                f"{where} trains {task}, an environment on the host, with {trainer}, which needs data or an environment in "
                "JAX; use a strategy"
            )
        if kind == "control":
            raise StudyError(
                f"{where} trains the control task {task} with {trainer}, but it has no gradient; "
                f"use a strategy or {able}"
            )
        raise StudyError(f"{where} trains the data set {task} with {trainer}, which needs a control task; use {able}")
    return {key: value for key, value in settings.items() if key not in OBJECTIVE_ONLY[kind]}
