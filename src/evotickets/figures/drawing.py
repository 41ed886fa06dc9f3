"""Draw a figure from the tables of a study, as it declares."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from evotickets import own


def draw(
    module: str,
    name: str,
    tables: Mapping[str, pd.DataFrame],
    path: str | Path,
    wildcards: Mapping[str, str],
    facts: Mapping[str, Any],
) -> None:
    """Let the function of a figure draw the rows of its tables that are of one place.

    Args:
        module: that holds the function.
        name: of the function.
        tables: by name, in the order of the declaration.
        path: where to save.
        wildcards: of the figure: columns of every table, and the one value of each that it shows.
        facts: what else the function asks for, by name.
    """
    # A study's own file can be imported by its name afterwards.
    own.load()
    getattr(import_module(module), name)(*(_rows(table, wildcards) for table in tables.values()), path, **facts)


def _rows(table: pd.DataFrame, wildcards: Mapping[str, str]) -> pd.DataFrame:
    for column, value in wildcards.items():
        table = table[table[column] == value]
    return table
