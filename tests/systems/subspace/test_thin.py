"""Low-rank children of dense layers: they compute what their matrices would, and leave nothing behind."""

import pytest
import torch
from torch import nn

from evotickets.systems.subspace.mutation import Mutation
from evotickets.systems.subspace.weights import Weights


class Net(nn.Module):
    """Dense layers, one called twice and one by keyword, a convolution, and an embedding that also reads out."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.embed = nn.Embedding(7, 6)
        self.conv = nn.Conv1d(6, 6, 1)
        self.twice = nn.Linear(6, 6)
        self.named = nn.Linear(6, 6, bias=False)
        self.out = nn.Linear(6, 7)
        self.out.weight = self.embed.weight

    def forward(self, x):
        x = self.conv(self.embed(x).transpose(1, 2)).transpose(1, 2)
        return self.out(self.named(input=self.twice(self.twice(x).relu())))


X = torch.arange(10).reshape(2, 5) % 7


@pytest.mark.parametrize("mutation", [Mutation("low_rank_1", 1, 0.1), Mutation("low_rank_3", 1, 0.1, "relative")])
@torch.inference_mode()
def test_a_child_computes_what_its_matrices_would(mutation):
    model = Net()
    weights, plain = Weights(model, 3), model(X)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with weights.child(mutation, 4, 9):
        child = model(X)
        assert torch.equal(model.twice.weight, before["twice.weight"]), "the matrix is not formed"
        assert not torch.equal(model.embed.weight, before["embed.weight"]), "tied weights are"
    assert torch.equal(model(X), plain)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    with weights.recombined(mutation, [0, 0, 0, 0, 1.0], 9):
        torch.testing.assert_close(child, model(X), rtol=1e-4, atol=1e-5)
        assert not torch.allclose(child, plain, atol=1e-2)


def test_weights_that_are_used_without_their_layer_are_refused_with_a_sentence():
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x):
            return nn.functional.linear(self.first(x), self.second.weight)

    model = Functional()
    mutation = Mutation("low_rank_1", 1, 0.1)
    said = "the layer second was not called while a low-rank child was evaluated"
    with pytest.raises(ValueError, match=said), Weights(model, 0).child(mutation, 0):
        model(torch.zeros(1, 3))
    with pytest.raises(ZeroDivisionError), Weights(model, 0).child(mutation, 0):
        raise ZeroDivisionError
    assert not model.first._forward_hooks
