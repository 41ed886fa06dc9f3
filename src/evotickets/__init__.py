"""Lottery tickets beyond backpropagation.

A ticket is a pair (initial parameters, mask). The modules make tickets, train them and ask what they are worth;
the workflow chains them; Parquet is the record and MLflow the view.

Axis letters, which have one meaning in the whole package; axes without a letter are written as words, such as `[cells, S]`:

* `A` units of a layer that reach an output
* `B` samples of a batch
* `C` channels
* `D` survivors: the coordinates that a trainer may move
* `E` episodes, or the environments that play them
* `F` fan-in of a group of units
* `G` groups, of units or of members
* `H` height
* `I` inputs, of a network or a layer
* `J` batches of a step
* `K` prunable entries
* `L` layers
* `M` offsets from a mean, one a member or one a pair
* `N` all parameters
* `O` outputs, of a network or a layer
* `P` members of a population: genomes too
* `Q` pairs: of mirrored members, or of networks at the ends of a line
* `R` inputs that a layer reads
* `S` seeds
* `T` steps, of training, a rollout, a sequence or a line
* `W` width
* `n` samples of a data set
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evotickets.interop.torch import export, import_back
    from evotickets.library.chains import Chain, draw_ticket, options, prune, score, train, train_chain
    from evotickets.library.evosax import Problem
    from evotickets.library.looks import connectivity, curvature, evaluate, flatness, survivors
    from evotickets.library.problems import build_network, load_task
    from evotickets.library.records import read_table, read_tables
    from evotickets.networks.tickets import Ticket
    from evotickets.results.tickets import read_ticket, write_ticket
    from evotickets.systems.subspace.kept import read_network

__version__ = version(__name__)

HOMES = {
    "library.evosax": ("Problem",),
    "interop.torch": ("export", "import_back"),
    "library.chains": ("Chain", "draw_ticket", "options", "prune", "score", "train", "train_chain"),
    "library.looks": ("connectivity", "curvature", "evaluate", "flatness", "survivors"),
    "library.problems": ("build_network", "load_task"),
    "library.records": ("read_table", "read_tables"),
    "networks.tickets": ("Ticket",),
    "results.tickets": ("read_ticket", "write_ticket"),
    "systems.subspace.kept": ("read_network",),
}
"""What the package offers by its own name, and the module of each: imported when it is first asked for, and not before."""

__all__ = [
    "Chain", "Problem", "Ticket", "build_network", "connectivity", "curvature", "draw_ticket", "evaluate", "export",
    "flatness", "import_back", "load_task", "options", "prune", "read_network", "read_table", "read_tables", "read_ticket",
    "score", "survivors", "train", "train_chain", "write_ticket",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Return what the package offers under a name, or a room of it.

    Raises:
        AttributeError: if there is neither.
    """
    for home, names in HOMES.items():
        if name in names:
            found = getattr(import_module(f"{__name__}.{home}"), name)
            globals()[name] = found
            return found
    if not name.startswith("_"):
        try:
            return import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
    from evotickets.refusals import hint

    raise AttributeError(f"evotickets has no {name!r}; {hint(name, __all__)}", name=name, obj=None)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
