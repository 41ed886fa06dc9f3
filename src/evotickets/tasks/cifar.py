"""A part of CIFAR-10 that two cores can train on, from a NumPy archive or the official one."""

import tarfile
import zipfile
from functools import cache
from pathlib import Path

import numpy as np

from evotickets.tasks.files import Files
from evotickets.tasks.registry import IMAGENET, Images, Pair, Pool, Source, task

CIFAR10 = Files(
    "cifar10",
    "https://www.cs.toronto.edu/~kriz/",
    {"cifar-10-binary.tar.gz": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
    prepared=Path("cifar10/cifar10_train10k_test10k.npz"),
)
BATCHES = ("cifar-10-batches-bin/data_batch_1.bin", "cifar-10-batches-bin/test_batch.bin")
SHAPE = (32, 32, 3)
VALIDATION = 2_000
COUNTS = (
    (796, 765, 817, 809, 806, 765, 832, 809, 809, 792),
    (209, 209, 215, 207, 193, 172, 198, 192, 216, 189),
    (1000,) * 10,
)
"""Images of every class in the splits."""


@task(kind="supervised", input_shape=SHAPE, classes=10, files=CIFAR10, counts=COUNTS)
def cifar10_10k() -> Images:
    """CIFAR-10's first 10,000 training images, of which the last 2,000 are the validation split, and all test images.

    Raises:
        ValueError: if a file is damaged.
        FileNotFoundError: if the data are missing and cannot be downloaded.
    """
    (x, y), test = pairs(CIFAR10.fetch()[0])
    return Images((x[:-VALIDATION], y[:-VALIDATION]), (x[-VALIDATION:], y[-VALIDATION:]), test)


@task(kind="pool", input_shape=SHAPE, classes=10, files=CIFAR10, counts=COUNTS)
def cifar10() -> Source:
    """CIFAR-10, scaled as ImageNet is: whoever trained the checkpoints of its residual networks scaled it so.

    The training images are the first 10,000.

    Raises:
        ValueError: if a file is damaged.
        FileNotFoundError: if the data are missing and cannot be downloaded.
    """
    train, test = _kept(CIFAR10.fetch()[0].absolute())
    return Source(Pool.of(*train), Pool.of(*test), *IMAGENET)


def pairs(path: Path) -> tuple[Pair, Pair]:
    """Return images uint8 [n, 32, 32, 3] and labels [n]: the first 10,000 to train on, and all test images.

    Raises:
        ValueError: if the file is damaged.
    """
    (x, y), test = _prepared(path) if path.suffix == ".npz" else _archive(path)
    if x.shape[1:] != SHAPE or len(x) <= VALIDATION or len(x) != len(y) or len(test[0]) != len(test[1]):
        raise ValueError(f"{path} does not hold images of 32×32×3 and their labels: delete it")
    return (x, y), test


_kept = cache(pairs)
"""A pool is asked for again by every seed of a cell."""


def _prepared(path: Path) -> tuple[Pair, Pair]:
    try:
        # NumPy takes the header of an array for true before it comes to the checksum.
        damaged = zipfile.ZipFile(path).testzip()
        if damaged is not None:
            raise ValueError(f"{damaged} has another checksum")
        with np.load(path) as arrays:
            return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
    # A damaged archive fails in its readers in any way there is.
    except Exception as error:
        raise ValueError(
            f"{path} is damaged or holds other arrays ({error}): delete it to fetch the original"
        ) from error


def _archive(path: Path) -> tuple[Pair, Pair]:
    """Read the first training batch and the test batch: a label, then three planes of 32×32 pixels, 10,000 times each."""
    found = []
    try:
        with tarfile.open(path) as archive:
            for name in BATCHES:
                member = archive.extractfile(name)
                content = member.read() if member else b""
                table = np.frombuffer(content, np.uint8).reshape(-1, 1 + 3 * 32 * 32)
                found.append((table[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), table[:, 0]))
    except (OSError, EOFError, KeyError, ValueError, tarfile.TarError) as error:
        raise ValueError(f"{path} is truncated or damaged ({error}): delete it to fetch it anew") from error
    return found[0], found[1]
