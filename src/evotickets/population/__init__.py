"""Losses, logits and actions of a whole population that shares one mask, at a cost that falls with density."""

from evotickets.population.evaluation import cross_entropy, forward_of, logits, losses, pair_losses, squared_error
from evotickets.population.plan import Plan, plan
from evotickets.population.policies import act, policy

__all__ = [
    "Plan",
    "act",
    "cross_entropy",
    "forward_of",
    "logits",
    "losses",
    "pair_losses",
    "plan",
    "policy",
    "squared_error",
]
