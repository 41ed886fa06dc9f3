"""The page of claims that the report shows: every claim in words and numbers, above the figures that show it."""

from base64 import b64encode
from collections.abc import Mapping, Sequence

import pandas as pd

SHOWN = {
    "performance": ("C1", "C2"),
    "strategies": ("C3",),
    "transfers": ("C4",),
    "connectivity": ("C5",),
    "flatness": ("C6 flat",),
    "diversity": ("C6 d",),
    "quality": ("P1", "P2", "P4", "P5", "P6"),
    "collapse": ("P3",),
    "recovery": ("P7",),
    "fronts": ("G1", "G2", "G3", "G4", "G7"),
    "progress": ("G5",),
    "leak": ("G6",),
    "sparse": ("H3", "H5"),
    "cost": ("H1", "H2", "H4"),
    "effects": ("H6",),
    "variance": ("S1c", "S1d"),
    "damage": ("S1",),
    "gradients": ("S4a gradient", "S4b gradient"),
    "ensembles": ("S2", "S3", "S4"),
    "generations": ("S5",),
}
"""The kind of figure that shows what a claim is decided from, by the beginning of the claim's name."""

COLUMNS = ["claim", "statement", "effect", "low", "high", "verdict", "n", "rule", "source"]
_STYLE = "body{font-family:sans-serif;font-size:13px}td,th{padding:4px 8px;vertical-align:top;text-align:left}"


def page(decided: pd.DataFrame, figures: Mapping[str, Sequence[bytes]]) -> str:
    """Return one HTML file that needs no other.

    Args:
        decided: rows of `results.CLAIMS`; what no kind of figure shows comes last.
        figures: SVG files by kind, one of `SHOWN`; a study may lack some.
    """
    parts, left = [], decided
    for kind, names in SHOWN.items():
        own = left["claim"].str.startswith(names)
        if own.any():
            parts.append(_rows(left[own]))
            parts += [
                f'<p><img alt="{kind}" src="data:image/svg+xml;base64,{b64encode(svg).decode()}"></p>'
                for svg in figures.get(kind, ())
            ]
        left = left[~own]
    if len(left):
        parts.append(_rows(left))
    return f"<!doctype html><meta charset='utf-8'><style>{_STYLE}</style>{''.join(parts)}"


def _rows(claims: pd.DataFrame) -> str:
    return claims[COLUMNS].to_html(index=False, float_format="{:.3f}".format, na_rep="", border=0, justify="left")
