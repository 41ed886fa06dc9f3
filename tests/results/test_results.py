import json
import resource
import subprocess
import sys

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

from evotickets import results
from evotickets.results import HISTORY, Metric, Record, ResultError, Ticket
from evotickets.systems.tickets.tables import FLATNESS

CELL = {
    "system": "tickets",
    "task": "digits",
    "trainer": "snes",
    "criterion": "snr",
    "level": 3,
    "density": 0.5,
    "epsilon": 0.1,
}
COLUMNS = CELL | {"seed": [0, 1], "split": "test", "metric": "accuracy", "value": [0.9, 0.8]}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "scores.parquet"


def write(path, **changes):
    results.write_table(path, COLUMNS | changes, schema=FLATNESS, metadata={"config": {"seeds": 2}})


class TestTables:
    def test_reads_what_was_written(self, path):
        write(path)
        frame = results.read_table(path, schema=FLATNESS)
        assert frame.to_dict("records") == [
            CELL | {"seed": 0, "split": "test", "metric": "accuracy", "value": 0.9},
            CELL | {"seed": 1, "split": "test", "metric": "accuracy", "value": 0.8},
        ]
        assert [str(kind) for kind in frame.dtypes] == ["str"] * 4 + [
            "int32",
            "float64",
            "float64",
            "int32",
            "str",
            "str",
            "float64",
        ]

    @pytest.mark.parametrize(
        "table",
        [
            [{"step": 0, "seed": 1, "split": "test", "metric": "loss", "value": 0.5}],
            pd.DataFrame({"value": [0.5], "metric": "loss", "split": "test", "seed": 1, "step": 0}),
            pa.table({"step": [0], "seed": [1], "split": ["test"], "metric": ["loss"], "value": [0.5]}),
            {"step": [0], "seed": 1, "split": "test", "metric": "loss", "value": np.float32(0.5)},
            {"step": 0, "seed": 1, "split": "test", "metric": "loss", "value": 0.5},
        ],
        ids=["rows", "frame", "arrow", "columns", "scalars"],
    )
    def test_accepts_rows_frames_and_columns(self, path, table):
        results.write_table(path, table, schema=HISTORY)
        assert results.read_table(path, schema=HISTORY).to_dict("list") == {
            "step": [0],
            "seed": [1],
            "split": ["test"],
            "metric": ["loss"],
            "value": [0.5],
        }

    def test_keeps_a_table_without_rows(self, path):
        results.write_table(path, [], schema=HISTORY)
        assert results.read_table(path, schema=HISTORY).empty

    def test_metadata_carry_config_code_and_libraries(self, path):
        write(path)
        header = results.read_metadata(path)
        assert header["metadata"] == {"config": {"seeds": 2}}
        assert (header["schema"], header["version"]) == ("flatness", 1)
        assert header["code"] == results.code_version()
        assert header["libraries"]["numpy"] == np.__version__

    def test_the_same_content_gives_the_same_bytes(self, tmp_path):
        write(tmp_path / "a" / "x.parquet")
        write(tmp_path / "b" / "y.parquet")
        content = (tmp_path / "a" / "x.parquet").read_bytes()
        assert content == (tmp_path / "b" / "y.parquet").read_bytes()
        assert str(tmp_path).encode() not in content

    def test_not_a_number_survives(self, path):
        write(path, value=[np.nan, np.inf])
        assert results.read_table(path, schema=FLATNESS)["value"].tolist() == pytest.approx(
            [np.nan, np.inf], nan_ok=True
        )

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"sparsity": 0.5}, "missing: none, unknown: sparsity"),
            ({"value": [0.9, None]}, "column value of a flatness table has missing values"),
            ({"level": "three"}, "column level must be int32"),
            ({"level": 3.5}, "column level must be int32"),
            ({"level": "3"}, "column level must be int32"),
            ({"seed": [0, 1, 2]}, "differ in length"),
        ],
    )
    def test_refuses_columns_that_do_not_fit(self, path, changes, message):
        with pytest.raises(ResultError, match=message) as error:
            write(path, **changes)
        assert str(path) in str(error.value)
        assert not path.exists()

    def test_a_schema_has_one_meaning(self):
        with pytest.raises(ValueError, match="'scores' exists already"):
            results.register("scores", {"value": pa.float64()})


class TestDistrust:
    def refused(self, path, message, schema=FLATNESS):
        with pytest.raises(ResultError, match=message) as error:
            results.read_table(path, schema=schema)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)

    def test_missing(self, path):
        self.refused(path, "is missing: run the workflow again")

    def test_foreign(self, path):
        path.parent.mkdir()
        pq.write_table(pa.table({"value": [1.0]}), path)
        self.refused(path, "was not written by evotickets")

    def test_no_parquet(self, path):
        path.parent.mkdir()
        path.write_text("value\n0.5\n")
        self.refused(path, "no Parquet file: delete it and run the workflow again")

    def test_another_table(self, path):
        write(path)
        self.refused(path, "holds a flatness table where a history table is needed", HISTORY)

    def test_an_old_version(self, path):
        write(path)
        newer = results.Schema("flatness", 2, FLATNESS.columns)
        self.refused(path, "version 1 of the flatness table, this code reads version 2", newer)

    def test_other_columns_under_the_same_name(self, path):
        write(path)
        wider = results.Schema("flatness", 1, FLATNESS.columns.append(pa.field("width", pa.int32())))
        self.refused(path, "does not have the columns of a flatness table", wider)

    def test_every_truncation(self, path):
        write(path)
        content = path.read_bytes()
        for length in range(0, len(content), 50):
            path.write_bytes(content[:length])
            self.refused(path, "damaged, cut short")

    def test_a_damaged_byte_never_gives_other_numbers(self, path):
        write(path)
        content, table = path.read_bytes(), results.read_table(path, schema=FLATNESS)
        refused = 0
        for place in range(0, len(content), 2):
            damaged = bytearray(content)
            damaged[place] ^= 0xFF
            path.write_bytes(damaged)
            try:
                assert results.read_table(path, schema=FLATNESS).equals(table)
            except ResultError:
                refused += 1
        assert refused > len(content) / 4


class TestAtomicity:
    def test_a_full_disk_leaves_the_old_file_and_no_other(self, path):
        write(path)
        before = path.read_bytes()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
        try:
            with pytest.raises(ResultError, match=r"cannot be written .*: make room for it and run again"):
                write(path, value=[0.1, 0.2])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert path.read_bytes() == before
        assert list(path.parent.iterdir()) == [path]

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(ResultError, match="cannot be written"):
            write(tmp_path / "file" / "scores.parquet")


def arrays(dtype, seeds, shapes):
    elements = st.booleans() if dtype is bool else st.floats(width=32, allow_nan=True)
    return st.fixed_dictionaries({n: hnp.arrays(dtype, (seeds, *s), elements=elements) for n, s in shapes.items()})


@st.composite
def some_tickets(draw):
    seeds = draw(st.lists(st.integers(0, 1000), min_size=1, max_size=3, unique=True).map(tuple))
    shapes = {"dense1/kernel": (3, 2), "dense1/bias": (2,), "conv1/kernel": (2, 2, 1, 3)}
    kernels = {name: shape for name, shape in shapes.items() if name.endswith("kernel")}
    return Ticket(
        seeds,
        draw(arrays(np.float32, len(seeds), shapes)),
        draw(arrays(bool, len(seeds), kernels)),
        draw(st.none() | arrays(np.float32, len(seeds), shapes)),
        draw(st.none() | arrays(np.float32, len(seeds), shapes)),
        draw(st.just({}) | arrays(np.float32, len(seeds), {"count": (), "mean": (4,)})),
    )


def ticket(**changes):
    kernel = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    tensors = {"dense1/kernel": kernel, "dense1/bias": np.zeros((2, 2), np.float32)}
    held = {"seeds": (7, 3), "initial": tensors, "mask": {"dense1/kernel": kernel > 5}, "mean": tensors}
    return Ticket(**held | changes)


class TestTickets:
    def test_one_row_per_seed_and_tensor(self, path):
        results.write_ticket(path, ticket(), {"config": {}})
        frame = results.read_table(path, schema=results.TICKET)
        assert frame[["seed", "tensor"]].to_numpy().tolist() == [
            [7, "dense1/kernel"],
            [7, "dense1/bias"],
            [3, "dense1/kernel"],
            [3, "dense1/bias"],
        ]
        assert frame["shape"].tolist()[0].tolist() == [3, 2]
        assert frame["mask"].tolist()[2].tolist() == [True] * 6
        assert frame["mask"].isna().tolist() == [False, True, False, True]
        assert frame["std"].isna().all()

    @settings(max_examples=40, deadline=None)
    @given(some_tickets())
    def test_comes_back_exactly(self, tmp_path_factory, given):
        path = tmp_path_factory.mktemp("ticket") / "ticket.parquet"
        results.write_ticket(path, given)
        read = results.read_ticket(path)
        assert read.seeds == given.seeds
        for part in ("initial", "mask", "mean", "std", "statistics"):
            before, after = getattr(given, part), getattr(read, part)
            assert (before is None) == (after is None)
            assert set(before or {}) == set(after or {})
            for name in before or {}:
                assert before[name].dtype == after[name].dtype
                assert before[name].tobytes() == after[name].tobytes()
                assert before[name].shape == after[name].shape

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"mean": {"dense1/kernel": np.zeros((2, 3, 2), np.float32)}}, "mean must name the tensors of initial"),
            ({"mask": {"dense2/kernel": np.ones((2, 3, 2), bool)}}, "mask names dense2/kernel, which initial does not"),
            ({"mask": {"dense1/kernel": np.ones((2, 3, 2), np.float32)}}, "must be bool, not float32"),
            ({"mask": {"dense1/kernel": np.ones((2, 2, 3), bool)}}, r"shape \(2, 2, 3\); it must be \(2, 3, 2\)"),
            ({"initial": {"dense1/kernel": np.zeros((2, 3, 2))}, "mean": None}, "must be float32, not float64"),
            ({"seeds": (7, 3, 1)}, "with 3 seeds first"),
            ({"statistics": {"dense1/bias": np.zeros((2, 2), np.float32)}}, "has the name of a tensor: rename it"),
            ({"statistics": {"count": np.zeros(3, np.float32)}}, "with 2 seeds first"),
        ],
    )
    def test_refuses_parts_that_disagree(self, path, changes, message):
        with pytest.raises(ValueError, match=message):
            results.write_ticket(path, ticket(**changes))
        assert not path.exists()

    def test_keeps_what_made_it(self, path):
        results.write_ticket(path, ticket(settings={"config": {"density": 0.5}}))
        assert results.read_ticket(path).settings == {"config": {"density": 0.5}}
        results.write_ticket(path, ticket(settings={"a": 1}), {"b": 2})
        assert results.read_ticket(path).settings == {"b": 2}


RECORD = Record(
    key="results/tickets/digits/snes/snr/level03",
    system="tickets",
    name="snr snes digits",
    kind="level",
    parameters={"task": "digits", "level": 3, "density": 0.512},
    metrics=[Metric("test/accuracy", 0, 0.1), Metric("test/accuracy", 10, 0.9)],
    artifacts=("ticket.parquet", "figures/curve.svg"),
    dataset={"name": "digits", "digest": "abc", "rows": 1797, "features": 64},
    tags={"note": "naïve ↦ ünïcode"},
    start=1700000000.25,
    end=1700000004.5,
)


class TestRecords:
    @pytest.mark.parametrize("record", [RECORD, RECORD._replace(metrics=[], artifacts=(), dataset=None, tags={})])
    def test_comes_back_exactly(self, path, record):
        results.write_record(path, record, {"config": {}})
        assert results.read_record(path) == record

    def test_takes_plain_tuples_as_metrics(self, path):
        results.write_record(path, RECORD._replace(metrics=[("loss", 1, np.float32(0.5))]))
        assert results.read_record(path).metrics == [Metric("loss", 1, 0.5)]

    @pytest.mark.parametrize("artifact", ["/etc/passwd", "../../secret", "figures/../../secret"])
    def test_artifacts_stay_below_the_record(self, path, artifact):
        with pytest.raises(ResultError, match="must be a path below"):
            results.write_record(path, RECORD._replace(artifacts=(artifact,)))


def test_importing_costs_neither_jax_nor_mlflow_nor_pandas():
    script = "import sys, json, evotickets.results; print(json.dumps(sorted(sys.modules)))"
    modules = json.loads(subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout)
    assert not {"jax", "mlflow", "pandas", "torch"} & set(modules)


def test_a_table_that_a_study_lacks_is_read_as_one_without_rows(path):
    write(path)
    pd.testing.assert_frame_equal(
        results.read_optional(path, schema=FLATNESS), results.read_table(path, schema=FLATNESS)
    )
    absent = results.read_optional(None, schema=FLATNESS)
    assert list(absent.columns) == FLATNESS.columns.names
    assert absent.empty


def test_a_bit_of_any_byte_is_refused_or_changes_nothing(path):
    """Parquet has checksums of its pages; names, configuration and where columns begin are in a footer that has none."""
    write(path)
    content, table = path.read_bytes(), results.tables.read_arrow(path, FLATNESS)
    held = results.read_metadata(path)["metadata"]
    refused = []
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        try:
            assert results.tables.read_arrow(path, FLATNESS).equals(table)
            assert results.read_metadata(path)["metadata"] == held
        except ResultError as error:
            refused.append(str(error))
    # What is left is the name of the seal: a file without one is of before there were seals.
    assert len(content) - len(refused) < 10
    assert all(str(path) in sentence for sentence in refused)


def test_a_file_of_before_there_were_seals_is_read(path):
    write(path)
    table = pq.read_table(path)
    header = json.loads(table.schema.metadata[b"evotickets"])
    del header["seal"]
    pq.write_table(table.replace_schema_metadata({"evotickets": json.dumps(header)}), path)
    assert len(results.read_table(path, schema=FLATNESS)) == len(table)
