from pathlib import Path

import numpy as np
import pytest

from evotickets import own, pruning, study
from evotickets.configuration import reader, schema
from evotickets.pruning import CONTROLS, criterion, scores
from evotickets.systems.planting import seeker
from evotickets.systems.tickets import config as tickets_config
from evotickets.trainers import EVOLUTION, strategy, trainer
from tests import studies

ROOT = Path(__file__).parents[2]
RULES = reader.schema()
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
    loaded = study.load(path)
    assert loaded.sections
    assert all(getattr(section, "chains", ()) or section.cells for section in loaded.sections.values())


ENTRIES = ("tasks", "trainers", "targets", "seekers", "methods", "parents", "grids", "only")
"""Figures show these as a study names them."""


def turned(value, name=""):
    if isinstance(value, dict):
        inside = [(key, turned(item, key)) for key, item in value.items()]
        return dict(inside if name in ENTRIES else reversed(inside))
    return [turned(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("path", sorted((ROOT / "config").rglob("*.yaml")), ids=lambda path: path.name)
def test_the_order_of_options_is_none(path):
    """Snakemake compares settings by their text, and would run jobs again whose options are told in another order."""
    config = reader.read(path)
    other = turned(config)
    assert str(config) != str(other)
    for name, section in study.resolve(config, path.parent).sections.items():
        assert str(section) == str(study.resolve(other, path.parent).sections[name]), name


def test_a_section_that_is_not_there_is_named():
    assert not hasattr(study.resolve(TINY), "strong")
    with pytest.raises(AttributeError, match="no section 'strong'"):
        _ = study.resolve(TINY).strong


def test_the_configuration_that_is_resolved_stays_as_it_was():
    given = {"tickets": {**TINY["tickets"], "tasks": {"digits": {"hidden": [8], "biases": 1}}}}
    before = repr(given)
    resolved = study.resolve(given)
    resolved.config["tickets"]["densities"].append(0.1)
    resolved.config["tickets"]["tasks"]["digits"]["hidden"].append(9)
    assert repr(given) == before


def test_a_package_that_is_installed_later_is_found(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    assert not own.of_packages()
    (tmp_path / "later_parts.py").touch()
    installed = tmp_path / "later-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: later\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(f"[{own.GROUP}]\nany = later_parts\n")
    assert own.of_packages() == [own.Own("later_parts", str(tmp_path / "later_parts.py"))]


def test_defaults_are_filled_in_at_every_depth():
    resolved = study.resolve(TINY)
    assert (resolved.seed, resolved.seeds, str(resolved.results)) == (0, 5, "results")
    settings = resolved.tickets.settings["digits", "snes"]
    assert settings["generations"] == 300
    assert settings["trainer"] == "snes"
    assert "episodes" not in settings, "episodes belong to control tasks"
    assert resolved.config["seeds"] == 5
    assert "seeds" not in TINY, "the caller's configuration is left alone"


@pytest.mark.parametrize("name", strategy)
def test_the_schema_describes_the_options_of_strategies(name):
    described = reader.described("trainers")[name]["properties"]
    for option, default in strategy.options(name).items():
        assert described[option]["default"] == default


def test_a_registered_criterion_enters_the_schema(monkeypatch):
    monkeypatch.setattr(criterion, "_parts", dict(criterion))
    monkeypatch.setattr(criterion, "facts", dict(criterion.facts))

    @criterion
    def spread(mean, std):
        """Return how far |mean| exceeds the std."""
        return np.abs(mean) - std

    mean, std = np.array([[1.0, -3.0]]), np.array([[0.5, 1.0]])
    np.testing.assert_array_equal(scores.score("spread", mean, std), [[0.5, 2.0]])
    with pytest.raises(ValueError, match="'spread' needs a search distribution"):
        scores.score("spread", mean, None)
    rules = schema.generate()
    assert rules["$defs"]["pruning.criteria"]["spread"]["x-needs"] == ["mean", "std"]
    monkeypatch.setattr(study, "schema", lambda: rules)
    monkeypatch.setattr(reader, "schema", lambda: rules)
    config = studies.changed(TINY, "tickets", "chains", 0, "criteria", value=["spread"])
    (chain,) = study.resolve(config).tickets.chains
    assert chain.criterion == "spread"
    config = studies.changed(config, "tickets", "chains", 0, "trainers", value=["adam"])
    with pytest.raises(reader.StudyError, match="has spread for adam, a gradient trainer without a std"):
        study.resolve(config)
    config = studies.changed(TINY, "tickets", "chains", 0, "criteria", value=["spred"])
    with pytest.raises(reader.StudyError, match=r"'spred'; choose one of .*spread"):
        study.resolve(config)


def test_names_in_the_schema_are_those_of_the_code():
    chain = RULES["properties"]["tickets"]["properties"]["chains"]["items"]["properties"]
    assert chain["criteria"]["items"]["enum"] == [*tickets_config.scores(), *CONTROLS, *tickets_config.one_shot()]
    assert pruning.of_trained_weights() == tickets_config.scores()
    assert pruning.at_once() == tickets_config.one_shot()
    assert {"magnitude", "snr", "snr_variance"} <= set(tickets_config.scores())
    assert {"snip", "grasp", "synflow"} <= set(tickets_config.one_shot())
    evolved = reader.described(seeker)["evolution_strategy"]["properties"]
    assert evolved["strategy"]["enum"] == list(strategy)
    assert evolved["criterion"]["enum"] == tickets_config.scores()
    assert set(reader.described("trainers")) == {*strategy, *trainer, "evosax"} - {EVOLUTION}


def test_every_key_has_a_description():
    def check(rules, place):
        for key, rule in rules.get("properties", {}).items():
            assert rule.get("description"), f"{place}.{key} has no description"
            for inner in (rule, rule.get("items", {}), rule.get("additionalProperties") or {}):
                check(inner, f"{place}.{key}")

    check(RULES, "config")
    for kind, parts in RULES["$defs"].items():
        for name, rules in parts.items():
            assert rules["description"], f"{kind}.{name} has no description"
            check(rules, f"{kind}.{name}")


def test_settings_of_a_chain_override_the_trainers():
    chains = [{"task": "digits", "trainers": ["snes"], "criteria": ["snr"], "settings": {"population": 10}}]
    tickets = study.resolve({"tickets": TINY["tickets"] | {"chains": chains}}).tickets
    assert tickets.settings["digits", "snes"]["population"] == 10


def test_a_control_brings_the_chain_it_starts_from():
    chains = [{"task": "digits", "trainers": ["snes"], "criteria": ["mask_reinit"], "controls_of": "snr"}]
    tickets = study.resolve({"tickets": TINY["tickets"] | {"chains": chains}}).tickets
    assert [(c.criterion, c.reference) for c in tickets.chains] == [("mask_reinit", "snr"), ("snr", "snr")]
