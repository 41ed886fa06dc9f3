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
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
)
FASHION_MNIST = Files(
    "FashionMNIST",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion/",
    {
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
)
KMNIST = Files(
    "KMNIST",
    "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
    {
        "train-images-idx3-ubyte.gz": "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        "train-labels-idx1-ubyte.gz": "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        "t10k-images-idx3-ubyte.gz": "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        "t10k-labels-idx1-ubyte.gz": "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
    },
)


DIGITS = ((178, 182, 177, 183, 181, 182, 181, 179, 174, 180),)
EVEN = (1000,) * 10
"""Images of every class, in the whole or in the splits."""


@task(kind="supervised", input_shape=(8, 8, 1), classes=10, largest=16, counts=DIGITS)
def digits() -> Whole:
    """Return the 1,797 digits of scikit-learn."""
    # The file is read where scikit-learn keeps it: importing sklearn.datasets costs every job a second.
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise FileNotFoundError("the digits come with scikit-learn, which is not installed: pip install scikit-learn")
    table = np.loadtxt(Path(package.origin).parent / "datasets/data/digits.csv.gz", delimiter=",", dtype=np.uint8)
    return Whole(table[:, :-1].reshape(-1, 8, 8, 1), table[:, -1])


@task(
    kind="supervised",
    input_shape=(28, 28, 1),
    classes=10,
    files=MNIST,
    counts=(
        (4932, 5678, 4968, 5101, 4859, 4506, 4951, 5175, 4842, 4988),
        (991, 1064, 990, 1030, 983, 915, 967, 1090, 1009, 961),
        (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    ),
)
def mnist() -> Images:
    """MNIST; the last 10,000 training images are the validation split."""
    return read_idx_set(MNIST.fetch())


@task(
    kind="supervised",
    input_shape=(28, 28, 1),
    classes=10,
    files=FASHION_MNIST,
    counts=(
        (4977, 5012, 4992, 4979, 4950, 5004, 5030, 5045, 5032, 4979),
        (1023, 988, 1008, 1021, 1050, 996, 970, 955, 968, 1021),
        EVEN,
    ),
)
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
