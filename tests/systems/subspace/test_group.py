"""Low-rank children evaluated together: they are what they are one by one, and where they cannot be, they are one by one."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from evotickets.systems.subspace import cells, evaluation, problems, trial
from evotickets.systems.subspace.children import Children
from evotickets.systems.subspace.evaluation import Samples
from evotickets.systems.subspace.frozen import Frozen
from evotickets.systems.subspace.mutation import Mutation, pieces
from evotickets.systems.subspace.problems import Problem
from evotickets.systems.subspace.setting import Setting
from evotickets.systems.subspace.weights import Weights

HERE = "tests.systems.subspace.test_group"


def perceptron():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4, bias=False), nn.Tanh(), nn.Linear(4, 3)
    )


class Transformer(nn.Module):
    """Normalised layers with shortcuts, one called twice and one by keyword, and attention over three tokens."""

    def __init__(self):
        super().__init__()
        self.read, self.norm, self.twice = nn.Linear(2, 4), nn.LayerNorm(4), nn.Linear(4, 4)
        self.parts, self.batch_norm, self.out = nn.Linear(4, 12), nn.BatchNorm1d(4), nn.Linear(4, 3)

    def forward(self, x):
        x = self.read(x.view(len(x), 3, 2))
        x = x + self.twice(self.twice(self.norm(x)).relu())
        query, key, value = self.parts(input=x)[:, None].chunk(3, -1)
        x = x + nn.functional.scaled_dot_product_attention(query, key, value)[:, 0]
        return self.out(self.batch_norm(x.mean(1)))


class Counted(nn.Linear):
    """A dense layer that counts how often it was computed."""

    calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x)


class Frame(nn.Module):
    """Inputs by name, and logits by name; the first layer and the one behind are frozen."""

    def __init__(self):
        super().__init__()
        self.first, self.free, self.last = Counted(6, 5), nn.Linear(5, 5), Counted(5, 3)
        self.first.requires_grad_(False)
        self.last.requires_grad_(False)

    def forward(self, inputs, mask):
        return {"logits": self.last(self.free(self.first(inputs * mask)).relu())}


def batch_normed():
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3))


def setting(make=perceptron, mode="low_rank_1", **more):
    torch.manual_seed(0)
    model = make().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.running_mean)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(10, 6)).astype(np.float32)
    images = {"inputs": x, "mask": (x > -1).astype(np.float32)} if make is Frame else x
    samples = Samples(images, rng.integers(0, 3, 10), (), ())
    own = Setting(Weights(model, 3), Problem(samples, samples, samples), Children(None), 0, 4, "keep")._replace(**more)
    return own._replace(frozen=Frozen(model))


@pytest.mark.parametrize("mode", ["low_rank_1", "low_rank_3"])
@pytest.mark.parametrize("make", [perceptron, Transformer, Frame, batch_normed])
def test_children_together_are_what_they_are_one_by_one(make, mode):
    own, mutation = setting(make), Mutation(mode, 1, 0.3)
    before = {name: tensor.clone() for name, tensor in own.weights.model.state_dict().items()}
    expected = own.of_children(own.problem.fitness, mutation, range(2, 7), 9)
    for _ in range(2):
        found = own._replace(at_once=5).of_children(own.problem.fitness, mutation, range(2, 7), 9)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert np.ptp(expected, axis=0).min() > 1e-3, "no two are alike"
    assert all(torch.equal(tensor, before[name]) for name, tensor in own.weights.model.state_dict().items())
    assert not any(module._forward_hooks for module in own.weights.model.modules())
    assert trial.together(own, mode, 5).at_once == 5


def test_one_layer_by_hand():
    """x Wᵀ + (x B) Aᵀ + b and what is added to b, for W = 0, of two children."""
    own = setting(lambda: nn.Linear(6, 3))
    nn.init.zeros_(own.weights.model.weight)
    nn.init.zeros_(own.weights.model.bias)
    own = own._replace(weights=Weights(own.weights.model, 3), at_once=2)
    x, shapes = own.problem.fitness.images, [(3, 6), (3,)]
    found = own.of_children(own.problem.fitness, Mutation("low_rank_2", 1, 0.5), range(2))
    for child, logits in enumerate(found):
        drawn = pieces([18, 3], Mutation("low_rank_2", 1, 0.5), child, seed=3, names=(), shapes=shapes)
        matrix, bias = (0.5 * piece.normals for piece in drawn)
        np.testing.assert_allclose(logits, x @ matrix.reshape(3, 6).T + bias, rtol=1e-4, atol=1e-5)


def test_what_comes_before_the_first_mutation_is_computed_once_and_the_rest_once_for_all_children():
    own = setting(Frame)._replace(at_once=5)
    model, mutation = own.weights.model, Mutation("low_rank_1", 1, 0.3)
    for generation in range(3):
        own.of_children(own.problem.fitness, mutation, range(5), generation)
    # Three batches, of 4, 4 and 2; what lies behind is asked in every generation.
    assert (model.first.calls, model.last.calls) == (3, 9)
    assert own.frozen.names == ["first"]
    with own.weights.child(mutation, 0):
        expected = evaluation.logits(model, own.problem.fitness, 4)
        np.testing.assert_array_equal(evaluation.logits(model, own.problem.fitness, 4, own.frozen), expected)


class Choosing(nn.Module):
    """A model whose way depends on its inputs, which torch cannot follow for several children at once."""

    def __init__(self):
        super().__init__()
        self.read, self.out = nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x):
        x = self.read(x)
        return self.out(x if x.sum() > 0 else -x)


class Remembering(nn.Module):
    """A model that tells a second call from the first: what it says does not follow from its weights."""

    def __init__(self):
        super().__init__()
        self.out, self.calls = nn.Linear(6, 3), 0

    def forward(self, x):
        self.calls += 1
        return self.out(x) * self.calls


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(6, 6), nn.Linear(6, 6)
        self.other.weight = self.one.weight

    def forward(self, x):
        return self.other(self.one(x))[:, :3]


class TiedBias(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(6, 3), nn.Linear(3, 3)
        self.other.bias = self.one.bias

    def forward(self, x):
        return self.other(self.one(x).tanh())


def convolution():
    return nn.Sequential(nn.Unflatten(1, (1, 6)), nn.Conv1d(1, 1, 4), nn.Flatten())


def half():
    return perceptron().to(torch.bfloat16)


@pytest.mark.parametrize("make", [Choosing, Remembering, Tied, TiedBias, convolution, half])
def test_models_that_cannot_are_evaluated_one_by_one(make):
    own = setting(make)
    assert trial.together(own, "low_rank_1", 5).at_once == 1
    assert own.of_children(own.problem.fitness, Mutation("low_rank_1", 1, 0.3), range(2))[0].shape == (10, 3)


def test_other_mutations_and_estimated_batch_norms_are_evaluated_one_by_one():
    for mode in ("dense", "bernoulli", "gradient_0.1"):
        assert trial.together(setting(), mode, 5).at_once == 1
    assert trial.together(setting(batch_norm="estimate"), "low_rank_1", 5).at_once == 1
    assert trial.together(setting(), "low_rank_1", 1).at_once == 1


def test_a_layer_that_is_not_called_is_refused_with_the_same_sentence():
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(6, 3), nn.Linear(3, 3)

        def forward(self, x):
            return nn.functional.linear(self.first(x), self.second.weight)

    own = setting(Functional)
    said = "the layer second was not called while a low-rank child was evaluated"
    for at_once in (1, 2):
        with pytest.raises(ValueError, match=said):
            own._replace(at_once=at_once).of_children(own.problem.fitness, Mutation("low_rank_1", 1, 0.3), range(2))
    with pytest.raises(ValueError, match=said):
        trial.together(own, "low_rank_1", 2)


def test_groups_are_the_same_whatever_is_known_already(tmp_path):
    """The sums of a group are those of its size, so that an interrupted run gives the same bits."""
    own = setting()._replace(at_once=4)
    whole = own.losses(Mutation("low_rank_1", 1, 0.3), 10)
    asked = []
    for kept in ((), (0, 1, 2), (5,), (9, 4), range(10)):
        kept_in = tmp_path / f"{len(kept)}"
        stored = own._replace(children=Children(kept_in, "f"))
        stored.losses(Mutation("low_rank_1", 1, 0.3), 10)
        for file in kept_in.rglob("*.safetensors"):
            if int(file.stem[-5:]) not in kept:
                file.unlink()
        again = stored._replace(report=lambda: asked.append(1))
        np.testing.assert_array_equal(again.losses(Mutation("low_rank_1", 1, 0.3), 10), whole)
    assert len(asked) == 10 + 7 + 9 + 8
    np.testing.assert_allclose(whole, setting().losses(Mutation("low_rank_1", 1, 0.3), 10), rtol=1e-5)


@pytest.mark.parametrize(
    ("worker", "order"), [(0, [0, 1, 2, 3, 9, 8, 7, 6, 5, 4]), (1, [4, 5, 6, 7, 8, 9, 3, 2, 1, 0])]
)
def test_processes_share_whole_groups(tmp_path, worker, order):
    asked = []
    children = Children(tmp_path, "f", worker, 2)
    children.evaluated(10, lambda child: asked.append(child) or np.zeros(1), at_once=4)
    assert asked == order


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


def test_a_study_says_the_same_but_for_rounding():
    parent = {"model": f"{HERE}.linear", "arguments": {}, "images": "digits", "options": {}}
    settings = {
        "mode": "low_rank_1", "density": 1.0, "rule": "norm", "sigma": 0.05, "goal": "cross_entropy", "shaping": "z_score",
        "update": "step", "generations": 3, "evaluations": 3, "children": 10, "step": 1.0, "decay": 0.0,
    }  # fmt: skip
    found, told = [], []
    for together in (1, 4):
        rows = cells.run(
            "tuning", parent, problems.make(parent, 0, 1), settings, batch_norm="keep", children=Children(None), seed=0,
            images={"fitness": 60, "validation": 40, "test": 40, "batch": 60}, count=1, threads=1, together=together,
            report=told.append,
        )  # fmt: skip
        found.append(pd.DataFrame(rows))
    assert told == [*range(1, 31)] * 2
    pd.testing.assert_frame_equal(*found, rtol=1e-4, atol=1e-6)
    assert not found[0]["value"].equals(found[1]["value"]), "sums are made in another order"
