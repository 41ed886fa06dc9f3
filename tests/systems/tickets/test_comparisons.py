"""Transfers and landscapes of a study: what is resolved, and what is refused in one sentence."""

from copy import deepcopy

import pytest

from evotickets import study
from evotickets.configuration import reader

SNR = {"task": "digits", "trainer": "snes", "criterion": "snr"}
GOOD = {
    "tickets": {
        "densities": [1, 0.5, 0.2],
        "tasks": {"digits": {"hidden": [8]}, "twice": {"task": "digits", "hidden": [8]}, "cartpole": {"hidden": [8]}},
        "trainers": {"snes": {}, "adam": {}, "pgpe": {}},
        "chains": [
            {"task": "digits", "trainers": ["snes"], "criteria": ["snr", "random"]},
            {"task": "digits", "trainers": ["adam"], "criteria": ["magnitude", "random"]},
            {"task": "twice", "trainers": ["snes"], "criteria": ["snr", "random"]},
            {"task": "digits", "trainers": ["pgpe"], "criteria": ["snr"]},
            {"task": "cartpole", "trainers": ["snes"], "criteria": ["snr", "random"]},
        ],
        "transfers": [{"source": SNR, "target": {"task": "digits", "trainer": "adam"}, "levels": [2]}],
        "landscape": {"chains": [SNR], "levels": [2, 0]},
    }
}


def load(**changes):
    return study.resolve({"tickets": deepcopy(GOOD["tickets"]) | changes}).tickets


def test_a_transfer_and_a_landscape_are_resolved():
    tickets = load()
    (transfer,) = tickets.transfers
    assert (transfer.source_task, transfer.source_trainer, transfer.source_criterion) == ("digits", "snes", "snr")
    assert (transfer.task, transfer.trainer, transfer.levels) == ("digits", "adam", (2,))
    assert tickets.landscape.chains == (("digits", "snes", "snr"),)
    assert (tickets.landscape.levels, tickets.landscape.draws) == ((0, 2), 32)


def test_levels_are_all_that_make_sense_unless_named():
    tickets = load(
        transfers=[{"source": SNR, "target": {"task": "twice", "trainer": "snes"}}], landscape={"chains": [SNR]}
    )
    assert tickets.transfers[0].levels == (1, 2)
    assert tickets.landscape.levels == (0, 1, 2)


def test_a_study_without_them_has_none():
    tickets = load(transfers=[], landscape={"chains": [SNR]})
    assert tickets.transfers == ()
    without = deepcopy(GOOD["tickets"])
    del without["transfers"], without["landscape"]
    assert study.resolve({"tickets": without}).tickets.landscape.chains == ()


def test_trainers_are_compared_by_their_own_criterion():
    tickets = load(
        chains=[*GOOD["tickets"]["chains"], {"task": "twice", "trainers": ["pgpe"], "criteria": ["random", "synflow"]}]
    )
    assert tickets.own("digits", "snes") == "snr"
    assert tickets.own("digits", "adam") == "magnitude"
    assert tickets.own("twice", "pgpe") == "synflow"


def test_an_activation_that_is_the_default_may_be_written_out_or_not():
    entry = {"source": SNR, "target": {"task": "twice", "trainer": "snes"}}
    named, other = (
        GOOD["tickets"]["tasks"] | {"twice": {"task": "digits", "hidden": [8], "activation": name}}
        for name in ("relu", "tanh")
    )
    assert len(load(tasks=named, transfers=[entry]).transfers) == 1
    with pytest.raises(reader.StudyError, match=r"networks differ in activation \(relu and tanh\)"):
        load(tasks=other, transfers=[entry])


ANTS = {"ant": {"hidden": [8]}, "heavy_ant": {"task": "ant", "hidden": [8], "torso_mass": 15}}


def test_a_ticket_of_an_ant_goes_to_a_heavier_one():
    chain = {"trainers": ["snes"], "criteria": ["snr", "random"]}
    tickets = load(
        tasks=ANTS,
        chains=[chain | {"task": name} for name in ANTS],
        transfers=[{"source": SNR | {"task": "ant"}, "target": {"task": "heavy_ant", "trainer": "snes"}}],
        landscape={"chains": [SNR | {"task": "ant"}]},
    )
    assert tickets.tasks["heavy_ant"]["torso_mass"] == 15
    assert (tickets.transfers[0].source_task, tickets.transfers[0].task) == ("ant", "heavy_ant")


@pytest.mark.parametrize(
    ("task", "mass", "expected"),
    [
        ("cartpole", 15, "has torso_mass, which cartpole does not take; ant, halfcheetah, hopper, walker2d do"),
        ("digits", 15, "has torso_mass, which digits does not take"),
        ("ant", 0, "tickets.tasks.light.torso_mass"),
    ],
)
def test_only_what_has_a_torso_is_given_a_mass(task, mass, expected):
    with pytest.raises(reader.StudyError) as error:
        load(tasks=GOOD["tickets"]["tasks"] | {"light": {"task": task, "hidden": [8], "torso_mass": mass}})
    assert expected in str(error.value)


TRANSFERS = {
    "unknown task": (
        {"task": "digit"},
        {},
        "tickets.transfers[0].source.task names digit, which is not there; did you",
    ),
    "unknown trainer": ({"trainer": "open_es"}, {}, "tickets.transfers[0].source.trainer names open_es"),
    "criterion of another chain": (
        {"criterion": "magnitude"},
        {},
        "tickets.transfers[0].source.criterion names magnitude, which is not there; known are snr, random",
    ),
    "unknown target": ({}, {"task": "mnist"}, "tickets.transfers[0].target.task names mnist"),
    "target without random": (
        {},
        {"trainer": "pgpe"},
        "tickets.transfers[0].target is pgpe on digits, which has no chain to compare with; add one",
    ),
    "other shape": (
        {},
        {"task": "cartpole", "trainer": "snes"},
        "tickets.transfers[0] takes tickets of digits to cartpole, but their networks differ in inputs (8×8×1 and none)",
    ),
}


@pytest.mark.parametrize("case", TRANSFERS)
def test_an_impossible_transfer_is_refused(case):
    source, target, expected = TRANSFERS[case]
    entry = {"source": SNR | source, "target": {"task": "digits", "trainer": "adam"} | target}
    with pytest.raises(reader.StudyError) as error:
        load(transfers=[entry])
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"transfers": [{"source": SNR, "target": {"task": "digits", "trainer": "adam"}, "levels": [0]}]},
            "at least 1",
        ),
        (
            {"transfers": [{"source": SNR, "target": {"task": "digits", "trainer": "adam"}, "levels": [3]}]},
            "tickets.transfers[0].levels has 3, but the last of the densities is level 2",
        ),
        ({"transfers": 2 * GOOD["tickets"]["transfers"]}, "tickets.transfers[1] repeats an earlier transfer"),
        ({"landscape": {"chains": [SNR], "levels": [5]}}, "tickets.landscape.levels has 5"),
        ({"landscape": {"chains": [SNR | {"trainer": "des"}]}}, "tickets.landscape.chains[0].trainer names des"),
        ({"landscape": {"chains": [SNR, SNR]}}, "tickets.landscape.chains lists something twice"),
        ({"landscape": {"chains": [SNR], "draw": 3}}, "unknown key 'draw'; did you mean 'draws'?"),
    ],
)
def test_impossible_levels_and_repetitions_are_refused(changes, expected):
    with pytest.raises(reader.StudyError) as error:
        load(**changes)
    assert expected in str(error.value)
