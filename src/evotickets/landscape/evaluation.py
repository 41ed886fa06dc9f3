"""What is measured in the landscape: scores along straight lines, and a loss that can be differentiated."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from evotickets import population, streams
from evotickets.networks import feedforward, layout
from evotickets.networks.description import Description
from evotickets.networks.feedforward import ACTIVATIONS
from evotickets.networks.layout import Network
from evotickets.refusals import check_names, check_shape
from evotickets.tasks import Control, Supervised, replicated
from evotickets.trainers import rollouts
from evotickets.trainers.fits import CLASSES, Fit, fit_of

Scores = dict[str, jax.Array]
OnLine = Callable[[Any, jax.Array, jax.Array, jax.Array], Scores]
"""(shared, base [N], direction [N], steps [T]) -> {"split/metric": [T]}, the scores at base + step · direction.

Data and episodes are shared, lest a program contain them as constants.
"""


def classifier(network: Description, fit: Fit = CLASSES) -> OnLine:
    """Score lines by score and loss of a fit; `shared` is {split: (inputs [B, …], targets [B, …])}.

    A first layer that is dense is linear in its parameters: two products of its large kernel serve all steps.
    """
    if not isinstance(network, Network):
        return _generic(network, fit)
    first, *others = network.layers
    alone, rest = Network((first.fan_in,), (first,)), Network((first.outputs,), tuple(others), network.activation)
    mixes, forward = bool(others) and not first.is_convolution, population.forward_of(network)
    activation = ACTIVATIONS[network.activation]

    def on_line(shared, base, direction, steps):
        start, move = (layout.unflatten(network, flat) for flat in (base, direction))

        def on_split(x, y):
            ends = [feedforward.apply(alone, params, x) for params in (start, move)] if mixes else []

            def at(step):
                if mixes:
                    params = jax.tree.map(lambda a, b: a + step * b, start, move)
                    hidden = activation(ends[0] + step * ends[1])
                    return fit.scores(feedforward.apply(rest, params, hidden), y)
                return fit.scores(forward(base + step * direction, x), y)

            return streams.over_seeds(at, steps)

        return _named({split: on_split(x, y) for split, (x, y) in shared.items()})

    return on_line


def _generic(network: Description, fit: Fit) -> OnLine:
    """Score lines of any network, step by step."""

    forward = population.forward_of(network)

    def on_line(shared, base, direction, steps):
        def at(step):
            return {split: fit.scores(forward(base + step * direction, x), y) for split, (x, y) in shared.items()}

        return _named(streams.over_seeds(at, steps))

    return on_line


def _named(nested: dict[str, Scores]) -> Scores:
    return {f"{split}/{metric}": value for split, scores in nested.items() for metric, value in scores.items()}


def policy(network: Network, task: Control) -> OnLine:
    """Score lines of policies on raw observations by mean return; `shared` is {split: keys of the episodes [E]}.

    All steps meet the same episodes.
    """

    def act(flat, observation):
        return feedforward.apply(network, layout.unflatten(network, flat), observation[None])[0]

    def on_line(shared, base, direction, steps):
        raw, points = rollouts.initial_statistics(task.observation_size), base[None] + steps[:, None] * direction[None]
        played = {split: rollouts.returns(task, act, points, keys, raw)[0] for split, keys in shared.items()}
        return _named({split: {"return": jnp.mean(returns, -1)} for split, returns in played.items()})

    return on_line


def on_task(
    network: Network, task: Supervised | Control, *, samples: int = 10_000, episodes: int = 32, key: jax.Array
) -> tuple[OnLine, Any]:
    """Return how lines are scored on a task, and the `shared` that belongs to it, with a leading axis [R] of splits.

    Args:
        network: the network.
        task: data, scored on the test split and the first training samples, or an environment, scored on test episodes.
        samples: training samples at most.
        episodes: of an environment.
        key: decides the episodes.
    """
    if isinstance(task, Control):
        return policy(network, task), {"test": jax.random.split(key, episodes)[None]}
    seen = replicated(task)
    train = tuple(jnp.asarray(part[:, :samples]) for part in seen.train)
    return classifier(network, fit_of(task)), {"train": train, "test": tuple(map(jnp.asarray, seen.test))}


def errors(scores: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Turn scores of which larger is better into errors.

    Accuracy becomes `error`, R² `unexplained`, and a return `minus_return`.
    """
    turned = {"accuracy": ("error", 1), "r2": ("unexplained", 1), "return": ("minus_return", 0)}
    found = {}
    for name, values in scores.items():
        split, metric = name.split("/")
        new, best = turned.get(metric, (metric, None))
        found[f"{split}/{new}"] = values if best is None else best - values
    return found


def fold(network: Network, flat: np.ndarray, statistics: dict[str, np.ndarray]) -> np.ndarray:
    """Write observation normalisers into the first layers of policies [S, N], which then act on raw observations.

    So two policies with different normalisers become two points of one space, and a pruned weight stays zero.

    Args:
        network: a perceptron.
        flat: trained policies [S, N].
        statistics: `count` [S], `mean` and `m2` [S, I] as a control ticket stores them.

    Raises:
        ValueError: if the network is no perceptron, or policies or statistics are of another shape.
    """
    if not isinstance(network, Network) or network.layers[0].is_convolution:
        raise ValueError("a normaliser is written into the first layer of a perceptron; this network has none")
    check_shape("policies", flat, "S", network.parameter_count)
    check_names("statistics", statistics, rollouts.Statistics._fields)
    for name in ("mean", "m2"):
        check_shape(name, statistics[name], len(flat), network.layers[0].fan_in)
    return np.asarray(jax.jit(jax.vmap(partial(folded, network)))(flat, statistics))


def folded(network: Network, flat: jax.Array, statistics: Mapping[str, jax.Array]) -> jax.Array:
    """Return one policy [N] with its normaliser in its first layer; as it is where there are no statistics.

    (o − mean) / std @ kernel + bias = o @ (kernel / std) + (bias − mean / std @ kernel), which is linear in the weights:
    a folded line is a line.
    """
    if not statistics:
        return flat
    first, held = network.layers[0], rollouts.Statistics(**statistics)
    zero = rollouts.normalise(jnp.zeros(first.fan_in), held)
    scale = rollouts.normalise(jnp.ones(first.fan_in), held) - zero
    params = layout.unflatten(network, flat)
    kernel, bias = params[f"{first.name}/kernel"], params[f"{first.name}/bias"]
    folded = {f"{first.name}/kernel": scale[:, None] * kernel, f"{first.name}/bias": bias + zero @ kernel}
    return layout.flatten(network, params | folded)


def loss_of(network: Network, fit: Fit) -> Callable[[tuple[jax.Array, jax.Array], jax.Array], jax.Array]:
    """Return the mean loss of a fit as a function of ((inputs [B, …], targets [B, …]), flat [N])."""

    def loss(shared, flat):
        x, y = shared
        return fit.loss(feedforward.apply(network, layout.unflatten(network, flat), x), y)

    return loss


def cross_entropy(network: Network) -> Callable[[tuple[jax.Array, jax.Array], jax.Array], jax.Array]:
    """Return the mean cross-entropy as a function of ((inputs [B, …], labels [B]), flat [N])."""
    return loss_of(network, CLASSES)
