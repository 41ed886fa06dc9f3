"""Networks of hybrid training: their sizes, and what they compute."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evotickets.networks import architectures, feedforward, layout

MNIST, CIFAR = (28, 28, 1), (32, 32, 3)
CIFAR_300K = {"separable": [64, 64, 128, 128, 128, 256, 256, 256, 512]}


@pytest.mark.parametrize(
    ("shape", "settings", "count"),
    [
        (MNIST, {"channels": [16, 32]}, 28_938),
        (MNIST, {"channels": [32, 64], "hidden": [128]}, 454_922),
        (MNIST, {"channels": [32, 64], "hidden": [1024]}, 3_274_634),
        (CIFAR, CIFAR_300K, 360_421),
        (MNIST, {"hidden": [300, 100]}, 266_610),
    ],
    ids=["MNIST-30K", "MNIST-500K", "MNIST-3M", "CIFAR-300K", "LeNet-300-100"],
)
def test_the_papers_networks_have_the_papers_sizes(shape, settings, count):
    assert architectures.build(shape, 10, settings).parameter_count == count


def drawn(architecture, seed=0):
    return feedforward.initialise(architecture, np.random.default_rng(seed))


def test_a_feed_forward_network_is_that_of_the_tickets():
    network = layout.cnn((8, 8, 1), (3,), 10, hidden=(7,))
    architecture = architectures.build((8, 8, 1), 10, {"channels": [3], "hidden": [7]})
    assert architecture == network
    params = drawn(architecture)
    x = jax.random.normal(jax.random.key(0), (5, 8, 8, 1))
    outputs, statistics = architecture.forward(params, x)
    np.testing.assert_array_equal(outputs, feedforward.apply(network, params, x))
    assert statistics == {}
    assert [(p.name, p.shape, p.fan_in, p.prunable) for p in architecture.parameters[:2]] == [
        ("conv1/kernel", (5, 5, 1, 3), 25, True),
        ("conv1/bias", (3,), 0, False),
    ]


def test_prunable_entries_of_any_network_split_and_join():
    architecture = architectures.build((8, 8, 3), 10, {"separable": [4, 8]})
    flat = jnp.arange(architecture.kernel_count)
    kernels = architectures.split(architecture, flat)
    assert {name: kernel.shape for name, kernel in kernels.items()} == {
        "pointwise1/kernel": (3, 4),
        "pointwise2/kernel": (4, 8),
        "dense1/kernel": (8, 10),
    }
    np.testing.assert_array_equal(kernels["pointwise2/kernel"][0], np.arange(12, 20))
    np.testing.assert_array_equal(architectures.join(architecture, kernels), flat)


@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_convolutions_are_grouped_convolutions(stride):
    x = jax.random.normal(jax.random.key(0), (2, 8, 6, 5))
    kernel = jax.random.normal(jax.random.key(1), (3, 3, 5))
    reference = jax.lax.conv_general_dilated(
        x, kernel[:, :, None], (stride, stride), ((1, 1), (1, 1)), dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=5,
    )  # fmt: skip
    convolved = jax.jit(architectures._depthwise, static_argnums=2)(x, kernel, stride)
    np.testing.assert_allclose(convolved, reference, atol=1e-5)


def test_normalisation_takes_the_statistics_it_is_given():
    architecture = architectures.build((8, 8, 3), 10, {"separable": [4, 8]})
    params = drawn(architecture)
    x = jax.random.normal(jax.random.key(0), (16, 8, 8, 3))
    forward = jax.jit(architecture.forward)
    alone, seen = forward(params, x)
    again, _ = forward(params, x, seen)
    np.testing.assert_allclose(alone, again, atol=1e-6)
    # With fixed statistics samples do not depend on each other; with those of the batch they do.
    np.testing.assert_allclose(forward(params, x[:3], seen)[0], again[:3], atol=1e-5)
    assert np.abs(forward(params, x[:3])[0] - again[:3]).max() > 1e-3
    assert [p.name for p in architecture.prunable] == ["pointwise1/kernel", "pointwise2/kernel", "dense1/kernel"]


def test_the_recurrent_unit_by_hand():
    """One unit and one input a row; all weights 1, all biases 0, rows 1 and −1."""
    architecture = architectures.recurrent(1, 1, 1)
    params = {p.name: jnp.ones(p.shape) if p.fan_in else jnp.zeros(p.shape) for p in architecture.parameters}

    def sigmoid(value):
        return 1 / (1 + np.exp(-value))

    first = (1 - sigmoid(1)) * np.tanh(1)
    gate = sigmoid(-1 + first)
    second = gate * first + (1 - gate) * np.tanh(-1 + gate * first)
    outputs, _ = jax.jit(architecture.forward)(params, jnp.array([1.0, -1.0]).reshape(1, 2, 1, 1))
    np.testing.assert_allclose(outputs, [[second]], rtol=1e-6)


def test_sparse_layers_start_with_the_signal_of_dense_ones():
    architecture = architectures.build(MNIST, 10, {"hidden": [300]})
    dense, sparse = drawn(architecture), None
    sparse = feedforward.initialise(architecture, np.random.default_rng(0), {"dense1/kernel": 0.25})
    np.testing.assert_allclose(sparse["dense1/kernel"], 2 * dense["dense1/kernel"], rtol=1e-6)
    np.testing.assert_array_equal(sparse["dense2/kernel"], dense["dense2/kernel"])
    assert np.std(dense["dense1/kernel"]) == pytest.approx(784**-0.5, rel=0.01)


@pytest.mark.parametrize(
    ("shape", "settings"),
    [(MNIST, {"hidden": [300, 100]}), (MNIST, {"channels": [16, 32]}), (CIFAR, CIFAR_300K), ((8, 8, 1), {"recurrent": 64})],
    ids=["perceptron", "convolutions", "separable", "recurrent"],
)  # fmt: skip
def test_small_networks_are_as_large_as_their_density_allows(shape, settings):
    whole = architectures.build(shape, 10, settings)
    for density in (0.5, 0.1, 0.05):
        architecture, factor = architectures.small(shape, 10, settings, density)
        wanted = density * whole.kernel_count
        assert 0.7 * wanted < architecture.kernel_count <= wanted
        assert architecture.kernel_count == architectures.build(shape, 10, settings, factor).kernel_count
    assert architectures.small(shape, 10, settings, 1.0)[0].kernel_count == whole.kernel_count
