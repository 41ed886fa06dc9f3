"""Evolution strategies over mask logits: a mask keeps what has a positive logit."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from evotickets.networks.layout import Network
from evotickets.supermasks.instance import Problem
from evotickets.systems.strong.evaluator import scorer
from evotickets.systems.strong.search import Found, Progress, quiet, truncate
from evotickets.trainers import evolution
from evotickets.trainers.objectives import Objective

POINTS = range(10, 51)
"""So often the best mask is written down; of these numbers the one that leaves fewest generations out."""


def of_logits(network: Network, problem: Problem, parameters: np.ndarray, objective: str) -> Objective:
    """Describe masks of frozen parameters [S, N] to evolution, which moves their logits [K] on all training samples.

    The carry is the best mask so far [S, K] and its loss [S].

    Source: Lenc et al. (2019): masks from thresholded Gaussians.
    Deviates: what is positive is kept, not the largest of every layer, so that densities evolve as in the genetic search.
    """
    x, y = map(jnp.asarray, problem.train)
    context = {"parameters": jnp.asarray(parameters, jnp.float32), "x": x, "y": y}
    nothing = jnp.zeros((len(parameters), network.kernel_count), bool), jnp.full(len(parameters), jnp.inf)

    def losses(shared, context, members, key, carry):
        del shared, key
        genomes = members > 0
        found = scorer(network, objective, **context)(genomes)
        everybody = jnp.concatenate([carry[0][None], genomes]), jnp.append(carry[1], found)
        best, loss = truncate(*everybody, 1)
        return found, (best[0], loss[0])

    def pair_losses(shared, context, mean, offsets, key, carry):
        return losses(shared, context, jnp.concatenate([mean[None] + offsets, mean[None] - offsets]), key, carry)

    def evaluate(shared, logits, key, carry):
        del shared, logits, key
        return {"train/loss": carry[1], "train/density": jnp.mean(carry[0])}

    return Objective((), context, nothing, losses, pair_losses, None, lambda _context, logits: logits, evaluate)


def search(
    network: Network,
    problem: Problem,
    parameters: np.ndarray,
    objective: str,
    budget: int,
    settings: dict[str, Any],
    *,
    progress: Progress = quiet,
    key: jax.Array,
) -> Found:
    """Evolve logits from zero with no more evaluations than a budget; the candidates are the best mask and the mean's.

    `settings` are `strategy`, `population`, `std_init` and what else the strategy knows.

    Raises:
        ValueError: if the budget does not reach for one generation.
    """
    generations = budget // settings["population"]
    if generations < 1:
        raise ValueError(
            f"a budget of {budget} does not reach for a population of {settings['population']}; lower the population"
        )
    points = max(POINTS, key=lambda count: generations // count * count) if generations >= POINTS[0] else 1
    whole = settings | {"generations": generations // points * points, "evaluations": points, "mean_decay": 0.0}
    judged = of_logits(network, problem, parameters, objective)
    start = jnp.zeros((len(parameters), network.kernel_count))
    report = progress(whole["generations"], "generation")
    trained = evolution.train(judged, start, **whole, report=report, key=key)
    used = whole["generations"] * settings["population"]
    history = trained.trajectory.rows(range(len(parameters)))
    return Found(
        np.stack([np.asarray(trained.carry[0]), trained.mean > 0], 1),
        np.full(len(parameters), used),
        np.full(len(parameters), whole["generations"]),
        np.zeros(len(parameters)),
        [row | {"step": row["step"] * settings["population"]} for row in history if row["split"] == "train"],
    )
