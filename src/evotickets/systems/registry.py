"""The one list of systems. Each is a folder here, whose `config` offers `Section`, `resolve` and `EMPTY`."""

SYSTEMS: tuple[str, ...] = ("tickets", "planting", "strong", "hybrid", "subspace")
