"""Claims decided from the tables of a study: by its job, or once more from tables that were published."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from evotickets import results
from evotickets.claims import registry
from evotickets.claims.registry import Decided
from evotickets.study import Study
from evotickets.systems import registry as systems


def decided(system: str, tables: Mapping[str, str], evidence: Mapping[str, Any]) -> list[Decided]:
    """Decide the claims about a system from paths of its tables by name; of those it lacks, nothing is asked.

    Raises:
        ResultError: if a table cannot be trusted.
    """
    schemas = systems.tables(system).TABLES
    held = {name: results.read_optional(tables.get(name), schema=schema) for name, schema in schemas.items()}
    return registry.effects(system, *systems.claims(system).evidence(held, **evidence))


def again(study: Study, folder: Path) -> pd.DataFrame:
    """Decide all claims of a study from the tables in a folder, which need nothing else of its results.

    What is decided from times, which no table holds, is not asked.

    Raises:
        ResultError: if the folder has none of the study's tables, or one cannot be trusted.
    """
    rows = []
    for system, section in study.sections.items():
        paths = {name: folder / f"{name}.parquet" for name in systems.tables(system).TABLES}
        there = {name: str(path) for name, path in paths.items() if path.is_file()}
        if there:
            files = systems.files(system).Files(section, study.results.as_posix(), study.seeds)
            rows += [found.row for found in decided(system, there, files.evidence)]
    if not rows:
        raise results.ResultError(f"{folder} has no table of this study: name the folder that holds its tables")
    return pd.DataFrame(rows)
