"""Training by any method: all seeds in one program, scored on the way."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import log
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from evotickets import streams
from evotickets.networks import architectures
from evotickets.networks.description import Description
from evotickets.networks.feedforward import Params, initialise
from evotickets.pruning import layer_densities
from evotickets.systems.hybrid import WHOLE, blocks
from evotickets.systems.hybrid.methods import Batches, Masks, Method, Setting
from evotickets.tasks import Split, Supervised, replicated
from evotickets.trainers.history import Report, Trajectory, silent

CHUNK = 1000
"""Samples that are scored at once, and from which normalisation layers take their statistics."""
SEQUENCES = 64
"""Sequences that are scored at once."""


Build = Callable[[Setting], Method]
"""How a method is made of what all share."""


class Sparse(NamedTuple):
    """Sparse networks of all seeds.

    Attributes:
        params: [S, …] by name, zero where pruned.
        masks: [S, K], kernels in the order of the architecture; all kept where nothing is pruned.
        state: of the method.
        trajectory: scores on the way.
    """

    params: Params
    masks: np.ndarray
    state: Any
    trajectory: Trajectory


def counts_of(architecture: Description, method: Method, density: float, share_out: str = "uniform") -> np.ndarray:
    """Return how many blocks [L] every layer keeps, shared out over layers by one of `SHARE_OUTS`, or `WHOLE`: all of them."""
    shapes = architecture.shapes
    if method.block != (1, 1):
        shapes = [blocks.grid(shape, method.block) for shape in shapes]
    if method.dense or share_out == WHOLE:
        return layer_densities.uniform(shapes, 1.0)
    return layer_densities.LAYER_DENSITIES[share_out](shapes, density)


def initial(architecture: Description, method: Method, counts: np.ndarray, rngs: list[np.random.Generator]) -> Params:
    """Draw the first weights [S, …] of a method: for the layers' densities that it starts at."""
    densities = {}
    if not method.begins_dense:
        for parameter, count in zip(architecture.prunable, counts, strict=True):
            rows, columns = blocks.grid(parameter.shape, method.block)
            densities[parameter.name] = float(count) / (rows * columns)
    drawn = [initialise(architecture, rng, densities) for rng in rngs]
    return jax.tree.map(lambda *rows: jnp.stack(rows), *drawn)


class Replicates(NamedTuple):
    """The seeds that are trained beside each other.

    Attributes:
        params: first weights [S, …].
        rows: which split of the data each sees [S].
        sample_keys: decide the samples of every step [S]; methods with the same keys see the same.
        starts: decide the first masks [S].
        keys: decide all else [S].
        rates: learning rate of the weights of each [S], or None where all have that of the setting.
    """

    params: Params
    rows: np.ndarray
    sample_keys: jax.Array
    starts: jax.Array
    keys: jax.Array
    rates: np.ndarray | None = None


class Reached(NamedTuple):
    """What training had reached at an evaluation: the step, networks and states of all seeds, and scores [S] by name."""

    step: int
    params: Params
    masks: np.ndarray
    state: Any
    metrics: dict[str, Any]


def train(
    setting: Setting,
    build: Build,
    replicates: Replicates,
    counts: np.ndarray,
    data: Supervised,
    *,
    evaluations: int,
    unit: float = 1.0,
    report: Report = silent,
) -> Sparse:
    """Train every seed from its first weights and score the deployed network on the way.

    Scores are `test/…` and `validation/…` accuracy and loss, or of sequences loss and bits (the same to base 2), `train/loss`
    (the mean over batches since the last), `cost/passes` (of a sample through the network, so far), `mask/kept`, and
    `mask/churn` (the share of the kept that were not kept before).

    Args:
        setting: what all methods share.
        build: makes the method of the setting.
        replicates: who is trained.
        counts: [L].
        data: of the task.
        evaluations: how often scores are taken; the steps are a multiple.
        unit: cost of a pass, relative to the network that others train.
        report: called after each evaluation.
    """
    trajectory, passes, count = Trajectory(), build(setting).passes, len(replicates.rows)
    held_out = ("validation", "test")
    for reached in course(setting, build, replicates, counts, data, held_out, evaluations=evaluations):
        metrics = reached.metrics | {"cost/passes": np.full(count, reached.step * passes * unit)}
        churn = metrics.pop("mask/churn")
        metrics |= {"mask/kept": reached.masks.sum(1), "mask/churn": churn}
        trajectory.add(reached.step, metrics)
        report(reached.step, trajectory.last("train/loss"))
    return Sparse(reached.params, reached.masks, reached.state, trajectory)


def validated(
    setting: Setting, build: Build, replicates: Replicates, counts: np.ndarray, data: Supervised
) -> tuple[np.ndarray, np.ndarray]:
    """Train every seed, and return accuracy and loss [S] on the validation images in the end; test images are not looked at.

    What diverges has a loss that is NaN; sequences have no accuracy.
    """
    (end,) = course(setting, build, replicates, counts, data, ("validation",), evaluations=1)
    loss = np.asarray(end.metrics["validation/loss"], float)
    return np.asarray(end.metrics.get("validation/accuracy", np.full(loss.shape, np.nan)), float), loss


def course(
    setting: Setting,
    build: Build,
    replicates: Replicates,
    counts: np.ndarray,
    data: Supervised,
    held_out: Sequence[str],
    *,
    evaluations: int,
) -> Iterator[Reached]:
    """Train every seed and yield what was reached at every evaluation; `held_out` names the splits that are scored."""
    seen, method, rates = replicated(data), build(setting), replicates.rates
    rows = replicates.rows
    train_set = jax.tree.map(jnp.asarray, seen.train)
    splits = jax.tree.map(jnp.asarray, {name: getattr(seen, name) for name in held_out})
    every = setting.steps // evaluations

    def of(rate: jax.Array | None) -> Method:
        """Return the method of a seed, which may have a learning rate of its own."""
        return method if rate is None else build(setting._replace(learning_rate=rate))

    @jax.jit
    def begin(params: Params, counts: jax.Array, keys: jax.Array, rates: jax.Array | None) -> Any:
        def one(argument: Any) -> Any:
            params, key, rate = argument
            own = of(rate)
            state = own.start(params, counts, key)
            return state, _flat(setting.architecture, own.deployed(state, counts)[1])

        return streams.over_seeds(one, (params, keys, rates))

    @jax.jit
    def advance(
        train_set: Split, rows: jax.Array, counts: jax.Array, first: jax.Array, states: Any, keys: tuple
    ) -> Any:
        def one(argument: Any) -> Any:
            state, row, (sample_key, key, rate) = argument
            own = of(rate)
            x, y = streams.row_of(train_set, row)

            def samples(at: jax.Array) -> Batches:
                key = jax.random.fold_in(sample_key, at)
                # With replacement: a permutation of the training set costs more than a step.
                index = jax.random.randint(key, (setting.batches, setting.batch), 0, len(y))
                return Batches(x[index], y[index])

            def step(state: Any, at: jax.Array) -> Any:
                return own.step(state, counts, samples(at), at, jax.random.fold_in(key, at))

            state, metrics = jax.lax.scan(step, state, first + jnp.arange(every))
            metrics = jax.tree.map(jnp.mean, metrics)
            if own.probe is not None:
                last = first + every - 1
                metrics |= own.probe(state, counts, samples(last), last, jax.random.fold_in(key, last))
            deployed, masks = own.deployed(state, counts)
            return state, deployed, _flat(setting.architecture, masks), metrics

        return streams.over_seeds(one, (states, rows, keys))

    limits = jnp.asarray(counts)
    own_rates = None if rates is None else jnp.asarray(rates, jnp.float32)
    states, before = begin(replicates.params, limits, replicates.starts, own_rates)
    before, calibration, score = np.asarray(before), train_set.x[:, :CHUNK], _scorer(setting.architecture)
    for round_ in range(evaluations):
        own = (replicates.sample_keys, replicates.keys, own_rates)
        states, deployed, masks, metrics = advance(train_set, rows, limits, jnp.int32(round_ * every), states, own)
        masks = np.asarray(masks)
        scores = dict(metrics) | score(deployed, rows, calibration, splits)
        scores["mask/churn"] = 1 - (masks & before).sum(1) / masks.sum(1)
        yield Reached((round_ + 1) * every, deployed, masks, states, scores)
        before = masks


def _flat(architecture: Description, masks: Masks) -> jax.Array:
    """Join masks to [K]; kernels without one are kept."""
    everything = {parameter.name: jnp.ones(parameter.shape, bool) for parameter in architecture.prunable} | masks
    return architectures.join(architecture, everything)


def _scorer(architecture: Description) -> Any:
    """Return the compiled (params [S, …], rows [S], training inputs, splits) -> {"split/metric": [S]}."""

    @jax.jit
    def score(
        params: Params, rows: jax.Array, calibration: jax.Array, splits: Mapping[str, Split]
    ) -> dict[str, jax.Array]:
        def one(seed: tuple[Params, jax.Array]) -> dict[str, jax.Array]:
            params, row = seed
            own_calibration, own_splits = streams.row_of((calibration, dict(splits)), row)
            _, statistics = architecture.forward(params, own_calibration, None)
            scores = {}
            for name, (x, y) in own_splits.items():
                sequences = y.ndim > 1
                pieces = -(-len(y) // (SEQUENCES if sequences else CHUNK))
                index = jnp.arange(pieces * -(-len(y) // pieces)).reshape(pieces, -1)

                def piece(index: jax.Array, x: Any = x, y: Any = y) -> tuple[jax.Array, jax.Array]:
                    own = jnp.minimum(index, len(y) - 1)
                    outputs, _ = architecture.forward(params, x[own], statistics)
                    losses = optax.softmax_cross_entropy_with_integer_labels(outputs, y[own])
                    if losses.ndim > 1:
                        return jnp.int32(0), jnp.sum(jnp.where(index < len(y), jnp.mean(losses, 1), 0))
                    right = jnp.argmax(outputs, -1) == y[own]
                    there = index < len(y)
                    return jnp.sum(right & there), jnp.sum(jnp.where(there, losses, 0))

                right, losses = jax.lax.map(piece, index)
                if not sequences:
                    scores[f"{name}/accuracy"] = jnp.sum(right) / len(y)
                scores[f"{name}/loss"] = jnp.sum(losses) / len(y)
                if sequences:
                    scores[f"{name}/bits"] = scores[f"{name}/loss"] / log(2)
            return scores

        return streams.over_seeds(one, (params, rows))

    return score
