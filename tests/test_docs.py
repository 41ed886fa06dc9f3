"""Documentation that cannot go stale without a word: links, Python, lists of columns."""

import ast
import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from evotickets import results
from evotickets.systems import registry as systems
from evotickets.systems.strong.tables import STRONG

ROOT = Path(__file__).parents[1]
OWN_PARTS = ROOT / "docs/how-to/own-parts.md"
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


@pytest.mark.parametrize("page", [page for page in PAGES if snippets(page) and page != OWN_PARTS], ids=name)
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


def python(folder, *arguments):
    environment = os.environ | {"PYTHONPATH": str(folder / "src")}
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def follow(folder, language, block):
    """Do in a checkout what an example says: write a file, add to it, or change its lines."""
    first, text = block.split("\n", 1)
    target = folder / first.split()[1]
    if language != "diff":
        target.parent.mkdir(parents=True, exist_ok=True)
        before = f"{target.read_text()}\n\n" if target.is_file() else ""
        target.write_text(before + text)
        return
    for hunk in text.split("@@\n"):
        lines = hunk.splitlines(keepends=True)
        old, new = ("".join(line[1:] for line in lines if line[0] != sign) for sign in "+-")
        assert target.read_text().count(old) == 1, f"{first}: {old}"
        target.write_text(target.read_text().replace(old, new))


def joined(base, more):
    """Add the keys and the entries of one configuration to another."""
    if isinstance(more, dict):
        return (base or {}) | {key: joined((base or {}).get(key), value) for key, value in more.items()}
    return [*(base or []), *more] if isinstance(more, list) else more


@pytest.fixture(scope="module")
def own_parts(tmp_path_factory):
    """A checkout to which all examples of the page were added, and the study that names them."""
    folder = tmp_path_factory.mktemp("own_parts")
    for room in ("src/evotickets", "workflow"):
        shutil.copytree(ROOT / room, folder / room, symlinks=True, ignore=shutil.ignore_patterns("*.pyc.*"))
    (ROOT / ".cache/jax").mkdir(parents=True, exist_ok=True)
    (folder / ".cache").mkdir()
    (folder / ".cache/jax").symlink_to(ROOT / ".cache/jax")
    study = yaml.safe_load((ROOT / "config/test.yaml").read_text())
    for language, block in FENCE.findall(OWN_PARTS.read_text()):
        if language == "yaml":
            study = joined(study, yaml.safe_load(block))
        elif language not in ("sh", "toml"):
            follow(folder, language, block)
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    python(folder, "-m", "evotickets.configuration.schema")
    return folder


@pytest.mark.slow
def test_examples_of_own_parts_run(own_parts):
    # Without the folder of the tests on the path, where `code` hides the module of that name.
    python(own_parts, "-P", ROOT / "tests/own_parts.py", own_parts / "study.yaml")


@pytest.mark.slow
def test_the_example_of_a_system_runs_from_configuration_to_report(own_parts):
    study = yaml.safe_load((own_parts / "study.yaml").read_text())
    chance = {key: study[key] for key in ("seed", "seeds", "results")} | {"chance": {"densities": [0.5]}}
    (own_parts / "chance.yaml").write_text(yaml.safe_dump(chance))
    python(own_parts, "-m", "snakemake", "--configfile", "chance.yaml", "--cores", "2")
    made = own_parts / study["results"]
    assert (made / "figures/chance/overlap.svg").is_file()
    # Half of what one mask keeps is kept by the other too: 500 of 1,000 weights, so within .05 (3 standard errors of one seed).
    claims = results.read_table(made / "tables/claims.parquet", schema=results.CLAIMS).set_index("claim")
    assert abs(claims.loc["N1", "effect"] - 0.5) < 0.05
    assert "Two random masks" in (made / "claims/chance/claims.html").read_text()


def test_tables_have_the_columns_that_are_listed():
    rows = re.findall(
        r"^\| [^|]+ \| `(\w+)` \| ([^|]+) \|$", (ROOT / "docs/reference/tables.md").read_text(), re.MULTILINE
    )
    listed = {kind: columns.strip().split(", ") for kind, columns in rows}
    for system in systems.SYSTEMS:
        systems.tables(system)
    assert listed == {kind: schema.columns.names for kind, schema in results.SCHEMAS.items()}


def findings():
    spec = importlib.util.spec_from_file_location("pages", ROOT / "docs/findings/pages.py")
    pages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pages)
    return pages


@pytest.mark.parametrize("page", sorted((ROOT / "docs/findings").glob("*.md")), ids=name)
def test_numbers_of_findings_are_those_of_the_tables_beside_them(page):
    assert findings().written(page.read_text()) == page.read_text()


def test_numbers_of_findings_are_means_over_seeds_with_their_intervals(tmp_path, monkeypatch):
    pages = findings()
    monkeypatch.setattr(pages, "HERE", tmp_path)
    (tmp_path / "data/strong").mkdir(parents=True)
    columns = dict.fromkeys(STRONG.columns.names, "") | {"seeker": "genetic", "split": "test", "metric": "accuracy"}
    columns |= {"classes": 2, "density": 0.5}
    table = {**{name: [value] * 3 for name, value in columns.items()}, "seed": [0, 1, 2], "value": [0.5, 0.6, 0.7]}
    results.write_table(tmp_path / "data/strong/strong.parquet", table, schema=STRONG)
    said = pages.written(
        "<!-- scores: strong strong; metric=accuracy; rows seeker; columns split -->\nold\n<!-- end -->\n"
    )
    assert "| seeker | test |\n|---|---|\n| genetic | .600 (.352 to .848) |\n" in said
    assert "old" not in said
    assert "`config/strong.yaml`, " in said
    # Means over what nobody named would hide what they are means of.
    table |= {"seed": [0, 1, 1], "task": ["moons", "moons", "circles"]}
    results.write_table(tmp_path / "data/strong/strong.parquet", table, schema=STRONG)
    with pytest.raises(
        ValueError, match="genetic at split test has several values a seed; say more rows or conditions"
    ):
        pages.scores("strong strong; metric=accuracy; rows seeker; columns split")


def test_every_study_is_described():
    text = (ROOT / "config/README.md").read_text()
    for study in (ROOT / "config").rglob("*.yaml"):
        assert study.name in text, study
