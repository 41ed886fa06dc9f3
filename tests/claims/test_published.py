"""Claims decided once more from a folder of tables."""

import sys

import pandas as pd
import pytest

from evotickets import __main__, results, study
from evotickets.claims import published
from evotickets.systems.tickets.tables import SCORES
from tests.claims.test_claims import chain, rows, tables, verdict
from tests.studies import TINY


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("published")
    scores = rows(chain(0.1)) + rows(chain(0), criterion="random")
    results.write_table(place / "tickets.parquet", [row | {"parts": []} for row in scores], schema=SCORES)
    return place


def test_tables_alone_decide_what_the_study_decided(folder):
    found = published.again(study.load(TINY), folder).set_index("claim")
    scores = pd.DataFrame(rows(chain(0.1)) + rows(chain(0), criterion="random"))
    for name in ("C1 snr", "C1 magnitude", "C2"):
        right = verdict(name, tables(scores=scores))
        assert found.loc[name, "verdict"] == right["verdict"]
        assert found.loc[name, "n"] == right["n"]
    assert found.loc["C1 snr", "verdict"] == "supported"
    assert set(found["system"]) == {"tickets"}


def test_the_command_lists_what_was_asked_and_counts_the_rest(folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["evotickets", "claims", "--config", str(TINY), str(folder)])
    assert __main__.main() == 0
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.split()[:3] == ["C1", "snr", "supported"]
    assert last.startswith("1 supported, 0 contradicted, 0 undecided; ")


def test_a_folder_without_tables_is_refused_with_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["evotickets", "claims", "--config", str(TINY), str(tmp_path)])
    assert __main__.main() == 2
    assert capsys.readouterr().err == (
        f"{tmp_path} has no table of this study: name the folder that holds its tables\n"
    )
