"""Every rule reaches every verdict on tables made for it, and none on tables that lack what it needs."""

import base64
import re
from functools import partial

import numpy as np
import pandas as pd
import pytest

from evotickets import landscape, statistics
from evotickets.claims import page, registry, rules
from evotickets.results import CLAIMS
from evotickets.statistics import Effect
from evotickets.systems import registry as systems
from evotickets.systems.tickets.tables import BARRIERS, DIVERSITY, FLATNESS, RELIABILITY, SCORES, TRANSFERS

tickets_claims = systems.claims("tickets")

DENSITIES = [1.0, 0.5, 0.2, 0.1, 0.02]
SEEDS = 5
# Mean zero and spread one over five seeds: effects of it alone are never decided.
NOISE = np.array([-1.0, 1, 0, -1.2, 1.2])
EFFECT = Effect(0.2, 0.1, 0.3, 5)


def empty(schema):
    return pd.DataFrame({name: [] for name in schema.columns.names})


def tables(**given):
    held = {
        "scores": SCORES,
        "transfers": TRANSFERS,
        "barriers": BARRIERS,
        "flatness": FLATNESS,
        "diversity": DIVERSITY,
        "reliability": RELIABILITY,
    }
    missing = {name: empty(schema) for name, schema in held.items()}
    return tickets_claims.Tables(**(missing | given), gradient=frozenset({"adam"}))


def rows(value, trainer="snes", criterion="snr", task="digits", metric="accuracy", densities=DENSITIES, **more):
    """Score rows of one chain; `value(density, seed)` is the test score, other splits are far away."""
    cell = {"system": "tickets", "task": task, "trainer": trainer, "criterion": criterion, "metric": metric}
    return [
        cell | more | {"level": DENSITIES.index(density), "density": density, "seed": seed, "split": split}
        | {"value": value(density, seed) if split == "test" else -99.0}
        for density in densities
        for seed in range(SEEDS)
        for split in ("train", "test")
    ]  # fmt: skip


def chain(gap, noise=0.02, level=0.9):
    """A score that lies `gap` above the others at every sparse density, with noise over seeds."""
    return lambda density, seed: level - 0.3 * (1 - density) + (gap if density < 1 else 0) + noise * NOISE[seed]


VERDICTS = {0.1: "supported", -0.1: "contradicted", 0.0: "undecided"}


def verdict(name, given):
    (row,) = [row for row in registry.decide("tickets", given) if row["claim"] == name]
    return row


@pytest.mark.parametrize(("gap", "expected"), VERDICTS.items())
@pytest.mark.parametrize(
    ("name", "better", "worse"),
    [("C1 snr", "snr", "random"), ("C1 magnitude", "magnitude", "random"), ("C2", "snr", "magnitude")],
)
def test_criteria_are_compared_where_it_counts(name, better, worse, gap, expected):
    scores = pd.DataFrame(rows(chain(gap), criterion=better) + rows(chain(0, noise=0), criterion=worse))
    tables_with = partial(tables, reliability=twice([0.9]))
    found = verdict(name, tables_with(scores=scores))
    assert found["verdict"] == expected
    assert found["n"] == SEEDS
    # Gradient trainers take no part, nor do larger densities.
    elsewhere = rows(chain(-5), "adam", better) + rows(chain(5), "adam", worse)
    assert verdict(name, tables_with(scores=pd.concat([scores, pd.DataFrame(elsewhere)])))["verdict"] == expected
    dense = rows(chain(9), criterion=better, densities=[0.5], task="b")
    dense += rows(chain(0), criterion=worse, densities=[0.5], task="b")
    assert verdict(name, tables_with(scores=pd.concat([scores, pd.DataFrame(dense)])))["effect"] == found["effect"]


def twice(correlations, trainer="snes", criterion="snr", measure="spearman"):
    """Rows of two runs of the tickets of a chain on digits, level after level; None where a level was run once."""
    return pd.DataFrame(
        [
            {"task": "digits", "trainer": trainer, "criterion": criterion, "measure": measure}
            | {"level": level, "seed": seed, "value": value + 0.05 * NOISE[seed]}
            for level, value in enumerate(correlations)
            for seed in range(SEEDS)
            if value is not None
        ]
    )


def test_the_ratio_is_compared_with_the_magnitude_where_the_std_carries_signal():
    """Levels 3 and 4 count, with densities .1 and .02; they are cut by the std of levels 2 and 3."""

    def gap(density, seed):
        return chain({0.1: 0.1, 0.02: 0.2}.get(density, 0))(density, seed)

    scores = pd.DataFrame(rows(gap) + rows(chain(0), criterion="magnitude"))
    whole = verdict("C2", tables(scores=scores, reliability=twice([0.9])))
    ends = {
        "both": [0.1, 0.1, 0.6, 0.6],
        "sparser": [0.6, 0.6, 0.1, 0.6],
        "denser": [0.6, None, 0.6, 0.1],
        "none": [0.6, 0.1, 0.1, 0.1],
    }
    found = {name: verdict("C2", tables(scores=scores, reliability=twice(own))) for name, own in ends.items()}
    assert found["both"]["effect"] == whole["effect"]
    assert found["sparser"]["effect"] == pytest.approx(2 * found["denser"]["effect"])
    assert found["sparser"]["effect"] + found["denser"]["effect"] == pytest.approx(2 * whole["effect"])
    assert found["none"]["verdict"] == "not asked"
    for other in (twice([0.9], trainer="pgpe"), twice([0.9], criterion="magnitude"), twice([0.9], measure="spread")):
        assert verdict("C2", tables(scores=scores, reliability=other))["verdict"] == "not asked"


def test_effects_of_criteria_are_shares_of_the_range_of_a_task():
    scores = rows(lambda d, s: 100.0 if d == 1 else 80, task="cartpole", metric="return")
    scores += rows(lambda d, s: 100.0 if d == 1 else 60, criterion="random", task="cartpole", metric="return")
    found = verdict("C1 snr", tables(scores=pd.DataFrame(scores)))
    assert (found["effect"], found["low"], found["high"]) == pytest.approx((0.5, 0.5, 0.5))


def test_a_task_without_differences_says_nothing():
    flat = rows(lambda d, s: 1.0, task="b") + rows(lambda d, s: 1.0, criterion="random", task="b")
    scores = rows(chain(0.1)) + rows(chain(0), criterion="random")
    alone, both = (verdict("C1 snr", tables(scores=pd.DataFrame(t))) for t in (scores, scores + flat))
    assert alone["effect"] == pytest.approx(both["effect"])


@pytest.mark.parametrize(("gap", "expected"), VERDICTS.items())
def test_strategies_lose_less_than_gradients(gap, expected):
    # At density .02 snes loses .294 − gap and adam .294, with noise.
    scores = rows(chain(gap)) + rows(lambda d, s: 0.9 if d == 1 else 0.606 + 0.02 * NOISE[s], "adam", "magnitude")
    assert verdict("C3", tables(scores=pd.DataFrame(scores)))["verdict"] == expected


TRANSFER = {
    "C4 ES to ES": ({"source_task": "digits", "source_trainer": "snes", "source_criterion": "snr"}, "pgpe"),
    "C4 task to task": ({"source_task": "fashion", "source_trainer": "snes", "source_criterion": "snr"}, "snes"),
    "C4 ES to GD": ({"source_task": "digits", "source_trainer": "snes", "source_criterion": "snr"}, "adam"),
    "C4 GD to ES": ({"source_task": "digits", "source_trainer": "adam", "source_criterion": "magnitude"}, "snes"),
}


def transfer(name, gap):
    source, trainer = TRANSFER[name]
    scores = rows(chain(0.2, noise=0), trainer, "magnitude") + rows(chain(0, noise=0), trainer, "random")
    moved = rows(chain(gap), trainer, "transferred", densities=[0.2, 0.02], **source)
    return tables(scores=pd.DataFrame(scores), transfers=pd.DataFrame(moved))


@pytest.mark.parametrize(("gap", "expected"), VERDICTS.items())
@pytest.mark.parametrize("name", TRANSFER)
def test_transfers_are_compared_with_random_by_their_kind(name, gap, expected):
    assert verdict(name, transfer(name, gap))["verdict"] == expected
    others = set(TRANSFER) - {name}
    assert all(verdict(other, transfer(name, gap))["n"] == 0 for other in others)


@pytest.mark.parametrize(("gap", "expected"), VERDICTS.items())
def test_own_tickets_are_compared_with_transferred_ones(gap, expected):
    assert verdict("C4 own", transfer("C4 ES to ES", 0.2 - gap))["verdict"] == expected


def barriers(pair, column, trainer, height):
    return pd.DataFrame(
        {"system": "tickets", "task": "digits", "trainer": trainer, "criterion": "snr", "level": level, "density": 0.1}
        | {"pair": name, "seed": seed, "split": split, "metric": metric, "bump": 9.0, "value": 9.0}
        | ({column: height + 0.01 * NOISE[seed]} if (name, split, metric) == (pair, "test", "error") else {})
        for level in (1, 2)
        for seed in range(SEEDS)
        for name in landscape.PAIRS
        for split in ("train", "test")
        for metric in ("error", "loss")
    )


@pytest.mark.parametrize(("height", "stable"), [(0.0, True), (0.3, False), (0.02, None)])
@pytest.mark.parametrize(
    ("name", "pair", "column"), [("levels", "level before", "bump"), ("runs", "other noise", "value")]
)
def test_barriers_are_held_against_two_percent(name, pair, column, height, stable):
    expected = {True: ("supported", "contradicted"), False: ("contradicted", "supported"), None: ("undecided",) * 2}
    for side, trainer, wanted in zip(("GD", "ES"), ("adam", "snes"), expected[stable], strict=True):
        found = verdict(f"C5 {side} {name}", tables(barriers=barriers(pair, column, trainer, height)))
        assert found["verdict"] == wanted
        assert found["effect"] == pytest.approx((0.02 - height) * (1 if side == "GD" else -1), abs=1e-12)


def noise_curves(trainer, left, accuracy=0.9, level=1):
    return [
        {"system": "tickets", "task": "digits", "trainer": trainer, "criterion": "snr", "level": level, "density": 0.1}
        | {"epsilon": epsilon, "seed": seed, "split": "test", "metric": "accuracy"}
        | {"value": accuracy * (1 if not epsilon else left + (0.05 * NOISE[seed] if trainer == "snes" else 0))}
        for epsilon in (0.0, 1.0)
        for seed in range(SEEDS)
    ]


@pytest.mark.parametrize(("gap", "expected"), {0.2: "supported", -0.2: "contradicted", 0.0: "undecided"}.items())
def test_flatness_is_compared_at_matched_accuracy(gap, expected):
    # The gradient level of a quite different accuracy would say the opposite.
    curves = (
        noise_curves("snes", 0.5 + gap) + noise_curves("adam", 0.5, 0.92, 2) + noise_curves("adam", 0.5 + 3 * gap, 0.5)
    )
    found = verdict("C6 flat", tables(flatness=pd.DataFrame(curves)))
    assert found["verdict"] == expected
    # Half of the noise levels here have noise.
    assert found["effect"] == pytest.approx(gap / 2)


def test_accuracies_far_apart_do_not_match():
    curves = noise_curves("snes", 0.9) + noise_curves("adam", 0.1, 0.8)
    assert verdict("C6 flat", tables(flatness=pd.DataFrame(curves)))["n"] == 0


def seed_pairs(trainer, measure, value, spread):
    return [
        {"system": "tickets", "task": "digits", "trainer": trainer, "criterion": "snr", "level": 1, "density": 0.1}
        | {"measure": measure, "seed": first, "other": second, "value": value + spread * (NOISE[first] + NOISE[second])}
        for first in range(SEEDS)
        for second in range(first + 1, SEEDS)
    ]


@pytest.mark.parametrize(("gap", "expected"), VERDICTS.items())
@pytest.mark.parametrize(
    ("name", "measure", "sign"), [("C6 diverse", "cosine", -1), ("C6 disagree", "disagreement", 1)]
)
def test_diversity_is_compared_at_matched_accuracy(name, measure, sign, gap, expected):
    given = tables(
        flatness=pd.DataFrame(noise_curves("snes", 0.5) + noise_curves("adam", 0.5)),
        diversity=pd.DataFrame(
            seed_pairs("snes", measure, 0.5 + sign * gap, 0.01) + seed_pairs("adam", measure, 0.5, 0)
        ),
    )
    found = verdict(name, given)
    assert found["verdict"] == expected
    assert found["effect"] == pytest.approx(gap, abs=1e-12)


def test_nothing_is_asked_without_data():
    decided = registry.decide("tickets", tables())
    assert {row["verdict"] for row in decided} == {"not asked"}
    assert {row["n"] for row in decided} == {0}
    assert all(np.isnan(row["effect"]) for row in decided)


def test_every_claim_says_what_it_means():
    claims = registry.of("tickets")
    assert {claim.name.split()[0] for claim in claims} == {"C1", "C2", "C3", "C4", "C5", "C6"}
    decided = registry.decide("tickets", tables())
    assert [row["claim"] for row in decided] == sorted(claim.name for claim in claims)
    for row in decided:
        assert row["statement"].endswith(".")
        assert "supported if its 95 % interval" in row["rule"]


@pytest.fixture
def claim(monkeypatch):
    """Register claims about a system of their own, for one test."""
    monkeypatch.setattr(registry, "CLAIMS", {})
    words = {"statement": "It is so.", "source": "ours", "rule": "its mean", "unit": "accuracy"}
    return partial(registry.About("mine"), **words, figures=("fronts",))


def test_two_claims_cannot_have_one_name(claim):
    claim("X1")(lambda: EFFECT)
    with pytest.raises(ValueError, match="two claims named 'X1'"):
        claim("X1")(lambda: EFFECT)


def test_parts_state_and_show_what_they_say_themselves_and_else_the_whole(claim):
    figures = {"": ("damage",), "X1b": ("variance",), "X1b far": ("gradients", "damage")}
    parts = {"X1b": "A half of it.", "X1b far": "A half of it, far away."}
    claim("X1", figures=figures, parts=parts, margin={"X1b": 0.5})(
        lambda: dict.fromkeys(["X1", "X1b", "X1b far"], EFFECT)
    )
    claim("X0", parts=lambda part: f"{part} says so.")(lambda: EFFECT)
    shown = [(own.part, own.claim.shown(own.part)) for own in registry.effects("mine")]
    assert shown == [
        ("X0", ("fronts",)), ("X1", ("damage",)), ("X1b", ("variance",)), ("X1b far", ("gradients", "damage"))
    ]  # fmt: skip
    rows = registry.decide("mine")
    assert [row["statement"] for row in rows] == [
        "X0 says so.",
        "It is so.",
        "A half of it.",
        "A half of it, far away.",
    ]
    # An effect of .2 in [.1, .3] is above 0, and lies within ±.5.
    assert [row["verdict"] for row in rows] == ["supported"] * 4
    together = "one of 2 in X1 whose intervals hold together with 95 % (Bonferroni)"
    assert [row["rule"] for row in rows][1:] == [
        f"its mean; {registry.ENDS.format(95)}",
        f"its mean; supported if its whole 97.5 % interval lies within ±0.5; {together}",
        f"its mean; {registry.ENDS.format(97.5)}; {together}",
    ]
    assert {row["system"] for row in rows} == {"mine"}


def test_parts_of_a_family_hold_together_and_the_whole_stands_alone(claim):
    values = {name: 0.1 * np.arange(6) + shift for name, shift in {"X1": 0, "X1a": 1, "X1b": 2, "X2": 3}.items()}

    def effect(name):
        return Effect(*statistics.interval(values[name]), 6)

    missing = {"X1c": Effect(np.nan, np.nan, np.nan, 0)}
    sentences = {"X1a": "A part.", "X1b": "Another.", "X1c": "One that nobody asks."}
    claim("X1", parts=sentences)(lambda: {name: effect(name) for name in ("X1", "X1a")} | missing)
    claim("X1b")(lambda: effect("X1b"))
    claim("X2")(lambda: effect("X2"))
    rows = {row["claim"]: row for row in registry.decide("mine")}
    # Two parts of X1 were asked, one of them a claim of its own: each has half of the error.
    for name, confidence in {"X1": 0.95, "X1a": 0.975, "X1b": 0.975, "X2": 0.95}.items():
        mean, low, high = statistics.interval(values[name], confidence)
        assert [rows[name][end] for end in ("effect", "low", "high")] == pytest.approx([mean, low, high])
        assert rows[name]["confidence"] == confidence
    assert (rows["X1c"]["verdict"], rows["X1c"]["confidence"]) == ("not asked", 0.95)


def test_every_variant_has_families_and_sentences_of_its_own(claim):
    claim.func.variants = ("seen twice", "seen far")
    names = ["X1", "X1a", "X1a seen twice, seen far", "X1 seen far", "X1a seen far", "X1b seen far"]
    claim("X1", parts={"X1a": "A part", "X1b": "Another"})(lambda: dict.fromkeys(names, EFFECT))
    rows = registry.decide("mine")
    assert [row["statement"] for row in rows] == [
        "It is so.",
        "A part",
        "A part, seen twice, seen far",
        "It is so., seen far",
        "A part, seen far",
        "Another, seen far",
    ]
    assert [row["confidence"] for row in rows] == [0.95] * 4 + [0.975] * 2
    assert "one of 2 in X1 seen far whose" in rows[-1]["rule"]
    claim("X2", parts={})(lambda: {"X2a seen far": EFFECT})
    with pytest.raises(ValueError, match="X2a seen far states nothing of its own"):
        registry.decide("mine")


def test_a_part_without_a_sentence_is_refused(claim):
    claim("X1")(lambda: dict.fromkeys(["X1", "X1a"], EFFECT))
    with pytest.raises(ValueError, match="X1a states nothing of its own: give it a sentence in the parts of claim X1"):
        registry.decide("mine")


def test_units_are_those_of_the_longest_beginning(claim):
    claim("X1", unit={"": "loss", "X1b": "accuracy"}, parts=lambda part: f"{part} is so.")(
        lambda: dict.fromkeys(["X1", "X1a", "X1b far"], EFFECT)
    )
    assert [row["unit"] for row in registry.decide("mine")] == ["loss", "loss", "accuracy"]


def test_a_claim_about_all_methods_needs_all_of_them_unless_one_contradicts_it():
    above, below = Effect(0.2, 0.1, 0.3, 5), Effect(-0.2, -0.3, -0.1, 5)
    assert rules.unless_all(above, ["a", "b"], ["b", "a", "c"]) == above
    assert rules.unless_all(above, ["a", "b"], ["a"]) is rules.MISSING
    assert rules.unless_all(below, ["a", "b"], ["a"]) == below


def test_the_criterion_that_stands_for_a_trainer():
    cases = {
        ("random", "snr", "magnitude"): "snr",
        ("random", "magnitude"): "magnitude",
        ("mask_permuted", "random", "snr_variance"): "snr_variance",
        ("mask_reinit", "random"): None,
    }
    for names, expected in cases.items():
        assert tickets_claims.best(pd.DataFrame({"criterion": names})) == expected


def test_a_trainer_with_controls_alone_stands_for_nothing():
    scores = rows(chain(0.1)) + rows(chain(0), "adam", "magnitude")
    alone, more = (
        verdict("C3", tables(scores=pd.DataFrame(t))) for t in (scores, scores + rows(chain(-0.5), "pgpe", "random"))
    )
    assert alone == more
    assert verdict("C3", tables(scores=pd.DataFrame(scores[: len(scores) // 2])))["n"] == 0


@pytest.mark.parametrize("lost", [np.nan, -np.inf])
def test_a_score_that_is_lost_leaves_a_transfer_undecided(lost):
    given = transfer("C4 ES to ES", 0.5)
    moved = given.transfers
    moved.loc[moved["seed"].eq(0) & moved["density"].eq(0.02) & moved["split"].eq("test"), "value"] = lost
    found = verdict("C4 ES to ES", given)
    assert (found["verdict"], found["n"]) == ("undecided", SEEDS)


def test_moves_without_a_direction_leave_diversity_undecided():
    curves = pd.DataFrame(noise_curves("snes", 0.5) + noise_curves("adam", 0.5))
    pairs = pd.DataFrame(seed_pairs("snes", "cosine", 0.1, 0.01) + seed_pairs("adam", "cosine", 0.9, 0.01))
    assert verdict("C6 diverse", tables(flatness=curves, diversity=pairs))["verdict"] == "supported"
    pairs.loc[pairs["seed"] == 0, "value"] = np.nan
    assert verdict("C6 diverse", tables(flatness=curves, diversity=pairs))["verdict"] == "undecided"


def test_the_page_puts_claims_with_the_same_figures_together_above_them():
    names, shown = ["C2", "C3", "C5 a", "C6", "C5 b"], [("one",), (), ("two", "three"), ("lost",), ("two", "three")]
    decided = pd.DataFrame(dict.fromkeys(CLAIMS.columns.names, "") | {"claim": name} for name in names)
    drawn = {"one": [b"<svg>1</svg>"], "two": [b"2"], "three": [b"3", b"4"]}
    text = page.page(decided.assign(effect=0.1234), shown, drawn)
    order = re.findall(r"<td>(C\d[^<]*)</td>|alt=\"(\w+)\"", text)
    assert ["".join(found) for found in order] == ["C2", "one", "C3", "C5 a", "C5 b", "two", "three", "three", "C6"]
    assert base64.b64encode(b"<svg>1</svg>").decode() in text
    assert "0.123" in text
    assert "<details>" not in text


def test_the_page_counts_verdicts_and_folds_away_what_was_not_asked():
    verdicts = ["supported", "not asked", "undecided", "supported", "not asked"]
    decided = pd.DataFrame(dict.fromkeys(CLAIMS.columns.names, "") | {"claim": f"C{i}"} for i in range(5))
    text = page.page(decided.assign(verdict=verdicts), [("one",)] * 5, {"one": [b"1"]})
    assert "2 supported, 0 contradicted, 1 undecided; 2 not asked" in text
    shown, folded = text.split("<details>")
    assert "<summary>2 not asked</summary>" in folded
    assert [re.findall(r"<td>(C\d)</td>", part) for part in (shown, folded)] == [["C0", "C2", "C3"], ["C1", "C4"]]


@pytest.mark.parametrize("system", systems.SYSTEMS)
def test_claims_name_figures_that_there_are(system):
    systems.claims(system)
    asked = set()
    for claim in registry.of(system):
        groups = [claim.figures] if isinstance(claim.figures, tuple) else claim.figures.values()
        assert all(groups), f"{claim.name} shows nothing"
        asked |= {name for names in groups for name in names}
    assert asked <= set(systems.figures(system))
    # The workflow reads the same without importing the claims.
    assert set(systems.shown(system)) == asked


def on_images(given, of_images, count=20):
    """Score rows whose parts of the test images differ by what is given [part], as soon as weights are cut."""
    return [
        row | {"parts": list(row["value"] + (row["density"] < 1) * of_images) if row["split"] == "test" else []}
        for row in given
    ]


@pytest.mark.parametrize("name", ["C1 snr", "C3", "C4 ES to ES"])
def test_a_verdict_that_rests_on_the_images_all_seeds_share_is_undecided(name):
    """The same scores, decided over seeds alone, and with images on which the sides differ by more than their gap."""
    quirks = np.random.default_rng(0).normal(size=20)
    quirks = 0.5 * (quirks - quirks.mean())
    better = rows(chain(0.05)) + rows(chain(0.05), trainer="pgpe")
    worse = rows(chain(0), criterion="random") + rows(chain(0), trainer="pgpe", criterion="random")
    worse += rows(chain(-0.05), trainer="adam", criterion="magnitude")
    source = {"source_task": "digits", "source_trainer": "snes", "source_criterion": "snr"}
    moved = rows(chain(0.05), trainer="pgpe", criterion="transferred", densities=DENSITIES[1:], **source)
    sides = better, worse, moved
    for of_images, expected in ((None, "supported"), (0 * quirks, "supported"), (quirks, "undecided")):
        mine, others, there = sides if of_images is None else (
            on_images(side, own) for side, own in zip(sides, (of_images, 0 * quirks, of_images), strict=True)
        )  # fmt: skip
        given = tables(scores=pd.DataFrame([*mine, *others]), transfers=pd.DataFrame(there))
        assert verdict(name, given)["verdict"] == expected, of_images
