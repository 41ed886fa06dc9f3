"""A cell of the grid: one task, method and density, all seeds at once."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jax.sharding import Mesh

from evotickets import streams
from evotickets.networks import architectures, functions
from evotickets.networks.description import Description
from evotickets.networks.feedforward import Params
from evotickets.systems import hybrid
from evotickets.systems.hybrid import training
from evotickets.systems.hybrid.methods import Method, Setting
from evotickets.systems.hybrid.training import Sparse
from evotickets.tasks import Supervised
from evotickets.trainers.history import Report, silent


class Prepared(NamedTuple):
    """A method on a task at a density, ready to train.

    Attributes:
        setting: what all methods share.
        method: built.
        counts: blocks that every layer keeps.
        params: first weights [S, …].
        unit: cost of a pass, relative to the task's network.
    """

    setting: Setting
    method: Method
    counts: np.ndarray
    params: Params
    unit: float


def architecture_of(data: Supervised, task: Mapping[str, Any]) -> Description:
    """Describe the network of a task's settings on its data; one of functions starts from its own draws at all densities."""
    if "network" in task:
        options = dict(task["network"])
        return functions.describe(options.pop("network"), data.input_shape, data.outputs, options)
    return architectures.build(data.input_shape, data.outputs, task)


def prepare(
    data: Supervised,
    task: Mapping[str, Any],
    method: Mapping[str, Any],
    density: float,
    *,
    seed: int,
    count: int,
    mesh: Mesh | None = None,
) -> Prepared:
    """Build a method and draw first weights.

    Args:
        data: of the task.
        task: its network and `training`: `steps`, `batches`, `batch`, `learning_rate` and `momentum`.
        method: `method` and its options.
        density: of the mask, or of weights in the narrower network.
        seed: of the study. Methods and densities of a task share first weights, up to a factor a layer.
        count: S.
        mesh: devices over which groups of members are spread.
    """
    whole = architecture_of(data, task)
    architecture, unit = whole, 1.0
    options = dict(method)
    name = options.pop("method")
    if name == hybrid.SMALL:
        height, width, depth = data.input_shape
        architecture, _ = architectures.small((height, width, depth), data.classes, task, density)
        unit = architecture.kernel_count / whole.kernel_count
    training_settings = {key: value for key, value in task["training"].items() if key != "evaluations"}
    setting = Setting(architecture, **training_settings, mesh=mesh)
    built = hybrid.method[name](setting, **options)
    counts = training.counts_of(architecture, built, density)
    rngs = [streams.generator(seed, "hybrid", task["task"], "weights", index) for index in range(count)]
    return Prepared(setting, built, counts, training.initial(architecture, built, counts, rngs), unit)


def run(
    data: Supervised,
    task: Mapping[str, Any],
    method: Mapping[str, Any],
    density: float,
    *,
    seed: int,
    count: int,
    mesh: Mesh | None = None,
    report: Report = silent,
) -> Sparse:
    """Train a cell; arguments as in `prepare`.

    All methods and densities of a task see the same samples at every step, and random masks are drawn alike.
    """
    prepared = prepare(data, task, method, density, seed=seed, count=count, mesh=mesh)
    return training.train(
        *prepared[:2],
        prepared.params,
        prepared.counts,
        data,
        evaluations=task["training"]["evaluations"],
        unit=prepared.unit,
        report=report,
        sample_key=streams.stream(seed, "hybrid", task["task"], "samples"),
        key=streams.stream(seed, "hybrid", task["task"], "masks"),
    )
