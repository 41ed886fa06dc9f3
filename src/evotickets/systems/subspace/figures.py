"""Figures of subspace evolution. Tables have the columns of `tables.SUBSPACE`, and hold one parent.

Every function saves an SVG or PNG and returns the figure.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evotickets.figures import style
from evotickets.figures.declaration import figure

MODES = {
    "dense": style.Look("dense", style.BLACK, "o", "-"),
    "bernoulli": style.Look("fresh masks", style.BLUE, "s", "-"),
    "static": style.Look("one static mask", style.VERMILLION, "X", "--"),
    "partition": style.Look("partition", style.GREEN, "^", "-."),
    "antithetic": style.Look("antithetic pairs", style.ORANGE, "D", (0, (4, 1, 1, 1))),
}
CANDIDATES = {
    "child": style.Look("a child", style.GREY, "X", ":"),
    "best": style.Look("best child", style.VERMILLION, "s", "--"),
    "top_mean": style.Look("mean of the best quarter", style.ORANGE, "D", "--"),
    "weighted_mean": style.Look("mean weighted by fitness", style.PURPLE, "P", "--"),
    "es_step": style.Look("step along ranks", style.BLACK, "v", "--"),
    "weight_average": style.Look("mean of all weights", style.GREEN, "^", "--"),
    "ensemble": style.Look("ensemble of all", style.BLUE, "o", "-"),
    "ensemble_top": style.Look("ensemble of the best quarter", style.SKY, "p", "-"),
}

DENSITY = "density (share that mutates)"


@figure(
    "figures/subspace/{parent}_damage.svg",
    tables=("subspace",),
    study="mutations",
    category="Subspace evolution",
    labels={"parent": "{parent}", "figure": "damage over sigma and over norm"},
)
def damage(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw the rise of children's mean loss over σ and over σ·√density, a curve a density.

    Raises:
        ValueError: if there are several parents.
    """
    parent = style.one(frame, "parent", "damage of mutations")
    rows = _rise(frame)
    densities = style.densities(rows)
    colors = style.density_colors(densities)
    with style.panels(path, 2, width=3.4) as figure:
        panels = list(figure.subplots(1, 2, sharey=True))
        for panel, column, label in zip(
            panels, ("std", "norm"), ("σ (std of a mutated entry)", "σ · √density (norm)"), strict=True
        ):
            for density in densities:
                own = rows[rows["density"] == density]
                style.curve(panel, column, own, style.Look(f"{density:g}", colors[density], "o", "-"))
            panel.set_xscale("log")
            panel.set_yscale("symlog", linthresh=_linear(rows))
            panel.set_xlabel(label)
        panels[0].set_ylabel("held-out loss of children − parent's")
        style.density_bar(figure, panels, densities)
        figure.suptitle(f"{parent}: damage of mutations, {style.seeds_of(rows)}")
    return figure


@figure(
    "figures/subspace/{parent}_variance.svg",
    tables=("subspace",),
    study="mutations",
    category="Subspace evolution",
    labels={"parent": "{parent}", "figure": "spread at equal norm"},
)
def variance(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw the std of children's losses over density at equal norm, a panel a norm.

    Raises:
        ValueError: if there are several parents or nothing was norm-matched.
    """
    parent = style.one(frame, "parent", "spread of mutations")
    rows = _mutations(frame, "child", "nll_std")
    rows = rows[rows["rule"] == "norm"]
    sigmas = _sigmas(rows, "spread of mutations")
    modes = style.looks(set(rows["mode"]) - {"dense"}, MODES)
    with style.panels(path, len(sigmas)) as figure:
        panels = style.grid(figure, len(sigmas), DENSITY, "std of children's loss", shared=False)
        for panel, sigma in zip(panels, sigmas, strict=True):
            own = rows[rows["sigma"] == sigma]
            for mode, look in modes.items():
                style.curve(panel, "density", own[own["mode"].isin([mode, "dense"])], look)
            style.density_axis(panel, [*rows["density"], 1.0])
            panel.set_title(f"norm {sigma:g}")
        figure.suptitle(f"{parent}: children of one norm")
        style.legend(figure, [look.handle() for look in modes.values()], style.seeds_of(rows))
    return figure


@figure(
    "figures/subspace/{parent}_ensembles.svg",
    tables=("subspace",),
    study="mutations",
    category="Subspace evolution",
    labels={"parent": "{parent}", "figure": "gain over density"},
)
def ensembles(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw the held-out gain over the parent of recombined children and ensembles over density, a panel a mode and norm.

    Raises:
        ValueError: if there are several parents or nothing was norm-matched.
    """
    parent = style.one(frame, "parent", "worth of children")
    rows = pd.concat([_gain(frame, name) for name in (*CANDIDATES, "parent_scaled")], ignore_index=True)
    sigmas = _sigmas(rows, "worth of children")
    modes = style.looks(set(rows["mode"]) - {"dense"}, MODES) or {"dense": MODES["dense"]}
    with style.panels(path, 3 * len(modes)) as figure:
        axes = figure.subplots(len(modes), len(sigmas), sharex=True, sharey="row", squeeze=False)
        for (mode, words), line in zip(modes.items(), axes, strict=True):
            for panel, sigma in zip(line, sigmas, strict=True):
                own = rows[(rows["sigma"] == sigma) & rows["mode"].isin([mode, "dense"])]
                for place, (name, look) in enumerate(CANDIDATES.items()):
                    # Side by side, or their intervals would hide one another.
                    shift = 1 + 0.03 * (place - len(CANDIDATES) / 2)
                    style.curve(panel, "density", own[own["candidate"] == name], look, shift=shift)
                scaled = own[own["candidate"] == "parent_scaled"]["value"].mean()
                style.level_line(panel, scaled, "the parent with a temperature")
                panel.set_yscale("symlog", linthresh=_linear(own))
                style.density_axis(panel, [*rows["density"], 1.0])
                panel.set_title(f"{words.label}, norm {sigma:g}")
            line[0].set_ylabel("gain in held-out loss")
        for panel in axes[-1]:
            panel.set_xlabel(DENSITY)
        figure.suptitle(f"{parent}: what children are worth")
        handles = [*(look.handle() for look in CANDIDATES.values())]
        handles.append(Line2D([], [], **style.REFERENCE, label="the parent with a temperature"))
        style.legend(figure, handles, style.seeds_of(rows))
    return figure


@figure(
    "figures/subspace/{parent}_gradients.svg",
    tables=("subspace",),
    study="gradients",
    category="Subspace evolution",
    labels={"parent": "{parent}", "figure": "cosine to the gradient"},
)
def gradients(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw the cosine of the estimated to the true gradient over evaluations, a panel a density, theory dotted.

    Raises:
        ValueError: if there are several parents.
    """
    parent = style.one(frame, "parent", "estimate of the gradient")
    rows = frame[(frame["study"] == "gradients") & (frame["metric"] == "cosine")]
    sparse = [density for density in style.densities(rows) if density < 1] or [1.0]
    modes = style.looks(rows["mode"], MODES)
    with style.panels(path, len(sparse)) as figure:
        panels = style.grid(figure, len(sparse), "evaluations", "cosine to the gradient")
        for panel, density in zip(panels, sparse, strict=True):
            own = rows[rows["density"].isin([density, 1.0])]
            for mode, look in modes.items():
                found = own[(own["mode"] == mode) & (own["candidate"] == "estimate")]
                expected = own[(own["mode"] == mode) & (own["candidate"] == "theory")].groupby("step")["value"].mean()
                if len(found):
                    style.curve(panel, "step", found, look, shift=1.0)
                    panel.plot(expected.index, expected, color=look.color, linewidth=0.8, linestyle=(0, (1, 2)))
            panel.set_xscale("log")
            style.plain_ticks(panel.xaxis, sorted(rows["step"].unique()))
            panel.set_title(f"density {density:g}")
        figure.suptitle(f"{parent}: what a search sees of the gradient (dotted: theory)")
        style.legend(figure, [look.handle() for look in modes.values()], style.seeds_of(rows))
    return figure


@figure(
    "figures/subspace/{parent}_generations.svg",
    tables=("subspace",),
    study="generations",
    category="Subspace evolution",
    labels={"parent": "{parent}", "figure": "learning and forgetting"},
)
def generations(frame: pd.DataFrame, path: str | Path) -> Figure:
    """Draw the rise of the loss on shifted and original held-out images over generations, a column a shift and decay.

    The rise is from the first generation of the same seed, so that what parents differ by from the start is no spread.

    Raises:
        ValueError: if there are several parents.
    """
    parent = style.one(frame, "parent", "course of generations")
    rows = frame[(frame["study"] == "generations") & (frame["metric"] == "nll")].sort_values("step")
    courses = rows.groupby(["mode", "density", "rule", "sigma", "shift", "decay", "seed", "split"])["value"]
    rows = rows.assign(value=rows["value"] - courses.transform("first"))
    columns = sorted(set(zip(rows["shift"], rows["decay"], strict=True)))
    lines = sorted(set(zip(rows["mode"], rows["density"], strict=True)), key=lambda line: (-line[1], line[0]))
    colors = style.density_colors(style.densities(rows))
    looks = {
        (mode, density): style.Look(
            "dense" if mode == "dense" else f"{MODES[mode].label}, {density:g}",
            style.BLACK if mode == "dense" else colors[density], MODES[mode].marker, MODES[mode].line,
        )
        for mode, density in lines
    }  # fmt: skip
    with style.panels(path, 2 * len(columns), width=3.2) as figure:
        axes = figure.subplots(2, len(columns), sharex=True, sharey="row", squeeze=False)
        for (split, words), line in zip({"test": "shifted", "original": "original"}.items(), axes, strict=True):
            for panel, (shift, decay) in zip(line, columns, strict=True):
                own = rows[(rows["split"] == split) & (rows["shift"] == shift) & (rows["decay"] == decay)]
                for (mode, density), look in looks.items():
                    found = own[(own["mode"] == mode) & (own["density"] == density)]
                    if len(found):
                        style.curve(panel, "step", found, look)
                if split == "test":
                    panel.set_title(f"{shift}, decay {decay:g}")
            line[0].set_ylabel(f"rise of loss, {words} images")
        for panel in axes[-1]:
            panel.set_xlabel("generation")
        figure.suptitle(f"{parent}: learning a shifted task, forgetting the original")
        style.legend(figure, [look.handle() for look in looks.values()], style.seeds_of(rows))
    return figure


def _mutations(frame: pd.DataFrame, candidate: str, metric: str) -> pd.DataFrame:
    chosen = (frame["study"] == "mutations") & (frame["split"] == "test") & (frame["metric"] == metric)
    return frame[chosen & (frame["candidate"] == candidate)]


def _sigmas(rows: pd.DataFrame, what: str) -> list[float]:
    """Return the norms that were matched, three at most: the ends and the middle."""
    sigmas = sorted(rows[rows["rule"] == "norm"]["sigma"].unique())
    if not sigmas:
        raise ValueError(f"the {what} compares mutations of one norm, but the table has none: add the rule norm")
    return sigmas if len(sigmas) <= 3 else [sigmas[0], sigmas[len(sigmas) // 2], sigmas[-1]]


def _gain(frame: pd.DataFrame, candidate: str) -> pd.DataFrame:
    """Return the parent's held-out loss minus a candidate's, at equal norm."""
    keys = ["mode", "density", "rule", "sigma", "seed"]
    own, parent = (_mutations(frame, name, "nll") for name in (candidate, "parent"))
    joined = own[own["rule"] == "norm"].merge(parent[[*keys, "value"]], on=keys, suffixes=("", "_parent"))
    return joined.assign(value=joined["value_parent"] - joined["value"])


def _rise(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rise of children's loss with the std of entries and the norm; fresh masks, and rules that say both."""
    keys = ["mode", "density", "rule", "sigma", "seed"]
    own, parent = (_mutations(frame, name, "nll") for name in ("child", "parent"))
    own = own[own["mode"].isin(["dense", "bernoulli"]) & own["rule"].isin(["absolute", "norm"])]
    joined = own.merge(parent[[*keys, "value"]], on=keys, suffixes=("", "_parent"))
    root = np.sqrt(joined["density"])
    std = joined["sigma"] / root.where(joined["rule"] == "norm", 1.0)
    rows = joined.assign(value=joined["value"] - joined["value_parent"], std=std.round(12), norm=(std * root).round(12))
    # Two rules may ask for the same mutation.
    return rows.drop_duplicates(["density", "std", "seed"])


def _linear(rows: pd.DataFrame) -> float:
    """Return below which value an axis is linear: a thirtieth of the largest."""
    return max(float(rows["value"].abs().max()) / 30, 1e-6)
