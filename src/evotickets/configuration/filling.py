"""What a configuration leaves to defaults, filled in, and its options in an order that is always the same."""

from copy import deepcopy
from typing import Any


def filled(value: Any, rules: Any) -> Any:
    """Add the defaults that the rules give, at every depth, and make floats of whole numbers where those are meant.

    Keys that the rules name come in their order, and those of which they say nothing in that of the alphabet: a job whose
    settings are the same in another order would run again. Entries of the user's own stay as they come, for figures show
    them so.
    """
    if not isinstance(rules, dict):
        return _in_order(value, {})
    if type(value) is int and "number" in rules.get("type", ()):
        return float(value)
    if isinstance(value, list):
        return [filled(item, rules.get("items")) for item in value]
    if not isinstance(value, dict):
        return value
    named, others = rules.get("properties", {}), rules.get("additionalProperties")
    for key, rule in named.items():
        if "default" in rule:
            value.setdefault(key, deepcopy(rule["default"]))
    rest = [key for key in value if key not in named]
    entries = isinstance(others, dict) and others.get("type") in ("object", "array")
    order = [*(key for key in named if key in value), *(rest if entries else sorted(rest, key=str))]
    return {key: filled(value[key], named.get(key, others)) for key in order}


def _in_order(value: Any, done: dict[int, Any]) -> Any:
    """Return a copy whose maps have their keys in the order of the alphabet; what is shared, or holds itself, stays so."""
    if not isinstance(value, dict | list):
        return value
    if id(value) not in done:
        found = done[id(value)] = type(value)()
        if isinstance(found, list):
            found += [_in_order(item, done) for item in value]
        else:
            found.update((key, _in_order(value[key], done)) for key in sorted(value, key=str))
    return done[id(value)]
