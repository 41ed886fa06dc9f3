"""All systems, and the way to their rooms: a system is its folder here, its rules, and one name in `SYSTEMS`.

Every start of the workflow reads this file, which therefore imports a room only when it is asked for.

    config          the section of a study, resolved (`resolve`)
    files           where results lie, and which of them a rule needs (`Files`)
    tables          the columns of its tables (`TABLES`, by the name of the file)
    claims          what is claimed (`evidence`, and functions decorated with a `registry.About`)
    figures         functions decorated with `declaration.figure`, with a caption each in `captions/`

A system may have several files of claims or figures, such as `landscape_figures.py` beside `figures.py`.
"""

from importlib import import_module
from pathlib import Path
from types import ModuleType

from evotickets import own
from evotickets.figures.declaration import Claimed, Figure, claimed, declared, named
from evotickets.own import Own, PartError

SYSTEMS: tuple[str, ...] = ("tickets", "planting", "strong", "hybrid", "subspace")


def config(system: str) -> ModuleType:
    """Import what checks and resolves the section of a system."""
    return _room(system, "config")


def files(system: str) -> ModuleType:
    """Import what knows where the results of a system lie."""
    return _room(system, "files")


def tables(system: str) -> ModuleType:
    """Import the columns of a system's tables."""
    return _room(system, "tables")


def claims(system: str) -> ModuleType:
    """Import all claims of a system, and return the module that makes their evidence."""
    first, *_ = [import_module(name) for name in modules(system, "claims")]
    own.load()
    return first


def figures(system: str) -> dict[str, Figure]:
    """Return the figures of a system by name, as declared: this imports none of them.

    Raises:
        ValueError: if two have one name, or a declaration cannot be read.
    """
    found = [figure for name in modules(system, "figures") for figure in declared(name, _source(name))]
    found += [figure for each in own.named() for figure in own_figures(each) if _system(figure) == system]
    by_name = {figure.name: figure for figure in found}
    if len(by_name) < len(found):
        raise ValueError(f"two figures of {system} have one name: rename one")
    return by_name


def shown(system: str) -> list[str]:
    """Name the figures that show what the claims of a system are decided from, in the order of their declarations."""
    asked = set().union(*(named(_source(name)) for name in modules(system, "claims")))
    asked |= {name for _, claim in _own_claims(system) for name in claim.figures}
    return [name for name in figures(system) if name in asked]


def own_claims(system: str) -> list[str]:
    """Name the claims about a system in modules beside ours, as `module:function`."""
    return [f"{module}:{claim.function}" for module, claim in _own_claims(system)]


def own_figures(module: Own) -> list[Figure]:
    """Return the figures that a module beside ours declares.

    Raises:
        PartError: if one does not say of which system it is.
    """
    found = declared(module.module, Path(module.path), captioned=False)
    for figure in found:
        if _system(figure) not in SYSTEMS:
            raise PartError(
                f"{module.path}: the figure {figure.name} is drawn to {figure.path}; its path must begin with "
                f"figures/<system>/, the systems being {', '.join(SYSTEMS)}"
            )
    return found


def check(module: Own) -> None:
    """Refuse figures and claims of a module beside ours that nothing could draw or decide.

    Raises:
        PartError: if a figure names a table, or a claim a system, that is not there, or if a name is taken.
    """
    try:
        drawn, decided = own_figures(module), claimed(Path(module.path))
        for figure in drawn:
            known = tables(_system(figure)).TABLES
            if not figure.tables or set(figure.tables) - set(known):
                raise PartError(f"the figure {figure.name} is drawn from tables, {', '.join(known)}: name one of them")
        for claim in decided:
            if claim.system not in SYSTEMS:
                raise PartError(f"{claim.function} is a claim about {claim.system}; systems are {', '.join(SYSTEMS)}")
            claims(claim.system)
        for system in SYSTEMS:
            figures(system)
    except ValueError as error:
        said = str(error)
        raise PartError(said if module.path in said else f"{module.path}: {said}") from error


def _own_claims(system: str) -> list[tuple[str, Claimed]]:
    found = [(each.module, claim) for each in own.named() for claim in claimed(Path(each.path))]
    return [(module, claim) for module, claim in found if claim.system == system]


def _system(figure: Figure) -> str:
    """Return the system in whose folder a figure is drawn."""
    return [*Path(figure.path).parts, "", ""][1]


def modules(system: str, room: str) -> list[str]:
    """Name the modules of a room without importing them: `claims`, then those such as `landscape_claims`."""
    stems = sorted(path.stem for path in folder(system).glob(f"*{room}.py"))
    return [f"{__package__}.{system}.{stem}" for stem in stems]


def folder(system: str) -> Path:
    """Return the folder of a system."""
    return Path(__file__).parent / system


def _source(module: str) -> Path:
    *_, system, stem = module.split(".")
    return folder(system) / f"{stem}.py"


def _room(system: str, room: str) -> ModuleType:
    return import_module(f"{__package__}.{system}.{room}")
