"""What the base installation leaves out is named with the command that installs it, and before any job."""

import subprocess
import sys

import pytest

from evotickets import extras
from tests import studies


def test_nothing_is_said_where_all_is_there():
    extras.require("this", "torch", *extras.WORKFLOW)


def test_one_and_several_are_named_with_their_extras(monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda module: None if module != "mlflow" else object())
    with pytest.raises(
        extras.MissingError, match=r"^a needs torch, which is not installed: pip install 'evotickets\[torch\]'$"
    ):
        extras.require("a", "torch", "mlflow")
    with pytest.raises(
        ModuleNotFoundError, match=r"^b needs snakemake, brax, which are not installed: .*\[brax,workflow\]'$"
    ):
        extras.require("b", "snakemake", "brax")


BLOCKED = """\
import importlib.util, sys
blocked, find_spec = {modules}, importlib.util.find_spec
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Finder())
importlib.util.find_spec = lambda name: None if name in blocked else find_spec(name)
"""


def without(modules, code, **options):
    """Run code where some libraries are not installed."""
    command = [sys.executable, "-c", BLOCKED.format(modules=set(modules)) + code]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_the_library_and_the_command_line_need_the_base_alone(tmp_path):
    """All that is no edge of the workflow is imported, and a study checked."""
    (tmp_path / "study.yaml").write_text(studies.TINY.read_text())
    done = without(
        extras.EXTRAS,
        "import importlib, pkgutil, evotickets, evotickets.study, evotickets.__main__\n"
        "rooms = 'networks tasks pruning population trainers landscape supermasks planted results statistics streams'\n"
        "for room in rooms.split():\n"
        "    module = importlib.import_module(f'evotickets.{room}')\n"
        "    for found in pkgutil.walk_packages(getattr(module, '__path__', ()), f'evotickets.{room}.'):\n"
        "        importlib.import_module(found.name)\n"
        "print(evotickets.study.load('study.yaml').seeds)",
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr


@pytest.mark.parametrize(
    ("line", "missing", "who", "extra"),
    [
        ("run study.yaml", ["snakemake"], "evotickets run", "workflow"),
        ("run study.yaml", ["mlflow", "tqdm"], "evotickets run", "workflow"),
        ("report study.yaml", ["snakemake"], "evotickets report", "workflow"),
        ("ui", ["mlflow"], "evotickets ui", "workflow"),
        ("sync", ["mlflow"], "evotickets sync", "workflow"),
        ("run study.yaml --profile slurm", ["snakemake_executor_plugin_slurm"], "the profile slurm", "slurm"),
        ("run subspace.yaml", ["torch"], "the section subspace", "torch"),
        ("run ant.yaml", ["brax"], "ant", "brax"),
    ],
)
def test_a_command_names_what_it_lacks_and_begins_nothing(tmp_path, line, missing, who, extra):
    place = studies.folder(tmp_path)
    mutations = "mutations: [{parents: [digits], densities: [1], sigmas: [0.1]}]"
    (place / "subspace.yaml").write_text(f"subspace: {{parents: {{digits: {{}}}}, {mutations}}}\n")
    (place / "ant.yaml").write_text(studies.TINY.read_text().replace("digits", "ant"))
    before = {path.name for path in place.iterdir()}
    done = without(missing, f"from evotickets.__main__ import main\nsys.exit(main({line.split()!r}))", cwd=place)
    verb = "is" if len(missing) == 1 else "are"
    sentence = f"{who} needs {', '.join(missing)}, which {verb} not installed: pip install 'evotickets[{extra}]'\n"
    assert (done.returncode, done.stderr, done.stdout) == (2, sentence, "")
    assert {path.name for path in place.iterdir()} == before


def test_tickets_for_pytorch_name_what_is_missing():
    done = without(["torch"], "import evotickets.interop.torch")
    assert done.returncode == 1
    assert done.stderr.endswith(
        "evotickets.interop needs torch, which is not installed: pip install 'evotickets[torch]'\n"
    )
