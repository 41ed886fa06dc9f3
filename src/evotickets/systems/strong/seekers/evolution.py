"""Seeking strong tickets with an evolution strategy over mask logits."""

from typing import Annotated

from evotickets import streams, trainers
from evotickets.configuration.options import Doc, Even, OneOf, Std
from evotickets.supermasks.instance import Instance
from evotickets.systems.strong import logits, seeker
from evotickets.systems.strong.search import Found, Progress, quiet
from evotickets.systems.strong.seekers import GENETIC, Budget, Objective, number


@seeker
def evolution_strategy(
    instance: Instance,
    *,
    progress: Progress = quiet,
    objective: Objective = "accuracy",
    budget: Budget = GENETIC,
    strategy: Annotated[
        str, OneOf(lambda: trainers.strategy), Doc("The evolution strategy that moves the logits of the mask.")
    ] = "snes",
    population: Even = 100,
    std_init: Annotated[Std, Doc("Standard deviation of the logits at the start.")] = 1.0,
) -> Found:
    """Search with an evolution strategy over mask logits.

    Source: ours; Wierstra et al. (2014) for SNES.
    """
    settings = {"trainer": strategy, "population": population, "std_init": std_init}
    return logits.search(
        instance.network,
        instance.problem,
        instance.parameters,
        objective,
        number(budget, "budget"),
        settings,
        progress=progress,
        key=streams.stream(instance.seed, *instance.names, "logits", strategy, objective),
    )
