"""Studies that use every key of the schema, and what a hand, a script or malice puts in the place of each."""

import math
import random
from copy import copy, deepcopy
from pathlib import Path

import yaml

from evotickets.configuration import reader
from evotickets.systems.registry import SYSTEMS

MINIATURE = yaml.safe_load((Path(__file__).parents[1] / "config/test.yaml").read_text())

ENTRIES = {
    ("tickets", "trainers"): ("trainers", "trainer"),
    ("planting", "seekers"): ("systems.planting.seekers", "seeker"),
    ("strong", "seekers"): ("systems.strong.seekers", "seeker"),
    ("hybrid", "methods"): ("systems.hybrid.methods", "method"),
}
"""Where entries name parts: the catalogue that describes these, and the key that names one."""

MORE = {
    "tickets": {
        "tasks": {
            "digits": {"task": "digits", "hidden": [16], "activation": "relu", "biases": 0.1, "validation": True},
            "images": {"task": "digits", "channels": [2]},
            "cartpole": {"hidden": [8, 8], "activation": "tanh"},
            "ant": {"hidden": [8], "torso_mass": 10.0},
            "pendulum": {"hidden": [8], "raw_outputs": True, "normalise": False},
            "skipping": {"task": "digits", "network": {"network": "residual"}},
            "host": {"task": "gymnasium", "environment": "CartPole-v1", "horizon": 5, "hidden": [2]},
        },
    },
    "planting": {"targets": {"circle": {"target": "circle", "width": 20, "noise": 0.01}}},
    "strong": {
        "tasks": {
            "moons": {"task": "moons", "classes": 2, "hidden": [6], "initial": "uniform", "scale": 1.0, "noise": 0.07},
            "planted_circle": {"hidden": [20], "noise": 0.01},
            "skipping": {"task": "moons", "network": {"network": "residual"}},
        },
    },
    "hybrid": {
        "tasks": {
            "digits": {"task": "digits", "hidden": [8], "training": dict(MINIATURE["hybrid"]["training"], momentum=0.9)},
            "images": {"task": "digits", "channels": [2], "hidden": [8]},
            "deep": {"task": "digits", "separable": [4, 8]},
            "rows": {"task": "digits", "recurrent": 8},
            "speech": {"recurrent": 8, "optional": True, "training": {"batches": 1, "batch": 4}},
            "own": {"task": "digits", "network": {"network": "residual"}},
        },
        "overhead": [{"task": "digits", "method": "noise_only", "density": 0.2, "repeats": 2}],
    },
    "subspace": {
        "parents": {
            "digits": {"parent": "digits", "epochs": 2},
            "net": {
                "model": "torchvision.models.resnet18",
                "arguments": {"weights": "DEFAULT"},
                "checkpoint": "weights/net.pt",
                "entry": "model",
                "include": ["fc.*"],
                "exclude": ["fc.bias"],
                "images": "folder",
                "options": {
                    "root": "pictures", "train": "train", "test": "val", "size": 8, "resize": 9, "classes": {"cat": 3},
                    "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2],
                },
            },
            "listed": {
                "model": "torchvision.models.resnet18",
                "images": "folder",
                "options": {"root": "pictures", "classes_file": "classes.txt"},
            },
            "rows": {
                "model": "torchvision.models.resnet18",
                "images": "dataset",
                "options": {"train": "mine.Train", "test": "mine.Test", "arguments": {"root": "rows"}},
            },
            "noisy": {
                "model": "mine.Net",
                "images": "cifar10_variant",
                "options": {"corruption": "noise", "severity": 5},
            },
            "texts": {
                "model": "mine.Net",
                "images": "text",
                "options": {"root": "texts", "tokenizer": "t.json", "tokens": 9, "text": "sentence", "label": "class"},
            },
        },
        "batch": 250, "batch_norm": "keep", "together": 1, "workers": 1,
        "costs": [
            {
                "parents": ["digits"], "modes": ["static"], "densities": [1, 0.1], "low_ranks": [1],
                "only": {"head": ["linear.*"]}, "rule": "norm", "sigma": 0.01, "repeats": 2,
            },
        ],
        "tuning": [
            {
                "parents": ["digits"], "densities": [1], "only": {"head": ["linear.*"]},
                "learning_rates": [0.01], "sigma": 0.01, "generations": 2,
                "evaluations": 2,
            },
        ],
    },
}  # fmt: skip
"""What the miniature study leaves out."""


def whole(name):
    """Return a study of one system that says every key that can be said of it, defaults and all parts too."""
    section = deepcopy(MINIATURE[name]) | deepcopy(MORE[name])
    for (system, key), (catalogue, kind) in ENTRIES.items():
        if system != name:
            continue
        for part, rules in reader.described(catalogue).items():
            entry = {key: deepcopy(rule["default"]) for key, rule in rules["properties"].items() if "default" in rule}
            section[key].setdefault(f"a_{part}", entry | {kind: "SNES" if part == "evosax" else part})
    if name == "tickets":
        trainers = [trainer for trainer in section["trainers"] if trainer.startswith("a_")]
        supervised = [trainer for trainer in trainers if trainer != "a_ppo"]
        section["chains"] += [
            {
                "task": "digits",
                "trainers": supervised,
                "criteria": ["magnitude", "mask_reinit"],
                "controls_of": "magnitude",
                "settings": {"evaluations": 1},
            },
            {"task": "images", "trainers": ["a_adam"], "criteria": ["synflow"]},
            {"task": "cartpole", "trainers": ["a_ppo"], "criteria": ["magnitude"]},
            {"task": "host", "trainers": ["a_snes"], "criteria": ["magnitude"]},
        ]
    if name == "strong":
        section["seekers"]["a_evolution_strategy"]["budget"] = 1000
        section["cells"].append(
            {"tasks": ["moons"], "seekers": [own for own in section["seekers"] if own.startswith("a_")]}
        )
    if name == "planting":
        seekers = [own for own in section["seekers"] if own.startswith("a_")]
        section["cells"].append({"targets": ["circle"], "depths": [2], "seekers": seekers, "densities": [0.5]})
    if name == "hybrid":
        methods = [own for own in section["methods"] if own.startswith("a_") and own != "a_evolution"]
        for method in methods:
            section["methods"][method] |= {"every": 2} if "every" in section["methods"][method] else {}
        section["cells"].append(
            {
                "tasks": ["digits", "rows", "images", "deep"],
                "methods": methods,
                "densities": [0.5],
                "layer_densities": ["uniform"],
            }
        )
    return {"seed": 0, "seeds": 2, "results": "results/test", name: reader.conform(section, rules_of(name), "")}


def rules_of(system):
    """Return the rules of a section."""
    return reader.schema()["properties"][system]


def places(value, path=()):
    """Yield the path of everything in a configuration, but not of itself."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        if isinstance(item, (dict, list)):
            yield from places(item, (*path, key))


def keys(rules, place=""):
    """Yield every key that rules know by its place, maps of free names as `*`."""
    for key, rule in rules.get("properties", {}).items():
        yield f"{place}{key}"
        yield from keys(rule, f"{place}{key}.")
    for inside in ("items", "additionalProperties"):
        if isinstance(rules.get(inside), dict):
            yield from keys(rules[inside], f"{place}*.")


HOSTILE = {
    "null": None, "true": True, "false": False, "zero": 0, "zero point": 0.0, "one": 1, "one point": 1.0, "two": 2,
    "three": 3, "odd": 7, "minus": -1, "half": 0.5, "less": -0.5, "large": 10**6, "larger": 10**9, "huge": 10**30,
    "endless": 10**400, "tiny": 1e-9, "tinier": 1e-300, "least": 5e-324, "almost": 0.99999999999, "most": 1.7e308,
    "nan": math.nan, "inf": math.inf, "minus inf": -math.inf, "text": "x", "empty": "", "number": "3", "name": "digits",
    "genetic": "genetic", "unicode": "tíckets", "turned": "a\u202eb", "newline": "a\nb", "bell": "a\x07\x1b[31mb",
    "null byte": "a\0b", "surrogate": "\ud800", "shell": "x; touch escaped", "substitution": "$(touch escaped)",
    "parent": "../../escaped", "wildcard": "{task}", "option": "--rm", "long": "a" * 5000, "list": [], "map": {},
    "list of none": [None], "nested": [[[]]], "map of text": {"x": "y"}, "odd keys": {1: 2, None: 3, 2.5: []},
    "numbers": [1, 0.5, 1], "names": ["digits", "digits"], "bytes": b"x",
}  # fmt: skip
"""What may stand anywhere."""


def near(value):
    """Return what a slip makes of a value: neighbours, the other type, what is said twice."""
    if isinstance(value, bool) or value is None:
        return [int(bool(value)), str(value)]
    if isinstance(value, (int, float)):
        return [
            value + 1,
            value - 1,
            -value,
            value * 3,
            value / 2,
            value * 1e6,
            value * 1e-6,
            int(value),
            float(value),
            str(value),
        ]
    if isinstance(value, str):
        return [value.upper(), f"{value} ", f"{value}x", value[:-1], [value]]
    if isinstance(value, list):
        return [value + value[:1], value[:-1], value[::-1], value[0] if value else 0, {"x": value}]
    return [
        list(value),
        dict(list(value.items())[1:]),
        {**value, "x": 1},
        {key.upper(): item for key, item in value.items()},
    ]


def put(config, path, value):
    """Return a copy with another value at a path."""
    config, place = _opened(config, path)
    place[path[-1]] = value
    return config


def without(config, path):
    """Return a copy without what is at a path."""
    config, place = _opened(config, path)
    del place[path[-1]]
    return config


def _opened(config, path):
    """Return a copy that shares with the original what is beside a path, and in it the place that the path ends in."""
    config = place = copy(config)
    for key in path[:-1]:
        place[key] = copy(place[key])
        place = place[key]
    return config, place


def at(config, path):
    """Return what is at a path."""
    for key in path:
        config = config[key]
    return config


def mutants(system, each, seed=0, config=None):
    """Yield so many mutants of every place of a study of one system: a name, the path, what was there, the study.

    The study is one that says every key, or one that is given.
    """
    config, rng = config or whole(system), random.Random(f"{system} {seed}")
    for path in places(config):
        if path[0] in SYSTEMS and path[0] != system:
            continue
        before = at(config, path)
        values = [*HOSTILE.items(), *((f"near {number}", value) for number, value in enumerate(near(before)))]
        for name, value in rng.sample(values, each):
            yield name, path, before, put(config, path, deepcopy(value))
        yield "left out", path, before, without(config, path)


__all__ = ["SYSTEMS", "at", "keys", "mutants", "places", "put", "rules_of", "whole"]
