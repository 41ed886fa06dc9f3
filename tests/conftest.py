from pathlib import Path

import jax
import pytest

from evotickets import devices

# Tests compile the same programs again and again; one core a process, as in the workflow.
devices.configure(1, cache=Path(__file__).parents[1] / ".cache/jax")


@pytest.fixture(autouse=True, scope="module")
def _forget_compiled_programs():
    """Drop what a file has compiled: all files together would hold gigabytes."""
    yield
    jax.clear_caches()
