"""Use every part that docs/how-to/own-parts.md adds, as the scripts of the workflow would: `python own_parts.py STUDY`.

It runs in a process of its own, beside the file with the parts, on a copy of the package with the other examples.
"""

import runpy
import sys
from itertools import combinations
from pathlib import Path

import jax
import numpy as np
import pandas as pd

from evotickets import streams, study, tasks
from evotickets.claims import registry as claims
from evotickets.planted import ground as grounds
from evotickets.systems import registry as systems
from evotickets.systems.hybrid import cells as hybrid
from evotickets.systems.planting import cells as planting
from evotickets.systems.strong import cells as strong
from evotickets.systems.tickets import levels, problems
from evotickets.systems.tickets.claims import Tables


def ticket_of(wanted, task):
    """A task of the study with its network, and the ticket of two seeds that keeps every weight."""
    held, network = problems.problem_of(wanted.tasks[task], seed=0, count=2)
    return network, held, levels.initialise(network, 2, seed=0, name=task)


def trained(wanted, task, trainer):
    network, held, ticket = ticket_of(wanted, task)
    after, _ = levels.train(network, held, ticket, wanted.settings[task, trainer], key=streams.stream(0, "x"))
    assert (after.flat(network, "mean") != ticket.flat(network, "initial")).any()
    return after


def cut(wanted, source, criterion):
    network, held, _ = ticket_of(wanted, "digits")
    ticket = levels.next_ticket(network, held, source, criterion, 0.1, seed=0, name="digits", place=("adam", "01"))
    kept = round(0.1 * network.kernel_count)
    mask = ticket.flat(network, "mask")
    assert mask.sum(1).tolist() == [kept, kept]
    return mask


def use_tickets(wanted, folder):
    names = ("snes_slow", "snes_steady", "better_half")
    network = ticket_of(wanted, "digits")[0]
    stds = [trained(wanted, "digits", name).flat(network, "std") for name in names]
    assert not any(np.array_equal(*pair) for pair in combinations(stds, 2))
    assert ticket_of(wanted, "digits_skipping")[0].shapes == [(64, 8), (8, 10), (64, 10)]
    trained(wanted, "digits_skipping", "better_half")
    after = trained(wanted, "digits", "sgd")
    assert after.std is None
    assert (cut(wanted, after, "drift") != cut(wanted, after, "magnitude")).any()
    evolved = trained(wanted, "digits", "better_half")
    assert (cut(wanted, evolved, "drift_ratio") != cut(wanted, evolved, "drift")).any()
    assert (cut(wanted, ticket_of(wanted, "digits")[2], "slope") != cut(wanted, after, "magnitude")).any()
    trained(wanted, "brightness", "adam")
    trained(wanted, "tilt", "better_half")
    trained(wanted, "corridor", "better_half")
    assert len(tasks.supervised("brightness").test.y) == 60
    rows = [f"{length},{length / 2},{'iris' if length > 25 else 'rosa'}" for length in range(50)]
    (folder / "flowers.csv").write_text("\n".join(["length,width,species", *rows]))
    assert len(tasks.supervised("flowers").test.y) == 10


def use_planting(wanted, folder):
    target, rows = wanted.targets["circle"], []
    ground = grounds.ground(target, 2, seed=0, count=2)
    for seeker in ("smallest", "drift"):
        options = wanted.seekers.get(seeker, {"seeker": seeker})
        limits = {"count": wanted.samples, "training": wanted.training, "seed": 0}
        found = planting.seek(target, 2, ground, options, "ticket", **limits)
        assert (found.mask.sum(1) == ground.mask.sum(1)).all()
        rows += [{"target": "circle", "seeker": seeker, "asked": "ticket", **row} for row in found.rows]
    figure = systems.figures("planting")["kept"]
    sys.modules[figure.module].kept(pd.DataFrame(rows), folder / "kept.svg")
    assert "smallest" in (folder / "kept.svg").read_text()
    assert figure.caption == folder / "captions/kept.rst"
    assert systems.files("planting").Files(wanted, "results", 2).drawn(figure) == [
        "results/figures/planting/circle_kept.svg"
    ]


def use_strong(wanted):
    limits = {"samples": wanted.samples, "training": wanted.training, "seed": 0, "count": 2}
    ticket = strong.seek(wanted.tasks["moons"], wanted.seekers["large"], **limits)
    # 2-6-2: a quarter of 24 weights.
    assert ticket.masks["found"].sum(1).tolist() == [6, 6]


def use_hybrid(wanted):
    data = tasks.supervised("digits")
    for task, method in (("digits", "single"), ("digits_residual", "set")):
        found = hybrid.run(data, wanted.tasks[task], wanted.methods[method], 0.2, seed=0, count=2)
        names = {parameter.name for parameter in hybrid.architecture_of(data, wanted.tasks[task]).prunable}
        assert ("dense3/kernel" in names) == (task == "digits_residual")
        assert found.masks.mean(1).round(2).tolist() == [0.2, 0.2]


def use_claims():
    systems.claims("tickets")
    points = [
        {"task": "digits", "trainer": trainer, "criterion": "snr", "density": density, "seed": seed, "split": "test",
         "metric": "accuracy", "value": value + seed / 100}
        for trainer, better in (("snes", 0.0), ("pgpe", 0.1))
        for density, value in ((1.0, 0.9), (0.1, 0.5 + better))
        for seed in range(3)
    ]  # fmt: skip
    nothing = pd.DataFrame()
    tables = Tables(pd.DataFrame(points), nothing, nothing, nothing, nothing, nothing, frozenset())
    claim = claims.CLAIMS["E1 pgpe"]
    row = claims.Decided(claim, claim.name, claim.effects(tables), 1).row
    np.testing.assert_allclose(row["effect"], 0.1)
    assert set(claim.shown(claim.name)) <= set(systems.shown("tickets"))


if __name__ == "__main__":
    jax.config.update("jax_platforms", "cpu")
    # Beside this file, whose folder is not on the path.
    runpy.run_path(str(Path(__file__).with_name("quick.py")))["start"](1)
    wanted, here = study.load(sys.argv[1]), Path(sys.argv[1]).parent
    use_tickets(wanted.tickets, here)
    use_planting(wanted.planting, here)
    use_strong(wanted.strong)
    use_hybrid(wanted.hybrid)
    use_claims()
