"""The claims about strong tickets, decided from tables whose answer is known."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from evotickets.claims import registry
from evotickets.claims.page import page
from evotickets.systems.strong import claims

SEEKERS = {
    "genetic": {"seeker": "genetic", "objective": "accuracy"},
    "bound": {"seeker": "genetic", "objective": "accuracy", "bound": 0.5},
    "entropy": {"seeker": "genetic", "objective": "cross_entropy"},
    "half": {"seeker": "edge_popup", "density": 0.5},
    "equal": {"seeker": "edge_popup", "density": "genetic"},
    "equal_entropy": {"seeker": "edge_popup", "density": "entropy"},
    "random_search": {"seeker": "random_search", "objective": "accuracy", "budget": "genetic"},
    "unpaired": {"seeker": "random_search", "objective": "cross_entropy", "budget": "genetic"},
    "one_plus_one": {"seeker": "one_plus_one", "objective": "accuracy", "budget": "genetic"},
    "dense": {"seeker": "dense"},
    "planted": {"seeker": "planted"},
}
TASKS = {
    "moons_a": ("moons", 2, "20", "uniform 1"),
    "moons_c": ("moons", 2, "100", "uniform 1"),
    "moons_signed": ("moons", 2, "100", "signed_constant"),
    "blobs_2": ("blobs", 2, "100", "uniform 1"),
    "blobs_3": ("blobs", 3, "100", "uniform 1"),
    "blobs_9": ("blobs", 9, "100", "uniform 1"),
    "planted_circle": ("planted_circle", 4, "20", "planted"),
}
SEEDS = 12


def table(change=None, jitter=0.005):
    """Every seeker on every task has accuracy .8 (dense: .9) and density .5, and recalls chance, but for a change.

    `change(task, seeker, state)` returns what differs: `accuracy` (test), `validation`, `density`, `recall`. Seeds differ by
    a standard deviation of `jitter`.
    """
    rng, rows = np.random.default_rng(0), []
    for task, (family, classes, hidden, initial) in TASKS.items():
        for seeker in SEEKERS:
            for state in ("found", "pruned", "leaked") if seeker not in ("dense", "planted") else ("found",):
                own = {"accuracy": 0.9 if seeker == "dense" else 0.8, "density": 0.5, "recall": 0.3, "validation": 0.8}
                own |= (change(task, seeker, state) if change else None) or {}
                at = {"system": "strong", "task": task, "family": family, "classes": classes, "hidden": hidden}
                at |= {"initial": initial, "seeker": seeker, "state": state}
                for seed in range(SEEDS):
                    here = {name: value + jitter * rng.normal() for name, value in own.items()}
                    values = [("test", "accuracy", here["accuracy"]), ("validation", "accuracy", here["validation"])]
                    values += [
                        ("mask", "density", here["density"]),
                        ("test", "loss", 1.0),
                        ("train", "accuracy", 0.1),
                    ]
                    if family == "planted_circle":
                        values += [("recovery", "recall", here["recall"]), ("recovery", "layer_chance_recall", 0.3)]
                    rows += [
                        at | {"seed": seed, "density": here["density"], "split": s, "metric": m, "value": v}
                        for s, m, v in values
                    ]
    return pd.DataFrame(rows)


def decided(rows, seekers=SEEKERS):
    found = claims.evidence({"strong": rows}, seekers=seekers)
    return {row["claim"]: SimpleNamespace(**row) for row in registry.decide("strong", *found)}


def verdicts(rows, *names):
    found = decided(rows)
    return [found[name].verdict for name in names]


def better(*seekers, by=0.05, **more):
    """A change by which some seekers are more accurate."""
    return lambda task, seeker, state: {"accuracy": 0.8 + by} | more if seeker in seekers else {}


def test_where_all_are_alike_nothing_is_supported():
    found = decided(table())
    assert {found[name].verdict for name in ("G1", "G2", "G3", "G5", "G6", "G7")} <= {"undecided", "contradicted"}
    assert {"G1a", "G1b", "G1c", "G2c", "G3 3 classes", "G5c", "G6 moons", "G7 half"} <= set(found)
    assert "above 0" in found["G1"].rule


def test_better_and_sparser_on_two_classes():
    rows = table(lambda task, seeker, state: {"accuracy": 0.85, "density": 0.4} if seeker == "genetic" else {})
    assert verdicts(rows, "G1", "G1a", "G1b", "G1c") == ["supported"] * 4
    claim = decided(rows)["G1a"]
    assert claim.effect == pytest.approx(0.05, abs=0.005)
    assert claim.n == SEEDS
    assert decided(rows)["G1b"].effect == pytest.approx(0.1, abs=0.005)
    assert verdicts(rows, "G2") == ["undecided"], "on more classes the other objective stands for genetic search"


def test_better_but_not_sparser_is_not_both():
    rows = table(lambda task, seeker, state: {"accuracy": 0.85, "density": 0.6} if seeker == "genetic" else {})
    assert verdicts(rows, "G1", "G1a", "G1b") == ["contradicted", "supported", "contradicted"]


def test_more_classes_are_decided_by_cross_entropy():
    rows = table(lambda task, seeker, state: {"accuracy": 0.85, "density": 0.4} if seeker == "entropy" else {})
    assert verdicts(rows, "G2", "G2a", "G2b", "G2c") == ["supported"] * 4
    assert decided(rows)["G3"].effect == pytest.approx(0.05, abs=0.005)
    assert verdicts(rows, "G3", "G3 3 classes", "G3 9 classes", "G3 2 classes") == ["supported"] * 4


def test_objectives_are_compared_between_searches_that_differ_in_nothing_else():
    rows = table(better("entropy"))
    unlike = SEEKERS | {"genetic": SEEKERS["genetic"] | {"bound": 0.85}}
    assert decided(rows, unlike)["G3"].n == 0
    alike = SEEKERS | {"entropy": SEEKERS["entropy"] | {"bound": 0.5}}
    assert decided(table(better("bound", "entropy")), alike)["G3"].effect == pytest.approx(0, abs=0.005)


def test_pruned_and_leaked_tickets_decide_nothing_but_the_leak():
    rows = table(lambda task, seeker, state: {"accuracy": 0.9} if state == "leaked" else {})
    assert verdicts(rows, "G1a", "G6", "G6 moons", "G6 blobs") == ["undecided"] + ["supported"] * 3
    assert decided(rows)["G6"].effect == pytest.approx(0.1, abs=0.005)
    assert decided(rows)["G6a"].effect == pytest.approx(0.1, abs=0.005)
    rows = table(lambda task, seeker, state: {"accuracy": 0.9, "validation": 0.9} if state == "leaked" else {})
    assert decided(rows)["G6a"].effect == pytest.approx(0, abs=0.005), "a better ticket is no leak"


def test_the_gap_grows_with_classes_and_width():
    def change(task, seeker, state):
        gap = {"moons_a": 0.02, "moons_c": 0.06, "blobs_2": 0.08, "blobs_3": 0.1, "blobs_9": 0.22}.get(task, 0.5)
        # Another objective on two classes would make a slope of its own.
        ours = ("genetic", "entropy") if task.startswith("moons") else ("entropy",)
        return {"accuracy": 0.9 - gap} if seeker in ours else {}

    found = decided(table(change))
    assert (found["G4a"].verdict, found["G4b"].verdict) == ("supported", "supported")
    found = decided(table(change, jitter=0))
    assert found["G4a"].effect == pytest.approx(0.02, abs=1e-9)
    assert found["G4b"].effect == pytest.approx(0.04 / np.log2(5), abs=1e-9)


def test_genetic_search_against_its_baselines():
    rows = table(better("genetic"))
    assert verdicts(rows, "G5", "G5a", "G5b", "G5c") == ["supported"] * 3 + ["not asked"]
    rows = table(better("genetic", "one_plus_one"))
    assert verdicts(rows, "G5a", "G5b") == ["supported", "undecided"]
    rows = table(better("random_search", by=0.1))
    assert verdicts(rows, "G5", "G5a") == ["contradicted", "contradicted"]
    rows = table(better("unpaired", by=0.1))
    assert verdicts(rows, "G5a") == ["undecided"], "another objective is no fair comparison"


def test_genetic_search_is_decided_by_objective_and_family_and_the_weakest_decides():
    long = SEEKERS | {
        "long": {"seeker": "genetic", "objective": "cross_entropy"},
        "one_long": {"seeker": "one_plus_one", "objective": "cross_entropy", "budget": "long"},
    }
    rows = table(
        lambda task, seeker, state: {"accuracy": 0.85} if seeker == "genetic" and task.startswith("moons") else {}
    )
    blobs = rows[rows["family"].eq("blobs") & rows["seeker"].isin(["genetic", "one_plus_one"])]
    renamed = blobs.assign(seeker=blobs["seeker"].map({"genetic": "long", "one_plus_one": "one_long"}))
    worse = renamed["value"].where(
        ~(renamed["seeker"].eq("long") & renamed["metric"].eq("accuracy")), renamed["value"] - 0.1
    )
    found = decided(pd.concat([rows, renamed.assign(value=worse)]), long)
    by_family = {name: row for name, row in found.items() if name.startswith("G5b ")}
    expected = {"genetic, accuracy, moons": 0.05, "genetic, accuracy, blobs": 0, "long, cross_entropy, blobs": -0.1}
    assert {name[4:] for name in by_family} == set(expected)
    for name, effect in expected.items():
        assert by_family[f"G5b {name}"].effect == pytest.approx(effect, abs=0.006), name
    assert found["G5b"].effect == by_family["G5b long, cross_entropy, blobs"].effect
    words = "By cross-entropy on blobs, genetic search (long) beats a (1+1)-EA with as many evaluations"
    assert by_family["G5b long, cross_entropy, blobs"].statement == words


def test_recovered_edges():
    rows = table(lambda task, seeker, state: {"recall": 0.4} if seeker == "genetic" else {})
    found = decided(rows)
    assert (found["G7"].verdict, found["G7 genetic"].verdict) == ("supported", "supported")
    assert found["G7 genetic"].effect == pytest.approx(0.1, abs=0.005)
    assert found["G7 half"].verdict == "undecided"
    assert found["G7 random_search"].verdict == "undecided", "the control"
    assert {"G7 dense", "G7 planted"}.isdisjoint(found)
    assert found["G7a"].verdict == "supported"
    assert found["G7a"].effect == pytest.approx(0.1, abs=0.005)
    rows = table(lambda task, seeker, state: {"recall": {"genetic": 0.4, "half": 0.5}.get(seeker, 0.3)})
    assert verdicts(rows, "G7", "G7a") == ["supported", "contradicted"]


def test_what_was_not_run_is_not_asked():
    alone = {"genetic": SEEKERS["genetic"], "dense": SEEKERS["dense"]}
    rows = table()
    found = decided(rows[rows["seeker"].isin(alone)], alone)
    assert [found[name].verdict for name in ("G1", "G2", "G3", "G5")] == ["not asked"] * 4
    assert [found[name].n for name in ("G1", "G3", "G5")] == [0] * 3
    few = rows[rows["seeker"].isin(alone) & rows["task"].eq("moons_a")]
    assert decided(few, alone)["G4a"].n == 0
    assert decided(few, alone)["G7"].n == 0


def test_every_claim_has_its_texts():
    found = decided(table())
    parts = {part for claim in registry.of("strong") if not callable(claim.parts) for part in claim.parts}
    assert parts | {"G6a", "G7a"} <= found.keys()
    assert found["G3 3 classes"].statement == "Cross-entropy is a better objective than accuracy on 3 classes"
    assert found["G7 half"].statement == "half recovers planted edges above chance"
    for claim in found.values():
        assert claim.statement
        assert claim.source
        assert claim.rule
    html = page(pd.DataFrame([vars(claim) for claim in found.values()]), [()] * len(found), {})
    assert all(claim.statement in html for claim in found.values())
