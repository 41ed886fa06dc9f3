"""Tuning: it learns, by any goal and by any mutation, and what it keeps is what it scored."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from evotickets import own, streams, study
from evotickets.configuration import reader
from evotickets.systems.subspace import SHAPINGS, UPDATES, cells, goals, networks, problems, tuning
from evotickets.systems.subspace.children import Children
from evotickets.systems.subspace.config import Cell
from evotickets.systems.subspace.mutation import Mutation, factors, pieces
from evotickets.systems.subspace.weights import Weights

SETTINGS = {
    "mode": "dense", "density": 1.0, "rule": "norm", "sigma": 0.05, "goal": "cross_entropy", "shaping": "z_score",
    "update": "step", "generations": 12, "evaluations": 3, "children": 20, "step": 1.0, "decay": 0.0,
}  # fmt: skip
IMAGES = {"fitness": 60, "validation": 40, "test": 40, "batch": 60}
PARENT = {"model": f"{__name__}.linear", "arguments": {}, "images": "digits", "options": {}}


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


def ran(monkeypatch=None, **changed):
    """The table of a cell by split, metric and step, its losses, and the weights that it left."""
    losses, left = {}, []
    if monkeypatch:
        monkeypatch.setattr(cells, "Weights", lambda *given: left.append(Weights(*given)) or left[-1])
    rows = cells.run(
        "tuning", PARENT, problems.make(PARENT, 0, 1), SETTINGS | changed, images=IMAGES, batch_norm="keep",
        children=Children(None), seed=0, count=1, threads=1, keep=losses.__setitem__,
    )  # fmt: skip
    frame = pd.DataFrame(rows)
    assert not frame.duplicated(["split", "metric", "step"]).any()
    return frame.set_index(["split", "metric", "step"])["value"].sort_index(kind="stable"), losses, left


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"shaping": "ranks"},
        {"update": "momentum", "step": 0.2},
        {"update": "adam", "step": 0.5},
        {"mode": "bernoulli", "density": 0.25},
        {"mode": "low_rank_1"},
        {"mode": "bernoulli", "density": 0.1, "update": "adam", "step": 0.5},
        {"goal": "error"},
        {"goal": "macro_f1", "shaping": "ranks"},
    ],
    ids=lambda changed: "-".join(map(str, changed.values())) or "plain",
)
def test_every_way_of_tuning_lowers_its_goal_on_held_out_images(changed):
    at, _, _ = ran(**changed)
    assert at["fitness", "goal", 12] < at["fitness", "goal", 0]
    assert at["test", "goal", 12] < at["test", "goal", 0]
    assert at["test", "gain", 0] == 0
    assert at["test", "gain_low", 12] <= at["test", "gain", 12] <= at["test", "gain_high", 12]
    assert at["weights", "distance", 12] > at["weights", "distance", 0] == 0
    assert sorted(at.index.unique("step")) == [0, 4, 8, 12]


@pytest.mark.parametrize(("update", "decay"), [("step", 0.1), ("momentum", 0.0), ("adam", 0.1)])
def test_the_best_and_the_last_generation_are_made_again_bit_for_bit(monkeypatch, update, decay):
    settings = SETTINGS | {"update": update, "decay": decay}
    at, losses, (weights,) = ran(monkeypatch, update=update, decay=decay)
    best = int(losses[tuning.best_name(0)])
    assert best == at["validation", "goal"].idxmin()
    for name, step in (("last", 12), ("best", best)):
        asked = networks.outcome("tuning", settings, name, losses, 0)
        assert asked == {"candidate": update, "step": step}
        model = problems.restore(PARENT, problems.make(PARENT, 0, 1), 0, 1)
        networks.remake(model, "tuning", settings, asked, losses, 0, 0)
        if step == 12:
            assert torch.equal(model[1].weight, weights.model[1].weight)
        assert not torch.equal(model[1].weight, linear()[1].weight)


def test_adam_moves_every_coordinate_by_a_step_at_first():
    model = linear()
    before = model[1].weight.detach().clone()
    mean = tuning.Mean(Weights(model, 0), SETTINGS | {"update": "adam", "step": 0.5, "mode": "low_rank_2"})
    mean.take(np.array([1.0, 2.0, 4.0]), 0)
    np.testing.assert_allclose((model[1].weight.detach() - before).abs(), 0.5 * 0.05, rtol=1e-3)


def test_momentum_goes_on_where_losses_say_nothing():
    model = linear()
    mean = tuning.Mean(Weights(model, 0), SETTINGS | {"update": "momentum"})
    steps = []
    for number, losses in enumerate(([1.0, 2.0], [1.0, 1.0])):
        before = model[1].weight.detach().clone()
        mean.take(np.array(losses), number)
        steps.append(model[1].weight.detach() - before)
    torch.testing.assert_close(steps[1], steps[0] * tuning.MOMENTUM, rtol=1e-3, atol=1e-6)


SHAPES = [(30, 20), (30,), (6, 3, 2, 2)]
SIZES = [600, 30, 72]


@pytest.mark.parametrize("rank", [1, 3])
def test_a_low_rank_mutation_has_that_rank_and_the_norm_of_a_dense_one(rank):
    total = 0.0
    for child in range(60):
        drawn = [
            p.normals for p in pieces(SIZES, Mutation(f"low_rank_{rank}", 1, 1), child, seed=0, names=(), shapes=SHAPES)
        ]
        matrix, vector, kernel = (one.reshape(shape) for one, shape in zip(drawn, SHAPES, strict=True))
        assert np.linalg.matrix_rank(matrix, tol=1e-3) == rank
        assert np.linalg.matrix_rank(kernel.reshape(6, -1), tol=1e-3) == rank
        assert len(np.unique(vector)) == 30
        total += np.square(matrix).mean() / 60
    # The norm of one varies with its factors: their std over 60 children is some .03.
    assert total == pytest.approx(1, abs=0.12)


def test_the_factors_of_a_low_rank_mutation_make_it():
    (piece,) = pieces([600], Mutation("low_rank_3", 1, 1), 5, seed=2, names=(1,), shapes=[(30, 20)])
    left, right = factors((30, 20), 3, streams.generator(2, "subspace", "normals", 1, 5))
    np.testing.assert_allclose(piece.normals.reshape(30, 20), left @ right.T / np.sqrt(3), rtol=1e-5)


def test_goals_are_what_their_names_say():
    outputs = np.array([[2.0, 0, 0], [0, 2, 0], [0, 2, 0], [0, 2, 0]])
    labels = np.array([0, 1, 2, 1])
    assert goals.error(outputs, labels) == 0.25
    # F1 of 1, of 4 / 5 and of 0.
    assert goals.macro_f1(outputs, labels) == pytest.approx(1 - (1 + 0.8 + 0) / 3)
    worth = np.log(np.exp(2) + 2)
    assert goals.cross_entropy(outputs, labels) == pytest.approx(((worth - 2) * 3 + worth) / 4)


OWN = """
from evotickets.systems.subspace.goals import goal

@goal
def cost(outputs, labels):
    return float((outputs.argmax(1) != 3).mean())
"""


def config(**changed):
    entry = {"parents": ["digits"], "densities": [1, 0.1], "low_ranks": [1], "updates": ["step", "adam"], "sigma": 0.01}
    return {"subspace": {"parents": {"digits": {}}, "tuning": [entry | changed]}}


def test_a_study_puts_mutations_and_updates_side_by_side():
    subspace = study.resolve(config()).subspace
    names = [cell.name for cell in subspace.cells]
    assert names == [
        f"{label}_{update}_cross_entropy"
        for label in ("dense", "bernoulli_0.1", "low_rank_1")
        for update in ("step", "adam")
    ]
    own_cell = Cell("digits", "tuning", "low_rank_1_adam_cross_entropy")
    assert subspace.cells[own_cell] == SETTINGS | {
        "mode": "low_rank_1", "sigma": 0.01, "update": "adam", "generations": 100, "evaluations": 10, "children": 30,
        "step": 0.5,
    }  # fmt: skip
    assert set(subspace.kept.values()) == {("best", "last")}
    described = reader.schema()["properties"]["subspace"]["properties"]["tuning"]["items"]["properties"]
    assert described["goal"]["enum"] == list(goals.goal)
    assert described["updates"]["items"]["enum"] == list(UPDATES)
    assert described["shaping"]["enum"] == list(SHAPINGS)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"densities": [], "low_ranks": []}, "subspace.tuning[0] has neither densities nor low_ranks; add one"),
        ({"goal": "eror"}, "goal is 'eror'; choose one of"),
        ({"generations": 25}, "generations is 25; it must be a multiple of evaluations, which is 10"),
        ({"low_ranks": [0]}, "low_ranks[0] is 0"),
    ],
)
def test_what_is_wrong_with_tuning_is_said_in_a_sentence(changed, sentence):
    with pytest.raises(reader.StudyError) as error:
        study.resolve(config(**changed))
    assert sentence in str(error.value)


def test_a_goal_of_ones_own_is_a_function_in_a_file_of_the_study(tmp_path, monkeypatch):
    monkeypatch.setattr(goals.goal, "_parts", dict(goals.goal))
    monkeypatch.setattr(goals.goal, "facts", dict(goals.goal.facts))
    monkeypatch.setenv(own.VARIABLE, "[]")
    (tmp_path / "my_goal_parts.py").write_text(OWN)
    own.name(own.of_files(["my_goal_parts.py"], tmp_path))
    own.load()
    at, losses, _ = ran(goal="cost")
    assert at["fitness", "goal", 12] < at["fitness", "goal", 0]
    assert losses["seed00/00000"].max() <= 1


def three_layers() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 10))


def test_some_layers_alone_mutate_with_the_norm_of_a_dense_mutation():
    model = three_layers()
    weights = Weights(model, 0)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    mutation = weights.only(Mutation("only_head", 1, 0.1, "norm"), ["3.*"])
    # 90 of 610 entries mutate.
    assert mutation.density == pytest.approx(90 / 610)
    total = []
    for child in range(20):
        with weights.child(mutation, child):
            moved = [(now - old).detach() for now, old in zip(model.parameters(), before, strict=True)]
        assert not moved[0].any()
        assert not moved[1].any()
        total.append(sum(float(one.square().sum()) for one in moved) / 610)
    assert np.mean(total) == pytest.approx(0.1**2, rel=0.1)
    assert all(torch.equal(now, old) for now, old in zip(model.parameters(), before, strict=True))
    with pytest.raises(
        ValueError, match=r"no parameter that may mutate is named 4.\*; there are 1.weight, 1.bias, 3.weight"
    ):
        weights.only(mutation, ["4.*"])


@pytest.mark.parametrize("update", ["step", "adam"])
def test_some_layers_alone_are_tuned_and_made_again(monkeypatch, update):
    monkeypatch.setitem(PARENT, "model", f"{__name__}.three_layers")
    settings = SETTINGS | {"mode": "only_head", "only": ["3.*"], "update": update}
    at, losses, (weights,) = ran(monkeypatch, **{key: settings[key] for key in ("mode", "only", "update")})
    assert at["fitness", "goal", 12] < at["fitness", "goal", 0]
    assert torch.equal(weights.model[1].weight, three_layers()[1].weight)
    model = problems.restore(PARENT, problems.make(PARENT, 0, 1), 0, 1)
    networks.remake(model, "tuning", settings, networks.outcome("tuning", settings, "last", losses, 0), losses, 0, 0)
    assert torch.equal(model[3].weight, weights.model[3].weight)


def test_gradients_are_followed_for_as_many_evaluations_and_none_of_their_networks_is_kept():
    at, losses, _ = ran(mode="gradient_0.01", rule="none", sigma=0.0, update="adam", children=21)
    assert at["fitness", "goal", 12] < 0.1 < at["fitness", "goal", 0]
    assert at["weights", "distance", 12] > 0
    assert list(losses) == [tuning.best_name(0)]
    # 12 generations of 21 children pay for 84 gradients.
    model = linear()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    fitness = problems.problem(PARENT, IMAGES, 0, 0).fitness
    (images,) = fitness.batches(60, torch.device("cpu"))
    for _ in range(84):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), torch.from_numpy(fitness.labels)).backward()
        optimizer.step()
    with torch.inference_mode():
        loss = float(nn.functional.cross_entropy(model(images), torch.from_numpy(fitness.labels)))
    assert at["fitness", "goal", 12] == pytest.approx(loss, rel=1e-3)


def test_a_study_names_layers_and_learning_rates_beside_its_mutations():
    entry = {
        "densities": [1],
        "low_ranks": [],
        "updates": ["step"],
        "only": {"head": ["3.*"]},
        "learning_rates": [0.01],
    }
    subspace = study.resolve(config(**entry)).subspace
    named = {cell.name: settings for cell, settings in subspace.cells.items()}
    assert list(named) == ["dense_step_cross_entropy", "only_head_step_cross_entropy", "gradient_0.01_cross_entropy"]
    assert named["only_head_step_cross_entropy"]["only"] == ["3.*"]
    assert "only" not in named["dense_step_cross_entropy"]
    assert subspace.kept[Cell("digits", "tuning", "gradient_0.01_cross_entropy")] == ()
