"""The section `planting` of a configuration: what it resolves to, and one sentence for whatever is wrong with it."""

import inspect
from functools import partial

import pytest

from evotickets import study
from evotickets.configuration import reader
from evotickets.planted import targets
from evotickets.systems.planting import seeker
from evotickets.systems.planting.config import Cell
from tests import studies

RULES = reader.schema()
GOOD = {
    "planting": {
        "targets": {"circle": {}, "noisy": {"target": "circle", "noise": 0.1}},
        "seekers": {"snip": {}, "imp": {"seeker": "magnitude", "shots": 10}},
        "cells": [
            {"targets": ["circle"], "depths": [2, 4], "seekers": ["snip"], "densities": ["ticket", 0.01, 1]},
            {"targets": ["circle", "noisy"], "depths": [4], "seekers": ["snip", "imp"], "densities": ["ticket"]},
        ],
    }
}


def test_every_cell_is_there_once_and_all_seekers_share_the_dense_one():
    planting = study.resolve(GOOD).planting
    assert len(set(planting.cells)) == len(planting.cells)
    assert planting.grounds == [("circle", 2), ("circle", 4), ("noisy", 4)]
    at_two = {(cell.seeker, cell.density) for cell in planting.cells if cell.depth == 2}
    assert at_two == {("planted", "ticket"), ("dense", "1"), ("snip", "ticket"), ("snip", "0.01")}
    assert Cell("noisy", 4, "imp", "ticket") in planting.cells


def test_defaults_are_filled_in():
    planting = study.resolve(GOOD).planting
    assert planting.training == {"epochs": 10, "batch": 32, "learning_rate": 0.001}
    assert planting.targets["noisy"] == {
        "target": "circle", "noise": 0.1, "width": 100, "factor": "projection", "biases": "kept",
    }  # fmt: skip
    assert planting.targets["circle"]["noise"] == 0.01
    assert planting.seekers["imp"] == {"seeker": "magnitude", "shots": 10, "rounds": 1, "epochs": 5}
    assert planting.seekers["dense"] == {"seeker": "dense"}


def test_who_trains_nothing_before_it_cuts_is_a_single_shot():
    config = studies.changed(GOOD, "planting", "seekers", "random", value={})
    config = studies.changed(config, "planting", "seekers", "edge_popup", value={})
    assert study.resolve(config).planting.single_shot == ["snip", "random"]


def test_a_density_counts_biases_where_they_are_prunable():
    """At depth 2 there are 600 weights and 104 biases: .0023 of the weights are 1, of all 2."""
    few = studies.changed(GOOD, "planting", "cells", 0, "densities", value=[0.0023])
    with pytest.raises(reader.StudyError, match=r"0\.0023, which keeps 1 weights in the 2 layers of circle"):
        study.resolve(few)
    study.resolve(studies.changed(few, "planting", "targets", "circle", value={"biases": "pruned"}))


def test_a_criterion_that_compares_weights_before_and_after_training_trains():
    config = studies.changed(GOOD, "planting", "seekers", "snip", value={"seeker": "movement"})
    assert study.resolve(config).planting.seekers["snip"]["shots"] == 1


def test_the_schema_and_the_seekers_agree():
    described = reader.described(seeker)
    assert set(described) == set(seeker)
    for name, rules in described.items():
        properties = {key: rule for key, rule in rules["properties"].items() if key != "seeker"}
        assert {key: rule["default"] for key, rule in properties.items()} == seeker.options(name)
        assert all(rule["description"] for rule in properties.values())


def test_the_schema_names_every_family_of_targets():
    section = RULES["properties"]["planting"]["properties"]
    text = section["targets"]["additionalProperties"]["properties"]["target"]["description"]
    assert all(name in text for name in targets.TARGETS)


def test_every_seeker_says_where_it_comes_from():
    for name in set(seeker) - {"random"}:
        assert "Source:" in inspect.getdoc(seeker[name]), name


broken = partial(studies.changed, GOOD, "planting")


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({}, "none of tickets, planting, strong, hybrid, subspace; add one of them"),
        (broken("targets", "circle", value={"target": "ring"}), "planting.targets.circle names ring, which is not"),
        (broken("targets", "circle", value={"width": 19}), "width is 19, but planting.cells[0] plants 20 units"),
        (broken("targets", "circle", value={"depth": 3}), "planting.targets.circle: unknown key 'depth'"),
        (broken("seekers", "dense", value={}), "planting.seekers.dense: this name is taken"),
        (broken("seekers", "snip", value={"round": 3}), "planting.seekers.snip: unknown key 'round'; did you mean"),
        (
            broken("seekers", "snip", value={"seeker": "movement", "shots": 0}),
            "planting.seekers.snip.shots is 0; it must be at least 1",
        ),
        (broken("seekers", "snip", value={"seeker": "snap"}), "names snap, which is not there; did you mean 'snip'?"),
        (broken("cells", 0, "seekers", value=["grasp"]), "planting.cells[0].seekers names grasp, which is not there"),
        (broken("cells", 0, "targets", value=["helix"]), "planting.cells[0].targets names helix, which is not there"),
        (broken("cells", 0, "depths", value=[1]), "planting.cells[0].depths[0] is 1; it must be at least 2"),
        (broken("cells", 0, "densities", value=["half"]), "has half; write a number in (0, 1] or ticket"),
        (broken("cells", 0, "densities", value=[True]), "has True; write a number in (0, 1] or ticket"),
        (broken("cells", 0, "densities", value=[1.5]), "has 1.5; write a number in (0, 1] or ticket"),
        (broken("cells", 0, "densities", value=[0.0001]), "0.0001, which keeps 1 weights in the 2 layers of circle"),
        (broken("cells", 0, "densities", value=[1]), "planting.cells[0].densities has only 1, where nothing is left"),
        (broken("targets", "circle", value={"factor": "paper"}), "factor is 'paper'; choose one of projection"),
        (broken("targets", "circle", value={"biases": "cut"}), "biases is 'cut'; choose one of kept, pruned"),
        (
            studies.changed(
                broken("targets", "noisy", value={"target": "circle", "biases": "pruned"}),
                "planting",
                "seekers",
                "imp",
                value={"seeker": "gem_miner"},
            ),
            "cells[1] lets imp look in noisy, whose biases are pruned, but gem_miner keeps all biases; take it out, or choose",
        ),
        (broken("training", value={"batch": 20_000}), "batch is 20000, more than the 10000 samples; lower it"),
    ],
)
def test_mistakes_are_refused_in_one_sentence(config, sentence):
    with pytest.raises(reader.StudyError) as refused:
        study.resolve(config)
    assert sentence in str(refused.value)
