"""The flat order of parameters, which everything else takes from one place; and what every start of the workflow pays."""

import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from evotickets.networks import layout

NETWORK = layout.mlp(4, (3,), 2)
IMAGES = layout.cnn((8, 8, 2), (3, 4), 5, kernel=3)


def test_slices_follow_one_another():
    assert layout.consecutive([2, 0, 3]) == [slice(0, 2), slice(2, 2), slice(2, 5)]
    assert layout.slices(NETWORK) == [
        (slice(0, 12), slice(12, 15), slice(0, 12)),
        (slice(15, 21), slice(21, 23), slice(12, 18)),
    ]


@pytest.mark.parametrize("network", [NETWORK, IMAGES], ids=["perceptron", "convolutions"])
@pytest.mark.parametrize("lead", [(), (3,), (2, 3)], ids=["one", "seeds", "seeds and members"])
@pytest.mark.parametrize("masks", [True, False], ids=["masks", "parameters"])
def test_every_cut_is_the_same_order(network, lead, masks):
    """By hand: entry (…, i) of kernel column o is entry i of the fan-in of unit o."""
    size = network.kernel_count if masks else network.parameter_count
    flat = np.random.default_rng(0).normal(size=(*lead, size))
    tensors, start = layout.unflatten(network, flat), 0
    cuts = layout.kernels(network, flat) if masks else [kernel for kernel, _ in layout.layers(network, flat)]
    for layer, cut in zip(network.layers, cuts, strict=True):
        for unit in range(layer.outputs):
            fan = flat[..., start : start + layer.fan_in]
            np.testing.assert_array_equal(cut[..., unit, :], fan)
            np.testing.assert_array_equal(tensors[f"{layer.name}/kernel"][..., unit].reshape(*lead, -1), fan)
            start += layer.fan_in
        if not masks:
            np.testing.assert_array_equal(tensors[f"{layer.name}/bias"], flat[..., start : start + layer.outputs])
            start += layer.outputs
    assert start == size
    np.testing.assert_array_equal(layout.flatten(network, tensors), flat)
    again = layout.flatten(network, {name: jnp.asarray(tensor) for name, tensor in tensors.items()})
    np.testing.assert_array_equal(again, flat.astype(np.float32))


def test_layers_of_numpy_arrays_are_views_that_join():
    flat = np.arange(23.0)
    layers = layout.layers(NETWORK, flat)
    np.testing.assert_array_equal(layout.join(layers), flat)
    layers[1][1][:] = 7
    assert flat[21:].tolist() == [7, 7]


@pytest.mark.parametrize(
    ("shape", "settings", "wanted"),
    [
        ((4,), {"hidden": [3], "activation": "tanh"}, layout.mlp(4, (3,), 2, "tanh")),
        ((8, 8, 1), {"hidden": [5, 3]}, layout.mlp(64, (5, 3), 2)),
        ((8, 8, 1), {"channels": [3]}, layout.cnn((8, 8, 1), (3,), 2)),
        ((8, 8, 1), {"channels": [3], "hidden": [7]}, layout.cnn((8, 8, 1), (3,), 2, hidden=(7,))),
    ],
)
def test_a_network_is_built_from_settings(shape, settings, wanted):
    assert layout.build(shape, 2, settings) == wanted
    assert layout.build(shape, 2, {"activation": "relu"} | settings, activation="tanh") == wanted


def test_counting_weights_imports_no_jax():
    """Every start of the workflow counts weights, and JAX takes a second to import."""
    code = (
        "import sys; from evotickets.networks import layout, masks; "
        "network = layout.build((28, 28, 1), 10, {'channels': [8, 16]}); "
        "assert masks.kept_count(0.5, network.kernel_count) == 5620; "
        "assert masks.survivors(network, masks.everything(network, 2)).shape == (2, network.parameter_count); "
        "assert 'jax' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
