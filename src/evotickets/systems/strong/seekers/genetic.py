"""Genetic search for strong tickets."""

from typing import Annotated, Literal, NamedTuple

import jax
import jax.numpy as jnp

from evotickets.configuration.options import Doc, Ge, Le, Share
from evotickets.supermasks.instance import Instance
from evotickets.systems.strong import seeker
from evotickets.systems.strong.evaluator import of_some
from evotickets.systems.strong.search import (
    Evaluator,
    Found,
    Progress,
    State,
    bernoulli,
    fresh,
    immigrants,
    moved,
    quiet,
    truncate,
)
from evotickets.systems.strong.seekers import Objective, run

FALL = 0.05
"""How far the accuracy bound is lowered."""
ROUNDING = 1e-6
LOSS_AND_DENSITY = "loss_and_density"


class Genetic(NamedTuple):
    """Recombination, mutation, migration and truncation.

    A generation recombines each individual with probability `recombination`: one child, whose bits are its own or those of
    a mate among the best `mates`, with equal chances. Then each individual, the new children among them, yields with
    probability `mutation` a mutant with one flipped bit; `migrants` are random. The best `population` of all survive.

    The search ends with generation `most`, or from generation `least` on once the best has stayed for `patience`
    generations: its loss, or with `settled` `loss_and_density` also its number of edges. Its first individuals reach an
    accuracy of `bound`, which is lowered by .05 whenever `draws` masks have been drawn and the population is not full.

    Source: Altmann et al. (2024), §4; Schönberger et al. (2025), §4.
    Deviates: the bound counts draws instead of seconds, so that a seed decides everything, and falls by .05 where the
    released code's falls by .0051.
    """

    population: int
    recombination: float
    mutation: float
    mates: int
    migrants: int
    least: int
    most: int
    patience: int
    settled: str
    bound: float
    draws: int

    @property
    def longest(self) -> int:
        """Generations at most."""
        return self.most

    def start(self, evaluator: Evaluator, key: jax.Array) -> State:
        """Draw the first population."""
        genomes, drawn, bound = initial_population(self, evaluator, key)
        return fresh(*truncate(genomes, evaluator.score(genomes), self.population), drawn, bound)

    def step(self, evaluator: Evaluator, state: State, key: jax.Array) -> State:
        """Go on for one generation."""
        rows, count = offspring(self, evaluator, state.genomes, key)
        losses = of_some(evaluator.score, rows, count)
        # Who was there first comes first: of equals the older survives.
        everybody = jnp.concatenate([state.genomes, rows]), jnp.concatenate([state.losses, losses])
        survivors = truncate(*everybody, self.population)
        state = moved(state, *survivors, count, density=self.settled == LOSS_AND_DENSITY)
        settled = (state.steps >= self.least) & (state.unchanged >= self.patience)
        return state._replace(done=settled | (state.steps >= self.most))


def initial_population(rules: Genetic, evaluator: Evaluator, key: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Draw connected genomes [P, K] that reach the accuracy bound; return them, the number drawn and the last bound."""
    size = rules.population

    def unfilled(carried):
        _, filled, _, _, _, _ = carried
        return filled < size

    def draw(carried):
        genomes, filled, drawn, here, bound, key = carried
        key, own = jax.random.split(key)
        rows = immigrants(evaluator, size, own)
        good = 1 - evaluator.error(rows) >= bound - ROUNDING
        places = jnp.where(good, jnp.minimum(filled + jnp.cumsum(good) - 1, size), size)
        genomes, filled = genomes.at[places].set(rows), jnp.minimum(filled + good.sum(), size)
        used_up = (here + size >= rules.draws) & (filled < size)
        bound = jnp.where(used_up, bound - FALL, bound)
        return genomes, filled, drawn + size, jnp.where(used_up, 0, here + size), bound, key

    # One row more than individuals: what is not wanted goes there.
    empty = jnp.zeros((size + 1, evaluator.bits), bool)
    start = (empty, jnp.int32(0), jnp.int32(0), jnp.int32(0), jnp.float32(rules.bound), key)
    genomes, _, drawn, _, bound, _ = jax.lax.while_loop(unfilled, draw, start)
    return genomes[:size], drawn, jnp.maximum(bound, 0)


def offspring(rules: Genetic, evaluator: Evaluator, genomes: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return children, mutants and migrants of genomes [P, K], the best first, and how many they are.

    The rows [3 · P + migrants, K] behind that number are no genomes.
    """
    size, bits = genomes.shape
    who, whom, whose, which, where, new = jax.random.split(key, 6)
    recombines = jax.random.bernoulli(who, rules.recombination, (size,))
    mates = jax.random.randint(whom, (size,), 0, rules.mates)
    children = jnp.where(bernoulli(whose, (size, bits)), genomes, genomes[mates])
    parents = jnp.concatenate([genomes, children])
    mutates = jax.random.bernoulli(which, rules.mutation, (2 * size,))
    mutates &= jnp.concatenate([jnp.ones(size, bool), recombines])
    flips = jax.random.randint(where, (2 * size, 1), 0, bits) == jnp.arange(bits)[None]
    rows = jnp.concatenate([children, parents ^ flips, immigrants(evaluator, rules.migrants, new)])
    there = jnp.concatenate([recombines, mutates, jnp.ones(rules.migrants, bool)])
    return rows[jnp.argsort(~there, stable=True)], there.sum()


@seeker
def genetic(
    instance: Instance,
    *,
    progress: Progress = quiet,
    objective: Objective = "accuracy",
    population: Annotated[int, Ge(2), Le(100_000), Doc("Individuals that survive a generation.")] = 100,
    recombination: Annotated[Share, Doc("Probability that an individual has a child.")] = 0.3,
    mutation: Annotated[Share, Doc("Probability that an individual or child has a mutant.")] = 0.1,
    mates: Annotated[int, Ge(1), Le(100_000), Doc("The best so many are mates.")] = 30,
    migrants: Annotated[int, Ge(0), Le(100_000), Doc("Random masks of a generation.")] = 10,
    least: Annotated[int, Ge(1), Le(1_000_000), Doc("Generations at least.")] = 100,
    most: Annotated[int, Ge(1), Le(1_000_000), Doc("Generations at most.")] = 500,
    patience: Annotated[
        int, Ge(1), Le(1_000_000), Doc("Generations without a change of the best that end the search.")
    ] = 50,
    settled: Annotated[
        Literal["loss", "loss_and_density"],
        Doc(
            "What must not change: the loss of the best, as in the papers, or its density either, which makes it sparser."
        ),
    ] = "loss",
    bound: Annotated[Share, Doc("Accuracy that the first individuals reach.")] = 0.85,
    draws: Annotated[
        int, Ge(1), Le(100_000_000), Doc("Masks that are drawn before the bound is lowered by .05.")
    ] = 1000,
) -> Found:
    """Search with recombination, mutation and migration.

    Source: Altmann et al. (2024), "Finding strong lottery ticket networks with genetic algorithms"; Schönberger et al.
    (2025), "Towards scalable lottery ticket networks using genetic algorithms" (cross-entropy).
    """
    rules = Genetic(
        population,
        recombination,
        mutation,
        min(mates, population),
        migrants,
        least,
        most,
        patience,
        settled,
        bound,
        draws,
    )
    return run(rules, instance, objective, progress)
