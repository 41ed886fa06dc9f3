"""How outputs fit the targets of a data set: its loss, and the score by which networks are compared.

Axes: `B` samples, `O` outputs.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from evotickets import population
from evotickets.tasks import Supervised


class Fit(NamedTuple):
    """What is minimised on a data set, and what is told of it.

    Attributes:
        loss: (outputs [B, O], targets [B, …]) -> mean loss.
        losses: (outputs [O, B], targets [B, …]) -> losses [B], as populations are evaluated.
        score: (outputs [B, O], targets [B, …]) -> what is to be large.
        metric: name of the score.
    """

    loss: Callable[[jax.Array, jax.Array], jax.Array]
    losses: Callable[[jax.Array, jax.Array], jax.Array]
    score: Callable[[jax.Array, jax.Array], jax.Array]
    metric: str

    def scores(self, outputs: jax.Array, targets: jax.Array) -> dict[str, jax.Array]:
        """Return score and loss of outputs [B, O] by their names."""
        return {self.metric: self.score(outputs, targets), "loss": self.loss(outputs, targets)}


def _cross_entropy(outputs: jax.Array, labels: jax.Array) -> jax.Array:
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(outputs, labels))


def _accuracy(outputs: jax.Array, labels: jax.Array) -> jax.Array:
    return jnp.mean(jnp.argmax(outputs, -1) == labels)


def _squared_error(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    return jnp.mean((outputs - targets) ** 2)


def _explained(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    """Return R², the share of the variance of targets [B, O] that outputs explain, the mean over targets.

    It is 0 for the mean of these targets, and negative for worse.
    """
    return jnp.mean(1 - jnp.mean((outputs - targets) ** 2, 0) / jnp.var(targets, 0))


CLASSES = Fit(_cross_entropy, population.cross_entropy, _accuracy, "accuracy")
"""Labels: mean cross-entropy, and the share of samples whose largest output is that of their class."""
VALUES = Fit(_squared_error, population.squared_error, _explained, "r2")
"""Real values: mean squared error of standardised targets, and the share of their variance that is explained."""


def fit_of(data: Supervised) -> Fit:
    """Return how outputs fit the targets of a data set."""
    return CLASSES if data.classes else VALUES
