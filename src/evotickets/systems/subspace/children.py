"""Children that survive whoever evaluates them: a folder of their results, which several processes may fill together.

A child is made from the seed and its number, so that its result, a small array, is all that processes exchange. There
are no locks: every process evaluates the children that have no result yet, each from another one on, and whoever is
first is right. A process that is killed loses the child it was at, and others do its work.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from evotickets import sealed

_RESULT = "result"


def fingerprint(weights: bytes, *asked: Any) -> str:
    """Digest what a child's result depends on: the parent's weights, and all that was asked, as JSON can say it."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode() + weights).hexdigest()


class Children:
    """Results by generation and child, in a folder, or in memory alone if there is none.

    Attributes:
        folder: of the results.
        worker: number of this process among all that share the folder, from 0.
        workers: how many share it.
    """

    def __init__(self, folder: str | Path | None, fingerprint: str = "", worker: int = 0, workers: int = 1):
        """Open a folder; results under another fingerprint answer another question and are left alone."""
        self.folder = Path(folder) if folder else None
        self.worker, self.workers = worker, workers
        self._results = self.folder / fingerprint[:16] if self.folder else None

    def evaluated(
        self, count: int, evaluate: Callable[[int], np.ndarray], *names: str | int, at_once: int = 1
    ) -> list[np.ndarray]:
        """Return the results of children 0 … count − 1 of the generation `names`, evaluating those that have none.

        Processes share groups of as many children as are evaluated at once.
        """
        if self._results is None:
            return [evaluate(child) for child in range(count)]
        generation = self._results.joinpath(*map(str, names))
        generation.mkdir(parents=True, exist_ok=True)
        files = [generation / f"child{child:05d}.safetensors" for child in range(count)]
        for child in self._order(count, at_once):
            if not _readable(files[child]):
                _write(files[child], evaluate(child))
        return [_read(file) for file in files]

    def finish(self) -> None:
        """Drop all results, those under other fingerprints too: what follows from them has been written."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _order(self, count: int, at_once: int) -> Iterator[int]:
        """Yield this process's share, then the others' shares from their ends, so that two ways meet only once."""
        groups = -(-count // at_once)
        starts = [min(count, worker * groups // self.workers * at_once) for worker in range(self.workers + 1)]
        shares = [range(*pair) for pair in pairwise(starts)]
        yield from shares[self.worker]
        for step in range(1, self.workers):
            yield from reversed(shares[(self.worker + step) % self.workers])


def _write(file: Path, result: np.ndarray) -> None:
    """Write a result, unless another process was faster, whose result then is everybody's."""
    sealed.write_tensors(file, save({_RESULT: np.asarray(result, order="C")}), first=True)


def _read(file: Path) -> np.ndarray:
    return load(sealed.read_tensors(file))[_RESULT]


def _readable(file: Path) -> bool:
    """Tell whether a result is there; one that is damaged is taken away."""
    try:
        _read(file)
    except sealed.ResultError:
        file.unlink(missing_ok=True)
        return False
    return True
