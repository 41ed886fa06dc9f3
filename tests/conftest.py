import gc
import os
from pathlib import Path

import jax
import pytest

from evotickets import own
from tests import quick, studies

# Tests compile the same programs again and again; one core a process, as in the workflow.
quick.start(1)

# Some images set it. Each of the hundreds of processes that tests start would compile the whole package for itself.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


LONGEST = (
    # Most of these minutes they wait for jobs, and others run beside them.
    "workflow/test_slurm",
    "workflow/test_faults",
    "workflow/test_workflow",
    "workflow/test_interruption",
    "workflow/test_anywhere",
    "workflow/test_subspace",
    "workflow/test_own_parts",
    "workflow/test_reruns",
    "systems/subspace/test_parents",
    "trainers/test_classes",
    "test_docs",
    "test_wheel",
    "tracking/test_tracking",
    "tracking/test_faults",
    "tracking/test_logger_plugin",
    "test_devices",
    "systems/hybrid/test_coevolution",
    "systems/hybrid/test_training",
    "systems/hybrid/test_baselines",
    "figures/test_figures",
    "trainers/test_evolution",
    "systems/strong/test_search",
)
"""Files that take half a minute and more, the longest first: one at the end would run alone, as a file stays on one worker."""


def pytest_collection_modifyitems(items):
    """Begin with the longest files."""
    places = {name: place for place, name in enumerate(LONGEST)}
    tests = Path(__file__).parent
    items.sort(key=lambda item: places.get(item.path.relative_to(tests).with_suffix("").as_posix(), len(LONGEST)))


def pytest_collection_finish():
    """Look through what is imported for garbage no more: that was a twentieth of the tests that compile."""
    gc.freeze()
    gc.set_threshold(10_000)


@pytest.fixture(scope="session")
def finished_study(tmp_path_factory):
    """The smallest study, run to its end once for all workers; nobody may change it."""
    own_folder = tmp_path_factory.getbasetemp()
    return studies.finished_once(own_folder.parent if "PYTEST_XDIST_WORKER" in os.environ else own_folder)


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
