"""Seeking by evolution: strategies train the mother network, and their search distribution ranks the weights."""

from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from evotickets import population, pruning, streams, trainers
from evotickets.configuration.options import Doc, Even, Ge, Le, OneOf, Samples, Std
from evotickets.networks import feedforward, layout, masks
from evotickets.networks.layout import Network
from evotickets.pruning import scores
from evotickets.supermasks.instance import Instance, Problem, counts, cut
from evotickets.systems.planting import seeker
from evotickets.trainers import evolution, objectives
from evotickets.trainers.objectives import Objective

SCORED = 1000
"""Training samples that score the mean; only the progress of a job shows them."""


def objective(network: Network, problem: Problem, mask: np.ndarray, batch: int) -> Objective:
    """Describe a problem whose samples differ from seed to seed, on masks [S, K], for evolution.

    The carry is the seed's place among the samples, which all seeds share.
    """
    context = objectives.context_of(network, mask)
    error = population.cross_entropy if problem.classes else population.squared_error

    def draw(shared: Any, key: jax.Array, seed: jax.Array) -> tuple[jax.Array, jax.Array]:
        x, y = shared
        index = jax.random.randint(key, (batch,), 0, x.shape[1])
        return x[seed, index], y[seed, index]

    def losses(shared, context, members, key, carry):
        return population.losses(context["plan"], members, *draw(shared, key, carry), loss=error), carry

    def pair_losses(shared, context, mean, offsets, key, carry):
        x, y = draw(shared, key, carry)
        return population.pair_losses(context["plan"], mean, offsets, x, y, loss=error), carry

    def evaluate(shared, parameters, key, carry):
        del key
        x, y = (array[carry, :SCORED] for array in shared)
        outputs = feedforward.apply(network, layout.unflatten(network, parameters), x)
        return {"train/loss": jnp.mean(error(outputs.T, y))}

    shared = tuple(map(jnp.asarray, problem.train))
    scatter = objectives.scatterer(network)
    return Objective(shared, context, jnp.arange(len(mask)), losses, pair_losses, None, scatter, evaluate)


@seeker
def evolution_strategy(
    instance: Instance,
    count: int,
    *,
    criterion: Annotated[str, OneOf(pruning.of_trained_weights), Doc("What ranks the evolved weights.")] = "snr",
    strategy: Annotated[str, OneOf(lambda: trainers.strategy), Doc("The evolution strategy.")] = "snes",
    shots: Annotated[int, Ge(1), Le(1000), Doc("Cuts, with an evolution from the initial weights before each.")] = 5,
    population: Even = 64,
    generations: Annotated[int, Ge(1), Le(100_000_000), Doc("Generations before each cut.")] = 300,
    batch: Annotated[Samples, Doc("Samples in a fresh batch, shared by all members.")] = 256,
    std_init: Annotated[Std, Doc("Standard deviation of the search distribution at the start of a shot.")] = 0.05,
) -> np.ndarray:
    """Evolve the weights from their initial values before each of several cuts by magnitude or signal-to-noise ratio.

    Source: Lange & Sprekeler (2023), §3: the first system of this package, here where the right mask is known.
    """
    network, kernels = instance.network, masks.kernel_positions(instance.network)
    mask, rngs = instance.everything, instance.rngs("ties")
    settings: dict[str, Any] = {
        "trainer": strategy,
        "population": population,
        "generations": generations,
        "std_init": std_init,
    }
    settings |= {"evaluations": 1, "mean_decay": 0.0}
    for shot, left in enumerate(counts(mask.shape[1], count, shots)):
        places = masks.survivors(network, mask)
        start = jnp.asarray(np.take_along_axis(instance.parameters, places, 1), jnp.float32)
        key = streams.stream(instance.seed, *instance.names, "evolution", shot)
        trained = evolution.train(objective(network, instance.problem, mask, batch), start, **settings, key=key)
        mean, std = np.zeros((2, *instance.parameters.shape), np.float32)
        np.put_along_axis(mean, places, trained.mean, 1)
        np.put_along_axis(std, places, np.asarray(trained.std), 1)
        initial = np.asarray(instance.parameters, np.float32)[:, kernels]
        values = scores.score(criterion, mean[:, kernels], std[:, kernels], initial, mask)
        mask = cut(values, mask, left, rngs)
    return mask
