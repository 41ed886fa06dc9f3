"""Figures of networks that tell sequences: bits a sample over density, and of speech what they say, to hear and to see.

Tables have the columns of `tables.HYBRID`.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evotickets import sealed
from evotickets.figures import style
from evotickets.figures.declaration import figure
from evotickets.systems.hybrid import SHARE_OUTS, SMALL, WHOLE
from evotickets.systems.hybrid.figures import BESIDE, METHODS
from evotickets.tasks.utterances import RATE

Cell = Mapping[str, Any]
"""Method, density (text, as in paths) and share-out of a cell."""

FRAME, HOP = 256, 128
"""Samples of a column of a spectrogram, and from one to the next."""
RANGE = 60
"""Decibels below the loudest that are drawn."""
SINGLE = (1, 1)
_STYLE = "body{font-family:sans-serif;font-size:13px}td,th{padding:4px 8px;text-align:left}audio{width:220px}"


def _kind(options: Mapping[str, Any]) -> str:
    """Return what a method is drawn as: its kind, of a hybrid also which null control it is."""
    if options["method"] == "hybrid" and options["mask_rate"] == 0:
        return "noise_only"
    return "shuffled" if options.get("shuffled") else str(options["method"])


def _shape(options: Mapping[str, Any]) -> tuple[int, int]:
    rows, columns = options.get("block", SINGLE)
    return rows, columns


@figure(
    "figures/hybrid/{task}_bits.svg",
    tables=("hybrid",),
    study="sequences",
    facts=("methods",),
    category="Hybrid, speech",
    labels={"task": "{task}", "figure": "bits per sample over density"},
)
def bits(frame: pd.DataFrame, path: str | Path, *, methods: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw the bits per sample of held-out sequences over density, a panel a shape of blocks; the dense network is a line.

    Args:
        frame: rows of one task.
        path: where to save.
        methods: options by name.

    Raises:
        ValueError: if there are several tasks.
    """
    task = style.one(frame, "task", "bits per sample")
    rows = frame[(frame["split"] == "test") & (frame["metric"] == "bits")]
    rows = rows[rows["step"] == rows.groupby(["layer_densities", "method", "density", "seed"])["step"].transform("max")]
    sparse, dense = rows[rows["density"] < 1], rows[rows["method"].map(lambda name: methods[name]["method"]) == "dense"]
    names = sorted(sparse["method"].unique())
    shapes = sorted({_shape(methods[name]) for name in names if methods[name]["method"] != SMALL}) or [SINGLE]
    share_outs = [own for own in SHARE_OUTS if (rows["layer_densities"] == own).any()] or [WHOLE]
    places = [(share_out, shape) for share_out in share_outs for shape in shapes]
    kinds = style.looks([_kind(methods[name]) for name in names], METHODS)
    with style.panels(path, len(places), width=3.4, height=3.2) as sheet:
        panels = style.grid(sheet, len(places), style.DENSITY, "test bits per sample")
        for panel, (share_out, shape) in zip(panels, places, strict=True):
            own = sparse[sparse["layer_densities"].isin([share_out, WHOLE])]
            drawn = [n for n in names if _shape(methods[n]) == shape or methods[n]["method"] == SMALL]
            for index, name in enumerate(drawn):
                shift = BESIDE ** (index - (len(drawn) - 1) / 2)
                if (own["method"] == name).any():
                    look = kinds[_kind(methods[name])]
                    style.curve(panel, "density", own[own["method"] == name], look, shift=shift)
            if len(dense):
                style.level_line(panel, dense["value"].mean(), "dense")
            if len(sparse):
                style.density_axis(panel, sparse["density"])
            words = "single weights" if shape == SINGLE else f"blocks of {shape[0]}×{shape[1]}"
            panel.set_title(f"{words}, {SHARE_OUTS[share_out]}" if len(share_outs) > 1 else words)
        style.fit_scores(panels, "bits")
        sheet.suptitle(f"{task}: bits per sample over density (fewer are better)")
        handles = [look.handle() for look in kinds.values()]
        handles += [Line2D([], [], **style.REFERENCE, label="dense")] if len(dense) else []
        style.legend(sheet, handles, style.seeds_of(rows))
    return sheet


@figure(
    "figures/hybrid/{task}_speech.html",
    category="Hybrid, speech",
    labels={"task": "{task}", "figure": "sentences to play"},
)
def speech(
    frame: pd.DataFrame,
    words: Sequence[str],
    original: Sequence[bytes],
    cells: Sequence[Cell],
    said: Sequence[Sequence[bytes]],
    version: str,
    path: str | Path,
) -> None:
    """Write a page on which sentences can be played: as espeak-ng spoke them, and as the network of every cell says them.

    Args:
        frame: rows of the task, for the bits of the networks that speak, those of the first seed.
        words: of the sentences.
        original: WAV files of what espeak-ng spoke.
        cells: whose networks speak.
        said: WAV files of each of them.
        version: of espeak-ng.
        path: where to save.
    """
    rows = frame[(frame["split"] == "test") & (frame["metric"] == "bits") & (frame["seed"] == 0)].sort_values("step")
    last = rows.groupby(["method", "density", "layer_densities"])["value"].last().to_dict()

    def line(name: str, density: str, bits: str, sounds: Sequence[bytes]) -> str:
        played = "".join(f"<td>{_player(sound)}</td>" for sound in sounds)
        return f"<tr><td>{escape(name)}</td><td>{density}</td><td>{bits}</td>{played}</tr>"

    lines = [line(f"espeak-ng {version}", "", "", original)]
    for cell, sounds in zip(cells, said, strict=True):
        found = last.get((cell["method"], float(cell["density"]), cell["layer_densities"]))
        lines.append(line(cell["method"], cell["density"], "" if found is None else f"{found:.2f}", sounds))
    head = "".join(f"<th>{escape(one)}</th>" for one in ("method", "density", "bits per sample", *words))
    page = f"<!doctype html><meta charset='utf-8'><style>{_STYLE}</style><table><tr>{head}</tr>{''.join(lines)}</table>"
    sealed.write_page(path, page.encode())


def _player(sound: bytes) -> str:
    return f'<audio controls preload="none" src="data:audio/wav;base64,{b64encode(sound).decode()}"></audio>'


def decibels(samples: np.ndarray) -> np.ndarray:
    """Return a spectrogram [frequencies, columns] in decibels of samples [T]."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP] * np.hanning(FRAME)
    return 20 * np.log10(np.abs(np.fft.rfft(windows, axis=1)).T + 1e-6)


@figure(
    "figures/hybrid/{task}_spectrograms.svg",
    category="Hybrid, speech",
    labels={"task": "{task}", "figure": "spectrograms of a sentence"},
)
def spectrograms(sounds: Sequence[np.ndarray], cells: Sequence[Cell | None], words: str, path: str | Path) -> Figure:
    """Draw spectrograms of one sentence: as it was spoken, as dense networks say it, and the sparsest of every method.

    Args:
        sounds: samples of each.
        cells: whose network says it; None for what was spoken.
        words: of the sentence.
        path: where to save.
    """
    least: dict[str, float] = {}
    for own in filter(None, cells):
        least[own["method"]] = min(float(own["density"]), least.get(own["method"], 1.0))
    shown = [
        (cell, sound)
        for cell, sound in zip(cells, sounds, strict=True)
        if cell is None or float(cell["density"]) == least[cell["method"]]
    ]
    with style.panels(path, len(shown), width=3.2, height=1.7) as sheet:
        panels = style.grid(sheet, len(shown), "seconds", "kHz")
        for panel, (cell, sound) in zip(panels, shown, strict=True):
            found = decibels(sound)
            ends = (0, len(sound) / RATE, 0, RATE / 2000)
            top = found.max()
            panel.imshow(
                found,
                origin="lower",
                aspect="auto",
                extent=ends,
                vmin=top - RANGE,
                vmax=top,
                cmap="magma",
                interpolation="none",
            )
            panel.grid(visible=False)
            panel.set_title(f"{cell['method']}, density {cell['density']}" if cell else "espeak-ng", fontsize="small")
        sheet.suptitle(words)
    return sheet
