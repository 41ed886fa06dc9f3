"""Training by any method: all seeds in one program, scored on the way."""

from collections.abc import Mapping
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
from evotickets.systems.hybrid import blocks
from evotickets.systems.hybrid.methods import Batches, Masks, Method, Setting
from evotickets.tasks import Split, Supervised, replicated
from evotickets.trainers.history import Report, Trajectory, silent

CHUNK = 1000
"""Samples that are scored at once, and from which normalisation layers take their statistics."""


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


def counts_of(architecture: Description, method: Method, density: float) -> np.ndarray:
    """Return how many blocks [L] every layer keeps."""
    shapes = architecture.shapes
    if method.block != (1, 1):
        shapes = [blocks.grid(shape, method.block) for shape in shapes]
    return layer_densities.LAYER_DENSITIES[method.layer_densities](shapes, 1.0 if method.dense else density)


def initial(architecture: Description, method: Method, counts: np.ndarray, rngs: list[np.random.Generator]) -> Params:
    """Draw the first weights [S, …] of a method: for the layers' densities that it starts at."""
    densities = {}
    if not method.begins_dense:
        for parameter, count in zip(architecture.prunable, counts, strict=True):
            rows, columns = blocks.grid(parameter.shape, method.block)
            densities[parameter.name] = float(count) / (rows * columns)
    drawn = [initialise(architecture, rng, densities) for rng in rngs]
    return jax.tree.map(lambda *rows: jnp.stack(rows), *drawn)


def train(
    setting: Setting,
    method: Method,
    params: Params,
    counts: np.ndarray,
    data: Supervised,
    *,
    evaluations: int,
    unit: float = 1.0,
    report: Report = silent,
    sample_key: jax.Array,
    key: jax.Array,
) -> Sparse:
    """Train every seed from its first weights [S, …] and score the deployed network on the way.

    Scores are `test/…` and `validation/…` accuracy and loss, `train/loss` (the mean over batches since the last), `cost/passes`
    (of a sample through the network, so far), `mask/kept`, and `mask/churn` (the share of the kept that were not kept before).

    Args:
        setting: what all methods share.
        method: built from the setting.
        params: of every seed.
        counts: [L].
        data: of the task.
        evaluations: how often scores are taken; the steps are a multiple.
        unit: cost of a pass, relative to the network that others train.
        report: called after each evaluation.
        sample_key: decides the samples of every step; methods with the same key see the same.
        key: decides all else.
    """
    count = jax.tree.leaves(params)[0].shape[0]
    seen = replicated(data)
    train_set, rows = jax.tree.map(jnp.asarray, seen.train), seen.rows(count)
    scored = {"validation": seen.validation, "test": seen.test}
    held_out = jax.tree.map(jnp.asarray, scored)
    every = setting.steps // evaluations

    @jax.jit
    def begin(params: Params, counts: jax.Array, keys: jax.Array) -> Any:
        def one(argument: Any) -> Any:
            state = method.start(argument[0], counts, argument[1])
            return state, _flat(setting.architecture, method.deployed(state, counts)[1])

        return streams.over_seeds(one, (params, keys))

    @jax.jit
    def advance(
        train_set: Split, rows: jax.Array, counts: jax.Array, first: jax.Array, states: Any, keys: tuple
    ) -> Any:
        def one(argument: Any) -> Any:
            state, row, (sample_key, key) = argument
            x, y = streams.row_of(train_set, row)

            def samples(at: jax.Array) -> Batches:
                own = jax.random.fold_in(sample_key, at)
                # With replacement: a permutation of the training set costs more than a step.
                index = jax.random.randint(own, (setting.batches, setting.batch), 0, len(y))
                return Batches(x[index], y[index])

            def step(state: Any, at: jax.Array) -> Any:
                return method.step(state, counts, samples(at), at, jax.random.fold_in(key, at))

            state, metrics = jax.lax.scan(step, state, first + jnp.arange(every))
            metrics = jax.tree.map(jnp.mean, metrics)
            if method.probe is not None:
                last = first + every - 1
                metrics |= method.probe(state, counts, samples(last), last, jax.random.fold_in(key, last))
            deployed, masks = method.deployed(state, counts)
            return state, deployed, _flat(setting.architecture, masks), metrics

        return streams.over_seeds(one, (states, rows, keys))

    keys = streams.split(sample_key, count), streams.split(jax.random.fold_in(key, 1), count)
    limits = jnp.asarray(counts)
    states, before = begin(params, limits, streams.split(jax.random.fold_in(key, 0), count))
    before, trajectory, deployed = np.asarray(before), Trajectory(), params
    calibration = train_set.x[:, :CHUNK]
    score = _scorer(setting.architecture)
    for round_ in range(evaluations):
        states, deployed, masks, metrics = advance(train_set, rows, limits, jnp.int32(round_ * every), states, keys)
        masks, done = np.asarray(masks), (round_ + 1) * every
        kept = masks.sum(1)
        metrics = dict(metrics) | score(deployed, rows, calibration, held_out)
        metrics["cost/passes"] = np.full(count, done * method.passes * unit)
        metrics["mask/kept"] = kept
        metrics["mask/churn"] = 1 - (masks & before).sum(1) / kept
        trajectory.add(done, metrics)
        report(done, trajectory.last("train/loss"))
        before = masks
    return Sparse(deployed, before, states, trajectory)


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
                pieces = -(-len(y) // CHUNK)
                index = jnp.arange(pieces * -(-len(y) // pieces)).reshape(pieces, -1)

                def piece(index: jax.Array, x: Any = x, y: Any = y) -> tuple[jax.Array, jax.Array]:
                    own = jnp.minimum(index, len(y) - 1)
                    outputs, _ = architecture.forward(params, x[own], statistics)
                    losses = optax.softmax_cross_entropy_with_integer_labels(outputs, y[own])
                    right = jnp.argmax(outputs, -1) == y[own]
                    there = index < len(y)
                    return jnp.sum(right & there), jnp.sum(jnp.where(there, losses, 0))

                right, losses = jax.lax.map(piece, index)
                scores[f"{name}/accuracy"] = jnp.sum(right) / len(y)
                scores[f"{name}/loss"] = jnp.sum(losses) / len(y)
            return scores

        return streams.over_seeds(one, (params, rows))

    return score
