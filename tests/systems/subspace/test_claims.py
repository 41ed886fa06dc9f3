"""The claims about subspace evolution, decided from tables whose answer is known."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from evotickets.claims import registry
from evotickets.systems.subspace import claims, parent_claims
from tests import offspring as offspring


def decided(rows):
    return {row["claim"]: SimpleNamespace(**row) for row in registry.decide("subspace", rows)}


def verdicts(rows, *names):
    found = decided(rows)
    return [found[name].verdict for name in names]


def test_a_table_in_which_nothing_matters_supports_nothing():
    found = decided(offspring.table())
    # One in twenty intervals misses what is true.
    supported = [name for name, claim in found.items() if claim.verdict == "supported"]
    assert len(supported) <= 2, supported
    assert {claim.name for claim in registry.of("subspace")} <= {name[:2] for name in found}
    # One parent is of one kind at most, and nothing was tuned.
    assert {claim.n for name, claim in found.items() if not name.startswith(("S6", "S7", "S8", "S9"))} == {
        offspring.SEEDS
    }


def test_an_empty_table_decides_nothing():
    for claim in decided(offspring.table().iloc[:0]).values():
        assert (claim.verdict, claim.n) == ("not asked", 0)
        assert np.isnan(claim.effect)


def test_gentler_at_equal_sigma_alone_does_not_support_s1():
    def change(row):
        harm = row.candidate == "child" and row.rule == "absolute" and row.split == "test" and row.mode == "dense"
        return 0.2 * harm

    found = decided(offspring.table(change))
    assert found["S1a"].verdict == found["S1c"].verdict == "supported"
    assert found["S1"].verdict != "supported"
    # .7 against .5 is a logarithm of .336; of spreads, .4 against .2, it is .693.
    assert found["S1a"].effect == pytest.approx(np.log(0.7 / 0.5), abs=0.02)
    assert found["S1c"].effect == pytest.approx(np.log(2), abs=0.05)


def test_sparse_children_that_vary_more_at_equal_norm_contradict():
    rows = offspring.table(
        lambda row: 0.1 * (row.metric == "nll_std" and row.rule == "norm" and row.mode == "bernoulli")
    )
    assert verdicts(rows, "S1d", "S1") == ["contradicted", "contradicted"]


def better(*candidates, modes=("bernoulli",), by=0.05):
    def change(row):
        return -by * (row.candidate in candidates and row.mode in modes and row.metric == "nll")

    return change


def test_an_ensemble_must_beat_dense_ones_and_every_control():
    all_of_it = offspring.table(better("ensemble", "ensemble_scaled"))
    assert (
        verdicts(all_of_it, "S2", "S2a dense", "S2b parent", "S2c scaled parent", "S2d weight average")
        == ["supported"] * 5
    )
    assert decided(all_of_it)["S2a dense"].effect == pytest.approx(0.05, abs=1e-3)
    # Dense ensembles that are as good.
    everybody = offspring.table(better("ensemble", "ensemble_scaled", modes=("bernoulli", "dense")))
    assert verdicts(everybody, "S2b parent")[0] == "supported"
    assert verdicts(everybody, "S2")[0] != "supported"
    # What a temperature explains.
    calibrated = offspring.table(better("ensemble", "ensemble_scaled", "parent_scaled"))
    assert verdicts(calibrated, "S2a dense", "S2b parent") == ["supported"] * 2
    assert verdicts(calibrated, "S2")[0] != "supported"


def test_what_is_chosen_is_what_validation_says_and_its_gain_is_held_out():
    def change(row):
        if row.candidate != "es_step" or row.mode != "partition" or row.sigma != 0.03 or row.metric != "nll":
            return 0.0
        return {"validation": -0.3, "test": -0.1}.get(row.split, 0.0)

    rows = offspring.table(change, parents=("digits", "other"))
    chosen = claims.chosen(rows)
    assert len(chosen) == 2 * offspring.SEEDS
    np.testing.assert_allclose(chosen["nll"], 0.1, atol=0.002)
    np.testing.assert_allclose(chosen["validation"], 0.3, atol=0.002)
    found = decided(rows)
    assert found["S3"].verdict == found["S3c curse of the winner"].verdict == "supported"
    assert found["S3c curse of the winner"].effect == pytest.approx(0.2, abs=0.002)


def test_controls_and_temperatures_are_not_chosen():
    rows = offspring.table(better("weight_average", "ensemble_scaled", modes=("bernoulli",), by=0.4))
    assert np.abs(claims.chosen(rows)["validation"]).max() < 0.01


def test_a_gain_on_the_images_that_chose_alone_supports_nothing_but_the_curse():
    rows = offspring.table(
        lambda row: -0.3 * (row.candidate == "best" and row.split == "validation" and row.metric == "nll")
    )
    assert verdicts(rows, "S3c curse of the winner") == ["supported"]
    assert verdicts(rows, "S3")[0] != "supported"


def test_ensembles_are_compared_at_the_sigma_that_validation_chooses():
    def change(row):
        # Test images would choose .01, validation images choose .03.
        if row.candidate != "ensemble" or row.metric != "nll":
            return 0.0
        if row.split == "validation":
            return -0.1 * (row.sigma == 0.03)
        return 0.2 * (row.sigma == 0.03) - 0.3 * (row.sigma == 0.01)

    found = decided(offspring.table(change))
    assert found["S2b parent"].effect == pytest.approx(-0.2, abs=1e-3)


def with_kinds(rows, **gaps):
    more = [
        {"system": "subspace", "parent": parent, "study": "parent", "mode": "none", "density": 1.0, "rule": "none"}
        | {"sigma": 0.0, "shift": "none", "decay": 0.0, "step": 0, "candidate": "parent", "split": "test"}
        | {"metric": "overconfidence", "seed": 0, "value": gap}
        for parent, gap in gaps.items()
    ]
    return pd.concat([rows, pd.DataFrame(more)], ignore_index=True)


def test_parents_are_decided_one_by_one_and_their_kinds_against_each_other():
    def change(row):
        helped = row.candidate in ("ensemble", "ensemble_scaled", "es_step") and row.metric == "nll"
        return -0.1 * (helped and row.parent == "sure" and row.mode == "bernoulli")

    rows = offspring.table(change, parents=("even", "sure"))
    found = decided(with_kinds(rows, sure=parent_claims.SURE + 0.05, even=-0.01))
    assert found["S2 on sure"].verdict == found["S3a loss on sure"].verdict == "supported"
    assert found["S2 on even"].verdict != "supported"
    assert found["S3a loss on sure"].statement == "One generation improves held-out loss on sure"
    assert found["S6"].verdict == "supported"
    assert [found[name].effect for name in ("S6a", "S6b")] == pytest.approx([0.1, 0.1], abs=2e-3)
    # Without a calibrated parent nobody knows.
    assert decided(with_kinds(rows, sure=0.08, even=parent_claims.EVEN + 0.005))["S6"].verdict == "not asked"
    assert "S2 on digits" not in decided(offspring.table())


def test_modes_are_compared_at_the_densities_they_share():
    rows = offspring.table(better("ensemble", modes=("partition", "bernoulli")))
    found = decided(rows)
    assert found["S4b ensemble"].verdict == "supported"
    assert found["S4a ensemble"].verdict != "supported"
    assert found["S4b step"].verdict != "supported"
    seen = offspring.table(lambda row: 0.05 * (row.candidate == "estimate" and row.mode == "partition"))
    assert verdicts(seen, "S4a gradient") == ["supported"]


def test_forgetting_is_the_rise_on_original_images_from_the_first_generation_to_the_last():
    def change(row):
        forgets = row.study == "generations" and row.split == "original"
        # What all start from does not count.
        return forgets * (1.0 + 0.02 * row.step * (2 if row.mode == "dense" else 1) * (0.5 if row.decay else 1))

    found = decided(offspring.table(change))
    assert found["S5a forgotten without decay"].effect == pytest.approx(0.2, abs=1e-3)
    assert found["S5b forgotten with decay"].effect == pytest.approx(0.1, abs=1e-3)
    assert found["S5"].verdict == "supported"
    assert found["S5a learnt without decay"].verdict != "supported"


def test_every_claim_says_its_rule_and_source():
    for claim in decided(offspring.table()).values():
        assert claim.system == "subspace"
        assert all((claim.statement, claim.source, claim.rule))
