"""Images and their labels: scikit-learn's digits, and MNIST and its relatives from IDX files."""

import gzip
import importlib.util
import zlib
from math import prod
from pathlib import Path

import numpy as np

from evotickets.tasks.files import Files
from evotickets.tasks.registry import Images, Whole, task

VALIDATION = 10_000

MNIST = Files(
    "MNIST",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    {
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    },
)
FASHION_MNIST = Files(
    "FashionMNIST",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    {
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    },
)
KMNIST = Files(
    "KMNIST",
    "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
    {
        "train-images-idx3-ubyte.gz": "bdb82020997e1d708af4cf47b453dcf7",
        "train-labels-idx1-ubyte.gz": "e144d726b3acfaa3e44228e80efcd344",
        "t10k-images-idx3-ubyte.gz": "5c965bf0a639b31b8f53240b1b52f4d7",
        "t10k-labels-idx1-ubyte.gz": "7320c461ea6c1c855c0b718fb2a4b134",
    },
)


@task(kind="supervised", input_shape=(8, 8, 1), classes=10, largest=16)
def digits() -> Whole:
    """Return the 1,797 digits of scikit-learn."""
    # The file is read where scikit-learn keeps it: importing sklearn.datasets costs every job a second.
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise FileNotFoundError("the digits come with scikit-learn, which is not installed: pip install scikit-learn")
    table = np.loadtxt(Path(package.origin).parent / "datasets/data/digits.csv.gz", delimiter=",", dtype=np.uint8)
    return Whole(table[:, :-1].reshape(-1, 8, 8, 1), table[:, -1])


@task(kind="supervised", input_shape=(28, 28, 1), classes=10, files=MNIST)
def mnist() -> Images:
    """MNIST; the last 10,000 training images are the validation split."""
    return read_idx_set(MNIST.fetch())


@task(kind="supervised", input_shape=(28, 28, 1), classes=10, files=FASHION_MNIST)
def fashion_mnist() -> Images:
    """Fashion-MNIST; the last 10,000 training images are the validation split."""
    return read_idx_set(FASHION_MNIST.fetch())


@task(kind="supervised", input_shape=(28, 28, 1), classes=10, files=KMNIST)
def kmnist() -> Images:
    """K-MNIST; the last 10,000 training images are the validation split."""
    return read_idx_set(KMNIST.fetch())


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
