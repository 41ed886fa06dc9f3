"""The page of claims that the report shows: every claim in words and numbers, above the figures that show it."""

from base64 import b64encode
from collections.abc import Mapping, Sequence

import pandas as pd

COLUMNS = ["claim", "statement", "effect", "low", "high", "verdict", "n", "rule", "source"]
_STYLE = "body{font-family:sans-serif;font-size:13px}td,th{padding:4px 8px;vertical-align:top;text-align:left}"


def page(decided: pd.DataFrame, shown: Sequence[tuple[str, ...]], figures: Mapping[str, Sequence[bytes]]) -> str:
    """Return one HTML file that needs no other.

    Args:
        decided: rows of `results.CLAIMS`.
        shown: the names of the figures that show each of these rows; rows with the same figures stand together above them.
        figures: SVG files by name; a study may lack some.
    """
    parts = []
    for names in dict.fromkeys(shown):
        parts.append(_rows(decided[[own == names for own in shown]]))
        parts += [
            f'<p><img alt="{name}" src="data:image/svg+xml;base64,{b64encode(svg).decode()}"></p>'
            for name in names
            for svg in figures.get(name, ())
        ]
    return f"<!doctype html><meta charset='utf-8'><style>{_STYLE}</style>{''.join(parts)}"


def _rows(claims: pd.DataFrame) -> str:
    return claims[COLUMNS].to_html(index=False, float_format="{:.3f}".format, na_rep="", border=0, justify="left")
