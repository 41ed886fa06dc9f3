"""Where images come from: digits, CIFAR-10, and folders in the layout of ImageNet. No torch here."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from evotickets.tasks import cifar, images

ENDINGS = {".jpeg", ".jpg", ".png", ".webp"}


class Pool(NamedTuple):
    """Labels int64 [n] of all images, and how to read some of them: `read(indices)` gives uint8 [n, height, width, C]."""

    labels: np.ndarray
    read: Callable[[np.ndarray], np.ndarray]


class Source(NamedTuple):
    """Images that a parent was trained on, and images that it was not, with the scale that it was trained in."""

    train: Pool
    test: Pool
    mean: tuple[float, ...]
    std: tuple[float, ...]


def digits(seed: int) -> Source:
    """Digits of scikit-learn, 60 % to train on; those that the house keeps for validation and test are both held out."""
    split = images.digits(seed)
    # Pixels go from 0 to 16.
    train, validation, test = ((x * np.uint8(15), y.astype(np.int64)) for x, y in split)
    held = tuple(np.concatenate(pair) for pair in zip(validation, test, strict=True))
    mean, std = train[0].mean() / 255, train[0].std() / 255
    return Source(_pool(*train), _pool(held[0], held[1]), (float(mean),), (float(std),))


def cifar10(seed: int) -> Source:
    """CIFAR-10, scaled as ImageNet is: whoever trained the checkpoints of its residual networks scaled it so.

    The training images are the first 10,000.

    Raises:
        FileNotFoundError: if the data are missing and cannot be downloaded.
        ValueError: if a file is damaged.
    """
    del seed
    train, test = (_pool(x, y.astype(np.int64)) for x, y in _cifar10(str(images.data_folder())))
    return Source(train, test, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@cache
def _cifar10(folder: str) -> cifar.Pairs:
    # What is kept belongs to one folder of data.
    del folder
    return cifar.pairs()


def folder(
    seed: int, *, root: str, size: int = 224, resize: int = 256, train: str = "train", test: str = "val"
) -> Source:
    """Images in `root/<train>/<class>/` and `root/<test>/<class>/`: shorter side to `resize`, then the central square.

    Classes are numbered in the order of their folders' names, as torchvision does. Images are read when they are asked
    for. Sizes as torchvision's models evaluate.

    Raises:
        FileNotFoundError: if a folder is missing.
        ValueError: if it has no images, or the two have other classes.
    """
    del seed
    base = Path(root) if Path(root).is_absolute() else images.data_folder() / root
    found, names = [], []
    for part in (train, test):
        place = base / part
        if not place.is_dir():
            raise FileNotFoundError(f"{place} is missing: it must hold a folder of images for every class")
        classes = sorted(path.name for path in place.iterdir() if path.is_dir())
        files = [
            (path, label)
            for label, name in enumerate(classes)
            for path in sorted((place / name).iterdir())
            if path.suffix.lower() in ENDINGS
        ]
        if not files:
            raise ValueError(f"{place} holds no images in folders of classes: put them there")
        found.append(files)
        names.append(classes)
    if names[0] != names[1]:
        odd = sorted(set(names[0]) ^ set(names[1]))[0]
        raise ValueError(
            f"{base}: the class {odd} is in only one of {train} and {test}; both must have the same classes"
        )
    pools = [_lazy(files, size, resize) for files in found]
    return Source(pools[0], pools[1], (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def _lazy(files: list[tuple[Path, int]], size: int, resize: int) -> Pool:
    def read(indices: np.ndarray) -> np.ndarray:
        return np.stack([_square(files[index][0], size, resize) for index in indices])

    return Pool(np.array([label for _, label in files], np.int64), read)


def _square(path: Path, size: int, resize: int) -> np.ndarray:
    try:
        with Image.open(path) as image:
            width, height = image.size
            scale = resize / min(width, height)
            width, height = round(width * scale), round(height * scale)
            left, top = (width - size) // 2, (height - size) // 2
            square = image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
            return np.asarray(square.crop((left, top, left + size, top + size)))
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(f"{path} is damaged or no image: replace it or take it away") from error


def _pool(x: np.ndarray, y: np.ndarray) -> Pool:
    return Pool(y, lambda indices: x[indices])


POOLS: dict[str, Callable[..., Source]] = {"digits": digits, "cifar10": cifar10, "folder": folder}


def load(name: str, seed: int, options: Mapping[str, Any]) -> Source:
    """Return the images of a parent; `seed` draws the split where there is none.

    Raises:
        ValueError: if there are no such images, or they are damaged.
        FileNotFoundError: if files are missing.
    """
    if name not in POOLS:
        raise ValueError(f"unknown images {name!r}; known are {', '.join(POOLS)}")
    return POOLS[name](seed, **options)


def shift(images: np.ndarray, kind: str, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Return images uint8 [n, height, width, channels] of a shifted task.

    `rotation` turns them by 90 degrees; `noise` adds normal noise whose std is `strength` of the largest pixel.

    Source: Hendrycks & Dietterich (2019), "Benchmarking neural network robustness to common corruptions", Gaussian noise.

    Raises:
        ValueError: if the kind is unknown.
    """
    if kind == "rotation":
        return np.ascontiguousarray(np.rot90(images, axes=(1, 2)))
    if kind == "noise":
        noise = rng.standard_normal(images.shape, dtype=np.float32) * (strength * 255)
        return np.clip(np.rint(images + noise), 0, 255).astype(np.uint8)
    raise ValueError(f"unknown shift {kind!r}; known are rotation and noise")
