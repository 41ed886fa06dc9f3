import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evotickets.networks import feedforward, layout

PAPER = layout.cnn((28, 28, 1), (8, 16), 10)
SMALL = [layout.mlp(5, (4, 3), 2), layout.mlp(3, (), 2, "tanh"), layout.cnn((8, 8, 2), (3, 4), 5, kernel=3)]


def test_counts_of_the_papers_networks():
    assert PAPER.kernel_count == 11_240
    assert PAPER.parameter_count == 11_240 + 8 + 16 + 10
    assert layout.mlp(784, (128,), 10).parameter_count == 101_770
    assert layout.mlp(4, (64, 64), 2, "tanh").kernel_count == 4 * 64 + 64 * 64 + 64 * 2


def test_mlp_by_hand():
    network = layout.mlp(2, (2,), 1)
    params = {
        "dense1/kernel": jnp.array([[1.0, -1.0], [2.0, 1.0]]),
        "dense1/bias": jnp.array([0.5, 0.0]),
        "dense2/kernel": jnp.array([[3.0], [10.0]]),
        "dense2/bias": jnp.array([-1.0]),
    }
    # Hidden: relu(1·1 + 2·2 + .5) = 5.5 and relu(−1 + 2) = 1; output 16.5 + 10 − 1.
    np.testing.assert_allclose(feedforward.apply(network, params, jnp.array([[1.0, 2.0]])), [[25.5]])


def test_convolution_by_hand():
    network = layout.cnn((2, 2, 1), (1,), 1, kernel=3)
    kernel = jnp.zeros((3, 3, 1, 1)).at[1, 1].set(2.0).at[1, 2].set(1.0)
    params = {
        "conv1/kernel": kernel,
        "conv1/bias": jnp.array([-1.0]),
        "dense1/kernel": jnp.array([[4.0]]),
        "dense1/bias": jnp.array([0.0]),
    }
    # Each pixel doubled plus its right neighbour (zero outside), minus 1: [[3, 3], [9, 7]] from [[1, 2], [3, 4]].
    image = jnp.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    np.testing.assert_allclose(feedforward.apply(network, params, image), [[4 * 9.0]])


@pytest.mark.parametrize("room", [2**23, 1000], ids=["at once", "in pieces"])
@pytest.mark.parametrize("kernel", [5, 4, 1])
def test_convolutions_and_their_gradients_are_those_of_xla(kernel, room, monkeypatch):
    monkeypatch.setattr(feedforward, "PATCHES", room)
    network = layout.cnn((7, 6, 3), (4, 5), 2, kernel=kernel)
    params = feedforward.initialise(network, np.random.default_rng(0))
    images = jnp.asarray(np.random.default_rng(1).normal(size=(9, 7, 6, 3)), jnp.float32)

    def by_xla(params, x):
        for name in ("conv1", "conv2"):
            shape = {"dimension_numbers": ("NHWC", "HWIO", "NHWC")}
            kernel, bias = params[f"{name}/kernel"], params[f"{name}/bias"][None, None, None]
            x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", **shape) + bias
            x = jax.lax.reduce_window(jax.nn.relu(x), -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        return x.reshape(len(x), -1) @ params["dense1/kernel"] + params["dense1/bias"][None]

    def ours(params, x):
        return feedforward.apply(network, params, x)

    def with_gradient(function):
        def loss(params, x):
            outputs = function(params, x)
            return jnp.sum(outputs**2), outputs

        return jax.jit(jax.grad(loss, (0, 1), has_aux=True))(params, images)

    (found, outputs), (wanted, expected) = with_gradient(ours), with_gradient(by_xla)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), found, wanted)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    np.testing.assert_allclose(jax.jit(lambda *given: ours(*given))(params, images), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("network", [*SMALL, PAPER])
def test_flattening_round_trip(network):
    params = feedforward.initialise(network, np.random.default_rng(0))
    flat = layout.flatten(network, params)
    assert flat.shape == (network.parameter_count,)
    jax.tree.map(np.testing.assert_array_equal, params, layout.unflatten(network, flat))


def test_flat_order_keeps_the_fan_in_of_a_unit_together():
    network = layout.mlp(3, (2,), 1)
    kernel = jnp.arange(6.0).reshape(3, 2)
    params = layout.unflatten(network, jnp.zeros(network.parameter_count))
    params["dense1/kernel"] = kernel
    np.testing.assert_array_equal(layout.flatten(network, params)[:6], [0, 2, 4, 1, 3, 5])


def test_initial_kernels_are_lecun_normal_and_biases_zero():
    params = feedforward.initialise(layout.mlp(400, (500,), 10), np.random.default_rng(0))
    kernel = np.asarray(params["dense1/kernel"])
    assert kernel.std() == pytest.approx(1 / np.sqrt(400), rel=0.01)
    assert not params["dense1/bias"].any()


def test_hidden_biases_start_uniform_where_that_is_asked():
    """As in Lange & Sprekeler (2023); kernels of a network without hidden layers, and defaults, stay what they were."""
    network = layout.build((6,), 3, {"hidden": [400, 300], "biases": 0.05})
    drawn = feedforward.initialise(network, np.random.default_rng(0))
    for name in ("dense1/bias", "dense2/bias"):
        values = np.asarray(drawn[name])
        assert np.abs(values).max() <= 0.05
        # The std of a uniform variable in ±.05 is .05 / √3, that of its estimate from 300 about .0006.
        assert values.std() == pytest.approx(0.05 / np.sqrt(3), abs=0.003)
    assert not np.asarray(drawn["dense3/bias"]).any()
    plain = feedforward.initialise(layout.build((6,), 3, {"hidden": [400, 300]}), np.random.default_rng(0))
    assert not np.asarray(plain["dense1/bias"]).any()
    np.testing.assert_array_equal(plain["dense1/kernel"], drawn["dense1/kernel"])
