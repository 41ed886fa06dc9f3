"""Tickets as PyTorch modules and back."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from evotickets import results
from evotickets.interop import torch as interop
from evotickets.networks import feedforward, layout

NETWORKS = {
    "perceptron": (layout.mlp(6, (5, 4), 3), None),
    "control": (layout.mlp(4, (7,), 2, "tanh"), None),
    "convolutions": (layout.cnn((8, 8, 2), (3, 4), 5, kernel=3), (8, 8, 2)),
}


def ticket(path, network, seeds=(0, 3), trained=True, biases=False):
    """Write a ticket with random weights and masks; return its flat parameters and masks."""
    rng = np.random.default_rng(0)
    initial = rng.normal(size=(len(seeds), network.parameter_count)).astype(np.float32)
    mask = rng.random((len(seeds), network.parameter_count if biases else network.kernel_count)) < 0.4
    tensors = layout.unflatten(network, initial)
    mean = layout.unflatten(network, initial + 1) if trained else None
    statistics = {"scale": np.ones((len(seeds), 2), np.float32)}
    held = results.Ticket(seeds, tensors, layout.unflatten(network, mask), mean, statistics=statistics)
    results.write_ticket(path, held)
    return held


def forward(network, held, row, x, part="initial"):
    tensors = getattr(held, part)
    kept = {name: array[row] * held.mask.get(name, np.ones_like(array, bool))[row] for name, array in tensors.items()}
    return np.asarray(feedforward.apply(network, kept, jnp.asarray(x)))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("weights", ["initial", "trained"])
def test_a_module_computes_what_the_ticket_does(tmp_path, name, weights):
    network, shape = NETWORKS[name]
    held = ticket(tmp_path / "t.parquet", network)
    options = {"input_shape": shape, "activation": network.activation}
    module = interop.export(tmp_path / "t.parquet", seed=3, weights=weights, **options)
    x = np.random.default_rng(1).normal(size=(9, *network.input_shape)).astype(np.float32)
    wanted = forward(network, held, 1, x, {"initial": "initial", "trained": "mean"}[weights])
    np.testing.assert_allclose(module(torch.from_numpy(x)).detach().numpy(), wanted, rtol=1e-4, atol=1e-4)


def test_pruned_biases_are_pruned_in_the_module(tmp_path):
    network, _ = NETWORKS["perceptron"]
    held = ticket(tmp_path / "t.parquet", network, biases=True)
    module = interop.export(tmp_path / "t.parquet", seed=0, weights="initial")
    x = np.random.default_rng(1).normal(size=(9, 6)).astype(np.float32)
    np.testing.assert_allclose(module(torch.from_numpy(x)).detach().numpy(), forward(network, held, 0, x), rtol=1e-5)
    np.testing.assert_array_equal(module.dense1.bias_mask.numpy() != 0, held.mask["dense1/bias"][0])


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_ticket_comes_back_bit_by_bit(tmp_path, name, biases):
    network, shape = NETWORKS[name]
    held = ticket(tmp_path / "t.parquet", network, biases=biases)
    options = {"input_shape": shape, "activation": network.activation}
    modules = [interop.export(tmp_path / "t.parquet", seed=seed, **options) for seed in held.seeds]
    interop.import_back(modules, tmp_path / "t.parquet", tmp_path / "back.parquet", input_shape=shape)
    back = results.read_ticket(tmp_path / "back.parquet")
    assert back.seeds == held.seeds
    assert back.mean is None
    for part in ("initial", "mask", "statistics"):
        mine, other = getattr(held, part), getattr(back, part)
        assert set(mine) == set(other)
        for tensor, array in mine.items():
            np.testing.assert_array_equal(array, other[tensor])


def test_the_masks_are_the_buffers_of_torch_and_training_moves_survivors_only(tmp_path):
    network, _ = NETWORKS["perceptron"]
    held = ticket(tmp_path / "t.parquet", network)
    module = interop.export(tmp_path / "t.parquet")
    assert prune.is_pruned(module)
    np.testing.assert_array_equal(
        dict(module.named_buffers())["dense1.weight_mask"] != 0, held.mask["dense1/kernel"][0].T
    )
    before = module.dense1.weight_orig.detach().clone()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    module(torch.randn(200, 6, generator=torch.Generator().manual_seed(0))).square().mean().backward()
    optimizer.step()
    moved = (module.dense1.weight_orig.detach() != before).numpy()
    assert moved.any()
    assert not (moved & ~held.mask["dense1/kernel"][0].T).any()
    prune.remove(module.dense1, "weight")
    assert (module.dense1.weight.detach().numpy()[~held.mask["dense1/kernel"][0].T] == 0).all()


def test_a_state_dict_is_read_with_weights_only(tmp_path):
    network, _ = NETWORKS["perceptron"]
    ticket(tmp_path / "t.parquet", network)
    first, other = (interop.export(tmp_path / "t.parquet", seed=seed) for seed in (0, 3))
    torch.save(first.state_dict(), tmp_path / "state.pt")
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    x = torch.ones(2, 6)
    # The product of weights and mask is taken before a call.
    assert torch.equal(first(x), other(x))


def test_a_module_that_was_never_pruned_has_a_full_mask(tmp_path):
    network, _ = NETWORKS["perceptron"]
    ticket(tmp_path / "t.parquet", network, seeds=(0,))
    plain = nn.Module()
    plain.dense1, plain.dense2, plain.dense3 = nn.Linear(6, 5), nn.Linear(5, 4), nn.Linear(4, 3)
    interop.import_back([plain], tmp_path / "t.parquet", tmp_path / "back.parquet")
    assert all(mask.all() for mask in results.read_ticket(tmp_path / "back.parquet").mask.values())


def test_what_does_not_fit_is_refused_with_a_sentence(tmp_path):
    network, _ = NETWORKS["perceptron"]
    file = tmp_path / "t.parquet"
    ticket(file, network, trained=False)
    with pytest.raises(ValueError, match="has no seed 1; it has 0, 3"):
        interop.export(file, seed=1)
    with pytest.raises(ValueError, match="was not trained: export its initial weights"):
        interop.export(file, weights="trained")
    with pytest.raises(ValueError, match="unknown activation 'gelu'; known are relu, tanh"):
        interop.export(file, activation="gelu")
    with pytest.raises(results.ResultError, match="is missing"):
        interop.export(tmp_path / "absent.parquet")
    module = interop.export(file)
    with pytest.raises(ValueError, match="has 2 seeds, but there are 1 modules"):
        interop.import_back([module], file, tmp_path / "back.parquet")
    with pytest.raises(ValueError, match=r"the module has no dense1.weight: name its layers dense1, dense2, dense3"):
        interop.import_back([nn.Linear(6, 5), module], file, tmp_path / "back.parquet")
    wrong = nn.Module()
    wrong.dense1, wrong.dense2, wrong.dense3 = nn.Linear(6, 5), nn.Linear(5, 9), nn.Linear(4, 3)
    with pytest.raises(ValueError, match=r"dense2 has a kernel of shape \(5, 9\); the network's is \(5, 4\)"):
        interop.import_back([wrong, module], file, tmp_path / "back.parquet")
    convolutions, shape = NETWORKS["convolutions"]
    ticket(file, convolutions)
    with pytest.raises(ValueError, match="begins with a convolution: give input_shape"):
        interop.export(file)
    assert interop.describe(results.read_ticket(file).initial, shape) == convolutions
