"""Inputs of one's own as a model takes them: arrays of a file, and map-style data sets of PyTorch by import path."""

import pkgutil
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from annotated_doc import Doc

from evotickets.tasks.arrays import from_npz
from evotickets.tasks.files import data_folder
from evotickets.tasks.registry import Images, Inputs, Pool, Source, task

LABELS = ("label", "labels")
"""Where a sample that is a mapping holds its class."""

Named = Annotated[str, Doc("Import path of a class with __len__ and __getitem__, or of an object of one.")]


@task(kind="pool")
def arrays(*, root: Annotated[str, Doc("An archive of NumPy: in the folder of data, or by its whole path.")]) -> Source:
    """Inputs as the model takes them, and labels: `x_train`, `y_train`, `x_validation`, … `y_test` of an archive of NumPy.

    Nothing is scaled and no axis moved, so that inputs may be images [n, C, H, W] in float32 or tokens [n, T].

    Raises:
        FileNotFoundError: if the file is missing.
        ValueError: if it is damaged, or holds other arrays.
    """
    path = data_folder() / root
    found = from_npz(path)
    if not isinstance(found, Images):
        raise ValueError(f"{path} brings no split: name its arrays x_train, y_train, x_validation, …")
    for x, y in found:
        if x.dtype.kind not in "fiu" or y.dtype.kind not in "iu" or y.ndim != 1:
            raise ValueError(f"{path} has inputs {x.dtype} and labels {y.dtype}; expected are numbers, and classes [n]")
    train, validation, test = (Pool.of(x.astype(np.float32) if x.dtype.kind == "f" else x, y) for x, y in found)
    return Source(train, test, (), (), validation)


@task(kind="pool")
def dataset(
    *,
    train: Named,
    test: Named,
    arguments: Annotated[Mapping[str, Any] | None, Doc("Keyword arguments of both classes.")] = None,
) -> Source:
    """Samples of data sets as PyTorch has them, each (input as the model takes it, class), read when they are asked for.

    An input may be several arrays by the names of the model's arguments, and a sample a mapping of these and `label` or
    `labels`, as data sets of Hugging Face have them. Labels are the attribute `targets` or `labels` where there is one, and
    read sample by sample where there is none.

    Raises:
        ValueError: if a path names no data set, or its samples are no such pairs.
    """
    seen, held = (_pool(path, arguments or {}) for path in (train, test))
    return Source(seen, held, (), ())


def _pool(path: str, arguments: Mapping[str, Any]) -> Pool:
    try:
        named = pkgutil.resolve_name(path)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"the data set {path} cannot be imported ({error}): install it or mend the path") from error
    if not all(hasattr(named, method) for method in ("__len__", "__getitem__")):
        raise ValueError(f"{path} is no data set and is not called: name a class with __len__ and __getitem__")
    if isinstance(named, type):
        try:
            named = named(**arguments)
        except Exception as error:
            given = ", ".join(arguments) or "no arguments"
            raise ValueError(f"the data set {path} cannot be made with {given} ({error}): mend them") from error
    labels = next((getattr(named, name) for name in ("targets", "labels") if hasattr(named, name)), None)
    if labels is None:
        labels = [_sample(path, named, index)[1] for index in range(len(named))]
    numbers = np.asarray(labels) if len(labels) else np.zeros(0, np.int64)
    if numbers.shape != (len(named),) or numbers.dtype.kind not in "iu" or (len(numbers) and numbers.min() < 0):
        raise ValueError(
            f"the data set {path} has labels {numbers.dtype} {numbers.shape}; expected are classes from 0, one a sample"
        )

    def read(indices: np.ndarray) -> Inputs:
        read = [_sample(path, named, int(index))[0] for index in indices]
        if read and isinstance(read[0], Mapping):
            return {name: np.stack([np.asarray(one[name]) for one in read]) for name in read[0]}
        return np.stack([np.asarray(one) for one in read])

    return Pool(numbers.astype(np.int64), read)


def _sample(path: str, data: Any, index: int) -> tuple[Any, Any]:
    sample = data[index]
    if isinstance(sample, Mapping):
        label = next((name for name in LABELS if name in sample), None)
        if label is not None and len(sample) > 1:
            return {name: value for name, value in sample.items() if name != label}, sample[label]
    if not (isinstance(sample, tuple | list) and len(sample) == 2):
        raise ValueError(f"sample {index} of the data set {path} is no pair of input and class: return both")
    return sample[0], sample[1]
