"""Quick compilation, for tests: they compute little of what they compile, and half of their time would be LLVM's."""

import os
from pathlib import Path

from evotickets import devices

CACHE = Path(__file__).parents[1] / ".cache/jax"


def start(threads, cache=CACHE):
    """Configure and start the devices of this process; those that it starts compute as they do everywhere."""
    devices.configure(threads, cache=cache)
    import jax

    # XLA reads this once.
    flags = os.environ["XLA_FLAGS"]
    os.environ["XLA_FLAGS"] = f"{flags} --xla_backend_optimization_level=0"
    jax.devices()
    os.environ["XLA_FLAGS"] = flags
