"""Linear mode connectivity: what happens on the straight line between two trained networks.

Axis letters: `Q` pairs (of levels, runs and seeds), `A` places on the line, `N` all parameters.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from evotickets import networks, seeds
from evotickets.landscape.evaluation import Evaluate, class_scores, named
from evotickets.networks import ACTIVATIONS, Network

ALPHAS = np.linspace(0, 1, 31, dtype=np.float32)
STABLE = 0.02
"""Two networks are linearly connected if the barrier of their error is less than this."""


def interpolate(
    evaluate: Evaluate, shared: Any, first: np.ndarray, second: np.ndarray, alphas: np.ndarray = ALPHAS
) -> dict[str, np.ndarray]:
    """Score α · first + (1 − α) · second for every pair [Q, N] and α [A] in one compiled call.

    Source: Frankle et al. (2020), "Linear Mode Connectivity and the Lottery Ticket Hypothesis", §2.

    Returns:
        {"split/metric": [Q, A]}.
    """
    _check(first, second)

    @jax.jit
    def lines(shared, first, second, alphas):
        def line(ends):
            return evaluate(shared, alphas[:, None] * ends[0] + (1 - alphas[:, None]) * ends[1])

        return jax.lax.map(line, (first, second))

    return jax.tree.map(np.asarray, lines(shared, first, second, alphas))


def interpolate_perceptrons(
    network: Network,
    shared: dict[str, tuple[jax.Array, jax.Array]],
    first: np.ndarray,
    second: np.ndarray,
    alphas: np.ndarray = ALPHAS,
) -> dict[str, np.ndarray]:
    """Do what `interpolate` does with `classifier(network)`, for a perceptron with a hidden layer, many times faster.

    The first layer is linear in its parameters, so its outputs on the line are mixed from those at the two ends: two
    products of the large kernel instead of one for each α.

    Raises:
        ValueError: if the first layer is a convolution or the only layer.
    """
    _check(first, second)
    layer, *others = network.layers
    if layer.is_convolution or not others:
        raise ValueError("only a perceptron with a hidden layer has a first layer to mix: use interpolate")
    rest = Network((layer.outputs,), tuple(others), network.activation)
    activation = ACTIVATIONS[network.activation]

    @jax.jit
    def lines(shared, first, second, alphas):
        def line(ends):
            one, two = (networks.unflatten(network, end) for end in ends)

            def on_split(x, y):
                before, after = (networks.apply(Network((layer.fan_in,), (layer,)), end, x) for end in (one, two))

                def place(alpha):
                    params = jax.tree.map(lambda a, b: alpha * a + (1 - alpha) * b, one, two)
                    hidden = activation(alpha * before + (1 - alpha) * after)
                    return class_scores(networks.apply(rest, params, hidden), y)

                return seeds.over_seeds(place, alphas)

            return named({split: on_split(x, y) for split, (x, y) in shared.items()})

        return jax.lax.map(line, (first, second))

    return jax.tree.map(np.asarray, lines(shared, first, second, jnp.asarray(alphas)))


def _check(first: np.ndarray, second: np.ndarray) -> None:
    if first.shape != second.shape or first.ndim != 2:
        raise ValueError(f"pairs must be two arrays [Q, N] of the same shape, got {first.shape} and {second.shape}")


def barrier(errors: np.ndarray) -> np.ndarray:
    """Return max over α of error(α) − mean(error(0), error(1)) [...] of errors [..., A], the ends first and last.

    Two ends of different error have half their difference as a barrier even where the line between them has no bump;
    `bump` has not. For scores where larger is better pass their negative.

    Source: Frankle et al. (2020), §2.
    """
    return errors.max(-1) - (errors[..., 0] + errors[..., -1]) / 2


def bump(errors: np.ndarray, alphas: np.ndarray = ALPHAS) -> np.ndarray:
    """Return how far errors [..., A] rise above the straight line between the errors at their ends [...].

    Source: Entezari et al. (2022), "The Role of Permutation Invariance in Linear Mode Connectivity", Definition 2.
    """
    straight = alphas * errors[..., -1:] + (1 - alphas) * errors[..., :1]
    return (errors - straight).max(-1)
