"""What a configuration may name of data and environments, known without reading them."""

from types import ModuleType


def tasks() -> ModuleType:
    """Return the registry of tasks: `SUPERVISED` with shapes and classes, `CONTROL`, `OPTIONS`, `is_control`, `kind`."""
    from evotickets import tasks

    return tasks


def strong_data() -> ModuleType:
    """Return the registry of data sets of strong tickets: `FAMILIES` with inputs and classes."""
    from evotickets.systems.strong import data

    return data
