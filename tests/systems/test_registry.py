"""A system is its folder, its rules and one name: every name has its rooms, and every folder a name."""

import inspect
from pathlib import Path

import pytest

from evotickets import study
from evotickets.results import Schema
from evotickets.systems import registry

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
TEST = study.load(ROOT / "config/test.yaml")


def test_every_folder_is_a_system_and_has_rules():
    folders = {path.parent.name for path in (ROOT / "src/evotickets/systems").glob("*/__init__.py")}
    assert folders == set(registry.SYSTEMS)
    assert {path.stem for path in (ROOT / "workflow/rules").glob("*.smk")} >= folders


def test_no_other_list_names_all_systems():
    for path in [*(ROOT / "src").rglob("*.py"), *(ROOT / "workflow").rglob("*.smk"), ROOT / "workflow/Snakefile"]:
        text = path.read_text()
        named = [name for name in registry.SYSTEMS if f'"{name}"' in text]
        assert len(named) < len(registry.SYSTEMS) or path.name == "registry.py", path


@pytest.mark.parametrize("system", registry.SYSTEMS)
def test_every_system_has_its_rooms(system):
    tables = registry.tables(system).TABLES
    assert tables
    assert all(isinstance(schema, Schema) for schema in tables.values())
    assert callable(registry.config(system).resolve)
    assert callable(registry.claims(system).evidence)
    assert registry.shown(system)


@pytest.mark.parametrize("system", registry.SYSTEMS)
def test_the_files_of_the_miniature_are_those_of_its_rooms(system):
    files = registry.files(system).Files(TEST.sections[system], "results/test", TEST.seeds)
    figures = registry.figures(system)
    assert files.tables.keys() == registry.tables(system).TABLES.keys()
    # What a table is made of is made by the rules of its system.
    assert {part for parts in files.tables.values() for part in parts} <= set(files.made)
    assert len(set(files.made)) == len(files.made)
    assert set(files.timed) <= set(files.made)
    for figure in figures.values():
        drawn = files.drawn(figure)
        # Times differ from run to run, so the miniature, whose results are compared, has none; nothing speaks everywhere.
        silent = figure.category == "Hybrid, speech" and TEST.hybrid.left_out
        assert bool(drawn) == (figure.name != "overhead" and not silent), f"the miniature and {figure.name}"
        assert len(set(drawn)) == len(drawn)
        assert set(figure.tables) <= files.tables.keys()
        assert all(fact in figure.wildcards or callable(getattr(files, fact)) for fact in figure.facts)
    asked = set(inspect.signature(registry.claims(system).evidence).parameters)
    assert asked - {"tables", "records"} == files.evidence.keys()
    assert all("{" not in path for path in files.made)


def test_a_study_without_transfers_or_landscape_has_none_of_their_files():
    tiny = study.load(ROOT / "tests/tiny.yaml")
    files = registry.files("tickets").Files(tiny.tickets, "results", tiny.seeds)
    assert list(files.tables) == ["tickets"]
    drawn = {name for name, figure in registry.figures("tickets").items() if files.drawn(figure)}
    assert drawn == {"performance", "strategies", "training_curves", "layer_densities", "snr_against_magnitude"}
    assert not any("landscape" in path or "transfers" in path for path in files.made)


def test_a_lone_seed_has_no_diversity_to_draw():
    several, alone = (registry.files("tickets").Files(TEST.tickets, "results", seeds) for seeds in (2, 1))
    figure = registry.figures("tickets")["diversity"]
    assert several.drawn(figure)
    assert not alone.drawn(figure)


def test_figures_of_a_study_of_parents_are_drawn_where_parents_have_it():
    files = registry.files("subspace").Files(TEST.subspace, "results", 2)
    figures = registry.figures("subspace")
    for study_name in ("mutations", "gradients", "generations", "tuning"):
        having = [name for name in TEST.subspace.used if study_name in TEST.subspace.studies(name)]
        wanted = [f"results/figures/subspace/{name}_{figure}.svg" for name in having for figure in figures]
        drawn = [path for figure in figures.values() if figure.study == study_name for path in files.drawn(figure)]
        assert set(drawn) <= set(wanted)
        assert {path.rpartition("/")[2].split("_")[0] for path in drawn} == {name.split("_")[0] for name in having}
