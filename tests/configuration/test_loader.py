"""YAML that versions 1.1 and 1.2 read alike passes, and all else is refused: Snakemake reads by 1.1."""

import datetime
import json
import math
import subprocess
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from evotickets import study
from evotickets.configuration import loader, reader
from tests import studies

TINY = studies.TINY.read_text()

# A word without quotes, what it is by YAML 1.1 as PyYAML reads it, and what by the core schema of YAML 1.2.
READ_DIFFERENTLY = {
    "010": (8, 10),
    "-017": (-15, -17),
    "08": ("08", 8),
    "1_0": (10, "1_0"),
    "0b11": (3, "0b11"),
    "0o17": ("0o17", 15),
    "-0x1F": (-31, "-0x1F"),
    "1:30": (90, "1:30"),
    "1:30.5": (90.5, "1:30.5"),
    "1_0.5": (10.5, "1_0.5"),
    "1e3": ("1e3", 1000.0),
    "5e-2": ("5e-2", 0.05),
    "1.5e3": ("1.5e3", 1500.0),
    "+.5": ("+.5", 0.5),
    "no": (False, "no"),
    "Off": (False, "Off"),
    "YES": (True, "YES"),
    "on": (True, "on"),
    "2026-11-30": (datetime.date(2026, 11, 30), "2026-11-30"),
}
READ_ALIKE = {
    "0": 0, "-3": -3, "+3": 3, "0x1F": 31, "0.5": 0.5, "1.": 1.0, ".5": 0.5, "1.0e-3": 0.001, "1.5e+3": 1500.0, "true": True,
    "False": False, "~": None, "null": None, "": None, ".inf": math.inf, "-.INF": -math.inf, "y": "y", "n": "n",
    "digits": "digits", "'010'": "010", '"no"': "no", "1.2.3": "1.2.3", "10-10": "10-10",
}  # fmt: skip


@pytest.mark.parametrize("word", READ_DIFFERENTLY)
def test_a_word_of_two_meanings_is_refused_with_both(word, tmp_path):
    old, new = READ_DIFFERENTLY[word]
    assert yaml.safe_load(word) == old
    assert loader.core(word) == new
    path = tmp_path / "study.yaml"
    path.write_text(f"a:\n  b: [1, {word}]\n")
    with pytest.raises(reader.StudyError) as error:
        reader.read(path)
    told = f"{path} has a.b[1]: {word} in line 2, which is {loader.written(old)} in YAML 1.1 and {loader.written(new)}"
    assert str(error.value).startswith(told)


@pytest.mark.parametrize("word", READ_ALIKE)
def test_a_word_of_one_meaning_passes(word, tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(f"a: {word}\n")
    assert reader.read(path) == {"a": READ_ALIKE[word]}
    assert yaml.safe_load(path.read_text()) == {"a": READ_ALIKE[word]}


def test_remedies_are_read_alike_by_both():
    for value in (
        8,
        -3,
        1000.0,
        0.05,
        1e-7,
        1e300,
        5e-324,
        math.inf,
        -math.inf,
        True,
        False,
        None,
        "no",
        "it's",
        "1e3",
    ):
        text = loader.written(value)
        back = yaml.load(text, loader.Loader)
        assert back == value
        assert (type(back) is bool) == (type(value) is bool)


@given(st.floats(allow_nan=False))
def test_any_number_is_written_so_that_both_read_it(value):
    assert yaml.load(loader.written(value), loader.Loader) == value


def test_a_key_of_two_meanings_is_refused(tmp_path):
    (tmp_path / "study.yaml").write_text("a: 1\nno: 2\n")
    with pytest.raises(
        reader.StudyError, match=r"the key no in line 2, which is false in YAML 1\.1 and 'no' in YAML 1\.2"
    ):
        reader.read(tmp_path / "study.yaml")


def test_a_date_is_only_offered_as_text(tmp_path):
    (tmp_path / "study.yaml").write_text("a: 2026-11-30\n")
    with pytest.raises(reader.StudyError, match=r"1\.2: write '2026-11-30'$"):
        reader.read(tmp_path / "study.yaml")


def test_aliases_and_merges_stay(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a\n")
    assert reader.read(path) == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 2}}


@pytest.mark.parametrize("tagged", ["!!binary aGk=", "!!set {x}", "!!omap [x: 1]", "!!pairs [x: 1]", "!mine 3"])
def test_values_of_other_types_are_refused(tagged, tmp_path):
    (tmp_path / "study.yaml").write_text(f"a: {tagged}\n")
    with pytest.raises(reader.StudyError, match="is not valid YAML in line 1"):
        reader.read(tmp_path / "study.yaml")


@pytest.mark.parametrize("text", ['{"a": 1e3}', '{"a": NaN}', '{"a": 1, "a": 2}', '{"a": "\\ud83d\\ude00"}'])
def test_json_that_says_something_else_as_yaml_is_refused(text, tmp_path):
    json.loads(text)
    (tmp_path / "study.json").write_text(text)
    with pytest.raises(reader.StudyError):
        reader.read(tmp_path / "study.json")


def test_json_that_says_the_same_as_yaml_passes(tmp_path):
    (tmp_path / "study.json").write_text('{"a": [1, 0.5, true, null, "x"]}')
    assert reader.read(tmp_path / "study.json") == {"a": [1, 0.5, True, None, "x"]}


HIDDEN = ['"a\\u001b[31mb"', '"a\\nb"', '"a\\u202eb"', '"\\x07"', '"\\ud800"', '"a\\u2028b"', '"a\\0b"']


@pytest.mark.parametrize("text", HIDDEN)
def test_text_that_cannot_be_shown_is_refused_wherever_text_is_free(text, tmp_path):
    said = "subspace: {parents: {net: {model: a.b, images: digits, arguments: {x: %s}}}, "
    said += "mutations: [{parents: [net], sigmas: [1]}]}\n"
    path = tmp_path / "study.yaml"
    path.write_text(said % text)
    with pytest.raises(reader.StudyError) as error:
        study.load(path)
    assert str(error.value).isprintable()
    assert "subspace.parents.net.arguments.x is " in str(error.value)


def test_a_map_within_itself_is_refused(tmp_path):
    path = tmp_path / "study.yaml"
    said = "subspace: {parents: {net: {model: a.b, images: digits, arguments: &a {x: *a}}}, "
    path.write_text(said + "mutations: [{parents: [net], sigmas: [1]}]}\n")
    with pytest.raises(reader.StudyError, match=r"subspace\.parents\.net\.arguments[.x]* holds itself"):
        study.load(path)


def test_what_is_shared_a_million_times_is_copied_once():
    shared: list = []
    for _ in range(40):
        shared = [shared, shared, {"b": shared, "a": shared}]
    filled = reader.conform({"free": shared}, {"type": "object"}, "")["free"]
    assert filled[0] is filled[1] is filled[2]["a"]
    assert list(filled[2]) == ["a", "b"]


def test_no_sentence_holds_what_a_terminal_obeys(tmp_path):
    path = tmp_path / "a\x1b[31m\nb.yaml"
    for content in ("seed: 1\nseed: 2\n", "seed: 010\n", '"s\\u001beed": 010\n', "", "seed: x\n"):
        path.write_text(content)
        with pytest.raises(reader.StudyError) as error:
            study.load(path)
        assert str(error.value).isprintable(), content


@pytest.mark.parametrize(("word", "told"), [("010", "seed: 010 in line 2"), ("1e0", "seed: 1e0 in line 2")])
def test_snakemake_itself_and_evotickets_refuse_alike(word, told, tmp_path):
    place = studies.folder(tmp_path)
    (place / "study.yaml").write_text(TINY.replace("seed: 0", f"seed: {word}"))
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(studies.ROOT / "workflow/Snakefile")]
    snakemake += ["--configfile", "study.yaml", "--cores", "1", "--logger", "progress"]
    for command in (snakemake, [sys.executable, "-m", "evotickets", "run", "--config", "study.yaml"]):
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
        assert done.returncode
        assert f"study.yaml has {told}" in done.stdout + done.stderr
    assert not (place / "results").exists()


def test_codes_in_the_name_of_a_file_never_reach_the_terminal(tmp_path):
    place = studies.folder(tmp_path)
    for name in ("no\x1b[31m.yaml", "no\nfile.yaml"):
        command = [sys.executable, "-m", "evotickets", "run", "--config", name]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert (done.stdout + done.stderr).rstrip("\n").isprintable()
    command = [sys.executable, "-m", "evotickets", "run", "--con\x1b[31m"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
