"""Cells of the study on tiny networks: what must hold of their rows, and that a killed cell goes on where it was."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from evotickets.systems.subspace import ENSEMBLES, RECOMBINED, cells, problems
from evotickets.systems.subspace.children import Children, fingerprint
from evotickets.systems.subspace.resnet import ResNet

PARENT = {"images": "digits", "options": {}}
RESNET = PARENT | {"model": "tests.systems.subspace.test_cells.residual", "arguments": {}}
LINEAR = PARENT | {"model": "tests.systems.subspace.test_cells.linear", "arguments": {}}
SCALES = [{"rule": rule, "sigma": sigma} for rule in ("norm", "absolute") for sigma in (0.05, 0.2)]
MUTATIONS = {"mode": "bernoulli", "density": 0.25, "scales": SCALES, "children": 5, "step": 1.0}


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


def residual() -> nn.Module:
    torch.manual_seed(0)
    return ResNet(blocks=1, widths=(4, 4), inputs=1)


def run(study, settings, parent=LINEAR, children=None, count=1, **more):
    states = problems.make(parent, 0, 1)
    options = {"images": {"fitness": 40, "validation": 20, "test": 30, "batch": 40}, "batch_norm": "keep"} | more
    rows = cells.run(
        study, parent, states, settings, children=children or Children(None), seed=0, count=count, threads=1, **options
    )
    return pd.DataFrame(rows)


def test_one_generation_has_every_candidate_at_every_scale():
    rows = run("mutations", MUTATIONS, count=2)
    keys = ["seed", "rule", "sigma", "candidate", "split", "metric"]
    assert not rows.duplicated(keys).any()
    assert rows["value"].notna().all()
    wide = rows.pivot_table("value", ["seed", "rule", "sigma", "candidate"], ["split", "metric"])
    assert len(wide) == 2 * 4 * (3 + len(RECOMBINED) + len(ENSEMBLES))
    nll = rows[(rows["metric"] == "nll") & (rows["split"] == "test")].pivot(
        index=["seed", "rule", "sigma"], columns="candidate", values="value"
    )
    # The logarithm is concave: an ensemble is no worse than its members on average.
    assert (nll["ensemble"] <= nll["child"] + 1e-9).all()
    assert (nll["ensemble_logits"] <= nll["child"] + 1e-9).all()
    assert nll["parent"].groupby("seed").nunique().eq(1).all()
    fitness = rows[(rows["metric"] == "nll") & (rows["split"] == "fitness")].pivot(
        index=["seed", "rule", "sigma"], columns="candidate", values="value"
    )
    assert (fitness["best"] <= fitness["child"]).all()


def test_the_average_of_all_weights_of_antithetic_children_is_their_parent():
    rows = run("mutations", MUTATIONS | {"mode": "antithetic", "children": 4})
    at = (
        rows[(rows["metric"] == "nll") & (rows["split"] == "test")]
        .set_index(["rule", "sigma", "candidate"])["value"]
        .sort_index(kind="stable")
    )
    for scale in SCALES:
        own = at[scale["rule"], scale["sigma"]]
        assert own["weight_average"] == pytest.approx(own["parent"], abs=1e-5)
        assert own["ensemble_logits"] == pytest.approx(own["parent"], abs=1e-5), "this model is linear"


def test_norm_and_sigma_are_one_where_everything_mutates():
    rows = run("mutations", MUTATIONS | {"mode": "dense", "density": 1.0})
    wide = rows.pivot(index=["sigma", "candidate", "split", "metric"], columns="rule", values="value")
    np.testing.assert_array_equal(wide["norm"], wide["absolute"])


def test_batch_norm_can_be_estimated_anew():
    keep, estimate = (run("mutations", MUTATIONS, RESNET, batch_norm=how) for how in ("keep", "estimate"))
    assert not np.allclose(keep["value"], estimate["value"])
    np.testing.assert_array_equal(keep["value"], run("mutations", MUTATIONS, RESNET)["value"])


def test_a_search_sees_of_the_gradient_what_theory_says():
    settings = {"mode": "dense", "density": 1.0, "rule": "norm", "sigma": 0.001, "children": [50, 800]}
    for mode, density in (("dense", 1.0), ("bernoulli", 0.1), ("partition", 0.1), ("antithetic", 0.1)):
        rows = run("gradients", settings | {"mode": mode, "density": density})
        wide = rows.pivot(index="step", columns="candidate", values="value")
        # 650 parameters: a cosine to a random direction has a std of .04.
        np.testing.assert_allclose(wide["estimate"], wide["theory"], atol=0.12)
        assert wide["estimate"][800] > wide["estimate"][50]


GENERATIONS = {
    "mode": "bernoulli", "density": 0.5, "rule": "norm", "sigma": 0.02, "shift": "rotation", "strength": 0.0,
    "generations": 12, "evaluations": 3, "children": 20, "step": 1.0, "decay": 0.0,
}  # fmt: skip


def test_generations_learn_the_shifted_task_and_decay_keeps_them_near():
    free, held = (run("generations", GENERATIONS | {"decay": decay}) for decay in (0.0, 0.3))
    course = free[(free["split"] == "fitness") & (free["metric"] == "nll")].set_index("step")["value"]
    assert list(course.index) == [0, 4, 8, 12]
    assert course[12] < course[0]
    far, near = (rows[rows["metric"] == "distance"].set_index("step")["value"] for rows in (free, held))
    assert far[0] == near[0] == 0
    assert 0 < near[12] < far[12]


class Killed(Exception):
    pass


@pytest.mark.parametrize(("study", "settings"), [("mutations", MUTATIONS), ("generations", GENERATIONS)])
def test_a_killed_cell_goes_on_at_the_child_it_was_at(tmp_path, study, settings):
    whole, done = [], []
    wanted = run(study, settings, count=2, report=whole.append)

    def stop(evaluated):
        if evaluated == 7:
            raise Killed

    with pytest.raises(Killed):
        run(study, settings, count=2, children=Children(tmp_path / "c", "f"), report=stop)
    found = run(study, settings, count=2, children=Children(tmp_path / "c", "f"), report=done.append)
    pd.testing.assert_frame_equal(found, wanted)
    # The seventh was evaluated, but not written.
    assert len(done) == len(whole) - 6
    assert len(whole) == 2 * cells.networks(study, settings)


def test_a_helper_finds_its_share_first(tmp_path):
    order = []
    children = Children(tmp_path, "f", worker=1, workers=3)
    children.evaluated(7, lambda child: order.append(child) or np.zeros(1))
    assert order == [2, 3, 6, 5, 4, 1, 0]


def test_the_summary_holds_one_rule_and_leaves_out_theory():
    rows = run("mutations", MUTATIONS).to_dict("records")
    (wanted,) = (
        row["value"]
        for row in rows
        if [row[name] for name in ("rule", "sigma", "candidate", "split", "metric")]
        == ["norm", 0.05, "child", "test", "nll"]
    )
    assert cells.summary(rows)["test/child_nll"] == wanted
    settings = {"mode": "dense", "density": 1.0, "rule": "norm", "sigma": 0.001, "children": [2, 4]}
    assert set(cells.summary(run("gradients", settings).to_dict("records"))) == {"fitness/estimate_cosine"}


def test_the_summary_holds_the_last_step_and_the_smallest_scale():
    rows = run("generations", GENERATIONS).to_dict("records")
    found = cells.summary(rows)
    last = [row["value"] for row in rows if (row["split"], row["metric"], row["step"]) == ("original", "nll", 12)]
    assert found["original/parent_nll"] == pytest.approx(np.mean(last))
    assert set(found) <= {
        f"{split}/parent_{m}" for split in ("fitness", "test", "original", "weights") for m in cells.SHOWN
    }


def test_whoever_is_asked_something_else_keeps_children_of_its_own():
    asked = fingerprint(b"weights", {"sigma": 0.1, "children": 5}, 0)
    assert asked == fingerprint(b"weights", {"children": 5, "sigma": 0.1}, 0)
    assert len({asked, fingerprint(b"other", {"sigma": 0.1, "children": 5}, 0), fingerprint(b"weights", {}, 0)}) == 3
