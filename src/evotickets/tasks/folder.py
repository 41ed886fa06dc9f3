"""Images in folders, in the layout of ImageNet."""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_doc import Doc
from annotated_types import Ge, Le, Len

from evotickets.tasks.files import data_folder
from evotickets.tasks.registry import IMAGENET, Pool, Source, task

ENDINGS = {".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
Scale = Annotated[float, Ge(-1000), Le(1000)]


@task(kind="pool")
def folder(
    *,
    root: Annotated[str, Doc("Folder of the two folders of images: in the folder of data, or by its whole path.")],
    size: Annotated[int, Ge(1), Le(10_000), Doc("Side of the central square that is cut.")] = 224,
    resize: Annotated[int, Ge(1), Le(10_000), Doc("Length of the shorter side before the cut.")] = 256,
    train: Annotated[str, Doc("Name of the folder of training images.")] = "train",
    test: Annotated[str, Doc("Name of the folder of held-out images.")] = "val",
    mean: Annotated[Sequence[Scale], Len(3, 3), Doc("Of red, green and blue, in [0, 1]; subtracted.")] = IMAGENET[0],
    std: Annotated[Sequence[Scale], Len(3, 3), Doc("Of red, green and blue; divided by.")] = IMAGENET[1],
    classes: Annotated[Mapping[str, int] | None, Doc("The model's number of every class, by its folder.")] = None,
    classes_file: Annotated[str | None, Doc("File of the model's classes, a folder's name a line.")] = None,
) -> Source:
    """Images in `root/<train>/<class>/` and `root/<test>/<class>/`: shorter side to `resize`, then the central square.

    Classes are numbered in the order of their folders' names, as torchvision does, unless `classes` or `classes_file` numbers
    them as the model does, which may know more of them. Hidden files and folders are left out, and files of other kinds are
    counted in a warning. Images are read when they are asked for. Sizes and scale as torchvision's models evaluate.

    Raises:
        FileNotFoundError: if a folder or the file of classes is missing.
        ValueError: if it has no images, the two have other classes, or a class has no number.
    """
    if not all(value > 0 for value in std):
        raise ValueError(f"std of the images of {root} is {list(std)}; all three must be above 0")
    mean, std = tuple(mean), tuple(std)
    base = Path(root) if Path(root).is_absolute() else data_folder() / root
    seen, held = _classes(base / train), _classes(base / test)
    if classes is not None or classes_file is not None:
        numbers = _numbers(base, classes, classes_file)
        own, others = (_pool(_numbered(base, found, numbers), size, resize) for found in (seen, held))
        return Source(own, others, mean, std)
    if list(seen) != list(held):
        odd = sorted(set(seen) ^ set(held))[0]
        raise ValueError(
            f"{base}: the class {odd} is in only one of {train} and {test}; both must have the same classes"
        )
    own, others = (_pool(dict(enumerate(found.values())), size, resize) for found in (seen, held))
    return Source(own, others, mean, std)


def _numbers(base: Path, classes: Mapping[str, int] | None, classes_file: str | None) -> dict[str, int]:
    """Return the model's number of every class."""
    if classes is not None and classes_file is not None:
        raise ValueError(f"the images of {base} have classes and classes_file; keep one")
    if classes_file is None:
        return dict(classes or {})
    path = base / classes_file
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: it must hold the names of the model's classes, one a line")
    names = [line.strip() for line in path.read_text().splitlines() if line.strip()]
    if len(set(names)) < len(names):
        raise ValueError(f"{path} names a class twice; every line must be another")
    return {name: number for number, name in enumerate(names)}


def _numbered(base: Path, found: Mapping[str, list[Path]], numbers: Mapping[str, int]) -> dict[int, list[Path]]:
    """Return the images of every class by the model's number of it."""
    unknown = [name for name in found if name not in numbers]
    if unknown:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise ValueError(f"{base}: the folder {unknown[0]}{more} has no number: add it to classes, or take it away")
    by_number: dict[int, list[Path]] = {}
    for name, files in found.items():
        # Two folders may be one class of the model.
        by_number.setdefault(numbers[name], []).extend(files)
    return by_number


def _classes(split: Path) -> dict[str, list[Path]]:
    """Return the images of every class by its name."""
    if not split.is_dir():
        raise FileNotFoundError(f"{split} is missing: it must hold a folder of images for every class")
    names = sorted(path.name for path in split.iterdir() if path.is_dir() and not path.name.startswith("."))
    images: dict[str, list[Path]] = {}
    others: Counter[str] = Counter()
    for name in names:
        there = [path for path in sorted((split / name).iterdir()) if path.is_file() and not path.name.startswith(".")]
        images[name] = [path for path in there if path.suffix.lower() in ENDINGS]
        others.update(path.suffix.lower() or path.name for path in there if path.suffix.lower() not in ENDINGS)
    told = ", ".join(f"{count} {ending}" for ending, count in sorted(others.items()))
    if not any(images.values()):
        raise ValueError(
            f"{split} holds no images in folders of classes{f' but {told}' if told else ''}: put them there"
        )
    if others:
        warnings.warn(f"{split} holds files that are left out, as they are no images: {told}", stacklevel=2)
    return images


def _pool(classes: Mapping[int, list[Path]], size: int, resize: int) -> Pool:
    files = [(path, label) for label, paths in classes.items() for path in paths]

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
