"""Bad configurations and hostile values: one sentence that names the key or file and the remedy, before any job."""

import ast
import random
import re
import resource
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

import evotickets
from evotickets import __main__, study
from evotickets.configuration import reader
from evotickets.systems.registry import SYSTEMS
from evotickets.tasks import ALL, task
from tests import mutants, studies

ROOT = Path(__file__).parents[2]
GOOD = studies.TINY.read_text()
CONTROL = (
    GOOD.replace("digits: {hidden", "cartpole: {hidden")
    .replace("task: digits", "task: cartpole")
    .replace(", batch: 32", "")
)
ADAM = GOOD.replace("population: 8, generations: 4", "trainer: adam, steps: 4")


NEED_DATA = {
    "tickets.tasks.mnist names mnist, but train-images": GOOD.replace("digits", "mnist"),
    "strong.tasks.mnist names mnist, but train-images": (
        "strong: {tasks: {mnist: {}}, seekers: {genetic: {}}, cells: [{tasks: [mnist], seekers: [genetic]}]}\n"
    ),
    "subspace.parents.net names cifar10, but cifar-10-binary": (
        "subspace: {parents: {net: {model: a.b, images: cifar10}}, "
        "mutations: [{parents: [net], modes: [bernoulli], densities: [1], sigmas: [1]}]}\n"
    ),
}


def having(old, new, text=GOOD):
    """The good configuration with one thing changed."""
    assert old in text
    return text.replace(old, new)


# What is written in the file, and the sentence that follows "FILE: " or holds the file.
CASES = {
    "empty": ("", "is empty: begin with `evotickets new NAME`"),
    "comment only": ("# nothing\n", "is empty: begin with"),
    "a number": ("3\n", "holds 3 instead of keys"),
    "a list": ("- seed\n- 0\n", "holds ['seed', 0] instead of keys"),
    "a word": ("study\n", "holds 'study' instead of keys"),
    "two documents": (GOOD + "---\n" + GOOD, "is not valid YAML in line"),
    "open bracket": (having("[1, 0.3]", "[1, 0.3"), "is not valid YAML in line"),
    "tab": (having("seed: 0", "\tseed: 0"), "mend its syntax"),
    "control character": (having("seed: 0", "seed: \x07"), "mend its syntax"),
    "python object": (having("seed: 0", "seed: !!python/object/apply:os.getpid []"), "is not valid YAML in line"),
    "python name": (having("seed: 0", "seed: !!python/name:os.system"), "is not valid YAML in line"),
    "key twice": (having("seed: 0", "seed: 0\nseed: 1"), "has the key 'seed' twice in line"),
    "trainer twice": (
        having("    snes: {", "    snes: {population: 4}\n    snes: {"),
        "has the key 'snes' twice in line",
    ),
    "setting twice": (having("population: 8", "population: 8, population: 9"), "has the key 'population' twice"),
    "no tickets": (
        "seed: 0\n",
        "the study has none of tickets, planting, strong, hybrid, subspace; add one of them",
    ),
    "no chains": (GOOD[: GOOD.index("  chains:")], "tickets: the key 'chains' is missing; add it"),
    "unknown key": (having("seeds: 2", "seeeds: 2"), "unknown key 'seeeds'; did you mean 'seeds'?"),
    "unknown key that is a number": (
        having("seed: 0", "7: 0"),
        "unknown key 7; known are hybrid, parts, planting, results, seed, seeds, strong, subspace, tickets",
    ),
    "unknown setting": (having("batch", "bach"), "tickets.trainers.snes: unknown key 'bach'; did you mean 'batch'?"),
    "setting of another strategy": (
        having("batch: 32", "std_learning_rate: 0.9"),
        "tickets.trainers.snes: unknown key 'std_learning_rate'",
    ),
    "seeds none": (having("seeds: 2", "seeds:"), "seeds is None; it must be a whole number"),
    "seeds zero": (having("seeds: 2", "seeds: 0"), "seeds is 0; it must be at least 1"),
    "seeds many": (having("seeds: 2", "seeds: 100000"), "seeds is 100000; it must be at most 1000"),
    "seeds true": (having("seeds: 2", "seeds: true"), "seeds is True; it must be a whole number"),
    "seeds with a point": (having("seeds: 2", "seeds: 2.0"), "seeds is 2.0; it must be a whole number: write 2"),
    "seeds half": (having("seeds: 2", "seeds: 2.5"), "seeds is 2.5; it must be a whole number"),
    "seeds nan": (having("seeds: 2", "seeds: .nan"), "seeds is nan; it must be a whole number"),
    "seeds list": (having("seeds: 2", "seeds: [1, 2]"), "seeds is [1, 2]; it must be a whole number"),
    "seed negative": (having("seed: 0", "seed: -1"), "seed is -1; it must be at least 0"),
    "seed huge": (having("seed: 0", f"seed: {10**30}"), f"seed is {10**30}; it must be at most 2147483647"),
    "seed without end": (having("seed: 0", f"seed: {'9' * 5000}"), "mend its syntax"),
    "seed quoted": (
        having("seed: 0", "seed: '0'"),
        "seed is '0'; it must be a whole number, but YAML reads this as text: write 0",
    ),
    "density zero": (having("0.3", "0"), "tickets.densities[1] is 0; it must be greater than 0"),
    "density above one": (having("0.3", "1.2"), "tickets.densities[1] is 1.2; it must be at most 1"),
    "density nan": (having("0.3", ".nan"), "tickets.densities[1] is nan; it must be a finite number"),
    "density infinite": (having("0.3", ".inf"), "tickets.densities[1] is inf; it must be a finite number"),
    "density percent": (having("0.3", "30%"), "tickets.densities[1] is '30%'; it must be a finite number"),
    "density negative": (having("0.3", "-0.3"), "tickets.densities[1] is -0.3; it must be greater than 0"),
    "densities rise": (having("[1, 0.3]", "[1, 0.3, 0.5]"), "tickets.densities has 0.5 after 0.3; densities must fall"),
    "densities repeat": (having("[1, 0.3]", "[1, 0.3, 0.3]"), "tickets.densities has 0.3 after 0.3"),
    "densities without the dense level": (having("[1, 0.3]", "[0.5, 0.3]"), "the first level is dense: start with 1"),
    "densities a number": (having("[1, 0.3]", "0.3"), "tickets.densities is 0.3; it must be a list, written [a, b]"),
    "densities empty": (having("[1, 0.3]", "[]"), "tickets.densities is empty; give it at least 1"),
    "densities too close": (
        having("[1, 0.3]", "[1, 0.3, 0.2999]"),
        "tickets.densities 0.3 and 0.2999 keep equally many of the 592 weights of tickets.tasks.digits; drop one",
    ),
    "tasks a list": (
        having("tasks: {digits: {hidden: [8]}}", "tasks: [digits]"),
        "it must be a map, written {key: value}",
    ),
    "tasks empty": (having("{digits: {hidden: [8]}}", "{}"), "tickets.tasks is empty; give it at least 1"),
    "task unknown": (
        having("hidden: [8]", "hidden: [8], task: digit"),
        "tickets.tasks.digits names digit, which is not there; did you mean 'digits'?",
    ),
    "task without network": (having("{hidden: [8]}", "{}"), "tickets.tasks.digits needs either 'hidden'"),
    "task with two networks": (
        having("hidden: [8]", "hidden: [8], channels: [4]"),
        "tickets.tasks.digits needs either 'hidden'",
    ),
    "network too deep for the image": (
        having("hidden: [8]", "channels: [2, 2, 2, 2]"),
        "tickets.tasks.digits.channels has 4 entries, each halving an image of 8×8 until nothing is left; shorten it",
    ),
    "images of a control task": (
        having("hidden: [8]", "channels: [4]", CONTROL),
        "tickets.tasks.cartpole is a control task, which has no images for 'channels'; use 'hidden'",
    ),
    "units a number": (having("hidden: [8]", "hidden: 8"), "tickets.tasks.digits.hidden is 8; it must be a list"),
    "units zero": (having("hidden: [8]", "hidden: [0]"), "tickets.tasks.digits.hidden[0] is 0; it must be at least 1"),
    "activation": (having("hidden: [8]", "hidden: [8], activation: gelu"), "choose one of relu, tanh"),
    "strategy unknown": (
        having("population: 8", "trainer: sness, population: 8"),
        "tickets.trainers.snes: there is no trainer sness; did you mean 'snes'?",
    ),
    "trainer a number": (
        having("population: 8", "trainer: 3"),
        "tickets.trainers.snes.trainer is 3; it must be text",
    ),
    "trainer empty": (having("{population: 8, generations: 4, evaluations: 2, batch: 32}", ""), "it must be a map"),
    "population true": (having("population: 8", "population: true"), "population is True; it must be a whole number"),
    "population yes": (
        having("population: 8", "population: yes"),
        "has tickets.trainers.snes.population: yes in line 9, which is true in YAML 1.1 and 'yes' in YAML 1.2: "
        "write true or 'yes'",
    ),
    "a flag in another type": (
        GOOD + "hybrid: {tasks: {digits: {hidden: [8]}}, methods: {hybrid: {shuffled: 1}}, "
        "cells: [{tasks: [digits], methods: [hybrid], densities: [0.5]}]}\n",
        "hybrid.methods.hybrid.shuffled is 1; it must be true or false",
    ),
    "population one": (having("population: 8", "population: 1"), "population is 1; it must be at least 2"),
    "population huge": (having("population: 8", f"population: {10**15}"), "it must be at most 1000000"),
    "population odd for mirrored pairs": (
        having("population: 8", "trainer: pgpe, population: 7"),
        "tickets.trainers.snes.population is 7; it must be a multiple of 2",
    ),
    "population odd for pairs of evosax": (
        having("population: 8", "trainer: ARS, population: 7"),
        "tickets.trainers.snes.population is 7; evosax's ARS takes an even number of at least 2 members",
    ),
    "std that is zero in single precision": (
        having("batch: 32", "std_init: 1.0e-40"),
        "tickets.trainers.snes.std_init is 1e-40, which is zero in single precision; write 0 or a larger number",
    ),
    "density that keeps nothing": (
        having("0.3", "0.0008"),
        "tickets.densities has 0.0008, which keeps none of the 592 weights of tickets.tasks.digits; raise it",
    ),
    "density that keeps nothing of a control task": (
        having("0.3", "0.01", CONTROL),
        "tickets.densities has 0.01, which keeps none of the 48 weights of tickets.tasks.cartpole; raise it",
    ),
    "network without end": (
        having("[8]", "[100000, 100000]"),
        "tickets.tasks.digits is a network of 1e+10 weights, more than the 2.15e+09 that fit: make it smaller",
    ),
    "population without end": (
        having("population: 8", "population: 1000000").replace("[8]", "[1000]"),
        "tickets.chains[0]: snes on digits asks for 1000000 members × 75010 weights, 7.5e+10 numbers at once",
    ),
    "generations no multiple": (
        having("generations: 4", "generations: 5"),
        "tickets.trainers.snes: generations is 5, no multiple of evaluations, 2; change one of them",
    ),
    "steps no multiple": (having("steps: 4", "steps: 5", ADAM), "steps is 5, no multiple of evaluations, 2"),
    "batch in powers": (
        having("batch: 32", "batch: 1e3"),
        "batch: 1e3 in line 9, which is '1e3' in YAML 1.1 and 1000 in YAML 1.2: write '1e3' or 1000",
    ),
    "batch zero": (having("batch: 32", "batch: 0"), "tickets.trainers.snes.batch is 0; it must be at least 1"),
    "std infinite": (having("batch: 32", "std_init: .inf"), "std_init is inf; it must be a finite number"),
    "std huge": (having("batch: 32", "std_init: 1.0e+300"), "std_init is 1e+300; it must be at most 100"),
    "std in powers": (
        having("batch: 32", "std_init: 5e-2"),
        "std_init: 5e-2 in line 9, which is '5e-2' in YAML 1.1 and 0.05 in YAML 1.2: write '5e-2' or 0.05",
    ),
    "std quoted": (
        having("batch: 32", "std_init: '5e-2'"),
        "std_init is '5e-2'; it must be a finite number, but YAML reads this as text: write 0.05",
    ),
    "chain of an unknown task": (having("task: digits", "task: digit"), "tickets.chains[0].task names digit"),
    "chain of an unknown trainer": (having("[snes]", "[pgpe]"), "tickets.chains[0].trainers names pgpe"),
    "chain of an unknown criterion": (having("snr]", "srn]"), "tickets.chains[0].criteria[1] is 'srn'; choose one of"),
    "criteria a word": (having("[magnitude, snr]", "snr"), "tickets.chains[0].criteria is 'snr'; it must be a list"),
    "criterion twice": (having("snr]", "snr, snr]"), "tickets.chains[0].criteria lists something twice"),
    "chains a map": (having("    - {task", "    {task"), "tickets.chains is {"),
    "snr of a gradient trainer": (
        ADAM,
        "tickets.chains[0].criteria has snr for snes, a gradient trainer without a std",
    ),
    "one shot at a control task": (
        having(", snr]", ", snip]", CONTROL),
        "tickets.chains[0].criteria has snip for the control task cartpole, which has no gradient; use synflow or",
    ),
    "gradient of a control task": (
        having("population: 8, generations: 4", "trainer: adam, steps: 4", CONTROL).replace(", snr]", "]"),
        "trains the control task cartpole with snes, but it has no gradient; use a strategy or ppo",
    ),
    "reinforcement on a data set": (
        having("population: 8, generations: 4", "trainer: ppo, steps: 4")
        .replace(", snr]", "]")
        .replace(", batch: 32", ""),
        "trains the data set digits with snes, which needs a control task; use adam",
    ),
    "minibatches that do not divide": (
        having("population: 8, generations: 4", "trainer: ppo, steps: 4, minibatches: 3", CONTROL)
        .replace(", snr]", "]")
        .replace(", batch: 32", ""),
        "environments times rollout is 2048, no multiple of minibatches, 3; change one of them",
    ),
    "settings change the strategy": (
        having("snr]}", "snr], settings: {trainer: pgpe}}"),
        "tickets.chains[0].settings",
    ),
    "settings a list": (having("snr]}", "snr], settings: [1]}"), "tickets.chains[0].settings is [1]; it must be a map"),
    "settings unknown": (
        having("snr]}", "snr], settings: {popultion: 4}}"),
        "tickets.chains[0].settings: unknown key 'popultion'; did you mean 'population'?",
    ),
    "one trainer, two settings": (
        GOOD + "    - {task: digits, trainers: [snes], criteria: [random], settings: {population: 4}}\n",
        "other settings than an earlier chain; add a trainer of another name",
    ),
    "two references of one control": (
        having("snr]}", "mask_reinit]}")
        + "    - {task: digits, trainers: [snes], criteria: [mask_reinit], controls_of: snr}\n",
        "twice with different controls_of; keep one",
    ),
    "results of another study": (having("results: results", "results: results/tables"), "choose another name"),
    "a list within itself": (having("hidden: [8]", "hidden: &a [*a]"), "tickets.tasks.digits.hidden[0] is [[[...]]]"),
    "a thousand million laughs": (
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{n}: &{n} [{', '.join(['*' + m] * 9)}]\n" for m, n in zip("abcdefgh", "bcdefghi", strict=True))
        + GOOD,
        "unknown key 'a'",
    ),
}


def refusal(path):
    with pytest.raises(reader.StudyError) as error:
        study.load(path)
    return str(error.value)


@pytest.mark.parametrize("case", CASES)
def test_a_bad_configuration_is_refused_with_one_sentence(case, tmp_path):
    text, expected = CASES[case]
    path = tmp_path / "study.yaml"
    path.write_text(text)
    sentence = refusal(path)
    assert expected in sentence
    assert str(path) in sentence
    assert "\n" not in sentence
    assert len(sentence) < 400


def test_the_configuration_of_these_tests_is_good(tmp_path):
    for text in (GOOD, CONTROL):
        (tmp_path / "study.yaml").write_text(text)
        assert study.load(tmp_path / "study.yaml").tickets.chains


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (GOOD.replace("# The", "# Größe: the").encode("latin-1"), "is no text in UTF-8: save it as such"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is no text in UTF-8"),
        (GOOD.encode("utf-16"), "is no text in UTF-8"),
        (b"PAR1" + bytes(100), "is not valid YAML"),
        (b"#" * (reader.LARGEST + 1), "is larger than 1000000 bytes, which no configuration is"),
    ],
    ids=["latin-1", "picture", "utf-16", "parquet", "large"],
)
def test_a_file_that_is_no_configuration_is_refused(content, expected, tmp_path):
    (tmp_path / "study.yaml").write_bytes(content)
    assert expected in refusal(tmp_path / "study.yaml")


def test_a_configuration_that_is_not_there_is_refused(tmp_path):
    assert (
        "does not exist: go to the folder of a study, name a configuration, or begin with `evotickets new NAME`"
        in refusal(tmp_path / "none.yaml")
    )
    assert "cannot be read (Is a directory): name a configuration file" in refusal(tmp_path)
    assert "cannot be read (File name too long)" in refusal(tmp_path / ("a" * 300))


def command(place, *arguments):
    """Run the command line; return exit status, output and the CPU seconds it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "evotickets", *arguments], cwd=place, capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.returncode, done.stdout + done.stderr, seconds


@pytest.mark.parametrize("case", ["unknown setting", "key twice", "densities too close"])
def test_make_run_refuses_within_three_seconds_and_starts_nothing(case, tmp_path):
    place = studies.folder(tmp_path)
    text, expected = CASES[case]
    (place / "study.yaml").write_text(text)
    code, said, seconds = command(place, "run", "study.yaml")
    assert code == 2
    assert expected in said
    assert said.count("\n") == 1
    assert seconds < 3
    assert not (place / "results").exists()
    assert not (place / ".snakemake").exists()


def test_make_run_refuses_an_unknown_profile(tmp_path):
    code, said, _ = command(studies.folder(tmp_path), "run", "study.yaml", "--profile", "../slurm")
    known = "known are default, slurm, and any folder that has a profile.yaml"
    assert (code, said) == (2, f"there is no profile '../slurm'; {known}\n")


def test_snakemake_itself_refuses_too(tmp_path):
    place = studies.folder(tmp_path)
    (place / "study.yaml").write_text(CASES["key twice"][0])
    arguments = ["--configfile", "study.yaml", "--cores", "1", "--logger", "progress"]
    arguments += ["--snakefile", str(ROOT / "workflow/Snakefile")]
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments], cwd=place, capture_output=True, text=True, check=False
    )
    assert done.returncode
    assert "study.yaml has the key 'seed' twice" in done.stderr
    assert not (place / "results").exists()


@pytest.mark.parametrize("sentence", NEED_DATA)
def test_data_that_cannot_be_had_are_known_before_any_job(sentence, tmp_path, monkeypatch):
    place = studies.folder(tmp_path)
    (place / "study.yaml").write_text(NEED_DATA[sentence])
    monkeypatch.chdir(place)
    monkeypatch.setenv("EVOTICKETS_DATA", str(tmp_path / "data"))
    # Nobody listens on this port.
    for name in ("mnist", "cifar10"):
        monkeypatch.setitem(task.facts[name], "files", ALL[name].files._replace(url="http://127.0.0.1:9/"))
    monkeypatch.setattr(sys, "argv", ["evotickets", "run", "study.yaml"])
    errors = []
    monkeypatch.setattr(__main__.sys.stderr, "write", errors.append)
    assert __main__.main() == 2
    said = "".join(errors)
    assert sentence in said
    assert "put it there, or let EVOTICKETS_DATA name the folder" in said
    assert not (place / "results").exists()


HOSTILE = {
    "back": "results/../../escaped",
    "address": "s3://bucket/escaped",
    "shell": "x; touch escaped",
    "substitution": "$(touch escaped)",
    "backticks": "`touch escaped`",
    "newline": "results\ntouch escaped",
    "newline at the end": "results\n",
    "quotes": "\"'; touch escaped; '\"",
    "wildcard": "{task}",
    "format": "{workflow.basedir}",
    "long": "a" * 5000,
    "null": "a\0b",
    "home": "~/escaped",
    "option": "--rm",
    "unicode": "tíckets\u202e",
    "empty": "",
}


def strings(value, rules, path=()):
    """The path of every string of a configuration, the keys that a user chooses included, as the schema has them."""
    if isinstance(value, dict):
        free = rules.get("additionalProperties")
        for key, item in value.items():
            if free:
                yield (*path, key), True
            yield from strings(item, rules.get("properties", {}).get(key) or free or {}, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from strings(item, rules.get("items", {}), (*path, index))
    elif isinstance(value, str):
        yield path, False


def put(config, path, is_key, value):
    *above, last = path
    for part in above:
        config = config[part]
    if is_key:
        config[value] = config.pop(last)
    else:
        config[last] = value
    return config


def spoken():
    """A study of all five systems that says its defaults, what entries and chains may say beside them too."""
    config = yaml.safe_load((ROOT / "tests/five.yaml").read_text())
    config["tickets"]["chains"][0]["controls_of"] = "snr"
    for section, key, entries, kind in (
        ("tickets", "trainers", ["snes"], "trainer"), ("planting", "seekers", ["edge_popup", "random"], "seeker"),
        ("strong", "seekers", ["genetic", "random_search"], "seeker"), ("hybrid", "methods", ["hybrid", "set"], "method"),
    ):  # fmt: skip
        for entry in entries:
            config[section][key][entry] |= {kind: entry}
    for section, key, entry in (
        ("tickets", "tasks", "digits"),
        ("strong", "tasks", "moons"),
        ("hybrid", "tasks", "digits"),
    ):
        config[section][key][entry] |= {"task": entry}
    config["planting"]["targets"]["circle"] |= {"target": "circle"}
    config["subspace"]["parents"]["digits"] |= {"parent": "digits"}
    return config | {name: reader.conform(config[name], mutants.rules_of(name), "") for name in SYSTEMS}


FULL = spoken()
STRINGS = list(strings(FULL, reader.schema()))


def test_every_string_of_all_sections_is_tried():
    assert {path[0] for path, _ in STRINGS} == {"results", *SYSTEMS}
    chosen = {".".join(path[:2]) for path, is_key in STRINGS if is_key}
    assert chosen == {
        "tickets.tasks", "tickets.trainers", "planting.targets", "planting.seekers", "strong.tasks", "strong.seekers",
        "hybrid.tasks", "hybrid.methods", "subspace.parents",
    }  # fmt: skip
    said = {"*".join(str(part) for part in path if not isinstance(part, int)) for path, _ in STRINGS}
    assert {
        "tickets*chains*controls_of",
        "strong*cells*seekers",
        "hybrid*cells*methods",
        "subspace*mutations*modes",
    } <= said


@pytest.mark.parametrize(("path", "is_key"), STRINGS, ids=str)
def test_no_string_becomes_a_path_or_a_command(path, is_key):
    section = path[0] if path[0] in SYSTEMS else "tickets"
    config = {key: value for key, value in FULL.items() if key not in SYSTEMS or key == section}
    assert study.resolve(deepcopy(config))
    for name in random.Random(str(path)).sample(list(HOSTILE), 6):
        with pytest.raises(reader.StudyError) as error:
            study.resolve(put(deepcopy(config), path, is_key, HOSTILE[name]))
        assert "\n" not in str(error.value)
        assert len(str(error.value)) < 400


def test_a_file_name_is_no_command(tmp_path):
    place = studies.folder(tmp_path)
    name = "$(touch escaped); touch escaped #'.yaml"
    (place / name).write_text(GOOD)
    code, said, _ = command(place, "run", name, "--", "--dry-run", "--quiet")
    assert code == 0, said
    assert not (place / "escaped").exists()


CODE = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "workflow").rglob("*.py")])


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_pickle_is_ever_loaded(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            assert not {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"} & {
                n.split(".")[0] for n in names
            }
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            assert keywords.get("allow_pickle", "False") == "False"
            assert not re.search(r"(pickle|yaml)\.(load|loads|unsafe_load|full_load)$", called) or "Loader" in [
                ast.unparse(argument) for argument in node.args
            ]
            if called in ("torch.load", "load_state_dict_from_url"):
                assert keywords.get("weights_only") == "True"
            assert keywords.get("shell", "False") == "False"
            assert called not in ("eval", "exec", "os.system", "os.popen")


def test_the_command_line_says_what_it_is(tmp_path):
    code, said, _ = command(tmp_path)
    assert code == 0
    assert "usage: evotickets" in said
    code, said, _ = command(tmp_path, "--version")
    assert (code, said.strip()) == (0, f"evotickets {evotickets.__version__}")
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", evotickets.__version__)
