"""What changes the digest of a script's code, and what does not: in small packages, and in this one."""

import itertools
import shutil
import textwrap
from pathlib import Path

import pytest

from evotickets.code import Code
from evotickets.own import Own

ROOT = Path(__file__).parents[2]

PACKAGE = {
    "house/__init__.py": "",
    "house/parts.py": "class Parts:\n    def __init__(self, kind, *places): ...\n",
    "house/pruning/__init__.py": "from house.parts import Parts\ncriterion = Parts('criterion', 'house.pruning.criteria')\n",
    "house/pruning/criteria.py": """
        from house.pruning import criterion
        from house import arithmetic

        @criterion
        def magnitude(mean):
            return arithmetic.absolute(mean)

        @criterion(name="snr", needs_std=True)
        def ratio(mean, std):
            return mean / std
    """,
    "house/arithmetic.py": """
        STEP = 2

        def absolute(x):
            return abs(x)

        def double(x):
            return x * STEP

        def unused(x):
            return x
    """,
    "house/shown.py": "from house.arithmetic import double as twice\n",
    "house/levels.py": """
        import numpy as np
        from house.pruning import criterion

        def cut(name, mean):
            return np.sort(criterion[name](mean))
    """,
    "level.py": """
        from house import arithmetic, levels, shown
        print(shown.twice(levels.cut("snr", 1)))
    """,
}


def written(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return folder


def digests(files, tmp_path, script="level.py", **parts):
    """The digest before and after, of a script of a package in which files are replaced."""
    before, after = written(tmp_path / "before", PACKAGE), written(tmp_path / "after", PACKAGE | files)
    return [Code(folder / "house").digest(folder / script, **parts) for folder in (before, after)]


def edited(name, old, new):
    text = textwrap.dedent(PACKAGE[name])
    assert old in text, f"{old} is not in {name}"
    return {name: text.replace(old, new)}


@pytest.mark.parametrize(
    "files",
    [
        edited("house/arithmetic.py", "def double", '"""New."""\n\n# new\n\ndef double'),
        edited("house/arithmetic.py", "def double(x):", "def double(x: float) -> float:\n    '''Twice.'''"),
        edited("house/arithmetic.py", "STEP = 2", "STEP = 2\n'''How much.'''"),
        edited("house/arithmetic.py", "return x\n", "return 3 * x\n"),
        edited("house/arithmetic.py", "STEP = 2", "OTHER = 1\nSTEP = 2"),
        edited("house/arithmetic.py", "STEP = 2", "if TYPE_CHECKING:\n    import torch\nSTEP = 2"),
        edited("house/pruning/criteria.py", "abs", "neg"),
        edited(
            "house/pruning/criteria.py",
            "return mean / std",
            "return mean / std\n\n@criterion\ndef new(mean):\n    pass",
        ),
        edited("level.py", "print", "# Why.\nprint"),
    ],
)
def test_what_does_not_count(files, tmp_path):
    before, after = digests(files, tmp_path, criterion="snr")
    assert before == after


@pytest.mark.parametrize(
    "files",
    [
        edited("house/arithmetic.py", "x * STEP", "x + STEP"),
        edited("house/arithmetic.py", "STEP = 2", "STEP = 3"),
        edited("house/arithmetic.py", "STEP = 2", "STEP = 2.0"),
        edited("house/arithmetic.py", "def double(x)", "def double(x=1)"),
        edited("house/arithmetic.py", "STEP = 2", "import numpy\nnumpy.seterr(all='raise')\nSTEP = 2"),
        edited("house/pruning/criteria.py", "mean / std", "mean * std"),
        edited("house/pruning/criteria.py", "needs_std=True", "needs_std=False"),
        edited("house/levels.py", "import numpy as np", "import jax.numpy as np"),
        edited("house/shown.py", "double as", "absolute as"),
        edited("level.py", '"snr"', '"other"'),
    ],
)
def test_what_counts(files, tmp_path):
    before, after = digests(files, tmp_path, criterion="snr")
    assert before != after


def test_a_part_counts_for_those_that_name_it_and_all_parts_for_those_that_name_none(tmp_path):
    files = edited("house/pruning/criteria.py", "mean / std", "mean * std")
    for number, (parts, same) in enumerate(
        [
            ({"criterion": "magnitude"}, True),
            ({"criterion": None}, True),
            ({"criterion": "snr"}, False),
            ({"criterion": ("magnitude", "snr")}, False),
            ({}, False),
        ]
    ):
        before, after = digests(files, tmp_path / str(number), **parts)
        assert (before == after) == same, parts


def test_what_a_part_refers_to_counts_with_it(tmp_path):
    files = edited("house/arithmetic.py", "abs(x)", "-x")
    named, other = (digests(files, tmp_path / name, criterion=name) for name in ("magnitude", "snr"))
    assert named[0] != named[1]
    assert other[0] == other[1]


def test_an_unknown_part_is_refused_with_one_sentence(tmp_path):
    folder = written(tmp_path, PACKAGE)
    with pytest.raises(ValueError, match=r"^level\.py can look up no criterion 'snip'; known are magnitude, snr$"):
        Code(folder / "house").digest(folder / "level.py", criterion="snip")
    with pytest.raises(ValueError, match=r"^level\.py can look up no seeker 'a'; known are none$"):
        Code(folder / "house").digest(folder / "level.py", seeker="a")
    assert Code(folder / "house").known("criterion") == {"magnitude", "snr"}


CALLS = (
    "\nfrom house.arithmetic import double, unused\n"
    "criterion(double)\ncriterion(unused)\ncriterion(name='other')(unused)\n"
)
LOOP = "\nfor _name in ('a', 'b'):\n    criterion(name=_name)(arithmetic.unused)\n"


def test_parts_with_computed_names_count_for_names_that_no_function_has(tmp_path):
    added = {"house/pruning/criteria.py": textwrap.dedent(PACKAGE["house/pruning/criteria.py"]) + LOOP}
    before = written(tmp_path / "before", PACKAGE | added)
    after = written(tmp_path / "after", PACKAGE | added | edited("house/arithmetic.py", "return x\n", "return 3 * x\n"))
    for name, same in {"snr": True, "a": False}.items():
        pair = [Code(folder / "house").digest(folder / "level.py", criterion=name) for folder in (before, after)]
        assert (pair[0] == pair[1]) == same


BESIDE = {
    "mine/own.py": """
        from house.pruning import criterion
        import beside

        @criterion
        def mine(mean):
            return beside.scale(mean)

        @criterion
        def other(mean):
            return mean
    """,
    "mine/beside.py": "def scale(x):\n    return 2 * x\n\ndef unused(x):\n    return x\n",
    "package/theirs/__init__.py": "",
    "package/theirs/parts.py": "from .criteria import third as third\n",
    "package/theirs/criteria.py": """
        from house.pruning import criterion
        from . import numbers
        from .numbers import STEP as step

        @criterion
        def third(mean):
            return numbers.half(mean) + step
    """,
    "package/theirs/numbers.py": "STEP = 1\n\ndef half(x):\n    return x / 2\n",
}


def own_digests(folder, names=("mine", "other", "third", "snr")):
    """The digest of the script for each of some criteria, with a file and an installed package that hold some."""
    modules = [
        Own("own", str(folder / "mine/own.py")),
        Own("theirs.parts", str(folder / "package/theirs/parts.py")),
    ]
    code = Code(folder / "house", own=modules)
    return {name: code.digest(folder / "level.py", criterion=name) for name in names}


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("mine/own.py", "scale(mean)", "scale(-mean)", {"mine"}),
        ("mine/own.py", "return mean", "return -mean", {"other"}),
        ("mine/own.py", "@criterion", "# Why.\n@criterion", set()),
        ("mine/own.py", "import beside", "import beside\nbeside.scale.power = 2", {"mine", "other", "third", "snr"}),
        ("mine/beside.py", "2 * x", "3 * x", {"mine"}),
        ("mine/beside.py", "return x\n", "return -x\n", set()),
        ("package/theirs/criteria.py", "+ step", "- step", {"third"}),
        ("package/theirs/numbers.py", "x / 2", "x / 3", {"third"}),
        ("package/theirs/numbers.py", "STEP = 1", "STEP = 2", {"third"}),
    ],
)
def test_own_parts_count_with_all_that_they_refer_to(file, old, new, changed, tmp_path):
    folder = written(tmp_path, PACKAGE | BESIDE)
    before = own_digests(folder)
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    after = own_digests(folder)
    assert {name for name in before if before[name] != after[name]} == changed


@pytest.mark.parametrize(
    ("script", "counts"),
    [
        # A module that is handed on may be asked for anything.
        ("from house import arithmetic\nprint(getattr(arithmetic, 'unused'))", True),
        ("import house.arithmetic\nprint(house.arithmetic.unused)", True),
        ("import house.arithmetic as a\nprint(a.double)", False),
        ("def main():\n    from house.arithmetic import unused\n    unused()", True),
        ("from house.arithmetic import *\nunused(1)", True),
        ("from house.arithmetic import *\ndouble(1)", False),
        # A variable of a function is none of the module, and one of a comprehension is not where it comes from.
        ("from house.arithmetic import unused\ndef main(unused):\n    return unused", False),
        ("from house.arithmetic import unused\ndef main():\n    return [unused for unused in unused]", True),
        ("from house.arithmetic import unused\ndef main(x=unused):\n    return x", True),
        (
            "from house.arithmetic import unused\nclass Main:\n    unused = 1\n    def run(self):\n        return unused",
            True,
        ),
        ("from house import arithmetic\ndef main():\n    return arithmetic.nothing", True),
    ],
)
def test_what_a_script_refers_to(script, counts, tmp_path):
    files = edited("house/arithmetic.py", "return x\n", "return 3 * x\n")
    before = written(tmp_path / "before", PACKAGE | {"level.py": script})
    after = written(tmp_path / "after", PACKAGE | files | {"level.py": script})
    pair = [Code(folder / "house").digest(folder / "level.py") for folder in (before, after)]
    assert (pair[0] != pair[1]) == counts


def test_a_module_can_be_named_as_a_whole(tmp_path):
    files = edited("house/arithmetic.py", "return x\n", "return 3 * x\n")
    before, after = digests(files, tmp_path, modules=["house.arithmetic"])
    assert before != after


def test_a_definition_of_a_module_can_be_named(tmp_path):
    files = edited("house/arithmetic.py", "return x\n", "return 3 * x\n")
    for number, (name, same) in enumerate({"absolute": True, "unused": False}.items()):
        before, after = digests(files, tmp_path / str(number), modules=[f"house.arithmetic:{name}"])
        assert (before == after) == same
    with pytest.raises(ValueError, match=r"^house\.arithmetic defines no 'nothing'$"):
        digests(files, tmp_path / "nothing", modules=["house.arithmetic:nothing"])


@pytest.mark.parametrize(
    ("body", "counts"), [("return lambda f: f", False), ("return lambda f: ALL.append(f) or f", True)]
)
def test_a_decorator_that_only_declares_makes_no_function_count(tmp_path, body, counts):
    extra = {
        "house/declare.py": f"ALL = []\ndef declare(about):\n    {body}\n",
        "house/old.py": "from house.declare import declare\n@declare('a')\ndef entry():\n    return 1\n",
        "level.py": "from house import old\nprint(1)\n",
    }
    before = written(tmp_path / "before", PACKAGE | extra)
    after = written(tmp_path / "after", PACKAGE | extra | {"house/old.py": extra["house/old.py"].replace("1", "2")})
    pair = [Code(folder / "house").digest(folder / "level.py") for folder in (before, after)]
    assert (pair[0] != pair[1]) == counts


def test_a_part_that_is_added_by_a_call_has_the_name_of_its_function(tmp_path):
    added = {"house/pruning/criteria.py": textwrap.dedent(PACKAGE["house/pruning/criteria.py"]) + CALLS}
    before = written(tmp_path / "before", PACKAGE | added)
    after = written(tmp_path / "after", PACKAGE | added | edited("house/arithmetic.py", "return x\n", "return 3 * x\n"))
    for name, same in {"double": True, "unused": False, "other": False}.items():
        pair = [Code(folder / "house").digest(folder / "level.py", criterion=name) for folder in (before, after)]
        assert (pair[0] == pair[1]) == same, name


def test_a_register_that_is_no_kind_of_parts_counts_where_its_module_is_loaded(tmp_path):
    extra = {
        "house/register.py": "ALL = {}\ndef register(f):\n    ALL[f.__name__] = f\n    return f\n",
        "house/old.py": "from house.register import register\n@register\ndef entry():\n    return 1\n",
        "level.py": "from house import old\nfrom house.register import ALL\nprint(ALL)\n",
    }
    before = written(tmp_path / "before", PACKAGE | extra)
    after = written(tmp_path / "after", PACKAGE | extra | {"house/old.py": extra["house/old.py"].replace("1", "2")})
    pair = [Code(folder / "house").digest(folder / "level.py") for folder in (before, after)]
    assert pair[0] != pair[1]


def test_what_files_say_is_kept_and_a_damaged_file_does_no_harm(tmp_path):
    folder, kept = written(tmp_path, PACKAGE), tmp_path / "cache/code.json"
    first = Code(folder / "house", kept=kept).digest(folder / "level.py")
    assert kept.stat().st_size > 100
    assert Code(folder / "house", kept=kept).digest(folder / "level.py") == first
    kept.write_text("[")
    assert Code(folder / "house", kept=kept).digest(folder / "level.py") == first
    assert kept.stat().st_size > 100
    sound = kept.read_bytes()
    for place in range(0, len(sound), 50):
        damaged = bytearray(sound)
        damaged[place] ^= 1 << place % 8
        kept.write_bytes(damaged)
        assert Code(folder / "house", kept=kept).digest(folder / "level.py") == first


def test_a_digest_does_not_depend_on_where_the_package_lies(tmp_path):
    folders = [written(tmp_path / name, PACKAGE) for name in ("here", "there")]
    assert len({Code(folder / "house").digest(folder / "level.py") for folder in folders}) == 1


class Ours:
    """The package itself in a copy, and the digests of its scripts."""

    def __init__(self, folder):
        self.folder = folder
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "src/evotickets", folder / "evotickets", ignore=ignored)
        shutil.copytree(ROOT / "workflow/scripts", folder / "scripts", ignore=ignored)
        self.kept = folder / "code.json"

    def digests(self):
        code = Code(self.folder / "evotickets", kept=self.kept)
        return {path.stem: code.digest(path) for path in sorted((self.folder / "scripts").glob("*.py"))}

    def jobs(self):
        """The digests of jobs that name their parts."""
        code = Code(self.folder / "evotickets", kept=self.kept)
        found = {}
        for job, (script, modules, parts) in JOBS.items():
            found[job] = code.digest(self.folder / f"scripts/{script}.py", modules=modules, **parts)
        return found


FIGURES = "evotickets.systems.tickets.figures"
EVOLVED = {"task": "digits", "trainer": "evolution", "strategy": "snes"}
DESCENDED = {"task": "digits", "trainer": "adam", "strategy": None}
JOBS = {
    "snr": ("level", (), EVOLVED | {"criterion": "snr"}),
    "magnitude": ("level", (), EVOLVED | {"criterion": "magnitude"}),
    "adam": ("level", (), DESCENDED | {"criterion": "magnitude"}),
    "dense": ("level", (), DESCENDED | {"criterion": None}),
    "genetic": ("search", (), {"task": "moons", "seeker": "genetic", "strategy": None}),
    "edge-popup": ("seek", (), {"seeker": "edge_popup", "criterion": None, "strategy": None}),
    "gem-miner": ("seek", (), {"seeker": "gem_miner", "criterion": None, "strategy": None}),
    "synflow": ("seek", (), {"seeker": "synflow", "criterion": "synflow", "strategy": None}),
    "set": ("sparse", (), {"task": "digits", "method": "set"}),
    "curves": ("chain", (), {}),
    "strategies": ("figure", (f"{FIGURES}:strategies",), {}),
    "performance": ("figure", (f"{FIGURES}:performance",), {}),
}
"""Jobs by a name: script, modules and parts."""
LEVELS = {"snr", "magnitude", "adam", "dense"}
NEW = "\n\n@criterion\ndef cubed(mean):\n    return abs(mean) ** 3\n"


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return Ours(tmp_path_factory.mktemp("ours"))


def changed_by(ours, module, old, new, digests=Ours.digests):
    """Scripts or jobs whose digests an edit of a module of the package changes."""
    path, before = ours.folder / "evotickets" / module, digests(ours)
    text = path.read_text()
    assert old in text, f"{old} is not in {module}"
    try:
        path.write_text(text.replace(old, new, 1))
        after = digests(ours)
    finally:
        path.write_text(text)
    return {name for name, digest in before.items() if after[name] != digest}


@pytest.mark.parametrize(
    ("module", "old", "new", "jobs"),
    [
        ("pruning/scores.py", "Score every prunable entry", "Score every entry", set()),
        ("figures/style.py", "\n\n", "\n\n# A comment.\n", set()),
        ("tasks/classic.py", '"Acrobot-v1"', '"Acrobot-v2"', set()),
        ("pruning/criteria/trained.py", "    return abs(mean)\n", "    return abs(mean)\n" + NEW, set()),
        ("pruning/criteria/trained.py", "return np.abs(mean) / std\n", "return abs(mean) / std\n", {"snr"}),
        ("pruning/criteria/trained.py", "return abs(mean)", "return +abs(mean)", {"magnitude", "adam"}),
        ("pruning/criteria/gradients.py", "return absolute *", "return +absolute *", {"synflow"}),
        ("pruning/scores.py", "nan=-np.inf", "nan=0", LEVELS | {"synflow"}),
        ("trainers/sampling.py", "for block in range(5)", "for block in range(6)", {"snr", "magnitude"}),
        ("trainers/adam.py", "optax.adam(", "optax.adamw(", {"adam", "dense"}),
        ("trainers/ppo.py", "1e-8", "1e-7", set()),
        ("systems/strong/seekers/evolution.py", "number(budget", "float(budget", set()),
        ("systems/strong/seekers/genetic.py", "def genetic(", "def genetic_search(", None),
        ("systems/hybrid/methods/coevolution.py", "sampling.normal", "jax.random.normal", set()),
        ("supermasks/gem_miner.py", "left, rngs)", "left, [*rngs])", {"gem-miner"}),
        ("systems/tickets/figures.py", "trainers compared", "all", {"strategies"}),
    ],
)
def test_an_edit_counts_for_jobs_that_name_what_it_changes(ours, module, old, new, jobs):
    if jobs is None:
        with pytest.raises(ValueError, match=r"search\.py can look up no seeker 'genetic'"):
            changed_by(ours, module, old, new, Ours.jobs)
    else:
        assert changed_by(ours, module, old, new, Ours.jobs) == jobs


def test_a_word_in_any_docstring_and_a_comment_change_no_digest(ours):
    before = ours.digests()
    originals = {path: path.read_text() for path in (ours.folder / "evotickets").rglob("*.py")}
    try:
        for path, text in originals.items():
            path.write_text("# A comment.\n" + text.replace('"""', '"""Word ', 1) if text.startswith('"""') else text)
        assert ours.digests() == before
    finally:
        for path, text in originals.items():
            path.write_text(text)


def test_an_edit_counts_where_it_is_used(ours):
    trained = {"level", "noise_copy", "transfer"}
    by_noise = changed_by(ours, "trainers/sampling.py", "for block in range(5)", "for block in range(6)")
    assert trained <= by_noise
    assert not by_noise & {"tickets_table", "chain", "initialise", "claims", "parent"}
    colours = changed_by(ours, "figures/style.py", 'GREY = "', 'GREY = "#')
    assert "cut_figure" in colours
    assert not colours & {"level", "tickets_table", "search", "sparse", "seek"}
    assert changed_by(ours, "tracking/store.py", "def ", "def other_") == set()


def test_one_scripts_edit_is_its_own(ours):
    path, before = ours.folder / "scripts/level.py", ours.digests()
    text = path.read_text()
    try:
        path.write_text(text.replace('"kept"', '"left"'))
        after = ours.digests()
    finally:
        path.write_text(text)
    assert {name for name, digest in before.items() if after[name] != digest} == {"level"}


def test_no_two_scripts_have_one_digest(ours):
    assert all(a != b for a, b in itertools.combinations(ours.digests().values(), 2))
