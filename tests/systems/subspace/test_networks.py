"""Networks that a study keeps: they are what the table has scored, and anyone can load them."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch

import evotickets
from evotickets import sealed
from evotickets.systems.subspace import cells, config, networks, predictions, problems
from evotickets.systems.subspace.children import Children
from tests.systems.subspace.test_cells import GENERATIONS, LINEAR, MUTATIONS, RESNET

IMAGES = {"fitness": 40, "validation": 20, "test": 30, "batch": 40}


def ran(study, settings, parent=LINEAR, count=2):
    """The table of a cell, and the losses of its children as a file brings them."""
    losses = {}
    rows = cells.run(
        study, parent, problems.make(parent, 0, 1), settings, images=IMAGES, batch_norm="keep", children=Children(None),
        seed=0, count=count, threads=1, keep=losses.__setitem__,
    )  # fmt: skip
    return pd.DataFrame(rows), losses


def remade(study, settings, name, losses, index, parent=LINEAR):
    at = networks.outcome(study, settings, name, losses, index)
    model = problems.restore(parent, problems.make(parent, 0, 1), index, 1)
    networks.remake(model, study, settings, at, losses, 0, index)
    return model, at


def score(model, parent, index, split="test"):
    from evotickets.systems.subspace import evaluation

    samples = getattr(problems.problem(parent, IMAGES, 0, index), split)
    found = predictions.normalised(evaluation.logits(model, samples, 40))
    return predictions.quality(found, samples.labels).nll


@pytest.mark.parametrize(("mode", "density", "kind"), [("bernoulli", 0.25, "best"), ("dense", 1.0, "es_step")])
def test_a_recombination_is_made_again_from_losses_and_scores_what_the_table_says(mode, density, kind):
    settings = MUTATIONS | {"mode": mode, "density": density, "children": 3}
    # Where all weights mutate, the second scale is the first.
    settings["scales"] = [settings["scales"][0], settings["scales"][2], settings["scales"][1]]
    rows, losses = ran("mutations", settings, RESNET)
    for scale in settings["scales"]:
        model, at = remade("mutations", settings, config.scaled(kind, **scale), losses, 1, RESNET)
        own = rows[(rows[["seed", *at]] == [1, *at.values()]).all(axis=1)].set_index(["split", "metric"])["value"]
        # All images are evaluated in a row there.
        assert score(model, RESNET, 1) == pytest.approx(own["test", "nll"], rel=1e-5)


def test_the_last_generation_is_made_again_bit_for_bit(monkeypatch):
    left = {}
    monkeypatch.setattr(cells, "Weights", lambda model, seed: left.setdefault(seed, Weights(model, seed)))
    from evotickets.systems.subspace.weights import Weights

    settings = GENERATIONS | {"decay": 0.1}
    rows, losses = ran("generations", settings)
    for index, weights in enumerate(left.values()):
        model, at = remade("generations", settings, "last", losses, index)
        for name, tensor in weights.model.state_dict().items():
            assert torch.equal(model.state_dict()[name], tensor)
        own = rows[(rows[["seed", *at]] == [index, *at.values()]).all(axis=1)].set_index(["split", "metric"])["value"]
        assert score(model, LINEAR, index) == pytest.approx(own["original", "nll"], rel=1e-5)
    first, second = (weights.model.state_dict()["1.weight"] for weights in left.values())
    assert not torch.equal(first, second)


def test_a_network_says_what_it_is_and_any_module_loads_it(tmp_path):
    settings = MUTATIONS
    _, losses = ran("mutations", settings, count=1)
    networks.write_losses(losses, tmp_path / "losses.safetensors")
    losses = networks.read_losses(tmp_path / "losses.safetensors")
    model, _ = remade("mutations", settings, "es_step_norm_0.05", losses, 0)
    file = tmp_path / "net.safetensors"
    recipe = {"study": "mutations", "network": "es_step_norm_0.05", **settings}
    told = {"parent": {"name": "digits", **LINEAR}, "seed": {"study": 0, "index": 0}, "recipe": recipe}
    networks.write(file, model, **told, scores={"test/nll": 0.25}, code="1+abc")
    tuned = evotickets.read_network(file)
    assert {name: tuned.about[name] for name in told} == told
    assert tuned.about["scores"] == {"test/nll": 0.25}
    other = problems.restore(LINEAR, problems.make(LINEAR, 0, 1), 0, 1)
    assert not torch.equal(other[1].weight, model[1].weight)
    for state in (tuned.state, safetensors.torch.load_file(file)):
        other.load_state_dict(state)
        assert torch.equal(other[1].weight, model[1].weight)
    with safetensors.safe_open(file, "pt") as opened:
        assert opened.metadata()["format"] == "pt", "transformers refuses files that do not say so"


def test_tied_weights_are_written_by_both_names_and_load_into_tied_weights(tmp_path):
    def tied():
        first = torch.nn.Linear(3, 3, bias=False)
        return torch.nn.Sequential(first, torch.nn.BatchNorm1d(3), first)

    model, file = tied(), tmp_path / "tied.safetensors"
    networks.write(file, model, parent={}, seed={}, recipe={}, scores={}, code="")
    other = tied()
    other.load_state_dict(evotickets.read_network(file).state)
    assert torch.equal(other[2].weight, model[0].weight)
    assert other[0].weight is other[2].weight


def test_a_file_that_is_no_kept_network_or_damaged_is_refused_with_a_sentence(tmp_path):
    file = tmp_path / "net.safetensors"
    networks.write_losses({"seed00/00000": np.zeros(3)}, file)
    with pytest.raises(sealed.ResultError, match=r"net.safetensors is no network that a study has kept: name one"):
        evotickets.read_network(file)
    networks.write(file, torch.nn.Linear(2, 2), parent={}, seed={}, recipe={}, scores={}, code="")
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(sealed.ResultError, match=r"net.safetensors is damaged"):
        evotickets.read_network(file)


def test_losses_of_all_generations_are_told_once_by_name():
    _, losses = ran("generations", GENERATIONS)
    assert list(losses) == [f"seed{seed:02d}/{number:05d}" for seed in (0, 1) for number in range(12)]
    assert all(one.shape == (20,) for one in losses.values())
    assert all(not np.array_equal(one, other) for one, other in pairwise(losses.values()))
