"""Who may know whom: imports point downward, edges stay edges, and each big library stays in its rooms."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src/evotickets"
SCRIPTS = sorted((ROOT / "workflow/scripts").glob("*.py"))

# From the ground up. A module imports from its own room, or from rooms on floors below it.
FLOORS = [
    {"own", "refusals"},
    {"parts", "intervals", "sealed", "terminal", "extras", "jax_import"},
    {"configuration", "crossed"},
    {"networks", "streams", "devices", "statistics"},
    {"tasks"},
    {"pruning", "population"},
    {"trainers"},
    {"landscape", "supermasks"},
    {"planted"},
    {"systems"},
]
EDGES = {
    "results",
    "tracking",
    "figures",
    "claims",
    "interop",
    # What `import evotickets` offers of all rooms.
    "library",
    "jobs",
    "lock",
    "study",
    "verification",
    "code",
    "provenance",
    "commands",
    "__main__",
    "systems.registry",
    "systems.files",
    # Knows all sections and parts, from which it writes the file that the reader holds studies against.
    "configuration.schema",
    # Lets the schema describe the parts of a study, too.
    "configuration.extension",
}
"""What reads, writes and shows: it may know every floor, and only scripts, edges, and systems at their own edges know it."""
SYSTEM_EDGES = ("config", "section", "files", "tables", "claims", "figures", "archive")
"""The modules of a system that may know edges, or that stand on one: those of these names, and those that end so."""
ON_TABLES = {"systems.planting.comparisons", "systems.strong.comparisons"}
"""Modules that claims were split into."""
ROOMS = {
    "mlflow": ("tracking",),
    "matplotlib": ("figures", "systems.*figures"),
    "pyarrow": ("results", "tasks.text"),
    "jsonschema": ("configuration",),
    "gymnax": ("tasks",),
    "brax": ("tasks",),
    "espeakng_loader": ("tasks",),
    "sklearn": ("tasks",),
    "evosax": ("trainers", "library.evosax"),
    "torch": ("interop", "systems.subspace"),
    "tokenizers": ("tasks",),
    "transformers": ("systems.subspace",),
}


def modules():
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


def dotted(path):
    """Name a module, without the name of the package."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


NAMES = {dotted(path) for path in modules()}


def imports(path):
    """Every module that a file imports, also inside functions; `from evotickets import x` counts as evotickets.x."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            paths = [f"{node.module}.{alias.name}" for alias in node.names]
            names += [name if name.removeprefix("evotickets.") in NAMES else node.module for name in paths]
    return names


def known(path):
    """Every module of the package that a file imports, without the name of the package; `__version__` is no module."""
    return {name.removeprefix("evotickets.") for name in imports(path) if name.startswith("evotickets.")}


def edge(module):
    """Name the edge that a module belongs to, "" where it is on a floor."""
    return next((name for name in EDGES if f"{module}.".startswith(f"{name}.")), "")


def is_at_the_edge(module):
    """Tell whether a module of a system may know edges."""
    room, _, rest = module.partition(".")
    _, _, name = rest.rpartition(".")
    return room == "systems" and (name.endswith(SYSTEM_EDGES) or module in ON_TABLES)


def floor(module):
    room = module.split(".")[0]
    return next(index for index, rooms in enumerate(FLOORS) if room in rooms)


def test_every_module_has_a_floor_or_is_an_edge():
    rooms = {module.split(".")[0] for module in NAMES}
    assert rooms == set().union(*FLOORS) | {name for name in EDGES if "." not in name}


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_imports_point_downward(path):
    module = dotted(path)
    if edge(module):
        return
    room = module.split(".")[0]
    for other in known(path):
        if edge(other):
            assert is_at_the_edge(module), f"{module} is no edge and knows {other}"
        elif other.split(".")[0] != room:
            assert floor(other) < floor(module), f"{module} knows {other}, which is not below it"


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_no_system_knows_another(path):
    top, *rest = dotted(path).split(".")
    if top == "systems" and not edge(dotted(path)):
        others = {other for other in known(path) if other.startswith("systems.") and not edge(other)}
        strange = {other for other in others if other.split(".")[1] != (rest or [""])[0]}
        assert not strange, f"{dotted(path)} knows {strange}"


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_what_computes_does_not_know_the_edges_of_its_system(path):
    module = dotted(path)
    if edge(module) or is_at_the_edge(module):
        return
    shown = {
        other
        for other in known(path)
        if other.startswith("systems.") and other.rpartition(".")[2].endswith(("claims", "figures", "archive", "files"))
    }
    assert not shown, f"{module} knows {shown}"


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_each_big_library_stays_in_its_rooms(path):
    module = dotted(path)
    for name in imports(path):
        library = name.split(".")[0]
        assert any(within(module, room) for room in ROOMS.get(library, ("",))), f"{module} imports {library}"


def within(module, room):
    """Tell whether a module is in a room; `systems.*figures` are modules of systems whose names end so."""
    start, star, end = room.partition("*")
    return (
        module.startswith(start) and module.endswith(end)
        if star
        else f"{module}.".startswith(f"{room}." if room else "")
    )


def test_jobs_never_import_mlflow():
    for script in SCRIPTS:
        assert not any(module.split(".")[0] == "tracking" for module in known(script))


def test_nothing_imports_the_workflow():
    assert not any(name.split(".")[0] == "workflow" for path in modules() for name in imports(path))


def test_no_room_is_called_after_nothing():
    vague = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert not vague & {path.stem for path in PACKAGE.rglob("*.py")}


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_modules_are_read_in_one_go(path):
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_thin(path):
    assert len(path.read_text().splitlines()) <= 40
