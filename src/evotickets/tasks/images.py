"""Images and their labels: scikit-learn's digits, and MNIST and its relatives from IDX files."""

import gzip
import importlib.util
import os
import zlib
from math import prod
from pathlib import Path

import numpy as np

from evotickets.tasks.registry import Images, register_supervised

VALIDATION = 10_000

MNIST = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}
FASHION_MNIST = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}
KMNIST = {
    "train-images-idx3-ubyte.gz": "bdb82020997e1d708af4cf47b453dcf7",
    "train-labels-idx1-ubyte.gz": "e144d726b3acfaa3e44228e80efcd344",
    "t10k-images-idx3-ubyte.gz": "5c965bf0a639b31b8f53240b1b52f4d7",
    "t10k-labels-idx1-ubyte.gz": "7320c461ea6c1c855c0b718fb2a4b134",
}


SOURCES: dict[str, tuple[str, str, dict[str, str]]] = {
    "mnist": ("MNIST", "https://ossci-datasets.s3.amazonaws.com/mnist/", MNIST),
    "fashion_mnist": ("FashionMNIST", "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", FASHION_MNIST),
    "kmnist": ("KMNIST", "https://codh.rois.ac.jp/kmnist/dataset/kmnist/", KMNIST),
}
"""Folder, address and md5 sums of the files, by task; a task that is not listed needs no files."""


@register_supervised("digits", input_shape=(8, 8, 1), classes=10)
def digits(seed: int) -> Images:
    """Split the 1,797 digits of scikit-learn 60/20/20, each class alike; the seed draws the split."""
    # The file is read where scikit-learn keeps it: importing sklearn.datasets costs every job a second.
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise FileNotFoundError("the digits come with scikit-learn, which is not installed: pip install scikit-learn")
    table = np.loadtxt(Path(package.origin).parent / "datasets/data/digits.csv.gz", delimiter=",", dtype=np.uint8)
    x, y = table[:, :-1].reshape(-1, 8, 8, 1), table[:, -1]
    rng = np.random.default_rng(seed)
    parts: tuple[list[np.ndarray], ...] = ([], [], [])
    for label in range(10):
        members = rng.permutation(np.flatnonzero(y == label))
        fifth = round(len(members) / 5)
        for part, chosen in zip(parts, np.split(members, [-2 * fifth, -fifth]), strict=True):
            part.append(chosen)
    train, validation, test = (np.sort(np.concatenate(part)) for part in parts)
    return Images((x[train], y[train]), (x[validation], y[validation]), (x[test], y[test]))


@register_supervised("mnist", input_shape=(28, 28, 1), classes=10)
def mnist(seed: int) -> Images:
    """MNIST; the last 10,000 training images are the validation split, whatever the seed."""
    del seed
    return read_idx_set(fetch(*SOURCES["mnist"]))


@register_supervised("fashion_mnist", input_shape=(28, 28, 1), classes=10)
def fashion_mnist(seed: int) -> Images:
    """Fashion-MNIST; the last 10,000 training images are the validation split, whatever the seed."""
    del seed
    return read_idx_set(fetch(*SOURCES["fashion_mnist"]))


@register_supervised("kmnist", input_shape=(28, 28, 1), classes=10)
def kmnist(seed: int) -> Images:
    """K-MNIST; the last 10,000 training images are the validation split, whatever the seed."""
    del seed
    return read_idx_set(fetch(*SOURCES["kmnist"]))


def data_folder() -> Path:
    """Return the folder of the data sets: where EVOTICKETS_DATA points, else `resources`."""
    return Path(os.environ.get("EVOTICKETS_DATA", "resources"))


def fetch(folder: str, url: str, checksums: dict[str, str]) -> list[Path]:
    """Return the paths of the files, downloading what is missing into `<data folder>/<folder>/raw`.

    Raises:
        FileNotFoundError: if a file is missing and cannot be downloaded, or arrives with another md5 sum.
    """
    raw = data_folder() / folder / "raw"
    for name, checksum in checksums.items():
        if not (raw / name).exists():
            import pooch

            try:
                pooch.retrieve(f"{url}{name}", f"md5:{checksum}", fname=name, path=raw, progressbar=True)
            except (OSError, ValueError) as error:
                reason = "wrong checksum" if isinstance(error, ValueError) else type(error).__name__
                raise FileNotFoundError(
                    f"{name} is not in {raw} and could not be downloaded from {url} ({reason}): "
                    f"put it there, or let EVOTICKETS_DATA name the folder that holds {folder}/raw"
                ) from error
    return [raw / name for name in checksums]


def read_idx_set(paths: list[Path]) -> Images:
    """Read training images and labels, then test images and labels; split off the last 10,000 training images.

    Raises:
        ValueError: if a file is damaged or images and labels do not match.
    """
    pairs = []
    for images, labels in (paths[:2], paths[2:]):
        x, y = read_idx(images), read_idx(labels)
        if x.shape != (len(y), 28, 28):
            raise ValueError(
                f"{images} holds {x.shape} pixels for the {len(y)} labels of {labels.name}: fetch both anew"
            )
        pairs.append((x[..., None], y))
    (x, y), test = pairs
    return Images((x[:-VALIDATION], y[:-VALIDATION]), (x[-VALIDATION:], y[-VALIDATION:]), test)


def read_idx(path: Path) -> np.ndarray:
    """Read an IDX file of unsigned bytes, compressed with gzip.

    Source: LeCun, Cortes & Burges, "The MNIST database of handwritten digits", file formats.

    Raises:
        ValueError: if the file is truncated, damaged or not IDX.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is truncated or damaged ({error}): delete it to fetch it anew") from error
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise ValueError(f"{path} is no IDX file of unsigned bytes: delete it to fetch it anew")
    start = 4 + 4 * content[3]
    shape = tuple(np.frombuffer(content[4:start], ">u4").tolist())
    if len(content) != start + prod(shape):
        raise ValueError(
            f"{path} holds {len(content) - start} bytes where {prod(shape)} belong: delete it to fetch it anew"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
