"""What a configuration may name of data and environments, known without reading them."""

from types import ModuleType


def tasks() -> ModuleType:
    """Return the registry of tasks: `SUPERVISED` with shapes and classes, `CONTROL`, `OPTIONS`, `is_control`, `kind`."""
    from evotickets import tasks

    return tasks
