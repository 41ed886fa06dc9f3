"""What figures say of themselves is read without drawing, and they are drawn from the rows that they are of."""

import subprocess
import sys

import pandas as pd
import pytest

from evotickets.figures import drawing
from evotickets.figures.declaration import declared, named
from evotickets.systems import registry

SOURCE = """
import a_library_that_nobody_has

@figure(
    "figures/mine/{task}_{trainer}.svg", tables=("a", "b"), facts=("task",), category="Mine", labels={"task": "{task}"}
)
def fronts(first, second, path, *, task): ...

@other("decorator")
def helper(): ...
"""


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "figures.py"
    path.write_text(SOURCE)
    (tmp_path / "captions").mkdir()
    (tmp_path / "captions/fronts.rst").write_text("A front.")
    return path


def test_declarations_are_read_from_the_source(source):
    (figure,) = declared("mine.figures", source)
    assert (figure.name, figure.module, figure.path) == ("fronts", "mine.figures", "figures/mine/{task}_{trainer}.svg")
    assert (figure.tables, figure.facts, figure.category) == (("a", "b"), ("task",), "Mine")
    assert figure.wildcards == ["task", "trainer"]
    assert figure.caption.read_text() == "A front."


def test_a_figure_without_a_caption_is_refused(source):
    (source.parent / "captions/fronts.rst").unlink()
    with pytest.raises(ValueError, match=r"figure fronts, whose caption .*fronts\.rst is missing"):
        declared("mine.figures", source)


def test_a_declaration_that_must_be_run_is_refused(source):
    source.write_text(SOURCE.replace('"Mine"', "category()"))
    with pytest.raises(ValueError, match="line 4: the declaration of a figure must consist of literals"):
        declared("mine.figures", source)


def test_figures_of_claims_are_read_from_the_source(source):
    source.write_text(
        'claim("X1", figures=("a",))\nclaim("X2", figures={"": ("b",), "X2a": ("c", "a")})\nother(figures=1)'
    )
    assert named(source) == {"a", "b", "c"}


def test_no_caption_is_left_over():
    for system in registry.SYSTEMS:
        captions = {path.stem for path in (registry.folder(system) / "captions").iterdir()}
        assert captions == set(registry.figures(system))


def test_a_figure_gets_the_rows_it_is_of(monkeypatch, tmp_path):
    drawn = []
    module = type("module", (), {"fronts": lambda *tables, **facts: drawn.append((tables, facts))})
    monkeypatch.setitem(sys.modules, "mine", module)
    table = pd.DataFrame({"task": ["x", "y", "x"], "value": [1, 2, 3]})
    tables = {"a": table, "b": table.assign(value=0)}
    drawing.draw("mine", "fronts", tables, tmp_path / "a.svg", {"task": "x"}, {"objectives": {"one": "two"}})
    (((first, second, path), facts),) = drawn
    assert list(first["value"]) == [1, 3]
    assert list(second["value"]) == [0, 0]
    assert path == tmp_path / "a.svg"
    assert facts == {"objectives": {"one": "two"}}


def test_reading_all_declarations_imports_no_big_library():
    code = (
        "import sys; from evotickets.systems import registry; "
        "[registry.figures(name) and registry.shown(name) for name in registry.SYSTEMS]; "
        "print({'matplotlib', 'jax', 'torch', 'pandas', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
