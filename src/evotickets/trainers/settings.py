"""What a configuration may say of each trainer: the options of its objective, of the population engine, and its own."""

from collections.abc import Callable
from typing import Any

from evotickets import population
from evotickets.configuration.options import Described, options_of, sentence_of
from evotickets.trainers import EVOLUTION, objectives, strategies, strategy, trainer

EVOSAX = "evosax"
"""The name under which the options of any class of evosax stand."""

OBJECTIVES: dict[str, Callable[..., Any]] = {
    "supervised": objectives.supervised,
    "control": objectives.control,
    "host": objectives.control,
}
"""Objectives by kind of task."""


def settings() -> dict[str, Described]:
    """Return the options of every strategy, and of every other trainer."""
    evolved = {**strategy, EVOSAX: strategies.evosax(EVOSAX)}
    general: tuple[Callable[..., Any], ...] = (trainer[EVOLUTION], *OBJECTIVES.values(), population.plan)
    return {
        **{
            name: Described(sentence_of(build), options_of(*general, build), strategy.facts.get(name, {}))
            for name, build in evolved.items()
        },
        **{name: _described(name) for name in trainer if name != EVOLUTION},
    }


def _described(name: str) -> Described:
    train, facts = trainer[name], trainer.facts[name]
    functions: tuple[Callable[..., Any], ...] = (train, *(OBJECTIVES[kind] for kind in facts["tasks"]))
    options = options_of(*functions, without=facts.get("unused", ()))
    return Described(sentence_of(train), options, {"tasks": facts["tasks"]})
