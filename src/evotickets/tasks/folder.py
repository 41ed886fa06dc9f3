"""Images in folders, in the layout of ImageNet."""

from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_doc import Doc
from annotated_types import Ge, Le

from evotickets.tasks.files import data_folder
from evotickets.tasks.registry import IMAGENET, Pool, Source, task

ENDINGS = {".jpeg", ".jpg", ".png", ".webp"}


@task(kind="pool")
def folder(
    *,
    root: Annotated[str, Doc("Folder of the two folders of images: in the folder of data, or by its whole path.")],
    size: Annotated[int, Ge(1), Le(10_000), Doc("Side of the central square that is cut.")] = 224,
    resize: Annotated[int, Ge(1), Le(10_000), Doc("Length of the shorter side before the cut.")] = 256,
    train: Annotated[str, Doc("Name of the folder of training images.")] = "train",
    test: Annotated[str, Doc("Name of the folder of held-out images.")] = "val",
) -> Source:
    """Images in `root/<train>/<class>/` and `root/<test>/<class>/`: shorter side to `resize`, then the central square.

    Classes are numbered in the order of their folders' names, as torchvision does. Images are read when they are asked
    for. Sizes as torchvision's models evaluate.

    Raises:
        FileNotFoundError: if a folder is missing.
        ValueError: if it has no images, or the two have other classes.
    """
    base = Path(root) if Path(root).is_absolute() else data_folder() / root
    seen, held = _classes(base / train), _classes(base / test)
    if list(seen) != list(held):
        odd = sorted(set(seen) ^ set(held))[0]
        raise ValueError(
            f"{base}: the class {odd} is in only one of {train} and {test}; both must have the same classes"
        )
    return Source(_pool(seen, size, resize), _pool(held, size, resize), *IMAGENET)


def _classes(split: Path) -> dict[str, list[Path]]:
    """Return the images of every class by its name."""
    if not split.is_dir():
        raise FileNotFoundError(f"{split} is missing: it must hold a folder of images for every class")
    names = sorted(path.name for path in split.iterdir() if path.is_dir())
    images = {
        name: [path for path in sorted((split / name).iterdir()) if path.suffix.lower() in ENDINGS] for name in names
    }
    if not any(images.values()):
        raise ValueError(f"{split} holds no images in folders of classes: put them there")
    return images


def _pool(classes: dict[str, list[Path]], size: int, resize: int) -> Pool:
    files = [(path, label) for label, paths in enumerate(classes.values()) for path in paths]

    def read(indices: np.ndarray) -> np.ndarray:
        return np.stack([_square(files[index][0], size, resize) for index in indices])

    return Pool(np.array([label for _, label in files], np.int64), read)


def _square(path: Path, size: int, resize: int) -> np.ndarray:
    # Names of tasks are read by every start of the workflow, which shows no pictures.
    from PIL import Image, UnidentifiedImageError

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
