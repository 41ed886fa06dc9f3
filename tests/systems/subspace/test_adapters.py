"""Adapters of peft: they alone mutate, children are what their matrices say, and what is kept is loaded into such a model."""

from importlib.util import find_spec

import pandas as pd
import pytest
import torch
from torch import nn

from evotickets.systems.subspace import cells, networks, parents, problems
from evotickets.systems.subspace.children import Children
from evotickets.systems.subspace.kept import read_network
from evotickets.systems.subspace.mutation import Mutation
from evotickets.systems.subspace.weights import Weights

if find_spec("peft") is None:
    pytest.skip("peft is not installed: the extra peft installs it", allow_module_level=True)


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.head = nn.Linear(64, 16), nn.Linear(16, 16), nn.Linear(16, 10)

    def forward(self, x):
        return self.head(self.second(self.first(x.flatten(1)).relu()).relu())


def adapted(rank: int = 2) -> nn.Module:
    """A model whose two layers have adapters of low rank, and whose head is free."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=rank, target_modules=["first", "second"], modules_to_save=["head"])
    return get_peft_model(Base(), config)


PARENT = {"model": f"{__name__}.adapted", "arguments": {"rank": 2}, "images": "digits", "options": {}}
IMAGES = {"fitness": 60, "validation": 40, "test": 40, "batch": 60}
SETTINGS = {
    "mode": "dense", "density": 1.0, "rule": "norm", "sigma": 0.1, "goal": "cross_entropy", "shaping": "z_score",
    "update": "step", "generations": 12, "evaluations": 2, "children": 20, "step": 1.0, "decay": 0.0,
}  # fmt: skip


def test_adapters_and_what_is_saved_with_them_mutate_and_nothing_else_does():
    model = parents.build(PARENT["model"], PARENT["arguments"])
    free = {name for name, one in model.named_parameters() if one.requires_grad}
    assert {name.split(".default")[0].split("base_model.model.")[1] for name in free} == {
        "first.lora_A", "first.lora_B", "second.lora_A", "second.lora_B", "head.modules_to_save",
    }  # fmt: skip
    before = {name: one.clone() for name, one in model.state_dict().items()}
    with Weights(model, 0).child(Mutation("dense", 1, 0.1), 0):
        changed = {name for name, one in model.state_dict().items() if not torch.equal(one, before[name])}
    assert changed == free
    assert all(torch.equal(one, before[name]) for name, one in model.state_dict().items())


@pytest.mark.parametrize("mode", ["dense", "low_rank_1"])
def test_adapters_are_tuned_and_the_kept_network_is_what_was_scored(tmp_path, mode):
    states, losses, settings = problems.make(PARENT, 0, 1), {}, SETTINGS | {"mode": mode}
    rows = cells.run(
        "tuning", PARENT, states, settings, images=IMAGES, batch_norm="keep", children=Children(None), seed=0,
        count=1, threads=1, keep=losses.__setitem__,
    )  # fmt: skip
    at = pd.DataFrame(rows).set_index(["split", "metric", "step"])["value"]
    assert at["test", "goal", 12] < at["test", "goal", 0]
    model = problems.restore(PARENT, states, 0, 1)
    networks.remake(model, "tuning", settings, networks.outcome("tuning", settings, "last", losses, 0), losses, 0, 0)
    networks.write(tmp_path / "own.safetensors", model, parent=PARENT, seed={}, recipe={}, scores={}, code="")
    fresh = adapted().eval()
    fresh.load_state_dict(read_network(tmp_path / "own.safetensors").state)
    test = problems.problem(PARENT, IMAGES, 0, 0).test
    from evotickets.systems.subspace import evaluation

    again = (evaluation.logits(fresh, test, 60).argmax(1) == test.labels).mean()
    assert again == pytest.approx(at["test", "accuracy", 12])
    merged = fresh.merge_and_unload()
    assert (evaluation.logits(merged, test, 60).argmax(1) == test.labels).mean() == pytest.approx(again, abs=0.03)
