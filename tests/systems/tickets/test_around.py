"""Rows of what lies around trained tickets: each value beside the seed, level and place that it was measured at."""

from dataclasses import replace

import jax
import numpy as np
import pandas as pd
import pytest

from evotickets import landscape
from evotickets.networks import layout, masks
from evotickets.pruning import controls
from evotickets.systems.tickets import around, summaries, tables
from evotickets.systems.tickets import levels as tickets
from evotickets.systems.tickets.problems import problem_of, refuse_misfit

SEEDS = (3, 7)
TASK, NETWORK = problem_of({"task": "digits", "hidden": [4]}, seed=0, count=2)
ROWS = np.arange(2)
"""The split of each seed."""
KEY = jax.random.key(0)


def trained(density=0.5, seed=0):
    start = tickets.initialise(NETWORK, len(SEEDS), seed=seed, name="digits")
    rng = np.random.default_rng(seed)
    shape = (len(SEEDS), NETWORK.kernel_count)
    mask, initial = (
        controls.random_mask(shape, masks.kept_count(density, NETWORK.kernel_count), rng),
        start.flat(NETWORK, "initial"),
    )
    kept = masks.spread(NETWORK, mask)
    mean = np.where(kept, initial + rng.normal(0, 0.1, kept.shape), 0).astype(np.float32)
    std = np.where(kept, rng.uniform(0.1, 1, kept.shape), 0).astype(np.float32)
    return replace(start.put(NETWORK, mask=mask, mean=mean, std=std), seeds=SEEDS)


def mean(ticket):
    return ticket.flat(NETWORK, "mean")


def frame(**columns):
    return pd.DataFrame(columns)


def scoring():
    return landscape.on_task(NETWORK, TASK, samples=50, key=KEY)


def test_flatness_begins_with_the_scores_without_noise():
    ticket = trained()
    rows = around.flatness(NETWORK, ticket, scoring(), draws=2, key=KEY)
    assert len(rows) == 2 * len(SEEDS) * len(landscape.EPSILONS)
    classes = landscape.predictions(NETWORK, mean(ticket), TASK.test.x, rows=ROWS)
    still = {row["seed"]: row["value"] for row in rows if row["metric"] == "accuracy" and row["epsilon"] == 0}
    for seed, predicted, labels in zip(SEEDS, classes, TASK.test.y, strict=True):
        np.testing.assert_allclose(still[seed], (predicted == labels).mean(), rtol=1e-5)


def test_curvature_has_a_row_per_seed():
    ticket = trained(density=0.05)
    rows = around.curvature(NETWORK, TASK, ticket, scoring(), probes=2, key=KEY)
    assert [row["seed"] for row in rows] == list(SEEDS)
    assert all(row["largest"] >= row["smallest"] for row in rows)
    assert set(rows[0]) == {"seed", *landscape.Curvature._fields}


def test_diversity_compares_every_pair_of_seeds_once():
    ticket = trained()
    rows = {row["measure"]: row for row in around.diversity(NETWORK, TASK, ticket)}
    assert set(rows) == {"cosine", "distance", "jaccard", "disagreement"}
    assert {(row["seed"], row["other"]) for row in rows.values()} == {SEEDS}
    first, second = ticket.flat(NETWORK, "mask")
    assert rows["jaccard"]["value"] == pytest.approx((first & second).sum() / (first | second).sum())
    # Seeds with test sets of their own are compared on the images that neither was trained on.
    both = sorted(set(TASK.tested[0]) & set(TASK.tested[1]))
    assert 30 < len(both) < 110
    classes = [
        landscape.predictions(NETWORK, mean(ticket)[[seed]], TASK.test.x[seed][np.isin(TASK.tested[seed], both)])[0]
        for seed in range(2)
    ]
    assert rows["disagreement"]["value"] == pytest.approx((classes[0] != classes[1]).mean())


def test_ratios_are_remembered_from_the_first_level_on_and_only_where_there_is_a_std():
    dense, sparse = trained(density=1.0), trained(density=0.5, seed=1)
    rows = around.snr_correlation(NETWORK, [dense, sparse], [1, 0.5])
    assert [(row["level"], row["density"], row["seed"]) for row in rows] == [
        (0, 1, 3),
        (0, 1, 7),
        (1, 0.5, 3),
        (1, 0.5, 7),
    ]
    assert [row["value"] for row in rows[:2]] == pytest.approx([1, 1])
    assert abs(rows[2]["value"]) < 0.5
    assert around.snr_correlation(NETWORK, [dense, replace(sparse, std=None)], [1, 0.5]) == []


def test_two_runs_of_a_ticket_say_how_reliable_their_stds_are():
    ticket, settings = trained(), {"trainer": "snes", "population": 8, "generations": 50, "std_init": 0.1, "batch": 32}
    same = around.reliability(NETWORK, ticket, ticket, settings)
    found = {(row["measure"], row["seed"]): row["value"] for row in same}
    assert {measure for measure, _ in found} == {"spearman", "spread", "walk"}
    assert [found["spearman", seed] for seed in SEEDS] == pytest.approx([1, 1])
    other = replace(trained(seed=1), mask=ticket.mask)
    turned = other.put(NETWORK, std=ticket.flat(NETWORK, "std")[::-1])
    rows = around.reliability(NETWORK, ticket, turned, settings)
    assert abs(next(row["value"] for row in rows if row["measure"] == "spearman")) < 0.9
    assert around.reliability(NETWORK, ticket, replace(other, std=None), settings) == []
    control = around.reliability(NETWORK, ticket, ticket, settings | {"trainer": "open_es"})
    assert {row["measure"] for row in control} == {"spearman", "spread"}


def test_lines_end_at_the_scores_of_the_networks_and_barriers_are_theirs():
    ends = {level: mean(trained(seed=level)) for level in (0, 1)}
    pairs = landscape.pairs(ends, {1: ends[0]}, [1])
    barriers, lines = around.connectivity(scoring(), pairs, SEEDS)
    assert len(barriers) == len(pairs) * len(SEEDS) * 4
    assert len(lines) == len(barriers) * len(landscape.ALPHAS)
    errors = (landscape.predictions(NETWORK, ends[1], TASK.test.x, rows=ROWS) != TASK.test.y).mean(1)
    at_end = lines[lines["alpha"].eq(1) & lines["split"].eq("test") & lines["metric"].eq("error")]
    np.testing.assert_allclose(at_end[at_end["pair"] == pairs[0].name]["value"], errors, rtol=1e-5)
    keys = ["pair", "seed", "split", "metric"]
    highest = lines.groupby(keys)["value"].max() - lines[lines["alpha"].isin([0, 1])].groupby(keys)["value"].mean()
    np.testing.assert_allclose(barriers.set_index(keys)["value"].sort_index(), highest.sort_index(), atol=1e-6)


def test_metrics_of_scores_are_means_over_seeds():
    scores = frame(seed=[0, 1, 0, 1], level=[0, 0, 1, 1], split="test", metric="accuracy", value=[1.0, 0.5, 0.25, 0])
    means = summaries.score_means(scores)
    assert means[::3] == [("test/accuracy", 0, 0.75), ("test/accuracy", 1, 0.125)]
    # Two seeds say little: of a mean of accuracies .75 ± .25 × 12.7 is left what lies between 0 and 1.
    assert means[1:3] == [("intervals/test/accuracy_low", 0, 0.0), ("intervals/test/accuracy_high", 0, 1.0)]
    assert summaries.score_means(scores[scores["seed"] == 0]) == [("test/accuracy", 0, 1.0), ("test/accuracy", 1, 0.25)]


def test_metrics_of_the_landscape_name_pair_noise_and_measure():
    common = {"level": [2, 2], "split": "test"}
    frames = {
        "barriers": frame(**common, pair="other noise", metric=["error", "loss"], value=[0.25, 9.0], bump=[0.5, 9.0]),
        "flatness": frame(**common, metric="accuracy", epsilon=[0.0, 0.5], value=[0.75, 0.5]),
        "curvature": frame(level=[2, 2], trace=[1.0, 3.0], largest=[4.0, 4.0], smallest=[-1.0, 0.0]),
        "diversity": frame(level=[2, 2], measure="cosine", value=[0.0, 1.0]),
        "snr_correlation": frame(level=[2], value=[0.125]),
    }
    assert summaries.landscape_means(frames) == [
        ("test/barrier/other_noise", 2, 0.25),
        ("test/bump/other_noise", 2, 0.5),
        ("test/accuracy", 2, 0.75),
        ("test/accuracy_under_noise", 2, 0.5),
        ("hessian/trace", 2, 2.0),
        ("hessian/largest", 2, 4.0),
        ("hessian/smallest", 2, -0.5),
        ("diversity/cosine", 2, 0.5),
        ("snr/correlation_with_dense", 2, 0.125),
    ]


def test_layer_densities_are_counted_layer_by_layer_and_seed_by_seed():
    mask = {"dense1/kernel": np.array([[[True, False]], [[True, True]]])}
    rows = summaries.layer_densities([mask], [0.5], SEEDS).to_dict("records")
    assert rows == [
        {"density": 0.5, "seed": 3, "layer": "dense1", "layer_density": 0.5},
        {"density": 0.5, "seed": 7, "layer": "dense1", "layer_density": 1.0},
    ]


def test_histories_of_levels_are_told_apart_by_density_and_steps_have_their_name():
    curves = summaries.training_curves([frame(step=[1, 2]), frame(step=[1])], [1, 0.5])
    assert curves.to_dict("list") == {"step": [1, 2, 1], "density": [1, 1, 0.5]}
    assert [summaries.step_name(settings) for settings in ({"steps": 4}, {"generations": 4})] == [
        "gradient step",
        "generation",
    ]


def test_tickets_fit_networks_of_their_own_sizes_alone():
    refuse_misfit(NETWORK, NETWORK, ("digits", "digits"))
    with pytest.raises(ValueError, match="tickets of digits do not fit moons, whose network has other sizes"):
        refuse_misfit(NETWORK, layout.mlp(2, (4,), 2), ("digits", "moons"))


def test_rows_name_their_chain_as_paths_do():
    place = {"task": "digits", "trainer": "snes", "criterion": "snr", "level": "03"}
    place |= {f"source_{name}": value for name, value in place.items() if name != "level"}
    chain = {"task": "digits", "trainer": "snes", "criterion": "snr"}
    assert tables.chain_of(place) == chain
    assert tables.source_of(place) == {f"source_{name}": value for name, value in chain.items()}
    assert tables.factors(chain, 3, 0.5) == {"system": "tickets", **chain, "level": 3, "density": 0.5}


def test_a_ticket_before_its_training_knows_nothing_of_it():
    ticket = trained().untrained()
    assert (ticket.mean, ticket.std, ticket.statistics) == (None, None, {})
