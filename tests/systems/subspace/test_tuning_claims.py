"""The claims about tuning, decided from tables whose answer is known."""

from types import SimpleNamespace

import pandas as pd
import pytest

from evotickets.claims import registry
from evotickets.systems.subspace import tuning_claims

STRUCTURED = ["bernoulli", "static", "partition", "low_rank_1", "only_head"]
SEEDS = 4


def table(modes, losses, accuracies=None, parents=("digits",)):
    """Tuning whose goal on validation images is the smallest in generation 5, whatever test images say later."""
    rows = []
    for parent in parents:
        for mode in modes:
            for seed in range(SEEDS):
                at = {"system": "subspace", "parent": parent, "study": "tuning", "mode": mode, "density": 1.0}
                at |= {"rule": "none" if mode.startswith("gradient") else "norm", "sigma": 0.01, "shift": "none"}
                at |= {"decay": 0.0, "candidate": "step", "seed": seed}
                noise = 0.001 * ((seed * 7 + len(mode)) % 3)
                for step, goal, test in ((0, 1.0, 1.0), (5, 0.2, losses[mode] + noise), (10, 0.4, 0.0)):
                    values = {("validation", "goal"): goal + losses[mode] / 100, ("test", "nll"): test}
                    values[("test", "accuracy")] = (accuracies or losses)[mode]
                    rows += [
                        at | {"step": step, "split": split, "metric": metric, "value": value}
                        for (split, metric), value in values.items()
                    ]
    return pd.DataFrame(rows)


def decided(rows):
    return {row["claim"]: SimpleNamespace(**row) for row in registry.decide("subspace", rows)}


def test_the_generation_that_validation_chooses_counts_and_not_the_one_that_test_prefers():
    found = tuning_claims.outcomes(table(["dense"], {"dense": 0.7}))
    assert len(found) == SEEDS
    assert found["nll"].between(0.7, 0.71).all()


def test_structures_are_compared_with_dense_ones_and_the_weakest_speaks_for_all():
    losses = {"dense": 0.5, "bernoulli": 0.4, "static": 0.3, "partition": 0.45, "low_rank_1": 0.2, "only_head": 0.1}
    found = decided(table(["dense", *STRUCTURED], losses))
    assert found["S7 low rank"].effect == pytest.approx(0.3, abs=0.003)
    assert found["S7"].effect == pytest.approx(0.05, abs=0.003)
    assert {found[name].verdict for name in found if name.startswith("S7")} == {"supported"}


def test_s7_is_not_asked_where_a_structure_is_missing_unless_another_contradicts_it():
    losses = {"dense": 0.5, "bernoulli": 0.4, "low_rank_1": 0.2, "static": 0.9}
    found = decided(table(["dense", "bernoulli", "low_rank_1"], losses))
    assert (found["S7"].verdict, found["S7 fresh masks"].verdict) == ("not asked", "supported")
    assert found["S7 layers"].verdict == "not asked"
    assert decided(table(["dense", "bernoulli", "static"], losses))["S7"].verdict == "contradicted"


def test_other_rules_take_no_part_in_s7():
    losses = {"dense": 0.5, "bernoulli": 0.4}
    assert decided(table([*losses], losses).assign(rule="absolute"))["S7"].verdict == "not asked"


def test_evolution_and_gradients_are_each_what_validation_chooses_of_them():
    losses = {"dense": 0.5, "low_rank_1": 0.45, "gradient_0.01": 0.6, "gradient_0.1": 0.3}
    accuracies = {"dense": 0.1, "low_rank_1": 0.7, "gradient_0.01": 0.2, "gradient_0.1": 0.8}
    found = decided(table([*losses], losses, accuracies))
    assert found["S8"].effect == found["S8a loss"].effect == pytest.approx(0.15, abs=0.003)
    assert found["S8b accuracy"].effect == pytest.approx(0.1)
    assert found["S8"].verdict == "supported"


def test_without_gradients_or_without_mutations_s8_is_not_asked():
    for mode in ("dense", "gradient_0.1"):
        assert decided(table([mode], {mode: 0.5}))["S8"].verdict == "not asked"


def costs(values):
    at = {
        "system": "subspace",
        "parent": "digits",
        "study": "costs",
        "density": 1.0,
        "rule": "norm",
        "sigma": 0.01,
        "step": 0,
    }
    at |= {"shift": "none", "decay": 0.0, "candidate": "child", "split": "fitness", "metric": "cost"}
    return pd.DataFrame(
        [
            at | {"mode": mode, "seed": seed, "value": value + seed / 1000}
            for mode, value in values.items()
            for seed in range(4)
        ]
    )


def test_costs_are_held_against_the_bar_and_the_dearest_speaks_for_all():
    cheap = dict.fromkeys(["dense", *STRUCTURED], 1.01)
    assert decided(costs(cheap))["S9"].verdict == "supported"
    found = decided(costs(cheap | {"dense": 1.5}))
    assert (found["S9"].verdict, found["S9 dense"].verdict, found["S9 low rank"].verdict) == (
        "contradicted", "contradicted", "supported",
    )  # fmt: skip
    assert found["S9 dense"].effect == pytest.approx(1.05 - 1.5015)
    cheap.pop("static")
    assert decided(costs(cheap))["S9"].verdict == "not asked"
