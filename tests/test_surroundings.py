"""A command line in odd surroundings does the same or says one sentence: locales, interpreter options, homes, proxies."""

import os
import subprocess
import sys

import pytest

from tests import studies

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
SURROUNDINGS = {
    "ascii": ASCII,
    "latin": {"LC_ALL": "en_US.ISO-8859-1", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "no docstrings and no asserts": {"PYTHONOPTIMIZE": "2"},
    "no home": {"HOME": "/proc/nobody"},
    "a proxy that is not there": dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY"), "http://127.0.0.1:9"),
    "no place for temporary files": {"TMPDIR": "/proc/nowhere"},
    "another order of hashes": {"PYTHONHASHSEED": "1"},
}


def said(place, surroundings, *arguments):
    """Run the command line; return its exit status and what it said, which may hold any bytes."""
    environment = {key: value for key, value in os.environ.items() if key != "XDG_CACHE_HOME"} | surroundings
    command = [sys.executable, "-m", "evotickets", *arguments]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, check=False)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_a_study_is_planned(name, tmp_path):
    place = studies.folder(tmp_path)
    code, text = said(place, SURROUNDINGS[name], "run", "--config", "study.yaml", "--", "--dry-run")
    assert code == 0, text
    assert "This was a dry-run" in text


@pytest.mark.parametrize("name", ["ascii", "no docstrings and no asserts"])
def test_a_sentence_with_other_characters_is_one(name, tmp_path):
    place = studies.folder(tmp_path)
    text = (place / "study.yaml").read_text().replace("hidden: [8]", "channels: [2, 2, 2, 2]")
    (place / "study.yaml").write_text(text)
    code, text = said(place, SURROUNDINGS[name], "run", "--config", "study.yaml")
    assert code == 2
    assert "each halving an image of 8" in text
    assert text.count("\n") == 1
    assert said(place, SURROUNDINGS[name], "--help")[0] == 0
    assert said(place, SURROUNDINGS[name], "sync", "--help")[0] in (0, 2)
