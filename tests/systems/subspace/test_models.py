"""Any model: what of it mutates, in which precision, and what it may give."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from evotickets.systems.subspace import evaluation, parents, problems, rounding, training
from evotickets.systems.subspace.evaluation import Samples
from evotickets.systems.subspace.mutation import Mutation
from evotickets.systems.subspace.weights import Weights

DENSE = Mutation("dense", 1.0, 0.1)


class Tied(nn.Module):
    """Two names of one tensor, a number that counts, a layer that is not used, and a causal mask."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4, bias=False)
        self.second = nn.Linear(4, 4)
        self.second.weight = self.first.weight
        self.unused = nn.Linear(2, 2)
        self.steps = nn.Parameter(torch.arange(3), requires_grad=False)
        self.register_buffer("mask", torch.full((4, 4), float("-inf")).triu(1))

    def forward(self, x):
        return self.second(self.first(x.flatten(1)))


def moved(model, mutation=DENSE):
    """The names of parameters that a child has others of."""
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with Weights(model, 0).child(mutation, 0):
        return {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}


def test_tied_parameters_mutate_once_and_what_counts_or_masks_does_not():
    assert moved(Tied()) == {"first.weight", "second.weight", "second.bias", "unused.weight", "unused.bias"}
    assert Weights(Tied(), 0).sizes == [16, 4, 4, 2]


@pytest.mark.parametrize(
    ("include", "exclude", "names"),
    [
        (["second.*"], [], {"first.weight", "second.weight", "second.bias"}),
        ([], ["*.bias"], {"first.weight", "second.weight", "unused.weight"}),
        (["second.*", "unused.*"], ["*.weight"], {"second.bias", "unused.bias"}),
    ],
)
def test_patterns_say_what_mutates(include, exclude, names):
    model = Tied()
    parents.freeze(model, include, exclude)
    assert moved(model) == names


def test_what_a_model_has_frozen_does_not_mutate():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2))
    model[0].requires_grad_(False)
    parents.freeze(model, ["*"], [])
    assert moved(model) == {"1.weight", "1.bias"}


@pytest.mark.parametrize(
    ("include", "exclude", "sentence"),
    [
        (["haed.*"], [], r"no parameter is named haed.*; there are steps, .* and 3 more: mend include"),
        (["steps"], [], "has no parameter that may mutate: set requires_grad, or mend include and exclude"),
        ([], ["*"], "has no parameter that may mutate"),
    ],
)  # fmt: skip
def test_patterns_that_leave_nothing_are_refused_with_a_sentence(include, exclude, sentence):
    with pytest.raises(ValueError, match=sentence):
        parents.freeze(Tied(), include, exclude)
    model = nn.Linear(2, 2)
    model.weight = nn.Parameter(model.weight.to(torch.complex64))
    with pytest.raises(ValueError, match="the parameter weight is of complex64 numbers, which do not mutate"):
        Weights(model, 0)


def test_the_patterns_of_a_parent_hold_for_its_model():
    name = "evotickets.systems.subspace.perceptron.Perceptron"
    parent = {"model": name, "arguments": {"inputs": 64, "hidden": [8]}, "include": ["layers.4.*"]}
    model = problems.restore(parent, [parents.build(name, parent["arguments"]).state_dict()], 0, 1)
    assert moved(model) == {"layers.4.weight", "layers.4.bias"}


def samples(count=12, side=2):
    rng = np.random.default_rng(0)
    return Samples(rng.integers(0, 255, (count, side, side, 1), np.uint8), np.arange(count) % 4, (0.5,), (0.5,))


def test_the_gradient_has_an_entry_for_every_entry_that_mutates():
    model = Tied()
    full = training.gradient(model, samples(), 5)
    assert full.shape == (26,)
    assert not full[20:].any(), "what is not used has none"
    parents.freeze(model, ["second.bias"], [])
    np.testing.assert_array_equal(training.gradient(model, samples(), 5), full[16:20])


@dataclass
class Output:
    logits: torch.Tensor
    hidden: torch.Tensor | None = None


@pytest.mark.parametrize("wrap", [Output, lambda logits: {"loss": None, "logits": logits}], ids=["dataclass", "dict"])
def test_logits_may_be_held_by_what_a_model_gives(wrap):
    class Wrapped(Tied):
        def forward(self, x):
            return wrap(super().forward(x))

    torch.manual_seed(0)
    plain = Tied()
    model = Wrapped()
    model.load_state_dict(plain.state_dict())
    np.testing.assert_array_equal(evaluation.logits(model, samples(), 5), evaluation.logits(plain, samples(), 5))
    np.testing.assert_array_equal(training.gradient(model, samples(), 5), training.gradient(plain, samples(), 5))


def test_a_dictionary_without_logits_is_refused_with_what_it_holds():
    class Other(Tied):
        def forward(self, x):
            return {"out": super().forward(x), "aux": None}

    with pytest.raises(ValueError, match=r"the model gives dict of out, aux for 12 images; it must give logits"):
        evaluation.logits(Other(), samples(), 12)


def half(dtype, std=0.05):
    model = nn.Linear(200, 100, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.randn(100, 200, generator=torch.Generator().manual_seed(0)) * std)
    return model.to(dtype)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("mode", "density"), [("dense", 1.0), ("bernoulli", 0.25)])
def test_small_mutations_of_a_model_in_half_precision_are_not_lost(dtype, mode, density):
    model, whole = half(dtype), half(dtype).float()
    mutation, before = Mutation(mode, density, 1e-4), model.weight.detach().float()
    total, wanted, members = torch.zeros_like(before), torch.zeros_like(before), 40
    for child in range(members):
        with Weights(model, 7).child(mutation, child), Weights(whole, 7).child(mutation, child):
            change, exact = model.weight.detach().float() - before, whole.weight.detach() - before
        assert torch.equal(model.weight.float(), before)
        # How much of a mutation arrives along itself.
        assert float((change * exact).sum() / exact.square().sum()) == pytest.approx(1, abs=0.1)
        total, wanted = total + change, wanted + exact
    nearest = (before + exact).to(dtype).float() - before
    if dtype == torch.bfloat16:
        assert (nearest[exact != 0] == 0).float().mean() > 0.5, "most of them would be lost"
    assert float((total * wanted).sum() / wanted.square().sum()) == pytest.approx(1, abs=0.03)


def test_a_parent_in_half_precision_moves_by_what_is_smaller_than_its_numbers_lie_apart():
    model, whole = half(torch.bfloat16), half(torch.bfloat16).float()
    weights, exact = Weights(model, 3), Weights(whole, 3)
    for generation in range(30):
        for one in (weights, exact):
            one.move(Mutation("dense", 1.0, 1e-4), [0.5, 0.5], generation)
    assert weights.distance == pytest.approx(exact.distance, rel=1e-5)
    assert torch.equal(model.weight, whole.weight.to(torch.bfloat16))
    asked = Mutation("dense", 1.0, 1e-4), [1.0, -2.0], 99
    with weights.recombined(*asked), exact.recombined(*asked):
        assert torch.equal(model.weight, whole.weight.to(torch.bfloat16))
    assert torch.equal(model.weight, whole.weight.detach().to(torch.bfloat16))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_rounding_takes_the_neighbours_of_a_number_and_is_right_on_average(dtype):
    around = torch.tensor([0.05, -0.05, 1.0, -1.0, 2.0, 1e-3, 0.0, 3e-6, -3e-6, 255.9])
    values = (around.to(dtype).float() * (1 + 1e-3))[:, None].expand(-1, 4000).contiguous()
    values[6] = 1e-8
    chances = torch.rand(values.shape, generator=torch.Generator().manual_seed(0))
    found = rounding.stochastically(values, dtype, chances)
    assert found.dtype == dtype
    for row, value in zip(found, values[:, 0], strict=True):
        assert len(row.unique()) <= 2
        low, high = row.float().min(), row.float().max()
        assert low <= value <= high or low == high
        if dtype == torch.bfloat16 or abs(value) > 1e-4:
            assert row.float().mean().item() == pytest.approx(value.item(), rel=2e-4, abs=1e-9)
    exact = around.to(dtype).float()
    assert torch.equal(rounding.stochastically(exact, dtype, torch.zeros(10)).float(), exact)


def test_a_model_in_half_precision_or_with_channels_last_is_evaluated_as_it_is():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 2), nn.Flatten(), nn.Linear(3, 4))
    plain = evaluation.logits(model, samples(), 12)
    model = model.to(memory_format=torch.channels_last)
    mutated = Weights(model, 0)
    np.testing.assert_allclose(evaluation.logits(model, samples(), 12), plain, atol=1e-6)
    with mutated.child(DENSE, 0):
        assert not np.allclose(evaluation.logits(model, samples(), 12), plain)
    rounded = evaluation.logits(model.to(torch.bfloat16), samples(), 12)
    assert rounded.dtype == np.float32
    np.testing.assert_allclose(rounded, plain, atol=0.05)
