"""Decide the claims of a study once more."""

from pathlib import Path

from evotickets import study
from evotickets.claims import page, published


def decide(config: Path, tables: Path | None, *, quiet: bool) -> int:
    """Show every claim that the tables of a study decide, from a folder or the study's own; return the exit status.

    Raises:
        StudyError: if there is no such study.
        ResultError: if the folder has none of its tables, or one cannot be trusted.
    """
    loaded = study.load(config)
    found = published.again(loaded, tables or loaded.results / "tables")
    asked = found[found["verdict"] != page.NOT_ASKED]
    for row in () if quiet else asked.itertuples():
        effect = f"{row.effect:.4g} ({row.low:.4g} to {row.high:.4g})"
        print(f"{row.claim:24} {row.verdict:12} {effect:34} {row.unit}")
    print(page.counts(found))
    return 0
