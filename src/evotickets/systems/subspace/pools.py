"""The images that parents meet, from whatever data set, and what a shifted task makes of them. No torch here."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from evotickets.refusals import hint
from evotickets.systems.subspace import POOLS
from evotickets.tasks.registry import Images, Inputs, Pool, Source, task


def load(name: str, seed: int, options: Mapping[str, Any]) -> Source:
    """Return the images of a parent; `seed` draws the split where there is none.

    Raises:
        ValueError: if there are no such images, or they are damaged.
        FileNotFoundError: if files are missing.
    """
    if name not in POOLS:
        raise ValueError(f"unknown images {name!r}; {hint(name, POOLS)}")
    return task[name](**options) if POOLS[name].kind == "pool" else _supervised(name, seed)


def _supervised(name: str, seed: int) -> Source:
    """Stretch pixels to bytes, and scale by the training images of the house; a split that is missing is drawn."""
    stored = task[name]()
    official = isinstance(stored, Images)
    if (stored.train[0] if official else stored.x).dtype != np.uint8:
        raise ValueError(f"{name} holds no images of bytes, which parents take: name other images")
    images = stored if official else stored.split(np.random.default_rng(seed))
    train, validation, test = ((x * np.uint8(255 // POOLS[name].largest), y) for x, y in images)
    channels = [train[0][..., channel] for channel in range(train[0].shape[-1])]
    mean, std = (tuple(float(value(pixels) / 255) for pixels in channels) for value in (np.mean, np.std))
    return Source(Pool.of(*train), Pool.of(*test), mean, std, Pool.of(*validation))


def shift(images: Inputs, kind: str, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Return images uint8 [n, height, width, channels] of a shifted task.

    `rotation` turns them by 90 degrees; `noise` adds normal noise whose std is `strength` of the largest pixel.

    Source: Hendrycks & Dietterich (2019), "Benchmarking neural network robustness to common corruptions", Gaussian noise.

    Raises:
        ValueError: if the kind is unknown, or these are no images.
    """
    if isinstance(images, dict):
        raise ValueError(f"inputs {' and '.join(images)} are no images of bytes, which alone are shifted: tune without")
    if images.dtype != np.uint8 or images.ndim != 4:
        raise ValueError(
            f"inputs {images.dtype} of {images.ndim} axes are no images of bytes, which alone are shifted: tune without"
        )
    if kind == "rotation":
        return np.ascontiguousarray(np.rot90(images, axes=(1, 2)))
    if kind == "noise":
        noise = rng.standard_normal(images.shape, dtype=np.float32) * (strength * 255)
        return np.clip(np.rint(images + noise), 0, 255).astype(np.uint8)
    raise ValueError(f"unknown shift {kind!r}; known are rotation and noise")
