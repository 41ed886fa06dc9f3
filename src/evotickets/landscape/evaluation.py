"""What is measured at a point of the landscape: scores of many points at once, and a loss that can be differentiated.

Axis letters: `M` points, `N` all parameters, `B` inputs, `E` episodes, `Q` trained networks.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from evotickets import networks, rollouts, seeds
from evotickets.networks import Network
from evotickets.tasks import Control

Scores = dict[str, jax.Array]
Evaluate = Callable[[Any, jax.Array], Scores]
"""(shared, points [M, N]) -> {"split/metric": [M]}; data and episodes are shared, lest a program contain them."""


def classifier(network: Network) -> Evaluate:
    """Score points by accuracy and mean cross-entropy; `shared` is {split: (inputs [B, …], labels [B])}."""

    def evaluate(shared, points):
        def one(flat):
            params = networks.unflatten(network, flat)
            return {split: class_scores(networks.apply(network, params, x), y) for split, (x, y) in shared.items()}

        return named(seeds.over_seeds(one, points))

    return evaluate


def class_scores(outputs: jax.Array, labels: jax.Array) -> Scores:
    """Return accuracy and mean cross-entropy of outputs [B, O]."""
    return {
        "accuracy": jnp.mean(jnp.argmax(outputs, -1) == labels),
        "loss": jnp.mean(optax.softmax_cross_entropy_with_integer_labels(outputs, labels)),
    }


def named(nested: dict[str, Scores]) -> Scores:
    """Turn {"test": {"accuracy": …}} into {"test/accuracy": …}."""
    return {f"{split}/{metric}": value for split, scores in nested.items() for metric, value in scores.items()}


def policy(network: Network, task: Control) -> Evaluate:
    """Score points, which act on raw observations, by mean return; `shared` is {split: keys of the episodes [E]}.

    All points meet the same episodes.
    """

    def act(flat, observation):
        return networks.apply(network, networks.unflatten(network, flat), observation[None])[0]

    def evaluate(shared, points):
        raw = rollouts.initial_statistics(task.observation_size)
        return named(
            {
                split: {"return": jnp.mean(rollouts.returns(task, act, points, keys, raw)[0], -1)}
                for split, keys in shared.items()
            }
        )

    return evaluate


def fold(network: Network, flat: np.ndarray, statistics: dict[str, np.ndarray]) -> np.ndarray:
    """Write observation normalisers into the first layers of policies [Q, N], which then act on raw observations.

    (o − mean) / std @ kernel + bias = o @ (kernel / std) + (bias − mean / std @ kernel). So two policies with different
    normalisers become two points of one space, and a pruned weight stays zero.

    Args:
        network: a perceptron.
        flat: trained policies [Q, N].
        statistics: `count` [Q], `mean` and `m2` [Q, n] as a control ticket stores them.
    """
    first = network.layers[0]

    def one(weights, stored):
        held = rollouts.Statistics(**stored)
        zero = rollouts.normalise(jnp.zeros(first.fan_in), held)
        scale = rollouts.normalise(jnp.ones(first.fan_in), held) - zero
        params = networks.unflatten(network, weights)
        kernel, bias = params[first.name]["kernel"], params[first.name]["bias"]
        params[first.name] = {"kernel": scale[:, None] * kernel, "bias": bias + zero @ kernel}
        return networks.flatten(network, params)

    return np.asarray(jax.jit(jax.vmap(one))(flat, statistics))


def cross_entropy(network: Network) -> Callable[[tuple[jax.Array, jax.Array], jax.Array], jax.Array]:
    """Return the mean cross-entropy as a function of ((inputs [B, …], labels [B]), flat [N])."""

    def loss(shared, flat):
        x, y = shared
        return class_scores(networks.apply(network, networks.unflatten(network, flat), x), y)["loss"]

    return loss
