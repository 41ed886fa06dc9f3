"""The notebook that fine-tunes a model of one's own runs as a reader runs it, and evolution lowers its goal."""

import re

import pytest

from tests import notebooks


@pytest.mark.slow
def test_the_notebook_of_a_model_of_ones_own_runs_and_lowers_its_goal(tmp_path, monkeypatch):
    monkeypatch.setenv("EVOTICKETS_DATA", str(tmp_path))
    said = notebooks.said(notebooks.run("fine_tune.ipynb", tmp_path))
    before, after = map(float, re.search(r"dense +([\d.]+) +([\d.]+)", said).groups())
    assert after < 0.8 * before
    shown, kept = re.search(r"held-out digits ([\d.]+)\n.*'test/accuracy': ([\d.]+)", said).groups()
    assert shown == kept
