import os
from pathlib import Path

import jax
import pytest

from evotickets import devices, own

# Tests compile the same programs again and again; one core a process, as in the workflow.
devices.configure(1, cache=Path(__file__).parents[1] / ".cache/jax")


WAITING = (
    "workflow/test_slurm",
    "workflow/test_workflow",
    "workflow/test_faults",
    "workflow/test_subspace",
    "systems/subspace/test_parents",
)
"""Files that take minutes, most of them waiting for jobs: at the end nothing would run beside them."""


def pytest_collection_modifyitems(items):
    """Begin with the files that wait."""
    places = {name: place for place, name in enumerate(WAITING)}
    tests = Path(__file__).parent
    items.sort(key=lambda item: places.get(item.path.relative_to(tests).with_suffix("").as_posix(), len(WAITING)))


@pytest.fixture(autouse=True, scope="module")
def _forget_compiled_programs():
    """Drop what a file has compiled: all files together would hold gigabytes."""
    yield
    jax.clear_caches()


@pytest.fixture(autouse=True, scope="module")
def _strict_promotion():
    """Have code of our own say how types and ranks meet; what libraries promote stands in `devices.promoting`."""
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


@pytest.fixture(autouse=True)
def _same_environment():
    """What one command would leave in the environment, the next would obey; a study alone names its parts there."""
    before = _obeyed()
    yield
    assert _obeyed() == before


def _obeyed():
    names = [name for name in os.environ if name.startswith("EVOTICKETS_") and name != own.VARIABLE]
    return {name: os.environ[name] for name in names}
