"""Who may know whom: imports point downward, and each big library stays in its rooms."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src/evotickets"

# From the ground up. A module imports from its own floor or from floors below it.
FLOORS = [
    {"networks", "seeds", "devices", "statistics", "training"},
    {"masks", "tasks", "sampling"},
    {"scores", "pruning", "population", "rollouts"},
    {"objectives", "saliency", "strategies"},
    {"evolution", "gradient", "landscape", "masked", "reinforcement"},
    {"tickets", "planting", "strong", "hybrid", "subspace", "claims"},
]
SCRIPTS_ONLY = {
    "pretrained",
    "results",
    "figures",
    "tracking",
    "jobs",
    "archive",
    "study",
    "lock",
    "__main__",
}
ROOMS = {
    "mlflow": {"tracking"},
    "matplotlib": {"figures"},
    "pyarrow": {"results"},
    "gymnax": {"tasks"},
    "brax": {"tasks"},
    "evosax": {"strategies"},
    "torch": {"subspace", "pretrained"},
}


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def modules():
    return [path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.name != "__init__.py"]


def imports(path):
    """Every module that a file imports, also inside functions; `from evotickets import x` counts as evotickets.x."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names += [
                f"{node.module}.{alias.name}" if node.module == "evotickets" else node.module for alias in node.names
            ]
    return names


def known(path):
    return {name.split(".")[1] for name in imports(path) if name.startswith("evotickets.")} - {room(path)}


def test_every_module_has_a_floor():
    assert {room(path) for path in modules()} == set().union(*FLOORS) | SCRIPTS_ONLY


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downward(path):
    if room(path) in SCRIPTS_ONLY:
        return
    floor = next(index for index, names in enumerate(FLOORS) if room(path) in names)
    allowed = set().union(*FLOORS[: floor + 1])
    assert known(path) <= allowed, f"{path.name} knows {known(path) - allowed}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_big_library_stays_in_its_rooms(path):
    for name in imports(path):
        library = name.split(".")[0]
        assert room(path) in ROOMS.get(library, {room(path)})


def test_jobs_never_import_mlflow():
    for script in (ROOT / "workflow/scripts").glob("*.py"):
        assert "tracking" not in {name.split(".")[1] for name in imports(script) if name.startswith("evotickets.")}


def test_nothing_imports_the_workflow():
    assert not any(name.split(".")[0] == "workflow" for path in modules() for name in imports(path))


def test_no_room_is_called_after_nothing():
    vague = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert not vague & {path.stem for path in PACKAGE.rglob("*.py")}


@pytest.mark.parametrize("path", sorted((ROOT / "workflow/scripts").glob("*.py")), ids=lambda path: path.name)
def test_scripts_are_thin(path):
    assert len(path.read_text().splitlines()) <= 60
