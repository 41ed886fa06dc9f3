"""Tasks that a study leaves out where what their data need is not installed."""

from typing import Any

from evotickets import tasks
from evotickets.configuration.reader import StudyError

OPTIONAL = "optional"


def there(section: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return a section without the optional tasks whose data cannot be had and what is asked of them, and why in sentences.

    Raises:
        StudyError: if no cell is left.
    """
    lacking = {}
    for name, settings in section["tasks"].items():
        data = settings.get("task", name)
        if settings.get(OPTIONAL) and data in tasks.READ and (said := tasks.missing(data)):
            lacking[name] = f"hybrid.tasks.{name} is left out: {said}"
    if not lacking:
        return section, ()
    cells = [entry | {"tasks": [task for task in entry["tasks"] if task not in lacking]} for entry in section["cells"]]
    cells = [entry for entry in cells if entry["tasks"]]
    if not cells:
        raise StudyError(f"{'; '.join(lacking.values())}; no cell of the study is left")
    left = {"tasks": {name: own for name, own in section["tasks"].items() if name not in lacking}, "cells": cells}
    left |= {key: [entry for entry in section[key] if entry["task"] not in lacking] for key in ("effects", "overhead")}
    return section | left, tuple(lacking.values())
