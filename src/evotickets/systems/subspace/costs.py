"""What a child costs: its time over that of a plain evaluation of its parent, on the machine that a study runs on.

Times are the one thing here that another run does not repeat bit for bit.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from evotickets.systems.subspace.evaluation import logits
from evotickets.systems.subspace.mutation import Mutation
from evotickets.systems.subspace.setting import Rows, Setting, row


def study(setting: Setting, settings: Mapping[str, Any]) -> Rows:
    """Return the median time of a child over that of its parent, on the images of fitness, one run of each in turn.

    Where children are evaluated together, a child has its share of the time of all of them.

    Args:
        setting: parent, images.
        settings: `mode`, `density`, `rule`, `sigma`, `repeats`, and `only` where some layers alone mutate.
    """
    weights, samples = setting.weights, setting.problem.fitness
    mutation = Mutation(settings["mode"], settings["density"], settings["sigma"], settings["rule"])
    if "only" in settings:
        mutation = weights.only(mutation, settings["only"])

    def plain() -> None:
        logits(weights.model, samples, setting.batch)

    def children(index: int) -> None:
        setting.of_children(samples, mutation, range(index * setting.at_once, (index + 1) * setting.at_once))

    # What is remembered, allocated or compiled at first is no cost of the children to come.
    for index in range(2):
        plain()
        children(index)
    times = []
    for index in range(settings["repeats"]):
        times.append((_seconds(plain), _seconds(partial(children, index + 2)) / setting.at_once))
        setting.report()
    parent, mutated = np.median(times, axis=0)
    factors = {"rule": mutation.rule, "sigma": mutation.sigma}
    return [row(setting.seed, "child", "fitness", "cost", mutated / parent, **factors)]


def _seconds(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
