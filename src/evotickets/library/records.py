"""Results of studies as a notebook reads them."""

from pathlib import Path
from typing import TYPE_CHECKING

from evotickets import results
from evotickets.refusals import hint
from evotickets.systems import registry

if TYPE_CHECKING:
    import pandas as pd


def read_table(path: str | Path) -> "pd.DataFrame":
    """Read a table of a study, of whichever kind its file says that it is.

        >>> results.write_table("scores.parquet", chain.scores, schema=SCORES)
        >>> read_table("scores.parquet")["level"].nunique()
        2

    Raises:
        ResultError: if the file is missing, damaged, foreign or of another version.
    """
    for system in registry.SYSTEMS:
        registry.tables(system)
    name = results.read_metadata(path).get("schema", "")
    if name not in results.SCHEMAS:
        raise results.ResultError(f"{path} holds a table of the unknown kind {name!r}; {hint(name, results.SCHEMAS)}")
    return results.read_table(path, schema=results.SCHEMAS[name])


def read_tables(folder: str | Path) -> dict[str, "pd.DataFrame"]:
    """Read all tables of a finished study by the names of their files.

        >>> Path("mine/tables").mkdir(parents=True)
        >>> results.write_table("mine/tables/tickets.parquet", chain.scores, schema=SCORES)
        >>> list(read_tables("mine"))
        ['tickets']

    Args:
        folder: of the study's results.

    Raises:
        ResultError: if there are none, or as `read_table`.
    """
    paths = sorted((Path(folder) / "tables").glob("*.parquet"))
    if not paths:
        raise results.ResultError(f"{Path(folder) / 'tables'} holds no tables: name the folder of a study's results")
    return {path.stem: read_table(path) for path in paths}
