"""Figures show the numbers of their tables, look the same everywhere, and come out the same byte for byte."""

import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib
import numpy as np
import pandas as pd
import pytest
from docutils.core import publish_string
from jinja2 import StrictUndefined, Template
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from evotickets import statistics
from evotickets.figures import claims, style
from evotickets.systems import registry
from evotickets.systems.hybrid import figures as hybrid_figures
from evotickets.systems.hybrid import speech_figures
from evotickets.systems.planting import figures as planting_figures
from evotickets.systems.strong import figures as strong_figures
from evotickets.systems.subspace import figures as subspace_figures
from evotickets.systems.subspace import tuning_figures
from evotickets.systems.tickets import figures as tickets_figures
from evotickets.systems.tickets import landscape_figures
from tests import offspring as offspring

DENSITIES = [1.0, 0.3, 0.1, 0.02]
ROOT = Path(__file__).parents[2]
CAPTIONS = [*(ROOT / "src").rglob("captions/*.rst"), *(ROOT / "workflow/report").glob("*.rst")]


def score(trainer: str, criterion: str, density: float, seed: int) -> float:
    return 0.9 - 0.01 * len(trainer) - 0.02 * len(criterion) * (1 - density) + 0.001 * seed


def score_table(chains: dict[str, list[str]], seeds: int = 3) -> pd.DataFrame:
    """Score rows in an unhelpful order, with the rows that a figure of test scores must leave out."""
    rows = [
        {"system": "tickets", "task": "digits", "trainer": trainer, "criterion": criterion, "level": level}
        | {"density": density, "seed": seed, "split": split, "metric": metric}
        | {"value": score(trainer, criterion, density, seed) if (split, metric) == ("test", "accuracy") else -99.0}
        for trainer, criteria in chains.items()
        for criterion in criteria
        for level, density in enumerate(DENSITIES)
        for seed in range(seeds)
        for split in ("train", "validation", "test")
        for metric in ("accuracy", "loss")
    ]
    return pd.DataFrame(rows).sample(frac=1, random_state=0)


def history_table() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"step": step, "seed": seed, "split": split, "metric": metric, "level": level, "density": density}
            | {"value": density * step + seed if (split, metric) == ("validation", "return") else -99.0}
            for level, density in enumerate(DENSITIES)
            for step in (0, 10, 20)
            for seed in range(2)
            for split in ("train", "validation")
            for metric in ("return", "loss")
        ]
    )


def layer_table() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"level": level, "density": density, "layer": layer, "seed": seed, "layer_density": density**power}
            for level, density in enumerate(DENSITIES)
            for layer, power in (("dense2", 0.5), ("dense1", 1.1))
            for seed in range(2)
        ]
    )


def pair_table(column: str, names: list[str], seeds: int = 3) -> pd.DataFrame:
    """Rows of two pairs over density, the second pair a hundred times the first."""
    return pd.DataFrame(
        [
            {"pair": pair, column: name, "density": density, "seed": seed, "split": "test", "metric": "accuracy"}
            | {"value": scale * (0.1 * rank + 0.2 * density + 0.01 * seed)}
            for pair, scale in (("b → a", 0.01), ("a → b", 1.0))
            for rank, name in enumerate(names, 1)
            for density in DENSITIES
            for seed in range(seeds)
        ]
    )


def barrier_table(trainers: tuple[str, ...] = ("snes", "adam"), **more) -> pd.DataFrame:
    """Barriers of the test error on one task, and the rows that a figure of them must leave out."""
    rows = pair_table("trainer", list(trainers)).assign(task="digits", metric="error", **more)
    return pd.concat([rows, rows.assign(split="train", value=-99.0), rows.assign(metric="loss", value=-99.0)])


def ratio_table() -> pd.DataFrame:
    rows = pair_table("trainer", ["snes", "pgpe"]).query("pair == 'a → b'").drop(columns=["pair", "split", "metric"])
    return rows.assign(task="digits")


def transfer_tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of a task's own chains, and of tickets of two trainers that were transferred to it, .2 and .3 lower."""
    own = score_table({"snes": ["snr", "random"], "adam": ["magnitude", "random"]})
    moved = own[own["criterion"] != "random"].assign(source_task="fashion", source_criterion="snr")
    moved = moved.assign(source_trainer="pgpe", value=moved["value"] - np.where(moved["trainer"] == "snes", 0.2, 0.3))
    return own, moved.assign(criterion="transferred")


def line_table() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"pair": pair, "density": density, "alpha": alpha, "seed": seed, "split": "test", "metric": "error"}
            | {"value": density + alpha * (1 - alpha) * top + 0.01 * seed}
            for pair, top in (("level and next", 0.1), ("other noise", 1.0))
            for density in DENSITIES
            for alpha in np.linspace(0, 1, 5)
            for seed in range(3)
        ]
    )


def noise_table() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"trainer": trainer, "density": density, "epsilon": epsilon, "seed": seed, "split": "test"}
            | {"metric": "accuracy", "value": 0.9 * density ** (0.1 * epsilon * rank) - 0.001 * seed}
            for rank, trainer in enumerate(("snes", "adam"))
            for density in (1.0, 0.1)
            for epsilon in (0.0, 0.5, 1.0)
            for seed in range(3)
        ]
    )


def diversity_table(seeds: int = 4) -> pd.DataFrame:
    """The mean over all pairs of four seeds is 3 + density, of the second trainer 6 + density."""
    return pd.DataFrame(
        [
            {"trainer": trainer, "density": density, "measure": measure, "seed": first, "other": second}
            | {"value": scale * (rank * (first + second) + density)}
            for rank, trainer in enumerate(("snes", "adam"), 1)
            for density in (1.0, 0.1)
            for measure, scale in (("cosine", 1.0), ("distance", 100.0))
            for first in range(seeds)
            for second in range(first + 1, seeds)
        ]
    )


def claim_table() -> pd.DataFrame:
    return pd.DataFrame(
        [
            ("C1", "Tickets beat random ones.", 0.2, 0.1, 0.3, "supported", 5, "accuracy"),
            (
                "C2",
                "A long statement that must be broken into several lines, " * 2,
                -0.2,
                -0.3,
                -0.1,
                "contradicted",
                5,
                "log of a ratio",
            ),
            ("C3", "Nobody knows.", 0.01, -0.1, 0.2, "undecided", 5, "accuracy"),
            ("C4", "Nobody asked.", np.nan, np.nan, np.nan, "not asked", 0, "accuracy"),
        ],
        columns=["claim", "statement", "effect", "low", "high", "verdict", "n", "unit"],
    ).assign(system="tickets")


def planting_table(families: tuple[str, ...] = ("circle",)) -> pd.DataFrame:
    """Cells of two depths: every seeker at two densities, the dense network and the planted ticket."""
    cells = [(seeker, cell, d) for seeker in ("random", "imp") for cell, d in (("ticket", 0.05), ("0.3", 0.3))]
    cells += [("dense", "1", 1.0), ("planted", "ticket", 0.05)]
    measures = {"weak_accuracy": 0.4, "strong_accuracy": 0.2, "baseline_accuracy": 0.1}
    rows = []
    for depth in (2, 3):
        for seeker, cell, density in cells:
            at = {"target": families[0], "depth": depth, "seeker": seeker, "asked": cell, "density": density}
            for seed in range(3):
                own = [("test", m, 0, value + 0.3 * density + 0.01 * seed) for m, value in measures.items()]
                lost = {"collapsed": 1, "severed": 2} if seeker == "random" else {"collapsed": 0, "severed": 0}
                own += [("mask", m, 0, float(seed < count)) for m, count in lost.items()]
                own += [("recovery", "recall", layer, 0.1 * layer + 0.01 * seed) for layer in range(depth + 1)]
                own += [("recovery", "chance_recall", layer, 0.2 * layer) for layer in range(depth + 1)]
                if seeker == "planted":
                    own += [
                        ("visibility", m, 0, depth + x) for x, m in enumerate(("share", "chance", "largest", "rest"))
                    ]
                rows += [at | {"seed": seed, "split": s, "metric": m, "layer": x, "value": v} for s, m, x, v in own]
    return pd.DataFrame(rows)


def strong_table(families: tuple[str, ...] = ("moons",)) -> pd.DataFrame:
    """Two tasks: the dense network, and two seekers in every state, whose leak is worth .02 and .03."""
    rows = []
    for task in ("moons_a", "moons_b"):
        for seeker, leak in (("genetic", 0.02), ("edge_popup", 0.03), ("dense", 0.0)):
            for state in ("found", "pruned", "leaked") if leak else ("found",):
                at = {
                    "task": task,
                    "family": families[-1 if task == "moons_b" else 0],
                    "seeker": seeker,
                    "state": state,
                }
                density = {"found": 0.4, "pruned": 0.2, "leaked": 0.3}[state] if leak else 1.0
                for seed in range(3):
                    value = 0.9 + (leak if state == "leaked" else 0) + 0.01 * seed
                    own = {"density": density, "seed": seed, "metric": "accuracy"}
                    rows += [at | own | {"split": "test", "value": value}, at | own | {"split": "train", "value": 0.0}]
    return pd.DataFrame(rows)


def strong_history() -> pd.DataFrame:
    """Searches of three seeds, of which the second ends early."""
    rows = []
    for seeker, steps in (("genetic", (100, 200, 400)), ("random_search", (100, 400))):
        at = {"task": "moons_a", "family": "moons", "seeker": seeker, "split": "train"}
        for seed in range(3):
            for index, step in enumerate(steps[:2] if seed == 1 else steps):
                own = at | {"seed": seed, "step": step}
                rows += [
                    own | {"metric": "loss", "value": 0.5 - 0.1 * index},
                    own | {"metric": "density", "value": 0.5},
                ]
    return pd.DataFrame(rows)


def strong_plane() -> tuple:
    """Samples of two classes, and classifiers: one is right on all, one on half of them."""
    x = np.random.default_rng(0).uniform(-1, 1, (400, 2))
    right, constant = (lambda x: (x[:, 0] > 0).astype(int)), (lambda x: np.zeros(len(x), int))
    return x, right(x), {"genetic": right, "edge_popup": constant}, {"genetic": 0.25, "edge_popup": 0.5}


def sparse_table(tasks: tuple[str, ...] = ("digits",)) -> pd.DataFrame:
    """Cells of hybrid training: two methods at two densities, a dense one; two scores each."""
    cells = [(method, density) for method in ("set", "hybrid") for density in (0.5, 0.1)] + [("dense", 1.0)]
    rows = []
    for task in tasks:
        for method, density in cells:
            for step in (10, 20):
                for seed in range(3):
                    at = {"task": task, "method": method, "density": density, "step": step, "seed": seed}
                    at |= {"layer_densities": "whole" if density == 1 else "erk"}
                    scored = 0.5 + 0.2 * density + 0.01 * step + 0.01 * seed + 0.05 * (method == "hybrid")
                    own = {"test/accuracy": scored, "validation/accuracy": -99.0, "mask/churn": 0.5 - 0.02 * step}
                    own |= {"cost/passes": step * (600.0 if method == "hybrid" else 300.0)}
                    for name, value in own.items():
                        split, metric = name.split("/")
                        rows.append(at | {"split": split, "metric": metric, "value": value})
    return pd.DataFrame(rows).sample(frac=1, random_state=0)


SPEAKING = {name: {"method": name, "mask_rate": 1.0, "block": [4, 4]} for name in ("set", "hybrid")}
SPEAKING["dense"] = {"method": "dense"}


def choice_table() -> pd.DataFrame:
    """Two methods that chose among three rates; .3 is the best of one, .1 that of the other."""
    return pd.DataFrame(
        [
            {"task": "digits", "layer_densities": "erk", "method": method, "density": 0.1, "candidate": place}
            | {"options": "{}", "learning_rate": rate, "seed": seed, "loss": 1.0, "chosen": rate == best}
            | {"accuracy": 0.9 - abs(np.log10(rate / best)) / 10 + 0.01 * seed}
            for method, best in (("hybrid", 0.3), ("static", 0.1))
            for place, rate in enumerate((0.03, 0.1, 0.3))
            for seed in range(2)
        ]
    )


def effect_table() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"task": "digits", "method": "hybrid", "density": density, "weights": 1000, "population": population}
            | {"seed": seed, "value": 0.1 * np.log10(population) + density + 0.01 * seed}
            for density in (0.5, 0.1)
            for population in (10, 100, 1000)
            for seed in range(3)
        ]
    )


def part_times() -> dict[str, np.ndarray]:
    means = {"step": 52, "plain": 50, "gradients": 40, "sampling": 4, "selection": 2, "reduction": 1}
    return {part: mean + np.array([-0.1, 0, 0.1]) for part, mean in means.items()}


def planted_masks() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """A planted network of three edges; of these two are found, and one edge that is not planted."""
    planted = [np.array([[1, 0], [0, 1]], bool), np.array([[1], [0]], bool)]
    found = [np.array([[1, 1], [0, 0]], bool), np.array([[1], [0]], bool)]
    return planted, found


def weights(count: int = 500) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return np.abs(rng.normal(0, 0.1, count)), np.exp(rng.normal(-3, 0.5, count))


def curves(axes) -> dict[str, np.ndarray]:
    """Lines that have a name, [2, points] by label."""
    return {line.get_label(): np.array(line.get_data()) for line in axes.get_lines() if line.get_label()[0] != "_"}


STANDING = {"snes": "snr", "adam": "magnitude"}
"""The criterion that stands for each trainer."""


def on_one_task(frame: pd.DataFrame, **more) -> pd.DataFrame:
    return frame.assign(task="digits", **more)


@cache
def drawings() -> dict[tuple[str, str], Callable]:
    """Every figure by system and name, with all that it is drawn from but a path."""
    scores = score_table({"snes": ["snr", "random"], "adam": ["magnitude"]})
    magnitude, std = weights()
    planted, found = planted_masks()
    objectives = dict.fromkeys(("genetic", "random_search"), "accuracy")
    x, y, classifiers, densities = strong_plane()
    of = {
        "tickets": {
            "performance": lambda path: tickets_figures.performance(scores, path),
            "strategies": lambda path: tickets_figures.strategies(scores, path, standing=STANDING),
            "training_curves": lambda path: tickets_figures.training_curves(history_table(), path),
            "transfer_training": lambda path: tickets_figures.transfer_training(history_table(), path),
            "layer_densities": lambda path: tickets_figures.layer_densities(layer_table(), path),
            "snr_against_magnitude": lambda path: tickets_figures.snr_against_magnitude(
                magnitude, std, magnitude > 0.1, path
            ),
            "transfer": lambda path: landscape_figures.transfer(*transfer_tables(), path, standing=STANDING),
            "barriers": lambda path: landscape_figures.barriers(barrier_table(), path),
            "interpolation": lambda path: landscape_figures.interpolation(line_table(), path),
            "flatness": lambda path: landscape_figures.flatness(on_one_task(noise_table()), path),
            "diversity": lambda path: landscape_figures.diversity(on_one_task(diversity_table()), path),
            "snr_correlation": lambda path: landscape_figures.snr_correlation(ratio_table(), path),
        },
        "planting": {
            "quality": lambda path: planting_figures.quality(planting_table(), path),
            "recovery": lambda path: planting_figures.recovery(planting_table(), path),
            "collapse": lambda path: planting_figures.collapse(planting_table(), path),
            "visibility": lambda path: planting_figures.visibility(planting_table(), path),
            "planted_networks": lambda path: planting_figures.planted_networks(planted, {"imp": found}, path),
        },
        "strong": {
            "fronts": lambda path: strong_figures.fronts(strong_table(), path),
            "progress": lambda path: strong_figures.progress(
                strong_history(), path, family="moons", objectives=objectives
            ),
            "leak": lambda path: strong_figures.leak(strong_table(), path),
            "boundaries": lambda path: strong_figures.boundaries(
                x, y, classifiers, densities, path, "moons_a", points=20
            ),
        },
        "hybrid": {
            "performance": lambda path: hybrid_figures.performance(sparse_table(), path),
            "cost": lambda path: hybrid_figures.cost(sparse_table(), path),
            "churn": lambda path: hybrid_figures.churn(sparse_table(), path),
            "choices": lambda path: hybrid_figures.choices(choice_table(), path),
            "effects": lambda path: hybrid_figures.effects(effect_table(), path),
            "overhead": lambda path: hybrid_figures.overhead(part_times(), 8, path),
            "bits": lambda path: speech_figures.bits(
                sparse_table().replace({"accuracy": "bits"}), path, methods=SPEAKING
            ),
            "spectrograms": lambda path: speech_figures.spectrograms(
                [np.sin(np.arange(n) / 3) for n in (2000, 3000)],
                [None, {"method": "dense", "density": "1"}],
                "A tone.",
                path,
            ),
        },
        "subspace": {
            name: partial(getattr(subspace_figures, name), offspring.table())
            for name in ("damage", "variance", "ensembles", "gradients", "generations")
        }
        | {"tuning": partial(tuning_figures.tuning, offspring.tuned())},
        "all": {"claims": lambda path: claims.claims(claim_table(), path)},
    }
    return {(system, name): drawing for system, figures in of.items() for name, drawing in figures.items()}


def draw(name: str, path: Path, system: str = "tickets"):
    """Draw any figure on a small table."""
    return drawings()[system, name](path)


@cache
def drawn(name: str, system: str, suffix: str) -> tuple[Figure, bytes]:
    """Draw any figure once; return it with what its file holds."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"a.{suffix}"
        return draw(name, path, system), path.read_bytes()


def test_performance_has_a_panel_per_trainer_and_a_line_per_criterion(tmp_path):
    chains = {"adam": ["magnitude"], "snes": ["snr", "random"], "pgpe": ["snr"], "sep_cma_es": ["magnitude", "snr"]}
    figure = tickets_figures.performance(score_table(chains), tmp_path / "a.svg")
    assert [axes.get_title() for axes in figure.axes] == ["SNES", "Sep-CMA-ES", "PGPE", "Adam"]
    for axes, trainer in zip(figure.axes, ("snes", "sep_cma_es", "pgpe", "adam"), strict=True):
        assert set(curves(axes)) == {"dense"} | {style.CRITERIA[criterion].label for criterion in chains[trainer]}
    x, y = curves(figure.axes[0])["random"]
    np.testing.assert_array_equal(x, sorted(DENSITIES))
    np.testing.assert_allclose(y, [score("snes", "random", d, 1) for d in sorted(DENSITIES)])


def test_performance_shows_the_interval_of_the_statistics(tmp_path):
    figure = tickets_figures.performance(score_table({"snes": ["snr"]}), tmp_path / "a.svg")
    (band,) = figure.axes[0].collections
    vertices = band.get_paths()[0].vertices
    _, low, high = statistics.interval([score("snes", "snr", 0.1, seed) for seed in range(3)])
    at = vertices[np.isclose(vertices[:, 0], 0.1), 1]
    np.testing.assert_allclose([at.min(), at.max()], [low, high])


def test_performance_rings_the_matching_density(tmp_path):
    table = score_table({"snes": ["snr", "random"]})
    flat = table["criterion"].eq("snr") & table["density"].ge(0.1) & table["split"].eq("test")
    table.loc[flat & table["metric"].eq("accuracy"), "value"] = 0.9 + 0.001 * table["seed"]
    (axes,) = tickets_figures.performance(table, tmp_path / "a.svg").axes
    rings = [line for line in axes.get_lines() if line.get_fillstyle() == "none"]
    # Three seeds .001 apart have a standard error of .0006: snr matches to .1, random nowhere below the dense level.
    assert [(line.get_xdata()[0], line.get_color()) for line in rings] == [(0.1, style.BLUE), (1.0, style.GREY)]
    assert rings[0].get_ydata()[0] == pytest.approx(0.901)


def test_performance_marks_the_dense_level(tmp_path):
    figure = tickets_figures.performance(score_table({"snes": ["snr", "random"]}), tmp_path / "a.svg")
    np.testing.assert_allclose(curves(figure.axes[0])["dense"][1], score("snes", "snr", 1.0, 1))


def test_the_dense_network_stands_at_the_left_of_a_logarithmic_axis(tmp_path):
    axes = tickets_figures.performance(score_table({"snes": ["snr"]}), tmp_path / "a.svg").axes[0]
    assert axes.get_xscale() == "log"
    assert axes.get_xlim()[0] > 1 > 0.02 > axes.get_xlim()[1] > 0
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.02", "0.05", "0.1", "0.2", "0.5", "1"]


def test_many_decades_of_density_are_labelled_at_powers_of_ten():
    assert style.decades(1e-4 / 1.12) == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1])


def test_one_seed_has_a_line_and_no_band(tmp_path):
    figure = tickets_figures.performance(score_table({"snes": ["snr"]}, seeds=1), tmp_path / "a.svg")
    assert np.isfinite(curves(figure.axes[0])["signal-to-noise ratio"]).all()
    assert not sum(len(path.vertices) for band in figure.axes[0].collections for path in band.get_paths())
    assert figure.legends[0].get_title().get_text() == "one seed"


@pytest.mark.parametrize("broken", [np.nan, -np.inf])
@pytest.mark.parametrize("densities", [[0.02], DENSITIES])
def test_a_broken_score_leaves_a_gap_and_no_crash(tmp_path, broken, densities):
    frame = score_table({"snes": ["snr"]})
    frame.loc[frame["density"].isin(densities) & (frame["seed"] == 0), "value"] = broken
    axes = tickets_figures.performance(frame, tmp_path / "a.svg").axes[0]
    assert np.isfinite(axes.get_ylim()).all()
    finite = np.isfinite(curves(axes)["signal-to-noise ratio"][1])
    assert finite.sum() == len(DENSITIES) - len(densities)


def test_a_wide_interval_does_not_squeeze_the_means(tmp_path):
    frame = score_table({"snes": ["snr"]}, seeds=2)
    frame.loc[(frame["density"] == 0.02) & (frame["split"] == "test") & (frame["seed"] == 1), "value"] += 0.05
    bottom, top = tickets_figures.performance(frame, tmp_path / "a.svg").axes[0].get_ylim()
    means = frame[(frame["split"] == "test") & (frame["metric"] == "accuracy")].groupby("density")["value"].mean()
    assert top - bottom < 1.8 * (means.max() - means.min())
    assert bottom < means.min() < means.max() < top


def test_strategies_compares_all_trainers_in_one_panel(tmp_path):
    chains = {"adam": ["magnitude", "random"], "snes": ["snr", "magnitude"]}
    figure = tickets_figures.strategies(score_table(chains), tmp_path / "a.svg", standing=STANDING)
    (axes,) = figure.axes
    lines = curves(axes)
    assert list(lines) == ["SNES (snr)", "Adam (magnitude)"]
    x, y = lines["Adam (magnitude)"]
    np.testing.assert_allclose(y, [score("adam", "magnitude", d, 1) for d in sorted(DENSITIES)])
    np.testing.assert_allclose(x, sorted(DENSITIES), rtol=0.02)
    assert (x < lines["SNES (snr)"][0]).all(), "error bars of two trainers must not cover each other"


@pytest.mark.parametrize("column", ["task", "metric"])
def test_performance_refuses_a_mixture(tmp_path, column):
    frame = score_table({"snes": ["snr"]})
    other = {"task": "mnist", "metric": "return"}[column]
    with pytest.raises(ValueError, match=f"shows one {column}"):
        tickets_figures.performance(pd.concat([frame, frame.assign(**{column: other})]), tmp_path / "a.svg")


def test_a_table_without_test_scores_is_refused(tmp_path):
    frame = score_table({"snes": ["snr"]})
    with pytest.raises(ValueError, match="has none"):
        tickets_figures.performance(frame[frame["split"] == "train"], tmp_path / "a.svg")


@pytest.mark.parametrize("count", [1, 4, 11])
def test_a_legend_stays_on_the_sheet_and_takes_no_room_from_panels(tmp_path, count):
    handles = [
        style.Look(f"what the {index}th seeker of tickets is called", style.BLUE, "o", "-").handle()
        for index in range(count)
    ]
    with style.panels(tmp_path / "legend.svg", 1) as figure:
        (panel,) = style.grid(figure, 1, "x", "y")
        style.legend(figure, handles, "mean and 95 % interval over 5 seeds")
    figure.draw_without_rendering()
    extent = figure.legends[0].get_window_extent()
    assert len(figure.legends) == 1
    assert extent.x0 >= 0
    assert extent.x1 <= figure.bbox.x1
    assert panel.get_window_extent().height > 1.5 * figure.dpi


def test_a_label_wider_than_the_sheet_keeps_its_legend(tmp_path):
    with style.panels(tmp_path / "legend.svg", 1) as figure:
        style.grid(figure, 1, "x", "y")
        style.legend(figure, [style.Look("a seeker " * 20, style.BLUE, "o", "-").handle()])
    assert len(figure.legends) == 1


def test_training_curves_have_a_line_per_level_coloured_by_density(tmp_path):
    figure = tickets_figures.training_curves(history_table(), tmp_path / "a.svg", "CartPole, SNES", "generation")
    axes, bar = figure.axes
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == (
        "CartPole, SNES",
        "generation",
        "validation return",
    )
    for density in DENSITIES:
        x, y = curves(axes)[f"{density:g}"]
        np.testing.assert_array_equal(x, [0, 10, 20])
        np.testing.assert_allclose(y, density * x + 0.5)
    luminance = [np.dot(to_rgb(line.get_color()), (0.2126, 0.7152, 0.0722)) for line in axes.get_lines()]
    assert luminance == sorted(luminance, reverse=True), "densities must be in order in greyscale too"
    assert [label.get_text() for label in bar.get_yticklabels()] == ["1", "0.3", "0.1", "0.02"]


def test_a_single_level_has_a_training_curve(tmp_path):
    history = history_table()
    figure = tickets_figures.training_curves(history[history["density"] == 1], tmp_path / "a.svg")
    assert list(curves(figure.axes[0])) == ["1"]


def test_layer_densities_keep_the_order_of_the_network(tmp_path):
    lines = curves(tickets_figures.layer_densities(layer_table(), tmp_path / "a.svg").axes[0])
    assert list(lines) == ["uniform", "dense2", "dense1"]
    np.testing.assert_allclose(lines["dense1"][1], np.array(sorted(DENSITIES)) ** 1.1)
    np.testing.assert_array_equal(*lines["uniform"])


@pytest.mark.parametrize("criterion", ["snr", "magnitude"])
def test_the_cut_is_drawn_between_kept_and_cut(tmp_path, criterion):
    magnitude, std = weights()
    values = magnitude / std if criterion == "snr" else magnitude
    kept = values >= np.sort(values)[200]
    figure = tickets_figures.snr_against_magnitude(magnitude, std, kept, tmp_path / "a.svg")
    (line,) = figure.axes[0].get_lines()
    level = line.get_ydata() if criterion == "snr" else line.get_xdata()
    assert values[~kept].max() < level[0] == level[1] < values[kept].min()
    assert [text.get_text() for text in figure.legends[0].get_texts()[:2]] == ["cut (200)", "kept (300)"]


def test_a_random_cut_has_no_threshold(tmp_path):
    magnitude, std = weights()
    kept = np.random.default_rng(1).random(500) < 0.5
    assert not tickets_figures.snr_against_magnitude(magnitude, std, kept, tmp_path / "a.svg").axes[0].get_lines()


def test_a_scalar_std_cuts_alike_by_both_criteria(tmp_path):
    magnitude, _ = weights()
    figure = tickets_figures.snr_against_magnitude(magnitude, np.full(500, 0.1), magnitude > 0.05, tmp_path / "a.svg")
    assert len(figure.axes[0].get_lines()) == 2


def test_zeros_are_drawn_at_the_edge_and_counted(tmp_path):
    magnitude, std = weights()
    magnitude[:7] = 0
    figure = tickets_figures.snr_against_magnitude(magnitude, std, magnitude > 0.1, tmp_path / "a.svg")
    points = np.concatenate([scatter.get_offsets() for scatter in figure.axes[0].collections])
    assert len(points) == 500
    assert (points > 0).all()
    low = points.min(axis=0)
    assert (points[(points == low).all(axis=1)] == low).all()
    assert np.count_nonzero((points == low).all(axis=1)) >= 7


def test_a_large_network_is_subsampled_but_its_threshold_is_exact(tmp_path):
    magnitude, std = weights(100_000)
    figure = tickets_figures.snr_against_magnitude(magnitude, std, magnitude > 0.05, tmp_path / "a.svg")
    assert sum(len(scatter.get_offsets()) for scatter in figure.axes[0].collections) == 20_000
    assert figure.axes[0].get_lines()[0].get_xdata()[0] == pytest.approx(0.05, rel=1e-4)
    assert (tmp_path / "a.svg").stat().st_size < 500_000


def test_transfer_compares_three_tickets_for_each_pair(tmp_path):
    figure = draw("transfer", tmp_path / "a.svg")
    titles = {f"fashion pgpe snr → digits {trainer}": trainer for trainer in ("snes", "adam")}
    assert {axes.get_title() for axes in figure.axes} == set(titles)
    for axes in figure.axes:
        trainer = titles[axes.get_title()]
        lines = curves(axes)
        assert list(lines) == ["the target's own ticket", "transferred ticket", "random"]
        for label, criterion, lost in (
            ("the target's own ticket", STANDING[trainer], 0.0),
            ("transferred ticket", STANDING[trainer], {"snes": 0.2, "adam": 0.3}[trainer]),
            ("random", "random", 0.0),
        ):
            x, y = lines[label]
            np.testing.assert_allclose(y, [score(trainer, criterion, density, 1) - lost for density in x])


def test_barriers_show_the_line_of_stability_on_axes_of_their_own(tmp_path):
    figure = draw("barriers", tmp_path / "a.svg")
    small, large = figure.axes
    assert small.get_ylabel() == "barrier of the test error"
    for axes in (small, large):
        np.testing.assert_array_equal(curves(axes)["connected below 0.02"][1], 0.02)
        assert axes.get_ylim()[0] < 0.02 < axes.get_ylim()[1]
    assert large.get_ylim()[1] > 10 * small.get_ylim()[1]
    x, y = curves(large)["Adam"]
    np.testing.assert_allclose(y, 0.2 + 0.2 * x + 0.01)


def test_the_return_of_a_control_task_has_no_line_of_stability(tmp_path):
    rows = barrier_table().replace({"metric": {"error": "minus_return"}})
    figure = landscape_figures.barriers(rows, tmp_path / "a.svg")
    assert [set(curves(axes)) for axes in figure.axes] == [{"SNES", "Adam"}] * 2


def test_interpolation_marks_the_largest_error_of_each_line(tmp_path):
    figure = draw("interpolation", tmp_path / "a.svg")
    near, far, _ = figure.axes
    assert (near.get_title(), far.get_title(), near.get_ylabel()) == ("level and next", "other noise", "test error")
    for axes, top in ((near, 0.1), (far, 1.0)):
        lines = curves(axes)
        assert list(lines) == ["1", "0.3", "0.1", "0.02"]
        x, y = lines["0.3"]
        np.testing.assert_allclose(y, 0.31 + x * (1 - x) * top)
        dots = [line.get_data() for line in axes.get_lines() if line.get_marker() == "o"]
        np.testing.assert_allclose([[x[0], y[0]] for x, y in dots], [[0.5, d + top / 4 + 0.01] for d in DENSITIES])


def test_flatness_has_a_panel_per_density_and_a_line_per_trainer(tmp_path):
    figure = draw("flatness", tmp_path / "a.svg")
    assert [axes.get_title() for axes in figure.axes] == ["density 1", "density 0.1"]
    x, y = curves(figure.axes[1])["Adam"]
    np.testing.assert_allclose(y, 0.9 * 0.1 ** (0.1 * x) - 0.001)
    assert list(curves(figure.axes[0])) == ["SNES", "Adam"]


def test_diversity_has_a_panel_per_measure_and_the_interval_of_the_jackknife(tmp_path):
    figure = draw("diversity", tmp_path / "a.svg")
    assert [axes.get_title() for axes in figure.axes] == ["cosine", "distance"]
    for axes, scale in zip(figure.axes, (1, 100), strict=True):
        x, y = curves(axes)["Adam"]
        np.testing.assert_allclose(y, scale * (6 + x))
    # first + second = (2 first + 2 second) / 2: the jackknife's values are 2 · 0 … 2 · 3 and the density.
    (band, _) = figure.axes[0].collections
    low, high = statistics.interval([0, 2, 4, 6])[1:]
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((low + 0.1, high + 1))
    assert figure.legends[0].get_title().get_text() == "mean over pairs of 4 seeds and the jackknife's 95 % interval"


def test_diversity_of_two_seeds_has_no_interval(tmp_path):
    figure = landscape_figures.diversity(on_one_task(diversity_table(2)), tmp_path / "a.svg")
    x, y = curves(figure.axes[0])["SNES"]
    np.testing.assert_allclose(y, 1 + x)
    assert figure.legends[0].get_title().get_text() == "mean over pairs of 2 seeds"


def test_snr_correlation_has_a_line_per_trainer(tmp_path):
    (axes,) = draw("snr_correlation", tmp_path / "a.svg").axes
    x, y = curves(axes)["PGPE"]
    np.testing.assert_allclose(y, 0.2 + 0.2 * x + 0.01)


def test_lines_of_one_trainer_are_told_apart_by_criterion(tmp_path):
    table = barrier_table(("snes", "pgpe"), criterion="snr")
    more = table[table["trainer"] == "snes"].assign(criterion="magnitude")
    lines = curves(landscape_figures.barriers(pd.concat([table, more]), tmp_path / "a.svg").axes[0])
    assert set(lines) == {"snes snr", "snes magnitude", "PGPE", "connected below 0.02"}


def test_claims_stand_in_the_order_and_colour_of_their_verdicts_a_panel_for_every_unit(tmp_path):
    figure = claims.claims(claim_table(), tmp_path / "a.svg")
    accuracy, ratio = figure.axes
    assert figure.get_suptitle() == "claims about tickets; 1 not asked"
    assert [axes.get_xlabel() for axes in figure.axes] == ["effect: accuracy", "effect: log of a ratio"]
    labels = [[label.get_text().split(":")[0] for label in axes.get_yticklabels()] for axes in figure.axes]
    assert labels == [["C1", "C3"], ["C2"]]
    assert accuracy.get_ylim()[0] > accuracy.get_ylim()[1], "the first claim stands at the top"
    dots = [[line for line in axes.get_lines() if line.get_marker() not in ("None", "")] for axes in figure.axes]
    assert [[line.get_xdata()[0] for line in panel] for panel in dots] == [[0.2, 0.01], [-0.2]]
    assert [line.get_color() for panel in dots for line in panel] == [style.BLUE, style.GREY, style.VERMILLION]
    assert ratio.get_xlim() != accuracy.get_xlim()


def test_claims_of_which_none_was_asked_say_so(tmp_path):
    table = claim_table()
    figure = claims.claims(table[table["claim"] == "C4"], tmp_path / "a.svg")
    assert not figure.axes
    assert figure.get_suptitle() == "claims about tickets; 1 not asked"


def test_planting_shows_every_seeker_before_and_after_training_with_the_shared_dense_network(tmp_path):
    figure = planting_figures.quality(planting_table(), tmp_path / "a.svg")
    titles = [
        "depth 2, before training",
        "depth 2, after training",
        "depth 3, before training",
        "depth 3, after training",
    ]
    assert [axes.get_title() for axes in figure.axes] == titles
    after = curves(figure.axes[1])
    assert {"random", "magnitude, trained (IMP)", "best constant"} == set(after)
    np.testing.assert_allclose(after["random"], [[0.05, 0.3, 1], [0.425, 0.5, 0.71]])


def test_recovery_is_drawn_layer_by_layer_above_chance(tmp_path):
    figure = planting_figures.recovery(planting_table(), tmp_path / "a.svg")
    assert [axes.get_title() for axes in figure.axes] == ["depth 2", "depth 3"]
    np.testing.assert_allclose(curves(figure.axes[1])["random"], [[1, 2, 3], [0.11, 0.21, 0.31]])


def test_recovery_without_a_seeker_at_ticket_density_shows_the_chance(tmp_path):
    rows = planting_table()
    rows = rows[rows["seeker"].isin(["planted", "dense"]) | (rows["asked"] == "0.3")]
    figure = planting_figures.recovery(rows, tmp_path / "a.svg")
    (line,) = figure.axes[1].get_lines()
    np.testing.assert_allclose(line.get_ydata(), [0.05, 0.05])


def test_visibility_is_drawn_over_depth_beside_chance_and_all_other_weights(tmp_path):
    share, size = planting_figures.visibility(planting_table(), tmp_path / "a.svg").axes
    np.testing.assert_allclose(curves(share)["planted weights"], [[2, 3], [2, 3]])
    np.testing.assert_allclose(curves(share)["all others (left: by chance)"], [[2, 3], [3, 4]])
    np.testing.assert_allclose(curves(size)["planted weights"], [[2, 3], [4, 5]])
    np.testing.assert_allclose(curves(size)["all others (left: by chance)"], [[2, 3], [5, 6]])


def test_collapsed_and_severed_shares_are_written_into_the_map(tmp_path):
    figure = planting_figures.collapse(planting_table(), tmp_path / "a.svg")
    words = {text.get_text() for text in figure.axes[0].texts}
    assert words == {"0.33 (0.67)", "0"}


def test_found_missed_and_false_edges_have_their_colours(tmp_path):
    planted, found = planted_masks()
    figure = planting_figures.planted_networks(planted, {"imp": found}, tmp_path / "a.svg")
    assert [axes.get_title() for axes in figure.axes] == ["planted", "magnitude, trained (IMP): 2 of 3"]
    drawn = {}
    for lines in figure.axes[1].collections:
        if hasattr(lines, "get_segments") and lines.get_segments():
            key = tuple(np.round(lines.get_colors()[0][:3], 2))
            drawn[key] = drawn.get(key, 0) + len(lines.get_segments())
    wanted = {"#0072B2": 2, "#D55E00": 1, "#BBBBBB": 1}
    assert drawn == {tuple(np.round(to_rgb(color), 2)): count for color, count in wanted.items()}


@pytest.mark.parametrize("name", ["quality", "recovery", "collapse", "visibility"])
def test_figures_of_planting_refuse_a_mixture_of_targets(tmp_path, name):
    rows = pd.concat([planting_table(), planting_table(("helix",))])
    with pytest.raises(ValueError, match="shows one target, but the table has circle, helix: select one"):
        getattr(planting_figures, name)(rows, tmp_path / "a.svg")


def test_sparse_accuracy_over_density_is_that_of_the_last_step_beside_the_dense_line(tmp_path):
    (axes,) = hybrid_figures.performance(sparse_table(), tmp_path / "a.svg").axes
    lines = curves(axes)
    assert set(lines) == {"hybrid", "SET", "dense"}
    np.testing.assert_allclose(lines["SET"][0], [0.1, 0.5], rtol=0.01)
    np.testing.assert_allclose(lines["SET"][1], [0.5 + 0.02 + 0.2 + 0.01, 0.5 + 0.1 + 0.2 + 0.01])
    np.testing.assert_allclose(lines["dense"][1], 0.5 + 0.2 + 0.2 + 0.01)


def test_variants_have_a_panel_of_their_own_beside_the_hybrid(tmp_path):
    rows = sparse_table()
    mine = rows[rows["method"] == "set"].assign(method="set_mine")
    axes = hybrid_figures.performance(pd.concat([rows, mine]), tmp_path / "a.svg").axes
    assert [set(curves(panel)) for panel in axes] == [{"hybrid", "SET", "dense"}, {"hybrid", "set mine", "dense"}]


def test_share_outs_have_panels_of_their_own(tmp_path):
    rows = sparse_table()
    # SET is run under one of them alone.
    both = pd.concat([rows, rows[rows["method"] == "hybrid"].assign(layer_densities="uniform")])
    axes = hybrid_figures.performance(both, tmp_path / "a.svg").axes
    assert [panel.get_title() for panel in axes] == ["with uniform densities", "with ERK densities"]
    assert [set(curves(panel)) for panel in axes] == [{"hybrid", "dense"}, {"hybrid", "SET", "dense"}]


def test_a_ring_is_around_what_was_chosen(tmp_path):
    (axes,) = hybrid_figures.choices(choice_table(), tmp_path / "a.svg").axes
    rings = [points.get_offsets() for points in axes.collections]
    np.testing.assert_allclose(rings, [[[0.3, 0.905]], [[0.1, 0.905]]])


def test_accuracy_over_compute_has_a_panel_a_density_and_dense_in_all(tmp_path):
    axes = hybrid_figures.cost(sparse_table(), tmp_path / "a.svg").axes
    assert [panel.get_title() for panel in axes] == ["density 0.5", "density 0.1"]
    for panel in axes:
        lines = curves(panel)
        assert set(lines) == {"hybrid", "SET", "dense"}
        np.testing.assert_array_equal(lines["hybrid"][0], [6000, 12_000])
        np.testing.assert_array_equal(lines["SET"][0], [3000, 6000])


def test_churn_is_drawn_over_steps_for_methods_that_prune(tmp_path):
    axes = hybrid_figures.churn(sparse_table(), tmp_path / "a.svg").axes
    assert [set(curves(panel)) for panel in axes] == [{"hybrid", "SET"}] * 2
    np.testing.assert_allclose(curves(axes[0])["SET"], [[10, 20], [0.3, 0.1]])


def test_effects_are_drawn_over_weights_a_member(tmp_path):
    (axes,) = hybrid_figures.effects(effect_table(), tmp_path / "a.svg").axes
    line = curves(axes)["digits, hybrid, density 0.5: 1,000 weights"]
    np.testing.assert_allclose(line, [[1, 10, 100], [0.81, 0.71, 0.61]])


def test_overhead_says_the_share_of_every_part(tmp_path):
    figure = hybrid_figures.overhead(part_times(), 8, tmp_path / "a.svg")
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == [
        "gradients of all members (100.0%)", "sampling (10.0%)", "top-k and masking (5.0%)", "update of the mask (2.5%)",
    ]  # fmt: skip
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    np.testing.assert_allclose(widths, [40, 4, 2, 1, 52, 50])
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [
        "hybrid step",
        "its parts",
        "8 plain steps",
    ]


@pytest.mark.parametrize("name", ["performance", "cost", "churn"])
def test_figures_of_hybrid_training_refuse_a_mixture_of_tasks(tmp_path, name):
    with pytest.raises(ValueError, match="the table has digits, mnist: select one"):
        getattr(hybrid_figures, name)(sparse_table(("digits", "mnist")).sort_values("task"), tmp_path / "a.svg")


def test_damage_collapses_over_the_norm_where_the_norm_decides(tmp_path):
    def change(row):
        norm = row.sigma * (row.density**0.5 if row.rule == "absolute" else 1)
        return 100 * norm**2 * (row.candidate == "child")

    figure = subspace_figures.damage(offspring.table(change), tmp_path / "a.svg")
    std, norm = (curves(axes) for axes in figure.axes[:2])
    assert list(norm) == ["1", "0.1", "0.01"]
    for line in norm.values():
        np.testing.assert_allclose(line[1], 100 * line[0] ** 2, atol=2e-3)
    # The same norm of .01 is a std of .01 dense and of .1 at density .01.
    np.testing.assert_allclose([std["1"][0, 0], std["0.01"][0, -2]], [0.01, 0.1])


def test_gains_are_over_the_parent_and_every_mode_meets_the_dense_one(tmp_path):
    def change(row):
        return -0.1 * (row.candidate == "ensemble" and row.mode == "static" and row.rule == "norm")

    figure = subspace_figures.ensembles(offspring.table(change), tmp_path / "a.svg")
    titles = [
        f"{mode}, norm {sigma}" for mode in ("fresh masks", "one static mask", "partition") for sigma in (0.01, 0.03)
    ]
    assert [axes.get_title() for axes in figure.axes] == titles
    line = curves(figure.axes[2])["ensemble of all"]
    # Points of a density stand side by side.
    np.testing.assert_allclose(line[0], [0.01, 0.1, 1.0], rtol=0.15)
    np.testing.assert_allclose(line[1], [0.1, 0.1, 0.0], atol=1e-3)


def test_spreads_are_those_of_mutations_of_one_norm(tmp_path):
    def change(row):
        return (row.metric == "nll_std") * (1.0 if row.rule == "absolute" else 0.1 * row.mode.startswith("bernoulli"))

    figure = subspace_figures.variance(offspring.table(change), tmp_path / "a.svg")
    assert [axes.get_title() for axes in figure.axes] == ["norm 0.01", "norm 0.03"]
    drawn = [line.get_ydata() for line in figure.axes[1].get_lines()]
    # Fresh masks at densities .01, .1 and 1, which is dense; then one static mask and a partition.
    expected = [[0.3, 0.3, 0.2], [0.2] * 3, [0.2] * 3]
    np.testing.assert_allclose(drawn, expected, atol=0.02)


def test_courses_of_shifted_and_original_images_stand_above_each_other(tmp_path):
    rows = offspring.table(lambda row: 0.1 * row.step * (row.split == "original" and row.study == "generations"))
    figure = subspace_figures.generations(rows, tmp_path / "a.svg")
    assert [axes.get_title() for axes in figure.axes[:2]] == ["noise, decay 0", "noise, decay 0.1"]
    shifted, original = (curves(figure.axes[place])["dense"] for place in (0, 2))
    np.testing.assert_allclose(original[0], [0, 5, 10])
    # Seeds that start elsewhere start at 0.
    np.testing.assert_allclose(original[1], [0, 0.5, 1], atol=1e-3)
    np.testing.assert_allclose(shifted[1], 0, atol=1e-3)


@pytest.mark.parametrize("name", ["damage", "variance", "ensembles", "gradients", "generations"])
def test_figures_of_subspace_evolution_show_one_parent(tmp_path, name):
    rows = offspring.table(parents=("digits", "other"))
    with pytest.raises(ValueError, match="shows one parent, but the table has digits, other: select one"):
        getattr(subspace_figures, name)(rows, tmp_path / "a.svg")


def test_a_study_without_norms_cannot_compare_at_equal_norm(tmp_path):
    rows = offspring.table()
    with pytest.raises(ValueError, match="the table has none: add the rule norm"):
        subspace_figures.variance(rows[rows["rule"] == "absolute"], tmp_path / "a.svg")


@pytest.mark.parametrize(("count", "shape"), [(1, (1, 1)), (2, (1, 2)), (3, (1, 3)), (4, (2, 2)), (5, (2, 3))])
def test_panels_at_the_end_of_a_column_are_labelled(tmp_path, count, shape):
    with style.panels(tmp_path / "a.svg", count) as figure:
        panels = style.grid(figure, count, "x", "y")
        assert len(panels) == len(figure.axes) == count
        assert panels[0].get_gridspec().get_geometry() == shape
        bottom = {index for index in range(count) if index + shape[1] >= count}
        assert {index for index, axes in enumerate(panels) if axes.get_xlabel()} == bottom
        assert {i for i, axes in enumerate(panels) if axes.get_ylabel()} == set(range(0, count, shape[1]))


FIGURES = sorted(drawings())


def test_tuning_has_a_panel_a_split_and_a_line_a_mutation_and_update(tmp_path):
    figure = tuning_figures.tuning(offspring.tuned(), tmp_path / "a.svg")
    assert [axes.get_title() for axes in figure.axes] == [
        "images that it learns from",
        "validation images",
        "held-out images",
    ]
    lines = curves(figure.axes[2])
    assert set(lines) == {f"{label}, {update}" for label in ("dense", "low rank 1") for update in ("step", "adam")}
    x, y = lines["dense, step"]
    np.testing.assert_allclose([*x], [0, 5, 10])
    np.testing.assert_allclose(y, [0, -0.5, -1], atol=1e-12)


def test_every_figure_that_is_declared_is_drawn_here():
    declared = {(system, name) for system in registry.SYSTEMS for name in registry.figures(system)}
    # A page to play has a test of its own (tests/systems/hybrid/test_speech.py).
    assert set(FIGURES) - {("all", "claims")} == declared - {("hybrid", "speech")}


@pytest.mark.parametrize(("system", "name"), FIGURES)
@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_figures_come_out_the_same_byte_for_byte(tmp_path, system, name, suffix):
    _, before = drawn(name, system, suffix)
    # Another user's settings change nothing.
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "svg.hashsalt": None}):
        draw(name, tmp_path / f"b.{suffix}", system)
    assert (tmp_path / f"b.{suffix}").read_bytes() == before


@pytest.mark.parametrize(("system", "name"), FIGURES)
def test_figures_have_text_as_text_and_no_overlap(system, name):
    figure, content = drawn(name, system, "svg")
    svg = content.decode()
    assert "<dc:date>" not in svg
    assert not re.search(r"glyph", svg)
    written = set(re.findall(r">([^<>]+)</(?:text|tspan)>", svg))
    legends = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert {*legends, *(axes.get_xlabel() for axes in figure.axes)} - {""} <= written
    boxes = [legend.get_window_extent() for legend in figure.legends]
    boxes += [axes.get_tightbbox() for axes in figure.axes]
    whole = figure.bbox
    for index, box in enumerate(boxes):
        assert box.x0 >= whole.x0 - 1
        assert box.x1 <= whole.x1 + 1
        assert box.y0 >= whole.y0 - 1
        assert box.y1 <= whole.y1 + 1
        for other in boxes[index + 1 :]:
            # A point of tolerance: bounding boxes of text are rounded up to whole pixels.
            overlap_x = min(box.x1, other.x1) - max(box.x0, other.x0)
            overlap_y = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert min(overlap_x, overlap_y) <= 1


def test_known_names_look_the_same_in_every_figure_and_unknown_ones_are_told_apart():
    some, more = (style.looks(names, style.TRAINERS) for names in (["adam", "mine"], ["snes", "adam", "mine", "other"]))
    assert some["adam"] == more["adam"] == style.TRAINERS["adam"]
    assert list(more) == ["snes", "adam", "mine", "other"]
    assert more["mine"][1:] != more["other"][1:]


@pytest.mark.parametrize("known", [style.CRITERIA, style.TRAINERS])
def test_no_two_looks_share_a_colour_or_a_marker(known):
    assert len({look.color for look in known.values()}) == len(known)
    assert len({look.marker for look in known.values()}) == len(known)


def test_drawing_needs_no_global_state_of_matplotlib():
    code = "import sys, evotickets.figures; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("caption", sorted(CAPTIONS), ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_captions_are_valid_and_use_known_wildcards(caption):
    wildcards = {name: name.upper() for name in re.findall(r"snakemake\.wildcards\.(\w+)", caption.read_text())}
    assert set(wildcards) <= {
        *("task", "trainer", "criterion", "level", "target", "depth", "parent", "family"),
        *("source_task", "source_trainer", "source_criterion"),
    }
    text = Template(caption.read_text(), undefined=StrictUndefined).render(
        snakemake={"wildcards": wildcards, "config": {}}
    )
    html = publish_string(text, writer="html", settings_overrides={"halt_level": 2, "report_level": 2}).decode()
    assert all(value in html for value in wildcards.values())


def test_fronts_show_every_ticket_before_and_after_pruning_below_the_dense_ceiling(tmp_path):
    figure = strong_figures.fronts(strong_table(), tmp_path / "a.svg")
    assert [axes.get_title() for axes in figure.axes] == ["moons a", "moons b"]
    points = [line for line in figure.axes[0].get_lines() if line.get_label() in ("genetic", "edge-popup")]
    shown = {(line.get_label(), line.get_fillstyle()): (line.get_xdata()[0], line.get_ydata()[0]) for line in points}
    assert shown["genetic", "full"] == pytest.approx((0.4, 0.91))
    assert shown["edge-popup", "none"] == pytest.approx((0.2, 0.91))
    (ceiling,) = [line for line in figure.axes[0].get_lines() if line.get_label() == "trained, dense"]
    np.testing.assert_allclose(ceiling.get_ydata(), 0.91)
    with pytest.raises(
        ValueError, match="accuracy of strong tickets shows one family, but the table has moons, circles"
    ):
        strong_figures.fronts(strong_table(("moons", "circles")), tmp_path / "a.svg")


def test_a_search_that_has_ended_stays_where_it_is(tmp_path):
    objectives = {"genetic": "accuracy", "random_search": "accuracy"}
    figure = strong_figures.progress(strong_history(), tmp_path / "a.svg", family="moons", objectives=objectives)
    assert [axes.get_title() for axes in figure.axes] == ["moons a, share of errors"]
    x, y = curves(figure.axes[0])["genetic"]
    assert (x[0], x[-1]) == pytest.approx((100, 400))
    assert (y[0], y[-1]) == pytest.approx((0.5, (0.3 + 0.4 + 0.3) / 3))


def test_a_leak_is_the_difference_seed_by_seed(tmp_path):
    figure = strong_figures.leak(strong_table(), tmp_path / "a.svg")
    marks = [line for line in figure.axes[0].get_lines() if line.get_marker() not in ("None", "")]
    np.testing.assert_allclose(sorted(line.get_xdata()[0] for line in marks), [0.02, 0.02, 0.03, 0.03])
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["moons a", "moons b"]


def test_boundaries_tell_the_sides_of_the_plane(tmp_path):
    figure = strong_figures.boundaries(*strong_plane(), tmp_path / "a.svg", "moons_a", points=20)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[0] == "genetic\naccuracy 1.000, density 0.25"
    sides = np.asarray(figure.axes[0].get_images()[0].get_array())
    assert np.all(sides[:, :9] == 0)
    assert np.all(sides[:, 11:] == 1)


def test_bands_end_where_scores_do(tmp_path):
    """Of one accuracy near 1 and one far below, the interval of three seeds would reach beyond 1."""
    values = {0: 1.0, 1: 0.98, 2: 0.5}
    rows = pd.DataFrame({"density": 0.5, "seed": seed, "metric": "accuracy", "value": v} for seed, v in values.items())
    assert style.statistics.interval(rows["value"]).high > 1
    for metric, top in {"accuracy": 1.0, "return": style.statistics.interval(rows["value"]).high}.items():
        with style.panels(tmp_path / "a.svg", 1) as figure:
            (axes,) = style.grid(figure, 1, "", "")
            style.curve(axes, "density", rows.assign(metric=metric), style.CRITERIA["snr"])
        (band,) = axes.collections
        assert band.get_paths()[0].vertices[:, 1].max() == pytest.approx(top)
