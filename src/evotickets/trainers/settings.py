"""What a configuration may say of each trainer: the options of its objective, of the population engine, and its own."""

from evotickets import population
from evotickets.configuration.options import Described, options_of, sentence_of
from evotickets.trainers import adam, evolution, objectives, ppo, strategies, strategy

EVOSAX = "evosax"
"""The name under which the options of any class of evosax stand."""


def settings() -> dict[str, Described]:
    """Return the options of every trainer."""
    objective, engine = (objectives.supervised, objectives.control), population.plan
    evolved = {**strategy, EVOSAX: strategies.evosax(EVOSAX)}
    return {
        **{
            name: Described(sentence_of(own), options_of(evolution.train, *objective, engine, own))
            for name, own in evolved.items()
        },
        "adam": Described(sentence_of(adam.train), options_of(adam.train, objectives.supervised)),
        # It plays rollouts of its own, and asks the objective for nothing but scores.
        "ppo": Described(sentence_of(ppo.train), options_of(ppo.train, objectives.control, without=("episodes",))),
    }
