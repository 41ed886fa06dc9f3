"""What a genetic search has to beat with as many evaluations: drawing masks, and one parent with one child."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from evotickets.supermasks.instance import Instance
from evotickets.systems.strong import seeker
from evotickets.systems.strong.search import (
    Evaluator,
    Found,
    Progress,
    State,
    fresh,
    immigrants,
    moved,
    quiet,
    truncate,
)
from evotickets.systems.strong.seekers import GENETIC, Budget, Objective, number, run

BATCH = 100


class RandomSearch(NamedTuple):
    """Draw connected masks, and keep the best hundred: as many candidates as a genetic search ends with."""

    budget: int

    @property
    def longest(self) -> int:
        """Batches of draws."""
        return -(-self.budget // BATCH)

    def start(self, evaluator: Evaluator, key: jax.Array) -> State:
        """Draw the first candidates."""
        genomes = immigrants(evaluator, BATCH, key)
        return self._ended(
            fresh(*truncate(genomes, self._losses(evaluator, genomes, 0), BATCH), min(BATCH, self.budget))
        )

    def step(self, evaluator: Evaluator, state: State, key: jax.Array) -> State:
        """Draw a batch more."""
        rows = immigrants(evaluator, BATCH, key)
        losses = jnp.concatenate([state.losses, self._losses(evaluator, rows, state.evaluations)])
        kept = truncate(jnp.concatenate([state.genomes, rows]), losses, BATCH)
        return self._ended(moved(state, *kept, jnp.minimum(BATCH, self.budget - state.evaluations)))

    def _losses(self, evaluator: Evaluator, genomes: jax.Array, used: jax.Array | int) -> jax.Array:
        """Return losses [P], infinite beyond the budget."""
        return jnp.where(used + jnp.arange(BATCH) < self.budget, evaluator.score(genomes), jnp.inf)

    def _ended(self, state: State) -> State:
        return state._replace(done=state.evaluations >= self.budget)


class OnePlusOne(NamedTuple):
    """Flip every bit with probability 1 / K, and keep the child unless it is worse.

    Source: Droste, Jansen & Wegener (2002), "On the analysis of the (1+1) evolutionary algorithm".
    """

    budget: int

    @property
    def longest(self) -> int:
        """Children."""
        return self.budget

    def start(self, evaluator: Evaluator, key: jax.Array) -> State:
        """Draw the parent."""
        parent = immigrants(evaluator, 1, key)
        return fresh(parent, evaluator.score(parent), 1)._replace(done=jnp.array(self.budget <= 1))

    def step(self, evaluator: Evaluator, state: State, key: jax.Array) -> State:
        """Let the parent have one child."""
        child = state.genomes ^ jax.random.bernoulli(key, 1 / evaluator.bits, state.genomes.shape)
        # The child comes first: it takes the place of a parent that is as good.
        both = jnp.concatenate([child, state.genomes]), jnp.concatenate([evaluator.score(child), state.losses])
        state = moved(state, *truncate(*both, 1), 1)
        return state._replace(done=state.evaluations >= self.budget)


@seeker
def random_search(
    instance: Instance, *, progress: Progress = quiet, objective: Objective = "accuracy", budget: Budget = GENETIC
) -> Found:
    """Draw masks.

    Source: ours; the control that tells what a search adds to luck.
    """
    return run(RandomSearch(number(budget, "budget")), instance, objective, progress)


@seeker
def one_plus_one(
    instance: Instance, *, progress: Progress = quiet, objective: Objective = "accuracy", budget: Budget = GENETIC
) -> Found:
    """Search with one parent and one child.

    Source: Droste, Jansen & Wegener (2002), "On the analysis of the (1+1) evolutionary algorithm".
    """
    return run(OnePlusOne(number(budget, "budget")), instance, objective, progress)
