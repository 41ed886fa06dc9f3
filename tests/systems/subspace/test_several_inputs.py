"""Models of several inputs, as those of language are, and what they give."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from evotickets import extras
from evotickets.systems.subspace import batch, cells, evaluation, parents, pools, problems, training
from evotickets.systems.subspace.children import Children
from evotickets.systems.subspace.evaluation import Samples


@dataclass
class Output:
    logits: torch.Tensor
    states: torch.Tensor


class Bag(nn.Module):
    """The mean of the embeddings of tokens that are there, and a head."""

    def __init__(self, gives: str = "tensor"):
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.head, self.gives = nn.Embedding(9, 6), nn.Linear(6, 2), gives

    def forward(self, input_ids, attention_mask):
        there = attention_mask[..., None].float()
        states = (self.embed(input_ids) * there).sum(1) / there.sum(1)
        logits = self.head(states)
        return {
            "tensor": logits,
            "dict": {"states": states, "logits": logits},
            "dataclass": Output(logits, states),
            "states": {"states": states},
        }[self.gives]


class Texts:
    """Texts of class 1 have more tokens above 4 than below; samples as data sets of Hugging Face have them."""

    def __init__(self, count=40, seed=0):
        rng = np.random.default_rng(seed)
        self.tokens = rng.integers(1, 9, (count, 7))
        self.lengths = rng.integers(3, 8, count)

    def __len__(self):
        return len(self.tokens)

    def __getitem__(self, index):
        mask = (np.arange(7) < self.lengths[index]).astype(np.int64)
        tokens = self.tokens[index] * mask
        return {"input_ids": tokens, "attention_mask": mask, "label": int((tokens > 4).sum() * 2 > mask.sum())}


PARENT = {
    "model": f"{__name__}.Bag", "arguments": {}, "images": "dataset",
    "options": {"train": f"{__name__}.Texts", "test": f"{__name__}.Texts", "arguments": {"count": 80}},
}  # fmt: skip
IMAGES = {"fitness": 40, "validation": 20, "test": 40, "batch": 15}


def test_samples_with_names_are_stacked_name_by_name():
    source = pools.load("dataset", 0, PARENT["options"])
    read = source.train.read(np.array([3, 5]))
    assert {name: one.shape for name, one in read.items()} == {"input_ids": (2, 7), "attention_mask": (2, 7)}
    np.testing.assert_array_equal(read["input_ids"][0], Texts(80)[3]["input_ids"])
    assert source.train.labels[:3].tolist() == [Texts(80)[index]["label"] for index in range(3)]


def test_a_batch_ends_with_its_longest_text_and_no_prediction_changes():
    mask = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 0]])
    whole = {"input_ids": mask * 3, "attention_mask": mask, "length": np.array([2, 1, 3])}
    cut = batch.trimmed({name: one[:2] for name, one in whole.items()})
    assert cut["input_ids"].tolist() == [[3, 3], [3, 0]]
    assert cut["length"].tolist() == [2, 1]
    model, samples = Bag(), Samples(whole | {}, np.zeros(3, int), (), ())
    samples.images.pop("length")
    one_by_one = evaluation.logits(model, samples, 1)
    np.testing.assert_allclose(one_by_one, evaluation.logits(model, samples, 3), rtol=1e-5)


@pytest.mark.parametrize("gives", ["tensor", "dict", "dataclass"])
def test_logits_are_found_in_what_models_give(gives):
    samples = Samples(
        {"input_ids": np.ones((3, 2), int), "attention_mask": np.ones((3, 2), int)}, np.zeros(3, int), (), ()
    )
    np.testing.assert_array_equal(evaluation.logits(Bag(gives), samples, 2), evaluation.logits(Bag(), samples, 2))


def test_what_holds_no_logits_and_other_inputs_are_refused_with_a_sentence():
    parent = PARENT | {"arguments": {"gives": "states"}}
    with pytest.raises(ValueError, match="the model gives dict of states for 2 images; it must give logits"):
        problems.make(parent, 0, 1)
    said = r"Linear does not take inputs input_ids \[\d\] of int64 and attention_mask \[\d\] of int64, which images of dataset"
    with pytest.raises(ValueError, match=said):
        problems.make(PARENT | {"model": "torch.nn.Linear", "arguments": {"in_features": 7, "out_features": 2}}, 0, 1)


@pytest.mark.parametrize("epochs", [None, 2])
def test_a_model_of_several_inputs_is_trained_mutated_and_tuned(epochs):
    parent = PARENT | ({"epochs": epochs} if epochs else {})
    states = problems.make(parent, 0, 1)
    assert torch.equal(states[0]["embed.weight"], Bag().embed.weight) == (epochs is None)
    settings = {
        "mode": "dense", "density": 1.0, "rule": "norm", "sigma": 0.1, "goal": "cross_entropy", "shaping": "z_score",
        "update": "step", "generations": 10, "evaluations": 1, "children": 20, "step": 1.0, "decay": 0.0,
    }  # fmt: skip
    asked = {"images": IMAGES, "batch_norm": "keep", "children": Children(None), "seed": 0, "count": 1, "threads": 1}
    at = pd.DataFrame(cells.run("tuning", parent, states, settings, **asked))
    at = at.set_index(["split", "metric", "step"])["value"]
    assert at["fitness", "goal", 10] < at["fitness", "goal", 0]
    one = {"mode": "dense", "density": 1.0, "scales": [{"rule": "norm", "sigma": 0.1}], "children": 4, "step": 1.0}
    assert cells.run("mutations", parent, states, one, **asked)


def test_the_gradient_by_several_inputs_is_that_of_all_at_once():
    problem = problems.problem(PARENT, IMAGES, 0, 0)
    np.testing.assert_allclose(
        training.gradient(Bag(), problem.fitness, 7), training.gradient(Bag(), problem.fitness, 40), atol=1e-7
    )


def test_texts_of_other_lengths_are_put_in_a_row():
    def part(length):
        mask = np.ones((2, length), np.int64)
        return Samples({"input_ids": mask * 5, "attention_mask": mask}, np.zeros(2, int), (), ())

    together = problems.Problem(part(2), part(4), part(3)).together
    assert together.images["input_ids"].sum(1).tolist() == [10, 10, 20, 20, 15, 15]


def test_inputs_by_name_are_not_shifted():
    with pytest.raises(
        ValueError, match="inputs input_ids and attention_mask are no images of bytes, which alone are shifted"
    ):
        pools.shift(
            Samples(*[{"input_ids": 0, "attention_mask": 1}] * 4).images, "noise", 0.1, np.random.default_rng(0)
        )


def test_a_model_of_language_says_what_it_needs(monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    with pytest.raises(
        ValueError, match=r"Sentences needs transformers, which is not installed: pip install 'evotickets\[text\]'"
    ):
        parents.build("evotickets.systems.subspace.sentences.Sentences", {"folder": "absent"})
