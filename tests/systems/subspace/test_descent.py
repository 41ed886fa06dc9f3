"""The control of gradients: in half precision it follows them as in single, and small steps are not lost."""

import numpy as np
import pytest
import torch
from torch import nn

from evotickets.systems.subspace import cells, problems, training
from evotickets.systems.subspace.children import Children
from evotickets.systems.subspace.descent import Descent
from evotickets.systems.subspace.evaluation import Samples
from evotickets.systems.subspace.problems import Problem
from evotickets.systems.subspace.setting import Setting
from evotickets.systems.subspace.weights import Weights

HALF = [torch.bfloat16, torch.float16]
PARENT = {"arguments": {}, "images": "digits", "options": {}}


def classifier(dtype=torch.float32) -> nn.Module:
    """Two layers whose weights are numbers of bfloat16, and of float16 too."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 20), nn.Tanh(), nn.Linear(20, 3))
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.05)
    return model.to(torch.bfloat16).float().to(torch.float16).to(dtype)


def setting(model, batch=4):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(10, 6)).astype(np.float32)
    samples = Samples(x, (x[:, 0] > 0).astype(np.int64), (), ())
    return Setting(Weights(model, 0), Problem(samples, samples, samples), Children(None), 0, batch, "keep")


@pytest.mark.parametrize("dtype", HALF)
def test_the_first_step_has_its_whole_length_however_small(dtype):
    """Adam moves each of 203 numbers by the rate at first, and the large ones lie 30 times as far apart."""
    model = classifier(dtype)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    descent = Descent(setting(model), {"mode": "gradient_1e-06"})
    descent.follow(3)
    assert descent.distance == pytest.approx(1e-6 * np.sqrt(203), rel=0.01)
    # Added to the numbers themselves, the step would be lost.
    rounded = [old.float().add(1e-6).to(dtype) for old in before]
    large = [old.abs() > 0.03 for old in before]
    assert all(torch.equal(one[at], old[at]) for one, old, at in zip(rounded, before, large, strict=True))


@pytest.mark.parametrize("dtype", HALF)
def test_small_steps_add_up_as_in_single_precision(dtype):
    halved, whole = classifier(dtype), classifier()
    moved = {}
    for model in (halved, whole):
        before = [parameter.detach().float().clone() for parameter in model.parameters()]
        descent = Descent(setting(model), {"mode": "gradient_0.0001"})
        descent.follow(3 * 40)
        moved[model] = torch.cat(
            [(now.detach().float() - old).ravel() for now, old in zip(model.parameters(), before, strict=True)]
        )
        # Rounding moves every number by less than half of what lies between it and the next.
        assert descent.distance == pytest.approx(float(moved[model].norm()), rel=0.02)
    cosine = torch.cosine_similarity(moved[halved], moved[whole], dim=0)
    assert float(cosine) > 0.98
    assert float(moved[halved].norm()) == pytest.approx(float(moved[whole].norm()), rel=0.02)


def test_a_model_in_single_precision_follows_adam_bit_for_bit():
    model, expected = classifier(), classifier()
    own = setting(model, batch=10)
    Descent(own, {"mode": "gradient_0.01"}).follow(3 * 5)
    optimizer = torch.optim.Adam(expected.parameters(), lr=0.01)
    x, y = (torch.from_numpy(one) for one in (own.problem.fitness.images, own.problem.fitness.labels))
    for _ in range(5):
        optimizer.zero_grad()
        (nn.functional.cross_entropy(expected(x), y, reduction="sum") / 10).backward()
        optimizer.step()
    assert all(torch.equal(*pair) for pair in zip(model.parameters(), expected.parameters(), strict=True))


def test_a_parameter_that_a_model_does_not_use_stays():
    class Spare(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.spare = nn.Linear(6, 3), nn.Linear(2, 2)

        def forward(self, x):
            return self.used(x)

    model = Spare().to(torch.bfloat16)
    spare = model.spare.weight.detach().clone()
    Descent(setting(model), {"mode": "gradient_0.1"}).follow(3)
    assert torch.equal(model.spare.weight, spare)


class Steep(nn.Module):
    """Gradients of this model are larger than float16 can say."""

    def __init__(self):
        super().__init__()
        self.read = nn.Linear(6, 3)
        nn.init.zeros_(self.read.weight)
        nn.init.zeros_(self.read.bias)

    def forward(self, x):
        return self.read(x * 300) * 300


def test_a_gradient_that_half_precision_cannot_say_is_refused_with_a_sentence():
    model = Steep().to(torch.float16)
    with pytest.raises(ValueError, match="a gradient is not finite in half precision: take the model in float32"):
        Descent(setting(model), {"mode": "gradient_0.1"}).follow(3)
    assert not model.read.weight.any(), "it is as it was"


@pytest.mark.parametrize("dtype", HALF)
def test_the_gradient_that_searches_are_held_against_is_that_of_single_precision(dtype):
    samples = setting(classifier()).problem.fitness
    whole, halved = (training.gradient(classifier(kind), samples, 4) for kind in (torch.float32, dtype))
    assert halved @ whole / np.linalg.norm(halved) / np.linalg.norm(whole) > 0.999
    assert np.linalg.norm(halved) == pytest.approx(np.linalg.norm(whole), rel=0.02)


def bfloat16() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).to(torch.bfloat16)


def float16() -> nn.Module:
    return bfloat16().to(torch.float16)


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_studies_ask_gradients_of_models_in_half_precision(name):
    parent = PARENT | {"model": f"{__name__}.{name}"}
    asked = {"batch_norm": "keep", "children": Children(None), "seed": 0, "count": 1, "threads": 1}
    asked["images"] = {"fitness": 60, "validation": 40, "test": 40, "batch": 25}
    settings = {
        "mode": "gradient_0.01", "density": 1.0, "rule": "none", "sigma": 0.0, "goal": "cross_entropy", "update": "adam",
        "decay": 0.0, "generations": 2, "evaluations": 1, "children": 60,
    }  # fmt: skip
    rows = cells.run("tuning", parent, problems.make(parent, 0, 1), settings, **asked)
    goals = {row["step"]: row["value"] for row in rows if (row["split"], row["metric"]) == ("fitness", "goal")}
    assert goals[2] < 0.5 < 2 < goals[0]
    settings = {"mode": "dense", "density": 1.0, "rule": "norm", "sigma": 0.01, "children": [40]}
    found, expected = cells.run("gradients", parent, problems.make(parent, 0, 1), settings, **asked)
    assert found["value"] == pytest.approx(expected["value"], abs=0.1)
