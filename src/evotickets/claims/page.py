"""The page of claims that the report shows: every claim in words and numbers, above the figures that show it."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import get_args

import pandas as pd

from evotickets.statistics import Verdict

COLUMNS = ["claim", "statement", "effect", "low", "high", "unit", "verdict", "n", "rule", "source"]
NOT_ASKED = "not asked"
_STYLE = "body{font-family:sans-serif;font-size:13px}td,th{padding:4px 8px;vertical-align:top;text-align:left}"


def counts(decided: pd.DataFrame) -> str:
    """Say how many claims have which verdict; those that a study did not ask stand apart."""
    found = decided["verdict"].value_counts()
    said = ", ".join(f"{found.get(verdict, 0)} {verdict}" for verdict in get_args(Verdict) if verdict != NOT_ASKED)
    return f"{said}; {found.get(NOT_ASKED, 0)} {NOT_ASKED}"


def page(decided: pd.DataFrame, shown: Sequence[tuple[str, ...]], figures: Mapping[str, Sequence[bytes]]) -> str:
    """Return one HTML file that needs no other; what was not asked is folded away at its end.

    Args:
        decided: rows of `results.CLAIMS`.
        shown: the names of the figures that show each of these rows; rows with the same figures stand together above them.
        figures: SVG files by name; a study may lack some.
    """
    asked = (decided["verdict"] != NOT_ASKED).tolist()
    parts = [f"<p>{counts(decided)}</p>"]
    for names in dict.fromkeys(own for own, there in zip(shown, asked, strict=True) if there):
        parts.append(_rows(decided[[own == names and there for own, there in zip(shown, asked, strict=True)]]))
        parts += [
            f'<p><img alt="{name}" src="data:image/svg+xml;base64,{b64encode(svg).decode()}"></p>'
            for name in names
            for svg in figures.get(name, ())
        ]
    if not all(asked):
        folded = decided[[not there for there in asked]]
        parts.append(f"<details><summary>{len(folded)} {NOT_ASKED}</summary>{_rows(folded)}</details>")
    return f"<!doctype html><meta charset='utf-8'><style>{_STYLE}</style>{''.join(parts)}"


def _rows(claims: pd.DataFrame) -> str:
    return claims[COLUMNS].to_html(index=False, float_format="{:.3f}".format, na_rep="", border=0, justify="left")
