"""Texts with classes, as models of language take them: tokens and attention masks by a tokenizer of Hugging Face."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from annotated_doc import Doc
from annotated_types import Ge, Le

from evotickets.tasks.files import data_folder, resource
from evotickets.tasks.registry import Pool, Source, task

ENDINGS = (".csv", ".tsv", ".jsonl", ".json", ".parquet", ".arrow")
Tokenizer = Annotated[
    str,
    Doc("A tokenizer.json: in the folder of data, by its whole path, or in an installed package that it begins with."),
]
Tokens = Annotated[int, Ge(1), Le(100_000), Doc("Tokens of a text; what is longer is cut.")]
Texts = tuple[list[str], np.ndarray]


@task(kind="pool", needs="tokenizers")
def text(
    *,
    root: Annotated[str, Doc("Folder of tables of texts: in the folder of data, or by its whole path.")],
    tokenizer: Tokenizer,
    tokens: Tokens = 128,
    text: Annotated[str, Doc("Column of the texts.")] = "text",
    label: Annotated[str, Doc("Column of the classes.")] = "label",
) -> Source:
    """Texts of `train*`, `test*` and perhaps `validation*` in a folder: CSV, TSV, JSON lines, Parquet or Arrow.

    So are folders of Hugging Face's data sets, as the Hub has them (also in `data/`), or as `save_to_disk` writes them, a
    folder a split. Names among labels become classes in their order.

    Raises:
        FileNotFoundError: if a split or the tokenizer is missing.
        ValueError: if a file is damaged or lacks a column, or labels are no classes.
    """
    base = data_folder() / root
    found = {split: _read(base, split, text, label) for split in ("train", "test", "validation")}
    held = {split: texts for split, texts in found.items() if texts is not None}
    for split in ("train", "test"):
        if split not in held:
            raise FileNotFoundError(
                f"{base} holds no texts of {split}: put {split}.csv there, or {split} with another of "
                f"{', '.join(ENDINGS[1:])}, or a folder {split} that save_to_disk wrote"
            )
    numbers = _classes(base, [labels for _, labels in held.values()])
    pools = {
        split: pool(texts, labels, tokenizer, tokens)
        for (split, (texts, _)), labels in zip(held.items(), numbers, strict=True)
    }
    return Source(pools["train"], pools["test"], (), (), pools.get("validation"))


def pool(texts: Sequence[str], labels: np.ndarray, tokenizer: str, tokens: int) -> Pool:
    """Return texts as `input_ids` and `attention_mask` [n, tokens], padded with 0 to the longest of those that are read.

    They lie in the order of their lengths, so that those of a batch are padded little.
    """
    import tokenizers

    path = resource(tokenizer)
    try:
        made = tokenizers.Tokenizer.from_file(str(path))
    # It raises plain exceptions.
    except Exception as error:
        raise ValueError(f"{path} is damaged or no tokenizer ({error}): name a tokenizer.json") from error
    made.no_padding()
    made.enable_truncation(tokens)
    order = np.argsort([len(one) for one in texts], kind="stable")

    def read(indices: np.ndarray) -> dict[str, np.ndarray]:
        ids = [encoded.ids for encoded in made.encode_batch([texts[order[index]] for index in indices])]
        lengths = np.array([len(one) for one in ids])
        mask = np.arange(max(1, lengths.max(initial=0))) < lengths[:, None]
        padded = np.zeros(mask.shape, np.int64)
        padded[mask] = np.concatenate([np.zeros(0, np.int64), *(np.array(one, np.int64) for one in ids)])
        return {"input_ids": padded, "attention_mask": mask.astype(np.int64)}

    return Pool(np.asarray(labels, np.int64)[order], read)


def _read(base: Path, split: str, text: str, label: str) -> Texts | None:
    """Return the texts and labels of a split, or nothing where no file is of it."""
    files = [
        file
        for folder in (base, base / "data")
        for file in sorted(folder.glob(f"{split}*"))
        if file.suffix.lower() in ENDINGS and (file.stem == split or file.stem[len(split)] in "-_.")
    ] or sorted((base / split).glob("*.arrow"))
    texts: list[str] = []
    labels: list[Any] = []
    for file in files:
        columns = _columns(file)
        for name in (text, label):
            if name not in columns:
                raise ValueError(
                    f"{file} has no column {name!r}; its columns are {', '.join(columns)}: name text and label"
                )
        texts += columns[text]
        labels += columns[label]
    if any(not isinstance(one, str) for one in texts):
        raise ValueError(f"{base}: the column {text!r} of {split} holds what is no text: mend it")
    return (texts, np.array(labels)) if files else None


def _columns(file: Path) -> dict[str, list[Any]]:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.json
    import pyarrow.parquet

    try:
        match file.suffix.lower():
            case ".parquet":
                table = pa.parquet.read_table(file)
            case ".arrow":
                with pa.memory_map(str(file)) as source:
                    table = pa.ipc.open_stream(source).read_all()
            case ".json" | ".jsonl":
                table = pa.json.read_json(file)
            case ending:
                options = pa.csv.ParseOptions(delimiter="\t" if ending == ".tsv" else ",", newlines_in_values=True)
                table = pa.csv.read_csv(file, parse_options=options)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{file} is damaged or no table ({error}): write it anew") from error
    return {name: table[name].to_pylist() for name in table.column_names}


def _classes(base: Path, labels: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the labels of all splits as classes: numbers from 0 as they are, and the places of names among all."""
    together = np.concatenate(labels)
    if together.dtype.kind == "U":
        together = np.unique(together, return_inverse=True)[1]
    if together.dtype.kind not in "iu" or (len(together) and together.min() < 0):
        raise ValueError(f"{base} has labels {together.dtype}; expected are classes from 0, or their names")
    return np.split(together, np.cumsum([len(one) for one in labels])[:-1])
