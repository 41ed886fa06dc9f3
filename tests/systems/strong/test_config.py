"""The section `strong` of a configuration: what it resolves to, and one sentence for whatever is wrong with it."""

from functools import partial
from pathlib import Path

import pytest
import yaml

from evotickets import study
from evotickets.configuration import reader
from evotickets.systems.strong import FAMILIES, PLANTED_CIRCLE, seeker, weights
from evotickets.systems.strong.config import Cell
from tests import studies

RULES = reader.schema()
GOOD = {
    "seeds": 2,
    "strong": {
        "tasks": {
            "moons": {},
            "digits_wide": {"task": "digits", "classes": 5, "hidden": [100]},
            "planted_circle": {"hidden": [20, 20], "noise": 0.01},
        },
        "seekers": {
            "genetic": {},
            "entropy": {"seeker": "genetic", "objective": "cross_entropy"},
            "edge_popup": {"density": 0.5},
            "equal": {"seeker": "edge_popup", "density": "entropy"},
            "random_search": {},
        },
        "cells": [
            {"tasks": ["moons"], "seekers": ["genetic", "edge_popup"]},
            {"tasks": ["digits_wide"], "seekers": ["equal"]},
            {"tasks": ["planted_circle"], "seekers": ["random_search"]},
        ],
    },
}


def resolved():
    return study.resolve(GOOD).strong


def test_cells_are_listed_once_with_what_they_are_compared_with_and_what_they_name():
    assert resolved().cells == (
        Cell("moons", "dense"),
        Cell("moons", "genetic"),
        Cell("moons", "edge_popup"),
        Cell("digits_wide", "dense"),
        Cell("digits_wide", "entropy"),
        Cell("digits_wide", "equal"),
        Cell("planted_circle", "dense"),
        Cell("planted_circle", "planted"),
        Cell("planted_circle", "genetic"),
        Cell("planted_circle", "random_search"),
    )
    assert [resolved().reference(name) for name in ("equal", "random_search", "edge_popup", "genetic", "dense")] == [
        *("entropy", "genetic"),
        *(None, None, None),
    ]


def test_defaults_are_filled_in():
    strong = resolved()
    assert strong.samples == 5000
    assert strong.training == {"epochs": 50, "batch": 128, "learning_rate": 0.05}
    expected = {"task": "moons", "classes": 2, "hidden": [20], "initial": "uniform", "scale": 1.0, "noise": 0.07}
    assert strong.tasks["moons"] == expected
    assert strong.tasks["planted_circle"]["classes"] == 4
    assert strong.tasks["planted_circle"]["initial"] == "planted"
    assert strong.seekers["equal"]["seeker"] == "edge_popup"
    assert strong.seekers["random_search"] == {"seeker": "random_search", "objective": "accuracy", "budget": "genetic"}
    assert strong.seekers["dense"] == {"seeker": "dense"}


def test_the_schema_knows_every_seeker_and_its_defaults():
    known = reader.described(seeker)
    assert set(known) == set(seeker)
    for name, rule in known.items():
        options = {option: own["default"] for option, own in rule["properties"].items() if "default" in own}
        taken = {option: value for option, value in seeker.options(name).items() if option != "progress"}
        assert options == taken
        assert {options[option] for option in ("density", "budget") if option in options} <= {"genetic"}


def test_the_schema_knows_every_data_set_and_initialisation():
    rule = RULES["properties"]["strong"]["properties"]["tasks"]["additionalProperties"]["properties"]
    assert all(name in rule["task"]["description"] for name in [*FAMILIES, PLANTED_CIRCLE])
    assert tuple(rule["initial"]["enum"]) == weights.SCHEMES


def test_a_study_without_the_section_has_no_cells():
    tiny = yaml.safe_load((Path(__file__).parents[2] / "tiny.yaml").read_text())
    assert list(study.resolve(tiny).sections) == ["tickets"]


broken = partial(studies.changed, GOOD, "strong")


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (
            broken("tasks", "moons", value={"task": "moon"}),
            "strong.tasks.moons names moon, which is not there; did you",
        ),
        (broken("tasks", "moons", value={"classes": 3}), "strong.tasks.moons.classes is 3, but moons has 2; lower it"),
        (broken("tasks", "moons", value={"hidden": []}), "strong.tasks.moons.hidden is empty; give it at least 1"),
        (broken("tasks", "moons", value={"width": 3}), "strong.tasks.moons: unknown key 'width'"),
        (
            broken("tasks", "planted_circle", value={"hidden": [20, 30]}),
            "strong.tasks.planted_circle.hidden is [20, 30], but mother networks have hidden layers of one width",
        ),
        (
            broken("tasks", "planted_circle", value={"hidden": [10]}),
            "strong.tasks.planted_circle.hidden is [10], but a layer of the ticket has 20 units; widen all layers",
        ),
        (broken("seekers", "dense", value={}), "strong.seekers.dense: this name is taken"),
        (broken("seekers", "popup", value={}), "strong.seekers.popup names popup, which is not there; did you mean"),
        (broken("seekers", "genetic", value={"mutatoin": 1}), "unknown key 'mutatoin'; did you mean 'mutation'?"),
        (
            broken("seekers", "equal", "density", value="edge_popup"),
            "strong.seekers.equal.density names edge_popup, which is not there; known are genetic, entropy",
        ),
        (
            broken("seekers", "equal", "density", value=0),
            "strong.seekers.equal.density is 0; it must be greater than 0",
        ),
        (
            broken("seekers", "equal", "density", value=[1]),
            "strong.seekers.equal.density is [1]; it must be a finite number or text",
        ),
        (broken("cells", 0, "tasks", value=["circles"]), "strong.cells[0].tasks names circles, which is not there"),
        (broken("cells", 0, "seekers", value=["dense"]), "strong.cells[0].seekers names dense, which is not there"),
        (broken("samples", value=100), "strong.training.batch is 128, more than the 100 training samples of moons"),
        (
            broken("training", value={"batch": 600}),
            # 60 % of 178, 182, 177, 183 and 181 images.
            "strong.training.batch is 600, more than the 541 training samples of digits_wide; lower it",
        ),
        (broken("tasks", "moons", value={"hidden": [1] * 12}), "strong.tasks.moons.hidden is [1, 1, 1, 1"),
        (broken("tasks", "moons", value={"hidden": [10_000] * 20}), "asks for 100 members × "),
        (
            broken("seekers", "equal", "density", value=0.0001),
            "strong.seekers.equal.density is 0.0001, which keeps fewer of",
        ),
        (
            broken("seekers", "random_search", value={"seeker": "evolution_strategy", "population": 50, "budget": 49}),
            "strong.seekers.random_search.population is 50, but a budget of 49 may be as few as 49 evaluations; lower it",
        ),
        (
            # The first 100 individuals and 10 migrants in each of 100 generations.
            broken("seekers", "random_search", value={"seeker": "evolution_strategy", "population": 1102}),
            "population is 1102, but a budget of genetic may be as few as 1100 evaluations; lower it",
        ),
    ],
)
def test_mistakes_are_refused_in_one_sentence(config, sentence):
    with pytest.raises(reader.StudyError) as refused:
        study.resolve(config)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("name", ["config", "strong", "strong_mnist"])
def test_studies_compare_objectives_by_searches_that_differ_in_nothing_else(name):
    path = Path(__file__).parents[3] / f"config/{name}.yaml"
    strong = study.resolve(yaml.safe_load(path.read_text())).strong
    entropy, accuracy = (strong.seekers[f"genetic_{objective}"] for objective in ("entropy", "accuracy"))
    assert entropy == accuracy | {"objective": "cross_entropy"}
    tasks = {cell.task for cell in strong.cells if cell.seeker == "genetic_entropy"}
    both = {cell.task for cell in strong.cells if cell.seeker == "genetic_accuracy"}
    assert any(strong.tasks[task]["classes"] > 2 for task in tasks & both)
