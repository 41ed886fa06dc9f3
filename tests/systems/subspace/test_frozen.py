"""What does not mutate is computed once, and children are what they would be without that, bit for bit."""

import numpy as np
import pytest
import torch
from torch import nn

from evotickets.systems.subspace import evaluation
from evotickets.systems.subspace.evaluation import Samples
from evotickets.systems.subspace.frozen import Frozen
from evotickets.systems.subspace.mutation import Mutation
from evotickets.systems.subspace.weights import Weights


class Counted(nn.Linear):
    """A dense layer that counts how often it was computed."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x)


class Net(nn.Module):
    """Frozen layers before and after one that mutates; `between` is what happens to outputs of the first."""

    def __init__(self, between=lambda x: x):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.free, self.last = Counted(4, 5), Counted(5, 5), Counted(5, 3)
        self.between = between
        self.first.requires_grad_(False)
        self.last.requires_grad_(False)

    def forward(self, x):
        return self.last(self.free(self.between(self.first(x))).relu())


def samples(count=10):
    x = np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32)
    return Samples(x, np.zeros(count, np.int64), (), ())


BETWEEN = [lambda x: x, lambda x: x.relu_(), lambda x: x + 1, lambda x: x.view(-1, 5)]


@pytest.mark.parametrize("between", BETWEEN, ids=["nothing", "in place", "anew", "a view"])
def test_children_are_those_of_a_plain_evaluation(between):
    model, given = Net(between), samples()
    weights, frozen = Weights(model, 0), Frozen(model)
    for child in range(4):
        with weights.child(Mutation("dense", 1, 0.3), child):
            expected = evaluation.logits(model, given, 4)
            np.testing.assert_array_equal(evaluation.logits(model, given, 4, frozen), expected)
    assert "forward" not in model.first.__dict__


def test_what_lies_before_the_first_mutation_is_computed_once_a_batch_and_the_rest_every_time():
    model, given, others = Net(), samples(), samples(6)
    frozen = Frozen(model)
    for _ in range(5):
        for part in (given, others):
            evaluation.logits(model, part, 4, frozen)
            with torch.no_grad():
                model.free.weight += 0.1
    # 3 and 2 batches; what lies behind is asked for every time.
    assert (model.first.calls, model.free.calls, model.last.calls) == (5, 25, 25)


def test_an_output_that_was_written_to_is_computed_anew():
    model = Net(lambda x: x.relu_())
    frozen = Frozen(model)
    for _ in range(3):
        evaluation.logits(model, samples(), 10, frozen)
    assert model.first.calls == 3


def test_nothing_is_remembered_beyond_the_limit():
    model, given = Net(), samples()
    frozen = Frozen(model, limit=10 * 5 * 4 - 1)
    for _ in range(3):
        evaluation.logits(model, given, 10, frozen)
    assert model.first.calls == 3
    frozen = Frozen(model, limit=10 * 5 * 4)
    for _ in range(3):
        evaluation.logits(model, given, 10, frozen)
    assert model.first.calls == 4


def test_a_module_that_changes_what_it_is_given_is_computed_every_time():
    class Changes(Counted):
        def forward(self, x):
            return super().forward(x.mul_(2))

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.first, self.free = Changes(4, 4), nn.Linear(4, 3)
            self.first.requires_grad_(False)

        def forward(self, x):
            x = x + 0
            return self.free(self.first(x) + x)

    model, given = Model(), samples()
    frozen, expected = Frozen(model), evaluation.logits(model, given, 5)
    for _ in range(3):
        np.testing.assert_array_equal(evaluation.logits(model, given, 5, frozen), expected)


def test_a_module_of_two_names_and_one_that_is_called_twice_are_remembered_call_by_call():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3))
    model[0].requires_grad_(False)
    twice = nn.Sequential(model[0], nn.ReLU(), model[0], model[1])
    frozen, given = Frozen(twice), samples()
    for _ in range(3):
        np.testing.assert_array_equal(evaluation.logits(twice, given, 10, frozen), evaluation.logits(twice, given, 10))
    assert "forward" not in model[0].__dict__


def test_a_model_without_frozen_modules_is_evaluated_plainly():
    assert not Frozen(nn.Sequential(nn.Linear(4, 3)))
