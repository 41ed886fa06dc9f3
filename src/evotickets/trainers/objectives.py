"""What a trainer minimises: a loss over survivors on one mask, per seed, and the scores reported of a mean."""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from evotickets import population, streams
from evotickets.configuration.options import Doc, Ge, Le
from evotickets.devices import over_devices
from evotickets.networks import feedforward, layout, masks
from evotickets.networks.layout import Network
from evotickets.tasks import Control, Split, Supervised, replicated
from evotickets.trainers import rollouts
from evotickets.trainers.fits import fit_of

Evaluations = Annotated[
    int,
    Ge(1),
    Le(10_000),
    Doc("How often the trained weights are scored on the way; generations or steps are a multiple of it."),
]
Batch = Annotated[int, Ge(1), Le(1_000_000), Doc("Samples in a fresh batch, shared by all members (data sets only).")]
Episodes = Annotated[
    int, Ge(1), Le(100_000), Doc("Episodes a member plays in a generation, shared by all members (control only).")
]
TestEpisodes = Annotated[int, Ge(1), Le(100_000), Doc("Held-out episodes that score the mean (control only).")]

Carry = Any
"""What an objective remembers of a seed: its split of the data, or the statistics of an observation normaliser."""


class Objective(NamedTuple):
    """A loss on the survivors of one mask.

    Attributes:
        shared: arrays that all seeds use (the data, with a leading axis of splits).
        context: pytree with leading axis [S] (the evaluation plan of each seed's mask, its split of the data).
        carry: pytree with leading axis [S], handed from generation to generation.
        losses: (shared, context, members [P, D], key, carry) -> (losses [P], carry).
        pair_losses: (shared, context, mean [D], offsets [P/2, D], key, carry) -> (losses [P] of mean + offsets, then
            of mean - offsets; carry).
        loss: (shared, context, survivors [D], key) -> differentiable scalar, or None where there is no gradient.
        scatter: (context, survivors [D]) -> parameters [N], zero where pruned.
        evaluate: (shared, parameters [N], key, carry) -> {"split/metric": scalar}; changes nothing. It knows no mask, so
            that all tickets of a task and network share its compiled program.
    """

    shared: Any
    context: Any
    carry: Carry
    losses: Callable[..., tuple[jax.Array, Carry]]
    pair_losses: Callable[..., tuple[jax.Array, Carry]]
    loss: Callable[..., jax.Array] | None
    scatter: Callable[[Any, jax.Array], jax.Array]
    evaluate: Callable[..., dict[str, jax.Array]]


def scorer(objective: Objective) -> Callable[..., dict[str, jax.Array]]:
    """Return the compiled (shared, parameters [S, N], carry, keys [S]) -> scores [S]."""

    @jax.jit
    def score(shared, parameters, carry, keys):
        return streams.over_seeds(
            lambda seed: objective.evaluate(shared, seed[0], seed[2], seed[1]), (parameters, carry, keys)
        )

    return score


def context_of(network: Network, mask: np.ndarray, **engine: Any) -> dict[str, Any]:
    """Return the context of masks [S, K]: the plan by which populations are evaluated, and the survivors' positions [S, D]."""
    plan = population.plan(network, mask, **engine)
    return {"plan": plan, "positions": jnp.asarray(masks.survivors(network, mask))}


def check_fit(network: Network, what: str, input_shape: tuple[int, ...], outputs: int, *, exactly: bool) -> None:
    """Refuse a network that does not read a task's inputs, or has other outputs than it asks for; `what` has them.

    Raises:
        ValueError: has both.
    """
    x = jax.ShapeDtypeStruct((1, *input_shape), jnp.float32)
    feedforward.check_inputs(network, x)
    params = {own.name: jax.ShapeDtypeStruct(own.shape, jnp.float32) for own in network.parameters}
    found = jax.eval_shape(lambda params, x: feedforward.apply(network, params, x), params, x).shape[-1]
    if found < outputs or (exactly and found > outputs):
        raise ValueError(f"the network has {found} outputs, and {what}: build it for this task")


def check_data_fit(network: Network, data: Supervised) -> None:
    """Refuse a network that does not fit a data set, as `check_fit` does; it may have outputs for more classes."""
    what = f"{data.classes} classes" if data.classes else f"{data.outputs} values to learn"
    check_fit(network, f"{data.name} has {what}", data.input_shape, data.outputs, exactly=not data.classes)


def scatterer(network: Network) -> Callable[[Any, jax.Array], jax.Array]:
    """Return the (context, survivors [D]) -> parameters [N] of an objective."""
    return lambda context, survivors: masks.scatter(survivors, context["positions"], network.parameter_count)


def _batch(shared: dict[str, Split], row: jax.Array, key: jax.Array, batch: int) -> tuple[jax.Array, jax.Array]:
    x, y = shared["train"]
    # With replacement: a permutation of the training set every generation costs more than the generation.
    index = jax.random.randint(key, (batch,), 0, y.shape[1])
    own = row if len(y) > 1 else 0
    return x[own, index], y[own, index]


def supervised(
    network: Network,
    mask: np.ndarray,
    data: Supervised,
    *,
    batch: Batch = 256,
    mesh: Mesh | None = None,
    **engine: Any,
) -> Objective:
    """Describe classification by mean cross-entropy, or regression by mean squared error, on a batch that members share.

    Batches are fresh. The carry is the split [S] of every seed. Scores of a regression are `r2`, the share of the variance
    that is explained, and `rmse`, the root of the mean squared error in the unit of the targets.

    `mesh` spreads the members over devices; `engine` goes to `population.plan`: `path` and `precision`.

    Raises:
        ValueError: if network, masks and data do not fit each other.

    Source: Lange & Sprekeler (2023), §3 (log-likelihood on a batch; test accuracy of the mean on the full test set).
    """
    seen, fit = replicated(data), fit_of(data)
    check_data_fit(network, seen)
    rows, splits = seen.rows(len(mask)), {split: getattr(seen, split) for split in ("train", "validation", "test")}
    splits = {name: split for name, split in splits.items() if split.y.size}
    # On every device from the start: otherwise each call of a compiled program would copy the data to them.
    held = splits if seen.scale is None else {**splits, "scale": seen.scale}
    shared = jax.device_put(held, None if mesh is None else NamedSharding(mesh, PartitionSpec()))
    context = context_of(network, mask, **engine) | {"split": rows}

    def whole(members, plan, x, y):
        return population.losses(plan, members, x, y, loss=fit.losses)

    def halves(offsets, plan, mean, x, y):
        return population.pair_losses(plan, mean, offsets, x, y, loss=fit.losses).reshape(2, -1).T

    def losses(shared, context, members, key, carry):
        return over_devices(whole, mesh)(members, context["plan"], *_batch(shared, context["split"], key, batch)), carry

    def pair_losses(shared, context, mean, offsets, key, carry):
        x, y = _batch(shared, context["split"], key, batch)
        pairs = over_devices(halves, mesh)(offsets, context["plan"], mean, x, y)
        return pairs.T.ravel(), carry

    scatter, forward = scatterer(network), population.forward_of(network)

    def loss(shared, context, survivors, key):
        x, y = _batch(shared, context["split"], key, batch)
        outputs = feedforward.apply(network, layout.unflatten(network, scatter(context, survivors)), x)
        return fit.loss(outputs, y)

    def evaluate(shared, parameters, key, carry):
        del key
        scores: dict[str, jax.Array] = {}
        own = streams.row_of(shared, carry)
        scale = own.pop("scale", None)
        for split, (x, y) in own.items():
            outputs = forward(parameters, x)
            scores |= {f"{split}/{metric}": value for metric, value in fit.scores(outputs, y).items()}
            if scale is not None:
                scores[f"{split}/rmse"] = jnp.sqrt(jnp.mean(((outputs - y) * scale[None]) ** 2))
        return scores

    return Objective(shared, context, rows, losses, pair_losses, loss, scatter, evaluate)


def control(
    network: Network,
    mask: np.ndarray,
    task: Control,
    *,
    episodes: Episodes = 8,
    test_episodes: TestEpisodes = 32,
    mesh: Mesh | None = None,
    **engine: Any,
) -> Objective:
    """Describe control by minus the mean return of episodes that all members share.

    Observations are normalised, where the task says so, by running statistics, which are part of the carry and frozen
    during `evaluate`.
    `mesh` spreads the members over devices; `engine` goes to `population.plan`: `path` and `precision`.

    Raises:
        ValueError: if network, masks and environment do not fit each other.

    Source: Lange & Sprekeler (2023), §3 (8 episodes with shared seeds; the mean is tested on held-out episodes).
    """
    what = f"policies of {task.name} need {task.outputs}"
    check_fit(network, what, (task.observation_size,), task.outputs, exactly=True)
    start = rollouts.initial_statistics(task.observation_size)
    carry = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (len(mask), *jnp.shape(leaf))), start)
    context = context_of(network, mask, **engine)
    whole = population.plan(network, masks.everything(network))

    scatter = scatterer(network)

    def play(plan, members, key, count, statistics, mesh=None):
        policies = population.policy(plan, members)
        keys = jax.random.split(key, count)
        return rollouts.returns(task, lambda p, o: population.act(plan, p, o), policies, keys, statistics, mesh=mesh)

    def losses(shared, context, members, key, carry):
        del shared
        returns, seen = play(context["plan"], members, key, episodes, carry, mesh)
        return -jnp.mean(returns, -1), rollouts.merge(carry, seen) if task.normalise else carry

    def pair_losses(shared, context, mean, offsets, key, carry):
        return losses(shared, context, jnp.concatenate([mean[None] + offsets, mean[None] - offsets]), key, carry)

    def evaluate(shared, parameters, key, carry):
        del shared
        # One rollout for both splits: every further one would be compiled anew.
        returns = play(whole, parameters[None], key, 2 * test_episodes, carry)[0][0]
        validation, test = jnp.split(returns, 2)
        return {"validation/return": jnp.mean(validation), "test/return": jnp.mean(test)}

    return Objective((), context, carry, losses, pair_losses, None, scatter, evaluate)
