"""Words that are retired stay out of code, configuration, workflow and prose (docs/concepts.md has those that are kept)."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

RETIRED = {
    r"hunt(s|er|ing)?": "instance",
    r"rivals?": "baseline",
    r"exam(s)?": "evaluator",
    r"founders?": "initial population",
    r"strangers?": "immigrants",
    r"coins?": "bernoulli",
    r"litters?": "offspring",
    r"lineages?": "parent",
    r"twins?": "noise copy",
    r"matching[ _]levels?": "matching density",
    r"(layers'?|uniform)[ _]budgets?|budgets? of layers|budget: (erk|uniform)": "layer densities",
    r"evotickets[./](masked|hybrid|planting|strong|subspace|tickets)\b": "evotickets.systems.…, or supermasks",
    r"evotickets[./](saliency|reinforcement|gradient|exchange|pretrained|networks\.py)\b": "pruning, trainers, interop",
}
"""Patterns of whole words, also inside identifiers, and what to write instead."""

ALLOWED = {
    # Names of random streams are part of the results.
    "workflow/scripts/noise_copy.py": '"twin"',
    # It tells what changed.
    "CHANGELOG.md": None,
    "tests/test_words.py": None,
}
"""What may say a retired word: a whole file, or one text in it."""


def retired(text):
    """Return the retired words of a text and their replacements; parts of snake_case and CamelCase are words."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text)
    return [
        (match.group(), instead)
        for pattern, instead in RETIRED.items()
        for match in re.finditer(rf"(?<![a-z])({pattern})(?![a-z])", words, re.IGNORECASE)
    ]


def tracked():
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if names.returncode:
        pytest.skip("no git checkout")
    return [name for name in names.stdout.split("\0") if name and Path(name).suffix not in {".parquet", ".png", ".svg"}]


FOUND = """\
the hunt
def hunts_all():
class RivalMethod:
GradientRival(
pairs of twins
matching_level(
Matching level
budget: erk
the layers' budgets
LITTER
from evotickets.hybrid import x
`src/evotickets/saliency.py`"""

NOT_FOUND = """\
example
FileNotFoundError
foundation
literal
shunted
between
examine
arrival
budget: 1000
a small budget of generations
evotickets.systems.hybrid
evotickets.systems.planting.seekers"""


@pytest.mark.parametrize("text", FOUND.splitlines())
def test_retired_words_are_found(text):
    assert len(retired(text)) == 1


@pytest.mark.parametrize("text", NOT_FOUND.splitlines())
def test_other_words_are_not(text):
    assert not retired(text)


def test_retired_words_stay_out():
    said = []
    for name in tracked():
        text = (ROOT / name).read_text() if (ROOT / name).is_file() else ""
        if name in ALLOWED:
            text = text.replace(ALLOWED[name], "") if ALLOWED[name] else ""
        said += [f"{name}: {word} → {instead}" for word, instead in retired(f"{name}\n{text}")]
    assert not said, "\n".join(said)


def test_what_is_allowed_is_needed():
    for name, text in ALLOWED.items():
        assert retired(text or (ROOT / name).read_text()), name
