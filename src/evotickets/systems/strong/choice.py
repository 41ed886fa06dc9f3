"""Which candidate is the ticket, and which of its edges it can do without; decided on samples that no search has seen."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from evotickets import streams
from evotickets.networks import feedforward, layout
from evotickets.networks.layout import Network
from evotickets.population import cross_entropy
from evotickets.supermasks.instance import Problem, Samples
from evotickets.systems.strong.evaluator import misses, scorer
from evotickets.systems.strong.search import truncate


@partial(jax.jit, static_argnums=0)
def _choose(network, candidates, parameters, x, y):
    def one(argument):
        candidates, parameters, x, y = argument
        return truncate(candidates, scorer(network, "accuracy", parameters, x, y)(candidates), 1)[0][0]

    return streams.over_seeds(one, (candidates, parameters, x, y))


def choose(network: Network, candidates: np.ndarray, parameters: np.ndarray, samples: Samples) -> np.ndarray:
    """Return of candidates [S, candidates, K] the one [S, K] with the fewest errors: of equals the sparser, then the first.

    Source: Altmann et al. (2024), released code.
    Deviates: there the samples are those of the test set.
    """
    return np.asarray(_choose(network, candidates, parameters, *samples))


@partial(jax.jit, static_argnums=0)
def _prune(network, genomes, parameters, x, y, orders):
    def one(argument):
        genome, parameters, x, y, order = argument
        score = scorer(network, "accuracy", parameters, x, y)

        def without(carried):
            genome, error, bit = carried
            candidate = genome.at[bit].set(False)
            found = score(candidate[None])[0]
            return jnp.where(found <= error, candidate, genome), jnp.minimum(found, error)

        def attempt(index, carried):
            genome, error = carried
            bit = order[index]
            return jax.lax.cond(genome[bit], without, lambda held: held[:2], (genome, error, bit))

        return jax.lax.fori_loop(0, len(order), attempt, (genome, score(genome[None])[0]))[0]

    return streams.over_seeds(one, (genomes, parameters, x, y, orders))


def prune(
    network: Network,
    genomes: np.ndarray,
    parameters: np.ndarray,
    samples: Samples,
    *,
    rngs: Sequence[np.random.Generator],
) -> np.ndarray:
    """Switch off each edge of genomes [S, K] in turn, and leave it off unless there are more errors on samples.

    Source: Schönberger et al. (2025), §4 (post-evolutionary pruning).
    Deviates: the order is random, and the samples are not those of the test set.
    """
    orders = np.stack([rng.permutation(genomes.shape[1]) for rng in rngs]).astype(np.int32)
    return np.asarray(_prune(network, genomes, parameters, *samples, orders))


@partial(jax.jit, static_argnums=0)
def _grade(network, parameters, x, y):
    def one(argument):
        parameters, x, y = argument
        outputs = feedforward.apply(network, layout.unflatten(network, parameters), x).T
        return jnp.mean(misses(outputs, y)), jnp.mean(cross_entropy(outputs, y))

    return streams.over_seeds(one, (parameters, x, y))


def grade(network: Network, problem: Problem, parameters: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    """Return accuracy and loss [S] of networks with parameters [S, N], zero where pruned, by (split, metric)."""
    found: dict[tuple[str, str], np.ndarray] = {}
    for split in ("train", "validation", "test"):
        errors, losses = _grade(network, parameters, *getattr(problem, split))
        found |= {(split, "accuracy"): 1 - np.asarray(errors, float), (split, "loss"): np.asarray(losses, float)}
    return found
