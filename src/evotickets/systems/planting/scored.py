"""Seekers that cut by a score: once, step by step, or with training before each series of cuts.

Every score in `saliency` becomes a seeker of its name.
"""

import numpy as np

from evotickets.supermasks.instance import Instance, counts, cut
from evotickets.systems.planting import saliency
from evotickets.systems.planting.registry import Seeker, register


@register
def random(instance: Instance, count: int) -> np.ndarray:
    """Keep edges drawn uniformly: what every other seeker has to beat."""
    draws = instance.everything
    return cut(np.zeros(draws.shape), draws, count, instance.rngs("random"))


def by_score(name: str) -> Seeker:
    """Make a seeker of a registered score."""

    def seeker(instance: Instance, count: int, *, rounds: int = 1, shots: int = 0, epochs: int = 5) -> np.ndarray:
        """Cut by a score, in `rounds` steps; with `shots`, train for some epochs before each of as many series of cuts.

        Weights start from their initial values again at every shot. Ten shots of magnitude are iterative magnitude
        pruning with rewinding; a hundred rounds of SynFlow without a shot are its published form.

        Source: Frankle & Carbin (2019); Tanaka et al. (2020), Alg. 1 (density ρ^(r/n) after round r of n); Fischer &
        Burkholz (2022), §4.3 (10 shots of 5 epochs, density ρ^(r/10)).
        """
        mask, rngs = instance.everything, instance.rngs("ties")
        parameters = instance.parameters
        for step, left in enumerate(counts(mask.shape[1], count, rounds * max(shots, 1))):
            if shots and step % rounds == 0:
                parameters = instance.train(mask, epochs, "shot", step // rounds)
            mask = cut(saliency.score(instance.network, instance.problem, name, parameters, mask), mask, left, rngs)
        return mask

    seeker.__name__ = name
    return seeker


for _name in saliency.SALIENCIES:
    register(by_score(_name))
