"""The section `hybrid` of a configuration: what it resolves to, and one sentence for whatever is wrong with it."""

from functools import partial

import pytest

from evotickets import study
from evotickets.configuration import reader
from evotickets.systems.hybrid import SMALL, config, method
from evotickets.systems.hybrid.config import Cell
from tests import studies

GOOD = {
    "hybrid": {
        "tasks": {"digits": {"hidden": [8]}, "rows": {"task": "digits", "recurrent": 8, "training": {"steps": 500}}},
        "methods": {
            "hybrid": {},
            "still": {"method": "hybrid", "mask_rate": 0},
            "set": {},
            "dense": {},
            "evolution": {},
        },
        "cells": [
            {"tasks": ["digits"], "methods": ["hybrid", "still", "dense"], "densities": [0.5, 0.02]},
            {"tasks": ["digits", "rows"], "methods": ["set", "dense", "evolution"], "densities": [0.1]},
        ],
        "effects": [{"task": "digits", "method": "hybrid", "density": 0.1, "populations": [4, 8]}],
        "overhead": [{"task": "rows", "method": "still", "density": 0.1}],
    }
}


def test_every_cell_is_there_once_and_what_prunes_nothing_has_no_density():
    hybrid = study.resolve(GOOD).hybrid
    assert set(hybrid.cells) == {
        Cell("digits", "hybrid", "0.5"), Cell("digits", "hybrid", "0.02"), Cell("digits", "still", "0.5"),
        Cell("digits", "still", "0.02"), Cell("digits", "dense", "1", "whole"), Cell("digits", "set", "0.1"),
        Cell("digits", "evolution", "1", "whole"), Cell("rows", "set", "0.1"), Cell("rows", "dense", "1", "whole"),
        Cell("rows", "evolution", "1", "whole"),
    }  # fmt: skip
    assert len(set(hybrid.cells)) == len(hybrid.cells)
    assert hybrid.effects == (config.Effects("digits", "hybrid", "0.1", "erk", (4, 8), 500, 8),)
    assert hybrid.overhead == (config.Overhead("rows", "still", "0.1", "erk", 20),)


def test_every_share_out_and_rate_is_there_where_it_is_asked_for():
    config = broken("cells", value=[
        {"tasks": ["digits"], "methods": ["set", "dense", "evolution"], "densities": [0.5]}
        | {"layer_densities": ["uniform", "erk"]},
        {"tasks": ["digits"], "methods": ["hybrid"], "densities": [0.5], "learning_rates": []},
    ])  # fmt: skip
    config["hybrid"]["learning_rates"] = [0.1, 0.3]
    config["hybrid"]["grids"] = {"hybrid": [[{}, {"std": 2}], [{"batches": 4}, {"steps": 500, "batches": 8}]]}
    hybrid = study.resolve(config).hybrid
    rates = (0.1, 0.3)
    assert hybrid.cells == (
        Cell("digits", "set", "0.5", "uniform", rates), Cell("digits", "set", "0.5", "erk", rates),
        Cell("digits", "dense", "1", "whole", rates), Cell("digits", "evolution", "1", "whole"),
        Cell("digits", "hybrid", "0.5", "erk"),
    )  # fmt: skip
    # Evolution has a learning rate of its own, and the hybrid a grid.
    assert hybrid.chosen == (*hybrid.cells[:3], hybrid.cells[4])
    assert hybrid.grids["hybrid"][0][1] == {"std": 2.0}


def test_defaults_are_filled_in_and_a_task_has_its_own_training():
    hybrid = study.resolve(GOOD).hybrid
    shared = {"steps": 1000, "batches": 4, "batch": 32, "learning_rate": 0.1, "momentum": 0.9, "evaluations": 10}
    assert hybrid.tasks["digits"] == {"task": "digits", "hidden": [8], "training": shared}
    assert hybrid.tasks["rows"]["training"] == shared | {"steps": 500}
    assert hybrid.methods["still"] == {"method": "hybrid"} | method.options("hybrid") | {
        "mask_rate": 0,
        "block": [1, 1],
    }
    assert list(study.resolve({"hybrid": GOOD["hybrid"]}).sections) == ["hybrid"]


def test_the_schema_and_the_methods_agree():
    described = reader.described(method)
    assert set(described) == set(method)
    for name, rules in described.items():
        properties = {key: rule for key, rule in rules["properties"].items() if key != "method"}
        own = {key: list(value) if isinstance(value, tuple) else value for key, value in method.options(name).items()}
        assert {key: rule["default"] for key, rule in properties.items()} == own
        assert all(rule["description"] for rule in properties.values())


def test_what_the_grid_knows_of_methods_is_so():
    assert {name for name in method if config.whole(name)} == {"dense", "evolution"}
    assert config.SEARCH in method
    assert SMALL in method


broken = partial(studies.changed, GOOD, "hybrid")


def only(method, density, share_out="erk", **options):
    """A study of one cell."""
    cells = [{"tasks": ["digits"], "methods": ["set"], "densities": [density]}]
    tasks = {"digits": {"hidden": [8]}}
    section = {"tasks": tasks, "methods": {"set": {"method": method, **options}}, "cells": cells}
    return {"hybrid": section | {"layer_densities": [share_out]}}


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (broken("tasks", "digits", value={"task": "digit", "hidden": [8]}), "hybrid.tasks.digits names digit, which is"),
        (broken("tasks", "digits", value={"task": "cartpole", "hidden": [8]}), "names cartpole, which is not there"),
        (broken("tasks", "digits", value={}), "hybrid.tasks.digits needs one network: 'hidden', 'channels'"),
        (broken("tasks", "digits", value={"hidden": [8], "recurrent": 3}), "needs one network"),
        (broken("tasks", "digits", value={"channels": [2, 2, 2, 2]}), "digits.channels has 4 entries, each halving"),
        (broken("tasks", "rows", "training", value={"steps": 55}), "steps is 55, no multiple of evaluations, 10"),
        (broken("tasks", "rows", "training", value={"step": 55}), "unknown key 'step'; did you mean 'steps'?"),
        (broken("methods", "set", value={"method": "sat"}), "hybrid.methods.set names sat, which is not there; did you"),
        (broken("methods", "set", value={"rate": 1}), "hybrid.methods.set: unknown key 'rate'"),
        (broken("methods", "set", value={"every": 800}), "set changes its mask every 800 steps, never in the first"),
        (broken("methods", "set", value={"batches": 5}), "set takes 5 batches, but digits has 4; lower it"),
        (broken("methods", "hybrid", value={"groups": 3}), "hybrid has 3 groups, which do not divide the 4 batches of"),
        (broken("methods", "hybrid", value={"block": [4]}), "hybrid.methods.hybrid.block is [4]; it must have at least 2"),
        (broken("methods", "evolution", value={"population": 30, "groups": 4}), "population is 30; it must be a multiple"),
        (broken("cells", 0, "methods", value=["sat"]), "hybrid.cells[0].methods names sat, which is not there"),
        (broken("cells", 0, "tasks", value=["mnist"]), "hybrid.cells[0].tasks names mnist, which is not there"),
        (broken("cells", 0, "densities", value=[1]), "hybrid.cells[0].densities[0] is 1; it must be less than 1"),
        (broken("effects", 0, "method", value="set"), "hybrid.effects[0].method is set, which moves no mask by evolution"),
        (broken("effects", 0, "populations", value=[5]), "populations[0] is 5; it must be a multiple of 2"),
        (broken("effects", value=GOOD["hybrid"]["effects"] * 2), "hybrid.effects lists digits hybrid 0.1 twice; keep one"),
        (broken("methods", "hybrid", value={"noise": "gumbel"}), "whose masks have blocks or whose noise is not normal"),
        (broken("methods", "set", value={"method": "imp", "rounds": 1000}), "set has 1000 rounds, more than the 500"),
        (only("set", 0.006, "uniform"), "set at density 0.006 keeps none of the 80 weights of dense2/kernel"),
        (
            only("rigl", 0.001),
            "set at density 0.001 keeps fewer weights than digits has layers; raise the density",
        ),
        (
            only("hybrid", 0.1, "uniform", block=[1024, 1024]),
            "set at density 0.1 keeps none of the 1 blocks of 1024×1024 of dense1/kernel of digits; raise the density",
        ),
        (
            broken("methods", "hybrid", value={"block": [5, 5]}),
            "of the 592 weights of digits, because its blocks of 5×5 do not divide the layers; choose smaller ones",
        ),
        (
            only("small_dense", 0.1),
            "set at density 0.1 is to have 59 weights on digits, but the narrowest network has 74; raise the density",
        ),
        (broken("cells", 0, "densities", value=[0.5, 0.50000000001]), "both write as 0.5: keep one"),
        (broken("cells", 0, "densities", value=[0.99999999999]), "which paths and tables write as 1: round it"),
        (broken("effects", 0, "samples", value=1100), "samples is 1100, but digits has 1079 training samples; lower it"),
        (broken("training", value={"batches": 100_000, "batch": 1_000_000}), "asks for 100000 batches × 1000000 batch × 64"),
        (broken("tasks", "digits", value={"hidden": [100_000] * 2}), "hybrid.tasks.digits is a network of 1e+10 weights"),
        (broken("grids", value={"hybrid": [[{"steps": 2000}]]}), "a candidate of hybrid sees 256000 samples on digits, other"),
        (broken("grids", value={"hybrid": [[{"mask_rat": 1}]]}), "hybrid.grids.hybrid[0][0]: unknown key 'mask_rat'; did you"),
        (broken("grids", value={"hybrid": [[{"learning_rate": 1}]]}), "has a learning_rate; name those of all methods"),
        (broken("grids", value={"hybrid": [[{"steps": 0}]]}), "hybrid.grids.hybrid[0][0].steps is 0; it must be a whole"),
        (broken("grids", value={"hybrid": [[]]}), "hybrid.grids.hybrid has an axis without options; take it out"),
        (broken("grids", value={"hybrid": [[{"groups": 3}]]}), "hybrid has 3 groups, which do not divide the 4 batches of"),
        (broken("grids", value={"hybrd": []}), "hybrid.grids names hybrd, which is not there; did you mean 'hybrid'?"),
        (
            broken("cells", 1, value=GOOD["hybrid"]["cells"][0] | {"learning_rates": [0.1, 0.3]}),
            "hybrid.cells[1] gives digits hybrid 0.5 erk other learning rates than an earlier entry; keep one of the two",
        ),
        (broken("overhead", 0, "task", value="mnist"), "hybrid.overhead[0].task names mnist, which is not there"),
    ],
)  # fmt: skip
def test_mistakes_are_refused_in_one_sentence(config, sentence):
    with pytest.raises(reader.StudyError) as refused:
        study.resolve(config)
    assert sentence in str(refused.value)


def test_training_of_one_step_is_planned_where_no_mask_changes():
    config = only("dense", 0.5)
    config["hybrid"]["training"] = {"steps": 1, "evaluations": 1}
    assert study.resolve(config | {"results": "results"}).hybrid.tasks["digits"]["training"]["steps"] == 1
