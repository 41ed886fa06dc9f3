from pathlib import Path

import numpy as np
import pytest
import yaml

from evotickets import study
from evotickets.configuration import reader
from evotickets.pruning import scores
from evotickets.pruning.at_initialisation import ONE_SHOT
from evotickets.pruning.controls import CONTROLS
from evotickets.trainers import strategies
from tests import studies

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
RULES = yaml.safe_load(SCHEMA.read_text())
TINY = {
    "tickets": {
        "densities": [1, 0.5],
        "tasks": {"digits": {"hidden": [8]}},
        "trainers": {"snes": {}, "adam": {}},
        "chains": [{"task": "digits", "trainers": ["snes"], "criteria": ["snr"]}],
    }
}


@pytest.mark.parametrize("path", sorted((ROOT / "config").rglob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_study_is_sound(path):
    loaded = study.load(path, SCHEMA)
    assert loaded.sections
    assert all(getattr(section, "chains", ()) or section.cells for section in loaded.sections.values())


def test_a_section_that_is_not_there_is_named():
    assert not hasattr(study.resolve(TINY, SCHEMA), "strong")
    with pytest.raises(AttributeError, match="no section 'strong'"):
        _ = study.resolve(TINY, SCHEMA).strong


def test_defaults_are_filled_in_at_every_depth():
    resolved = study.resolve(TINY, SCHEMA)
    assert (resolved.seed, resolved.seeds, str(resolved.results)) == (0, 5, "results")
    settings = resolved.tickets.settings["digits", "snes"]
    assert settings["generations"] == 300
    assert settings["trainer"] == "snes"
    assert "episodes" not in settings, "episodes belong to control tasks"
    assert resolved.config["seeds"] == 5
    assert "seeds" not in TINY, "the caller's configuration is left alone"


@pytest.mark.parametrize("name", strategies.STRATEGIES)
def test_the_schema_and_the_strategies_agree(name):
    described = RULES["$defs"]["strategies"][name]["properties"]
    assert set(strategies.options(name)) == set(described) - {
        "trainer", "evaluations", "batch", "episodes", "test_episodes", "path", "precision", "population", "generations",
        "mean_decay",
    }  # fmt: skip
    for option, default in strategies.options(name).items():
        assert described[option]["default"] == default


def test_a_registered_score_is_a_criterion(monkeypatch):
    monkeypatch.setitem(scores.SCORES, "power_4", lambda mean: mean**4)
    config = studies.changed(TINY, "tickets", "chains", 0, "criteria", value=["power_4"])
    (chain,) = study.resolve(config, SCHEMA).tickets.chains
    assert chain.criterion == "power_4"
    config = studies.changed(TINY, "tickets", "chains", 0, "criteria", value=["power_5"])
    with pytest.raises(reader.StudyError, match=r"'power_5'; choose one of .*power_4"):
        study.resolve(config, SCHEMA)


def test_a_score_that_reads_the_std_needs_one(monkeypatch):
    monkeypatch.setattr(scores, "SCORES", dict(scores.SCORES))
    monkeypatch.setattr(scores, "NEEDS_STD", set(scores.NEEDS_STD))
    assert sorted(scores.NEEDS_STD) == ["snr", "snr_variance"]

    @scores.register
    def spread(mean, std):
        return np.abs(mean) - std

    mean, std = np.array([[1.0, -3.0]]), np.array([[0.5, 1.0]])
    np.testing.assert_array_equal(scores.score("spread", mean, std), [[0.5, 2.0]])
    with pytest.raises(ValueError, match="'spread' needs a search distribution"):
        scores.score("spread", mean, None)


def test_names_in_the_schema_are_those_of_the_code():
    rules = study.rules_of(SCHEMA)
    chain = rules["properties"]["tickets"]["properties"]["chains"]["items"]["properties"]
    assert chain["criteria"]["items"]["enum"] == [*scores.SCORES, *CONTROLS, *ONE_SHOT]
    evolved = rules["$defs"]["seekers"]["evolution_strategy"]["properties"]
    assert evolved["strategy"]["enum"] == list(strategies.STRATEGIES)
    assert evolved["criterion"]["enum"] == list(scores.SCORES)


def test_every_key_has_a_description():
    def check(rules, place):
        for key, rule in rules.get("properties", {}).items():
            assert rule.get("description") or key == "trainer", f"{place}.{key} has no description"
            check(rule, f"{place}.{key}")
            check(rule.get("items", {}) if isinstance(rule.get("items"), dict) else {}, f"{place}.{key}")

    check(RULES, "config")
    for name, rules in RULES["$defs"]["strategies"].items():
        check(rules, name)


def test_settings_of_a_chain_override_the_trainers():
    chains = [{"task": "digits", "trainers": ["snes"], "criteria": ["snr"], "settings": {"population": 10}}]
    tickets = study.resolve({"tickets": TINY["tickets"] | {"chains": chains}}, SCHEMA).tickets
    assert tickets.settings["digits", "snes"]["population"] == 10


def test_a_control_brings_the_chain_it_starts_from():
    chains = [{"task": "digits", "trainers": ["snes"], "criteria": ["mask_reinit"], "controls_of": "snr"}]
    tickets = study.resolve({"tickets": TINY["tickets"] | {"chains": chains}}, SCHEMA).tickets
    assert [(c.criterion, c.reference) for c in tickets.chains] == [("mask_reinit", "snr"), ("snr", "snr")]
