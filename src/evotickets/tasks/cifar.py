"""A part of CIFAR-10 that two cores can train on, from a NumPy archive or the official one."""

import tarfile
from pathlib import Path

import numpy as np

from evotickets.tasks.images import data_folder, fetch
from evotickets.tasks.registry import Images, register_supervised

NAMES = ("cifar10", "cifar10_10k")
"""What studies call it: pools of images by the first name, the task by the second."""
PREPARED = Path("cifar10/cifar10_train10k_test10k.npz")
ARCHIVE = (
    "cifar10",
    "https://www.cs.toronto.edu/~kriz/",
    {"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"},
)
BATCHES = ("cifar-10-batches-bin/data_batch_1.bin", "cifar-10-batches-bin/test_batch.bin")
VALIDATION = 2_000


Pairs = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@register_supervised("cifar10_10k", input_shape=(32, 32, 3), classes=10)
def cifar10_10k(seed: int) -> Images:
    """CIFAR-10's first 10,000 training images, of which the last 2,000 are the validation split, and all test images.

    Raises:
        ValueError: if a file is damaged.
        FileNotFoundError: if the data are missing and cannot be downloaded.
    """
    del seed
    (x, y), test = pairs()
    return Images((x[:-VALIDATION], y[:-VALIDATION]), (x[-VALIDATION:], y[-VALIDATION:]), test)


def pairs() -> Pairs:
    """Return images uint8 [n, 32, 32, 3] and labels [n]: the first 10,000 to train on, and all test images.

    Raises:
        ValueError: if a file is damaged.
        FileNotFoundError: if the data are missing and cannot be downloaded.
    """
    path = file()
    (x, y), test = _prepared(path) if path.name == PREPARED.name else _archive(path)
    if x.shape[1:] != (32, 32, 3) or len(x) <= VALIDATION or len(x) != len(y) or len(test[0]) != len(test[1]):
        raise ValueError(f"{path} does not hold images of 32×32×3 and their labels: delete it")
    return (x, y), test


def file() -> Path:
    """Return the file that holds CIFAR-10, downloading the official archive if neither is there; raises as `fetch` does."""
    prepared = data_folder() / PREPARED
    return prepared if prepared.exists() else fetch(*ARCHIVE)[0]


def _prepared(path: Path) -> Pairs:
    try:
        with np.load(path) as arrays:
            return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise ValueError(
            f"{path} is damaged or holds other arrays ({error}): delete it to fetch the original"
        ) from error


def _archive(path: Path) -> Pairs:
    """Read the first training batch and the test batch: a label, then three planes of 32×32 pixels, 10,000 times each."""
    pairs = []
    try:
        with tarfile.open(path) as archive:
            for name in BATCHES:
                member = archive.extractfile(name)
                content = member.read() if member else b""
                table = np.frombuffer(content, np.uint8).reshape(-1, 1 + 3 * 32 * 32)
                pairs.append((table[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), table[:, 0]))
    except (OSError, EOFError, KeyError, ValueError, tarfile.TarError) as error:
        raise ValueError(f"{path} is truncated or damaged ({error}): delete it to fetch it anew") from error
    return pairs[0], pairs[1]
