"""Seekers that cut by a score: once, step by step, or with training before each series of cuts.

Every criterion that needs no search distribution becomes a seeker of its name.
"""

from collections.abc import Callable
from typing import Annotated

import numpy as np

from evotickets.configuration.options import Doc, Ge, Le
from evotickets.supermasks.instance import Instance, counts, cut
from evotickets.systems.planting import saliency, seeker

Rounds = Annotated[
    int,
    Ge(1),
    Le(10_000),
    Doc("Cuts of each series; the density falls geometrically, and scores are taken anew before every cut."),
]
SHOTS = "Series of cuts with training before each, from the initial weights"
Epochs = Annotated[int, Ge(1), Le(10_000), Doc("Passes over the training samples before a series of cuts.")]


@seeker(single_shot=True, cuts_biases=True)
def random(instance: Instance, count: int) -> np.ndarray:
    """Keep edges drawn uniformly: what every other seeker has to beat."""
    draws = instance.everything
    return cut(np.zeros(draws.shape), draws, count, instance.rngs("random"))


def by_score(name: str) -> Callable[..., np.ndarray]:
    """Make a seeker of a criterion; one that compares weights before and after training has to train."""
    fewest = 1 if saliency.compares(name) else 0
    sentence = f"{SHOTS}." if fewest else f"{SHOTS}; 0 scores untrained weights."

    def seek(
        instance: Instance,
        count: int,
        *,
        rounds: Rounds = 1,
        shots: Annotated[int, Ge(fewest), Le(1000), Doc(sentence)] = fewest,
        epochs: Epochs = 5,
    ) -> np.ndarray:
        """Cut by a score, in `rounds` steps; with `shots`, train for some epochs before each of as many series of cuts.

        Weights start from their initial values again at every shot. Ten shots of magnitude are iterative magnitude
        pruning with rewinding; a hundred rounds of SynFlow without a shot are its published form.

        Source: Frankle & Carbin (2019); Tanaka et al. (2020), Alg. 1 (density ρ^(r/n) after round r of n); Fischer &
        Burkholz (2022), §4.3 (10 shots of 5 epochs, density ρ^(r/10)).
        Deviates: biases are all kept and not counted, as is usual; the paper scores and prunes them with the weights, which
        targets with `biases: pruned` do.
        """
        mask, rngs = instance.everything, instance.rngs("ties")
        parameters = instance.parameters
        for step, left in enumerate(counts(mask.shape[1], count, rounds * max(shots, 1))):
            if shots and step % rounds == 0:
                parameters = instance.train(mask, epochs, "shot", step // rounds)
            scores = saliency.score(
                instance.network, instance.problem, name, parameters, mask, initial=instance.parameters
            )
            mask = cut(scores, mask, left, rngs)
        return mask

    return seek


for _name in saliency.criteria():
    seeker(name=_name, cuts_biases=True)(by_score(_name))
