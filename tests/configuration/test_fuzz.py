"""Every key of the schema of all systems under hundreds of wrong values: one sentence that names it, or a plan."""

import re

import pytest

from evotickets import study
from evotickets.configuration import reader
from evotickets.systems import registry
from tests import mutants

EACH = 5
"""Mutants of a place, beside the one without it."""


def planned(config):
    """Resolve a study and list all that its rules would make in its folder, as every start of the workflow does."""
    return [path.removeprefix(f"{config['results']}/") for path in _paths(config)]


def _paths(config):
    loaded = study.resolve(config)
    for system, section in loaded.sections.items():
        files = registry.files(system).Files(section, loaded.results.as_posix(), loaded.seeds)
        yield from files.made
        for paths in files.tables.values():
            yield from paths
        for figure in registry.figures(system).values():
            yield from files.drawn(figure)


@pytest.mark.parametrize("system", mutants.SYSTEMS)
def test_the_studies_of_these_tests_say_every_key(system):
    config = mutants.whole(system)
    assert planned(config)

    def said(rules, value, place):
        for key, rule in rules.get("properties", {}).items():
            if isinstance(value, dict) and key in value:
                yield f"{place}{key}"
                yield from said(rule, value[key], f"{place}{key}.")
        for inside in ("items", "additionalProperties"):
            if isinstance(rules.get(inside), dict):
                for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
                    yield from said(rules[inside], item, f"{place}*.")

    rules = mutants.rules_of(system)
    assert set(mutants.keys(rules)) == set(said(rules, config[system], ""))
    for (owner, key), (catalogue, kind) in mutants.ENTRIES.items():
        for part, described in reader.described(catalogue).items() if owner == system else ():
            entry = config[system][key][f"a_{part}"]
            assert set(entry) == set(described["properties"]) | {kind}


@pytest.mark.parametrize("system", mutants.SYSTEMS)
def test_a_wrong_value_is_refused_by_name_or_planned(system):
    tried = refused = 0
    for name, path, before, config in mutants.mutants(system, EACH):
        told = f"{'.'.join(map(str, path))} = {name}"
        tried += 1
        try:
            paths = planned({"results": "results"} | config)
        except reader.StudyError as error:
            refused += 1
            sentence = str(error)
            assert sentence.isprintable(), told
            assert len(sentence) < 400, f"{told}: {sentence}"
            # What another key names and is not there any more, is named there.
            names = [*[key for key in path if isinstance(key, str)][-2:], str(before)]
            assert any(name in sentence for name in names), f"{told}: {sentence}"
        else:
            for made in paths:
                assert re.fullmatch(r"[a-z]+(/[A-Za-z0-9_.-]+)+", made), f"{told}: {made}"
                assert ".." not in made
    assert tried > 300
    assert refused > tried / 2


def test_numbers_have_bounds():
    """What has none lets through what no job can work with."""

    def check(rules, place):
        kinds = rules.get("type", ())
        if "number" in kinds or "integer" in kinds:
            assert {"minimum", "exclusiveMinimum"} & set(rules), place
            assert {"maximum", "exclusiveMaximum"} & set(rules), place
        for key, rule in rules.items():
            if isinstance(rule, dict):
                check(rule, f"{place}.{key}")

    check(reader.schema(), "")
