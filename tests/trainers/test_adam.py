import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evotickets import tasks
from evotickets.networks import feedforward, layout, masks
from evotickets.trainers import adam, objectives
from tests.trainers.test_evolution import problem

SETTINGS = {"steps": 600, "learning_rate": 0.05, "evaluations": 3}


def test_adam_arrives_at_the_optimum():
    optimum = jnp.array([1.0, -2.0, 0.5])
    run = adam.train(
        problem(jnp.array([1.0, 10.0, 0.5]), optimum, 2), jnp.zeros((2, 3)), **SETTINGS, key=jax.random.key(0)
    )
    np.testing.assert_allclose(run.mean, np.stack([optimum] * 2), atol=1e-3)
    assert run.std is None
    assert run.trajectory.steps == [200, 400, 600]


def test_the_loss_of_survivors_has_the_masked_gradient():
    data, network = tasks.load("digits"), layout.mlp(64, (8,), 10)
    rng = np.random.default_rng(0)
    mask = rng.random((1, network.kernel_count)) < 0.3
    objective = objectives.supervised(network, mask, data, batch=32)
    places = masks.survivors(network, mask)[0]
    weights = jnp.asarray(rng.normal(size=len(places)) / 8, jnp.float32)
    context, key = jax.tree.map(lambda leaf: leaf[0], objective.context), jax.random.key(0)
    gradient_ = jax.jit(jax.grad(objective.loss, argnums=2))(objective.shared, context, weights, key)
    with jax.enable_x64(True):
        wide = np.asarray(weights, np.float64)

        @jax.jit
        def loss(values):
            params = layout.unflatten(network, masks.scatter(values, places, network.parameter_count))
            index = jax.random.randint(key, (32,), 0, len(data.train.y), jnp.int32)
            outputs = feedforward.apply(network, params, jnp.asarray(data.train.x, jnp.float64)[index])
            return -jnp.mean(jax.nn.log_softmax(outputs)[jnp.arange(32), jnp.asarray(data.train.y)[index]])

        for place in rng.choice(len(places), 12, replace=False):
            step = np.zeros_like(wide)
            step[place] = 1e-5
            difference = (loss(jnp.asarray(wide + step)) - loss(jnp.asarray(wide - step))) / 2e-5
            assert float(np.asarray(gradient_)[place]) == pytest.approx(float(difference), abs=2e-5)


def test_a_task_without_a_gradient_is_refused():
    objective = problem(jnp.ones(2), jnp.ones(2))._replace(loss=None)
    with pytest.raises(ValueError, match="has no gradient: train it with an evolution strategy"):
        adam.train(objective, jnp.zeros((1, 2)), **SETTINGS, key=jax.random.key(0))
