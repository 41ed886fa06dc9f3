"""Data of one's own, read from a file: for the function of a task, which returns what these return.

Fractions among labels are real values, which a task learns that states `targets` in place of `classes`.

@task(kind="supervised", input_shape=(4,), classes=3)
def flowers() -> Whole:
    return from_table(Path(__file__).with_name("flowers.csv"), label="species")
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from evotickets.tasks.registry import Images, Whole

SPLITS = ("train", "validation", "test")
ENDINGS = {".jpeg", ".jpg", ".png", ".webp"}


def from_npz(path: str | Path) -> Whole | Images:
    """Read inputs and labels, or real values, of an archive of NumPy.

    It holds `x` [n, …] and `y` [n], or [n, targets], which every study splits by its seed, or `x_train`, `y_train`,
    `x_validation`, … of all three splits.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged or holds other arrays.
    """
    path = _there(path)
    try:
        with np.load(path) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path} is damaged or no archive of NumPy ({error}): write it with np.savez") from error
    if {"x", "y"} <= set(arrays):
        return Whole(arrays["x"], classes_of(arrays["y"]))
    try:
        pairs = [(arrays[f"x_{split}"], arrays[f"y_{split}"]) for split in SPLITS]
    except KeyError as error:
        raise ValueError(f"{path} holds {', '.join(arrays)}; expected are x and y, or x_train, y_train, …") from error
    numbers = np.split(classes_of(np.concatenate([y for _, y in pairs])), np.cumsum([len(y) for _, y in pairs])[:-1])
    return Images(*((x, y) for (x, _), y in zip(pairs, numbers, strict=True)))


def from_table(path: str | Path, *, label: str) -> Whole:
    """Read a table, CSV or Parquet: every column but that of the label is an entry of the input, in the order of the file.

    A label of fractions is a real value; names become classes in their order.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the label is no column, or another column holds what is no number.
    """
    # Names of tasks are read by every start of the workflow, which reads no tables.
    import pandas as pd

    path = _there(path)
    table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    if label not in table:
        raise ValueError(f"{path} has no column {label!r}; its columns are {', '.join(map(str, table))}")
    inputs = table.drop(columns=label)
    for column in inputs:
        if inputs[column].dtype.kind not in "fiub" or inputs[column].isna().any():
            raise ValueError(f"{path}: the column {column!r} holds what is no number, or nothing: mend or drop it")
    if table[label].isna().any():
        raise ValueError(f"{path}: the column {label!r} has rows without a label: drop them")
    return Whole(inputs.to_numpy(), classes_of(table[label].to_numpy()))


def from_images(root: str | Path, classes: Mapping[str, int], *, size: int) -> Whole:
    """Read all images of some folders, cut to their central square and scaled, as bytes [n, size, size, 3].

    Args:
        root: holds the folders.
        classes: the class of each folder by its name; two folders may share one, and folders that are left out are not read.
        size: side of an image.

    Raises:
        FileNotFoundError: if a folder is missing.
        ValueError: if it has no images, or one is damaged.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    images, labels = [], []
    for name, number in classes.items():
        folder = _there(Path(root) / name)
        paths = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in ENDINGS]
        if not paths:
            raise ValueError(f"{folder} holds no images: put some there, or leave {name!r} out of the classes")
        for path in paths:
            try:
                with Image.open(path) as image:
                    images.append(np.asarray(ImageOps.fit(image.convert("RGB"), (size, size))))
            except (UnidentifiedImageError, OSError) as error:
                raise ValueError(f"{path} is damaged or no image: replace it or take it away") from error
            labels.append(number)
    return Whole(np.stack(images), np.array(labels))


def classes_of(labels: np.ndarray) -> np.ndarray:
    """Return numbers as they are, and the places of other labels among all, in their order."""
    return labels if labels.dtype.kind in "fiu" else np.unique(labels, return_inverse=True)[1]


def _there(path: str | Path) -> Path:
    if not Path(path).exists():
        raise FileNotFoundError(f"{path} is not there: put it there, or mend the path")
    return Path(path)
