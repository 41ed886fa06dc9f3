"""A cell of the grid: one task, method and density, all seeds at once."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from evotickets import streams
from evotickets.networks import architectures, functions
from evotickets.networks.description import Description
from evotickets.networks.feedforward import Params
from evotickets.systems import hybrid
from evotickets.systems.hybrid import UNIFORM, training
from evotickets.systems.hybrid.methods import Method, Setting
from evotickets.systems.hybrid.training import Build, Replicates, Sparse
from evotickets.tasks import Supervised, replicated
from evotickets.trainers.history import Report, silent


class Prepared(NamedTuple):
    """A method on a task at a density, ready to train.

    Attributes:
        setting: what all methods share.
        method: built.
        counts: blocks that every layer keeps.
        params: first weights [S, …].
        unit: cost of a pass, relative to the task's network.
        build: makes the method of a setting.
    """

    setting: Setting
    method: Method
    counts: np.ndarray
    params: Params
    unit: float
    build: Build


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
    layer_densities: str = UNIFORM,
    seed: int,
    count: int,
    mesh: Mesh | None = None,
    purpose: str = "",
) -> Prepared:
    """Build a method and draw first weights.

    Args:
        data: of the task.
        task: its network and `training`: `steps`, `batches`, `batch`, `learning_rate` and `momentum`.
        method: `method` and its options.
        density: of the mask, or of weights in the narrower network.
        layer_densities: how it is shared out over layers.
        seed: of the study. Methods and densities of a task share first weights, up to a factor a layer.
        count: S.
        mesh: devices over which groups of members are spread.
        purpose: what replicates are for that are not the study's own, and so have other weights.
    """
    whole = architecture_of(data, task)
    architecture, unit = whole, 1.0
    options = dict(method)
    name = options.pop("method")
    if name == hybrid.SMALL:
        architecture, _ = architectures.small(data.input_shape, data.classes, task, density)
        unit = architecture.kernel_count / whole.kernel_count
    training_settings = {key: value for key, value in task["training"].items() if key != "evaluations"}
    setting = Setting(architecture, **training_settings, mesh=mesh)
    build = partial(hybrid.method[name], **options)
    built = build(setting)
    counts = training.counts_of(architecture, built, density, layer_densities)
    names = ("hybrid", task["task"], *([purpose] if purpose else []), "weights")
    rngs = [streams.generator(seed, *names, index) for index in range(count)]
    return Prepared(setting, built, counts, training.initial(architecture, built, counts, rngs), unit, build)


def replicates(
    prepared: Prepared,
    data: Supervised,
    task: Mapping[str, Any],
    chosen: Sequence[int],
    rates: Sequence[float] | np.ndarray | None,
    *,
    seed: int,
    purpose: str = "",
) -> Replicates:
    """Return those of the prepared replicates that are named, perhaps several times, with their learning rates."""
    count = jax.tree.leaves(prepared.params)[0].shape[0]
    names = ("hybrid", task["task"], *([purpose] if purpose else []))
    samples, masks = (streams.stream(seed, *names, name) for name in ("samples", "masks"))
    starts, steps = (jax.random.fold_in(masks, place) for place in (0, 1))
    sample_keys, start_keys, keys = (streams.split(key, count) for key in (samples, starts, steps))
    everyone = Replicates(prepared.params, replicated(data).rows(count), sample_keys, start_keys, keys)
    if list(chosen) != list(range(count)):
        everyone = jax.tree.map(lambda leaf: leaf[np.asarray(chosen)], everyone)
    return everyone if rates is None else everyone._replace(rates=np.asarray(rates, np.float32))


def run(
    data: Supervised,
    task: Mapping[str, Any],
    method: Mapping[str, Any],
    density: float,
    *,
    layer_densities: str = UNIFORM,
    seed: int,
    count: int,
    mesh: Mesh | None = None,
    report: Report = silent,
) -> Sparse:
    """Train a cell; arguments as in `prepare`.

    All methods and densities of a task see the same samples at every step, and random masks are drawn alike.
    """
    given: dict[str, Any] = {"layer_densities": layer_densities, "seed": seed, "count": count, "mesh": mesh}
    prepared = prepare(data, task, method, density, **given)
    return training.train(
        prepared.setting,
        prepared.build,
        replicates(prepared, data, task, range(count), None, seed=seed),
        prepared.counts,
        data,
        evaluations=task["training"]["evaluations"],
        unit=prepared.unit,
        report=report,
    )
