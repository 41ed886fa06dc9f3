"""The section `subspace` of a configuration: what it resolves to, and one sentence for whatever is wrong with it."""

from copy import deepcopy
from functools import partial

import pytest

from evotickets import study
from evotickets.configuration import reader
from evotickets.systems.subspace import MODES, RULES, SHIFTS, config, pools
from evotickets.systems.subspace.config import Cell
from tests import studies

DESCRIBED = reader.schema()
PARENT = DESCRIBED["properties"]["subspace"]["properties"]["parents"]["additionalProperties"]
GOOD = {
    "subspace": {
        "parents": {"digits": {}, "wide": {"parent": "digits", "epochs": 3}},
        "mutations": [
            {
                "parents": ["digits"],
                "modes": ["bernoulli", "partition"],
                "densities": [1, 0.5, 0.01],
                "sigmas": [0.1, 1],
            }
        ],
        "gradients": [{"parents": ["wide"], "densities": [1], "sigma": 0.1, "children": [8, 4]}],
        "generations": [{"parents": ["digits"], "densities": [0.1], "sigma": 0.1, "decays": [0, 0.25]}],
    }
}


def resolved(config=GOOD):
    return study.resolve(config).subspace


def test_every_cell_is_there_once_and_all_modes_share_the_dense_one():
    cells = resolved().cells
    names = [(cell.study, cell.name) for cell in cells if cell.study != "gradients"]
    assert names == [
        ("mutations", "dense"), ("mutations", "bernoulli_0.5"), ("mutations", "partition_0.5"),
        ("mutations", "bernoulli_0.01"), ("mutations", "partition_0.01"),
        ("generations", "bernoulli_0.1_noise_decay_0"), ("generations", "bernoulli_0.1_noise_decay_0.25"),
    ]  # fmt: skip
    assert cells[Cell("wide", "gradients", "dense")]["children"] == [4, 8]
    own = cells[Cell("digits", "mutations", "partition_0.5")]
    assert (own["mode"], own["density"], own["children"], own["step"]) == ("partition", 0.5, 16, 1.0)
    assert own["scales"] == [{"rule": r, "sigma": s} for r in ("norm", "absolute") for s in (0.1, 1.0)]


def test_all_test_images_are_there_unless_fewer_are_asked_for():
    assert resolved().images == {"fitness": 500, "validation": 250, "test": None, "batch": 250}
    assert resolved(broken("test", value=100)).images["test"] == 100


def test_parents_are_known_by_name_or_described():
    subspace = resolved()
    assert subspace.parents["wide"] == config.PARENTS["digits"] | {"options": {}, "epochs": 3}
    assert subspace.used == ["digits", "wide"]
    assert subspace.studies("digits") == ["mutations", "generations"]
    wrong = broken("parents", "net", value={"model": "a.b", "images": "cifar10"})
    assert resolved(wrong).parents["net"] == {"model": "a.b", "images": "cifar10", "arguments": {}, "options": {}}


def test_the_schema_and_the_code_name_the_same():
    section = DESCRIBED["properties"]["subspace"]["properties"]
    entry = section["mutations"]["items"]["properties"]
    assert entry["modes"]["items"]["enum"] == list(MODES)
    assert entry["rules"]["items"]["enum"] == list(RULES)
    assert section["gradients"]["items"]["properties"]["rule"]["enum"] == list(RULES)
    assert section["generations"]["items"]["properties"]["shift"]["enum"] == list(SHIFTS)
    shapes = {name: facts.input_shape for name, facts in pools.POOLS.items()}
    assert PARENT["properties"]["images"]["enum"] == [name for name, shape in shapes.items() if len(shape) != 1]
    assert all(name in PARENT["description"] for name in config.PARENTS)


broken = partial(studies.changed, GOOD, "subspace")


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (broken("parents", "net", value={}), "subspace.parents.net names net, which is not there; known are digits"),
        (broken("parents", "net", value={"model": "a.b"}), "names a model without images; add images"),
        (
            broken("parents", "net", value={"model": "a.b", "images": "digits", "parent": "digits"}),
            "has both a parent and a model; keep one",
        ),
        (
            broken("parents", "net", value={"model": "a.b", "images": "digits", "checkpoint": "c", "epochs": 2}),
            "has a checkpoint and epochs of training; keep one",
        ),
        (broken("parents", "net", value={"modle": "a.b"}), "unknown key 'modle'; did you mean 'model'?"),
        (broken("mutations", 0, "parents", value=["digit"]), "subspace.mutations[0].parents names digit, which is not"),
        (broken("mutations", 0, "modes", value=["gauss"]), "modes[0] is 'gauss'; choose one of bernoulli, static"),
        (broken("mutations", 0, "densities", value=[0.3]), "densities has 0.3, which splits nothing into equal blocks"),
        (broken("mutations", 0, "densities", value=[0]), "densities[0] is 0; it must be greater than 0"),
        (broken("mutations", 0, "sigmas", value=[]), "subspace.mutations[0].sigmas is empty"),
        (broken("generations", 0, "generations", value=25), "generations is 25; it must be a multiple of evaluations"),
        (broken("generations", 0, "decays", value=[1]), "decays[0] is 1; it must be less than 1"),
        (broken("fitness", value=1080), "subspace.fitness is 1080, but digits has 1079 such images of digits; lower it"),
        (broken("test", value=360), "subspace.test is 360, but digits has 359 such images of digits; lower it"),
        (broken("validation", value=360), "subspace.validation is 360, but digits has 359 such images of digits; lower it"),
        (broken("mutations", 0, "densities", value=[0.1, 0.10000000001]), "densities has 0.1 and 0.10000000001"),
        (broken("generations", 0, "decays", value=[0.99999999999]), "write as 1: round it"),
        (
            broken("parents", "net", value={"model": "net", "images": "digits"}),
            "net.model: 'net' cannot be used; it must be the import path",
        ),
        (broken("parents", "net", value={"model": "a.b", "images": "folder"}), "images of folder without options.root; add it"),
        (
            broken("parents", "net", value={"model": "a.b", "images": "digits", "options": {"size": 3}}),
            "options has size, which images of digits do not take; take it out",
        ),
        (
            broken("parents", "net", value={"model": "a.b", "images": "folder", "options": {"root": "x", "size": 300}}),
            "options cuts a square of 300 from images whose shorter side is 256; raise resize or lower size",
        ),
        (
            broken(
                "parents", "net",
                value={
                    "model": "a.b", "images": "folder",
                    "options": {"root": "x", "classes": {"a": 0}, "classes_file": "y"},
                },
            ),
            "options has classes and classes_file, which both number the classes; keep one",
        ),
        (
            broken("parents", "net", value={"model": "a.b", "images": "digits", "entry": "net"}),
            "has an entry without a checkpoint; add the checkpoint",
        ),
        (
            broken("parents", "net", value={"model": "a.b", "images": "folder", "options": {"root": "x", "test": "../x"}}),
            "options.test: '../x' cannot be used; it must be the name of the folder of held-out images, and no path",
        ),
        (
            broken("parents", "net", value={"model": "a.b", "images": "digits", "arguments": {"1x": 3}}),
            "net.arguments has 1x, which cannot be the name of an argument; mend it",
        ),
        ({"subspace": {"parents": {"digits": {}}}}, "subspace has no cells; add mutations, gradients, generations, tuning"),
        ({}, "none of tickets, planting, strong, hybrid, subspace"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_sentence(config, sentence):
    with pytest.raises(reader.StudyError) as error:
        study.resolve(config)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_two_entries_that_disagree_about_a_cell_are_refused():
    config = deepcopy(GOOD)
    entry = config["subspace"]["mutations"][0]
    config["subspace"]["mutations"].append(entry | {"parents": ["wide"]})
    assert Cell("wide", "mutations", "dense") in resolved(config).cells
    config["subspace"]["mutations"].append(entry | {"sigmas": [3]})
    with pytest.raises(reader.StudyError, match="gives digits/mutations/dense other settings than an earlier entry"):
        resolved(config)


def test_two_goals_of_one_parent_are_refused():
    def tuned(*entries):
        shared = {"sigma": 0.01, "densities": [1], "generations": 10, "evaluations": 10}
        return {
            "subspace": {
                "parents": {"digits": {}, "digits_error": {"parent": "digits"}},
                "tuning": [shared | {"parents": [parent], "goal": goal} for parent, goal in entries],
            }
        }

    sentence = "has the goals cross_entropy and error for digits; give the second one an entry of parents of its own"
    with pytest.raises(reader.StudyError, match=sentence):
        study.resolve(tuned(("digits", "cross_entropy"), ("digits", "error")))
    cells = study.resolve(tuned(("digits", "cross_entropy"), ("digits_error", "error"))).subspace.cells
    assert len(cells) == 2
