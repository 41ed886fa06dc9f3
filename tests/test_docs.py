"""Documentation that cannot go stale without a word: links, Python, lists of columns."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from evotickets import results

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "config").rglob("*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name(page):
    return page.relative_to(ROOT).as_posix()


def prose(page):
    """Text without fenced code."""
    return FENCE.sub("", page.read_text())


def anchors(page):
    """Anchors that GitHub makes of headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def snippets(page, language="python"):
    return [code for kind, code in FENCE.findall(page.read_text()) if kind == language]


def test_the_readme_is_a_page():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.is_file(), f"{name(page)} → {target}"
        assert not anchor or anchor in anchors(file), f"{name(page)} → {target}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_that_are_named_exist(page):
    """In code font: modules of the package, scripts, configurations and the like."""
    if name(page) == "CHANGELOG.md":
        return
    rooms = ("src/", "tests/", "docs/", "workflow/", "config/", ".ci/", "benchmarks/")
    for quoted in re.findall(r"`([^`\s]+)`", prose(page)):
        if quoted.startswith(rooms) and not re.search(r"[<>*…{}]|NAME|mine|my_", quoted):
            assert (ROOT / quoted).exists(), f"{name(page)} names {quoted}"


def test_every_page_can_be_reached():
    linked, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        linked.add(page)
        for target in re.findall(r"\]\(([^)#\s]+\.md)", prose(page)):
            file = (page.parent / target).resolve() if "://" not in target else page
            if file not in linked and file.is_file():
                waiting.append(file)
    assert set(PAGES) - linked <= {ROOT / "SECURITY.md"}


AHEAD = {"docs/how-to/own-parts.md": pytest.mark.xfail(strict=True, reason="shows registries that are not merged yet")}


@pytest.mark.parametrize(
    "page", [pytest.param(page, id=name(page), marks=AHEAD.get(name(page), ())) for page in PAGES if snippets(page)]
)
def test_python_imports_what_there_is(page):
    for code in snippets(page):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("evotickets"):
                module = importlib.import_module(node.module)
                for alias in node.names:
                    if not hasattr(module, alias.name):
                        importlib.import_module(f"{node.module}.{alias.name}")
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "results":
                assert hasattr(results, node.attr), f"{name(page)}: results.{node.attr}"


def test_tables_have_the_columns_that_are_listed():
    rows = re.findall(
        r"^\| [^|]+ \| `(\w+)` \| ([^|]+) \|$", (ROOT / "docs/reference/tables.md").read_text(), re.MULTILINE
    )
    listed = {kind: columns.strip().split(", ") for kind, columns in rows}
    assert listed == {kind: schema.columns.names for kind, schema in results.SCHEMAS.items()}


def test_every_study_is_described():
    text = (ROOT / "config/README.md").read_text()
    for study in (ROOT / "config").rglob("*.yaml"):
        assert study.name in text, study
