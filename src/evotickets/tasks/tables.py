"""Small tables that come with scikit-learn: tumours, wines, flowers and patients, and what is learnt of each."""

import importlib.util
from pathlib import Path

import numpy as np

from evotickets.tasks.registry import Whole, task


def bundled(name: str) -> Path:
    """Return the path of a file that scikit-learn brings.

    It is read where scikit-learn keeps it: importing sklearn.datasets costs every job a second.

    Raises:
        FileNotFoundError: if scikit-learn is not installed.
    """
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise FileNotFoundError(f"{name} comes with scikit-learn, which is not installed: pip install scikit-learn")
    return Path(package.origin).parent / "datasets/data" / name


def _table(name: str) -> Whole:
    """Read rows of measurements and a class, below a line of sizes and names."""
    rows = np.loadtxt(bundled(name), delimiter=",", skiprows=1)
    return Whole(rows[:, :-1], rows[:, -1].astype(np.int64))


@task(kind="supervised", input_shape=(30,), classes=2)
def breast_cancer() -> Whole:
    """Return 569 tumours, malignant or benign, by 30 measurements of cell nuclei."""
    return _table("breast_cancer.csv")


@task(kind="supervised", input_shape=(13,), classes=3)
def wine() -> Whole:
    """Return 178 wines of three growers by 13 chemical measurements."""
    return _table("wine_data.csv")


@task(kind="supervised", input_shape=(4,), classes=3)
def iris() -> Whole:
    """Return 150 irises of three species by 4 lengths."""
    return _table("iris.csv")


@task(kind="supervised", input_shape=(10,), targets=1, unit="points of progression")
def diabetes() -> Whole:
    """Return 442 patients by 10 measurements, and how far their diabetes has progressed a year later: a real value."""
    return Whole(*(np.loadtxt(bundled(f"diabetes_{name}.csv.gz")) for name in ("data_raw", "target")))
