from pathlib import Path

from evotickets import devices

# Tests compile the same programs again and again; one core a process, as in the workflow.
devices.configure(1, cache=Path(__file__).parents[1] / ".cache/jax")
