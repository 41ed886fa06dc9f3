"""All seekers of strong tickets by name.

A seeker is one registered function `(instance, *, progress, **options) -> Found`. What counts against a budget is the
evaluation of one mask on all training samples.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from evotickets import streams
from evotickets.networks import masks
from evotickets.supermasks.biprop import binarised
from evotickets.supermasks.biprop import biprop as biprop_mask
from evotickets.supermasks.edge_popup import edge_popup as edge_popup_mask
from evotickets.supermasks.gem_miner import gem_miner as gem_miner_mask
from evotickets.supermasks.instance import Instance
from evotickets.systems.strong import baselines, logits
from evotickets.systems.strong import genetic as genetics
from evotickets.systems.strong.search import Found, Method, Progress, quiet, search

Seeker = Callable[..., Found]

SEEKERS: dict[str, Seeker] = {}


def register(function: Seeker) -> Seeker:
    """Add a seeker under its function's name."""
    SEEKERS[function.__name__] = function
    return function


def options(name: str) -> dict[str, Any]:
    """Return the options of a seeker with their defaults; those without one are left out."""
    parameters = inspect.signature(SEEKERS[name]).parameters.values()
    known = (p for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "progress")
    return {p.name: p.default for p in known if p.default is not p.empty}


def seek(name: str, instance: Instance, *, progress: Progress = quiet, **chosen: Any) -> Found:
    """Return what a seeker finds.

    Raises:
        ValueError: if there is no such seeker.
    """
    if name not in SEEKERS:
        raise ValueError(f"unknown seeker {name!r}; known are {', '.join(sorted(SEEKERS))}")
    return SEEKERS[name](instance, progress=progress, **chosen)


def _search(method: Method, instance: Instance, objective: str, progress: Progress) -> Found:
    key = streams.stream(instance.seed, *instance.names, type(method).__name__, objective)
    return search(
        method, instance.network, instance.problem, instance.parameters, objective, progress=progress, key=key
    )


@register
def genetic(
    instance: Instance,
    *,
    progress: Progress = quiet,
    objective: str = "accuracy",
    population: int = 100,
    recombination: float = 0.3,
    mutation: float = 0.1,
    mates: int = 30,
    migrants: int = 10,
    least: int = 100,
    most: int = 500,
    patience: int = 50,
    bound: float = 0.85,
    draws: int = 1000,
) -> Found:
    """Search with recombination, mutation and migration.

    Source: Altmann et al. (2024), "Finding strong lottery ticket networks with genetic algorithms"; Schönberger et al.
    (2025), "Towards scalable lottery ticket networks using genetic algorithms" (cross-entropy).
    """
    rules = genetics.Genetic(
        population, recombination, mutation, min(mates, population), migrants, least, most, patience, bound, draws
    )
    return _search(rules, instance, objective, progress)


@register
def random_search(instance: Instance, *, progress: Progress = quiet, objective: str = "accuracy", budget: int) -> Found:
    """Draw masks.

    Source: ours; the control that tells what a search adds to luck.
    """
    return _search(baselines.RandomSearch(budget), instance, objective, progress)


@register
def one_plus_one(instance: Instance, *, progress: Progress = quiet, objective: str = "accuracy", budget: int) -> Found:
    """Search with one parent and one child.

    Source: Droste, Jansen & Wegener (2002), "On the analysis of the (1+1) evolutionary algorithm".
    """
    return _search(baselines.OnePlusOne(budget), instance, objective, progress)


@register
def evolution_strategy(
    instance: Instance,
    *,
    progress: Progress = quiet,
    objective: str = "accuracy",
    budget: int,
    strategy: str = "snes",
    population: int = 100,
    std_init: float = 1.0,
) -> Found:
    """Search with an evolution strategy over mask logits.

    Source: ours; Wierstra et al. (2014) for SNES.
    """
    settings = {"trainer": strategy, "population": population, "std_init": std_init}
    key = streams.stream(instance.seed, *instance.names, "logits", strategy, objective)
    return logits.search(
        instance.network, instance.problem, instance.parameters, objective, budget, settings, progress=progress, key=key
    )


@register
def edge_popup(
    instance: Instance,
    *,
    progress: Progress = quiet,
    density: float,
    epochs: int = 100,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
    weight_decay: float = 0.0005,
) -> Found:
    """Train scores of frozen weights and keep the largest of every layer.

    Source: Ramanujan et al. (2020), "What's hidden in a randomly weighted neural network?".
    """
    del progress
    return _one(
        instance,
        edge_popup_mask(instance, _count(instance, density), **_descent(epochs, learning_rate, momentum, weight_decay)),
    )


@register
def gem_miner(
    instance: Instance,
    *,
    progress: Progress = quiet,
    density: float,
    epochs: int = 100,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
    weight_decay: float = 0.0001,
) -> Found:
    """Train scores in [0, 1] and give up the lowest of the whole network for good.

    Source: Sreenivasan et al. (2022), "Rare gems: finding lottery tickets at initialization".
    """
    del progress
    return _one(
        instance,
        gem_miner_mask(instance, _count(instance, density), **_descent(epochs, learning_rate, momentum, weight_decay)),
    )


@register
def biprop(
    instance: Instance,
    *,
    progress: Progress = quiet,
    density: float,
    epochs: int = 100,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
    weight_decay: float = 0.0005,
) -> Found:
    """Train scores of weights that are binary: their sign times one magnitude a layer.

    Source: Diffenderfer & Kailkhura (2021), "Multi-prize lottery ticket hypothesis".
    """
    del progress
    mask = biprop_mask(instance, _count(instance, density), **_descent(epochs, learning_rate, momentum, weight_decay))
    return _one(instance, mask)._replace(parameters=binarised(instance.network, instance.parameters, mask))


def _descent(epochs: int, learning_rate: float, momentum: float, weight_decay: float) -> dict[str, Any]:
    return {"epochs": epochs, "learning_rate": learning_rate, "momentum": momentum, "weight_decay": weight_decay}


def _count(instance: Instance, density: float) -> int:
    return masks.kept_count(density, instance.network.kernel_count)


def _one(instance: Instance, mask: np.ndarray) -> Found:
    """Return a mask [S, K] as the only candidate of a seeker that evaluates no masks."""
    nothing = np.zeros(len(instance.parameters), int)
    return Found(mask[:, None], nothing, nothing, nothing, [])
