"""JAX, imported without its search for plugins of AMD's GPUs where none is installed: a third of the time that it takes.

JAX 0.10 reads the metadata of all installed packages for them, a fifth of a second in an environment of 200 packages and
twice that in a job, where Snakemake names the folder of packages three times. Import this module before JAX.
"""

import sys
from importlib import metadata
from pathlib import Path


def _plugins() -> bool:
    return any(list(Path(place).glob("jax_rocm*")) for place in sys.path if Path(place).is_dir())


if "jax" not in sys.modules and not _plugins():
    _distributions = metadata.distributions
    setattr(metadata, "distributions", lambda: ())  # noqa: B010 (mypy lets nobody assign to a function)
    try:
        import jax  # noqa: F401
    finally:
        setattr(metadata, "distributions", _distributions)  # noqa: B010
