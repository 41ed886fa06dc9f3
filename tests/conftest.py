from pathlib import Path

import jax
import pytest

from evotickets import devices

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


STRICT = {
    "interop/test_torch",
    "networks/test_feedforward",
    "population/test_population",
    "tasks/test_tasks",
    "test_strictness",
    "trainers/test_adam",
}
"""Files whose own lines promote nothing by themselves: to become all of them, as the package's lines do not."""


@pytest.fixture(autouse=True, scope="module")
def _strict_promotion(request):
    """Have code of our own say how types and ranks meet; what libraries promote stands in `devices.promoting`."""
    if request.path.relative_to(Path(__file__).parent).with_suffix("").as_posix() not in STRICT:
        yield
        return
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield
