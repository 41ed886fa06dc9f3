"""Subspace evolution in the pipeline: jobs that share children, and a run that is killed between two of them."""

import pandas as pd
import pytest

from evotickets import results
from evotickets.systems.subspace.tables import SUBSPACE
from tests import studies

STUDY = """
seed: 0
seeds: 2
results: results
subspace:
  fitness: 40
  validation: 20
  test: 30
  workers: {workers}
  parents: {{digits: {{epochs: 1}}}}
  mutations:
    - {{parents: [digits], densities: [0.1], rules: [norm], sigmas: [0.02], children: 30}}
"""
CELL = "results/subspace/digits/mutations/bernoulli_0.1"
TABLE = "results/tables/subspace.parquet"


def folder(place, workers):
    place.mkdir()
    (place / "config.yaml").write_text(STUDY.format(workers=workers))
    return studies.folder(place / "study", place / "config.yaml")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The table of a study in which one job evaluates all children."""
    place = folder(tmp_path_factory.mktemp("alone") / "one", 1)
    studies.run(place)
    assert not (place / CELL / "children").exists(), "results of children go when the scores are written"
    return results.read_table(place / TABLE, schema=SUBSPACE)


@pytest.mark.long
def test_jobs_that_share_the_children_of_a_cell_give_the_same_table(alone, tmp_path):
    place = folder(tmp_path / "two", 2)
    studies.run(place)
    assert {path.name for path in (place / CELL).glob("*.done")} == {"worker000.done", "worker001.done"}
    pd.testing.assert_frame_equal(results.read_table(place / TABLE, schema=SUBSPACE), alone)


@pytest.mark.long
def test_a_run_that_is_killed_goes_on_with_the_children_it_has(alone, tmp_path):
    place = folder(tmp_path / "killed", 1)
    process = studies.start(place)
    try:
        studies.wait_for(lambda: len(list((place / CELL).rglob("child*.safetensors"))) >= 3)
    finally:
        studies.end(process)
    kept = {path: path.stat().st_mtime_ns for path in (place / CELL).rglob("child*.safetensors")}
    studies.wait_for(lambda: not busy(place))
    process = studies.start(place)
    try:
        studies.wait_for(
            lambda: len(list((place / CELL).rglob("child*.safetensors"))) > len(kept) or (place / TABLE).exists()
        )
        # What was there is not evaluated again.
        assert all(path.stat().st_mtime_ns == time for path, time in kept.items() if path.exists())
        said = process.communicate(timeout=400)[0]
    finally:
        studies.end(process)
    assert process.returncode == 0, said
    pd.testing.assert_frame_equal(results.read_table(place / TABLE, schema=SUBSPACE), alone)
    assert not studies.leftovers(place)


def busy(place):
    """Whether a job of a study that was killed still writes: its last result is younger than two seconds."""
    import time

    files = list((place / CELL).rglob("child*.safetensors"))
    return bool(files) and time.time() - max(file.stat().st_mtime for file in files) < 2
