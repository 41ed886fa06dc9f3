"""The one loop of gradient descent, on a problem whose steps can be written down."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from evotickets.trainers import descent


def test_steps_of_plain_descent_by_hand():
    """Half the squared distance to the inputs 4, 0, 8 from a start at 0, at rate one half: 2, 1, 4.5."""

    def value_and_grad(weights, target):
        return jax.value_and_grad(lambda weights: (weights["at"] - target) ** 2 / 2)(weights)

    optimizer, start = optax.sgd(0.5), {"at": jnp.float32(0)}
    weights, _, losses = descent.descend(
        value_and_grad, optimizer, start, optimizer.init(start), jnp.array([4.0, 0.0, 8.0])
    )
    assert float(weights["at"]) == 4.5
    np.testing.assert_array_equal(losses, [8, 2, 24.5])


def test_rates_fall_along_half_a_cosine():
    np.testing.assert_allclose(descent.cosine(2.0, 4), [2, 1 + 0.5**0.5, 1, 1 - 0.5**0.5], rtol=1e-6)
