"""Networks that nobody here has layers for: residual connections, normalisation, recurrence and attention.

Each goes through strategies, gradients, pruning, transfer, landscape, hybrid training and masks of frozen weights.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evotickets import landscape, population, study, tasks
from evotickets.configuration.reader import StudyError
from evotickets.networks import functions, layout, masks, network
from evotickets.supermasks import adam, edge_popup, leaves
from evotickets.supermasks.biprop import binarised
from evotickets.systems.hybrid import cells as hybrid
from evotickets.systems.strong import cells as strong
from evotickets.systems.strong import choice, evaluator, seekers
from evotickets.systems.strong.weights import label
from evotickets.systems.tickets import around, levels

SHAPE, OUTPUTS = (8, 8, 1), 10


def drawn(shapes):
    """Normals over the root of the fan-in, by name; vectors start at zero."""

    def init(key):
        keys = jax.random.split(key, len(shapes))
        return {
            name: jax.random.normal(own, shape) / shape[0] ** 0.5 if len(shape) > 1 else jnp.zeros(shape)
            for own, (name, shape) in zip(keys, shapes.items(), strict=True)
        }

    return init


def standardise(x, axes):
    mean, variance = jnp.mean(x, axes, keepdims=True), jnp.var(x, axes, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5)


def attentive():
    """Attention with a residual connection and layer normalisation."""
    init = drawn({"in": (8, 4), "key": (4, 4), "query": (4, 4), "value": (4, 4), "scale": (4,), "last": (4, OUTPUTS)})

    def apply(parameters, x):
        rows = x[..., 0] @ parameters["in"]
        seen = standardise(rows, -1) * (1 + parameters["scale"])[None, None]
        key, query, value = (seen @ parameters[name] for name in ("key", "query", "value"))
        rows = rows + jax.nn.softmax(query @ key.swapaxes(1, 2) / 2, -1) @ value
        return rows.mean(1) @ parameters["last"]

    return init, apply


def recurrent():
    """A recurrent network that reads an image row by row; batch normalisation takes the statistics of its batch."""
    init = drawn({"in": (8, 6), "again": (6, 6), "scale": (6,), "shift": (6,), "last": (6, OUTPUTS)})

    def apply(parameters, x):
        rows = x[..., 0].swapaxes(0, 1) @ parameters["in"]
        step = lambda state, row: (jnp.tanh(row + state @ parameters["again"]), None)  # noqa: E731
        last = standardise(jax.lax.scan(step, jnp.zeros((len(x), 6)), rows)[0], 0)
        return (last * (1 + parameters["scale"])[None] + parameters["shift"][None]) @ parameters["last"]

    return init, apply


def frozen():
    """Batch normalisation whose statistics `apply` closes over."""
    init, (mean, std) = drawn({"first": (64, 6), "scale": (6,), "last": (6, OUTPUTS)}), (0.2, 2.0)

    def apply(parameters, x):
        hidden = (x.reshape(len(x), -1) @ parameters["first"] - mean) / std
        return jax.nn.relu(hidden * (1 + parameters["scale"])[None]) @ parameters["last"]

    return init, apply


KINDS = (attentive, recurrent, frozen)
DEEP = pytest.mark.parametrize("kind", KINDS[:2], indirect=True, ids=lambda kind: kind.__name__)
"""For what compiles for long: frozen statistics are constants of a perceptron."""


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def kind(request, monkeypatch):
    """The name under which a network of every kind is registered while the test runs."""
    name = f"of_{request.param.__name__}"
    list(network)
    monkeypatch.setattr(network, "_parts", {**network, name: lambda input_shape, outputs: request.param()})
    monkeypatch.setattr(network, "facts", {**network.facts, name: {}})
    return name


@pytest.fixture(scope="module")
def digits():
    return tasks.replicates("digits", seed=0, count=1)


def test_tickets_of_every_kind_are_trained_cut_moved_and_looked_around(kind, digits):
    described = functions.describe(kind, SHAPE, OUTPUTS)
    start = levels.initialise(described, 1, seed=0, name="digits")
    es = {"trainer": "snes", "batch": 16, "evaluations": 1, "population": 8, "generations": 3}
    descent = {"trainer": "adam", "batch": 64, "evaluations": 1, "steps": 60, "learning_rate": 0.02}
    trained, run = levels.train(described, digits, start, descent, key=jax.random.key(0))
    assert run.trajectory.scores["train/accuracy"][-1] > 0.25, "more than guessing, a tenth"
    kept = masks.kept_count(0.5, described.kernel_count)
    ticket = levels.cut(described, trained, "magnitude", 0.5, rng=np.random.default_rng(0))
    once = levels.cut_initial(described, digits, start, "snip", 0.5, rng=np.random.default_rng(0))
    assert (ticket.kept, once.kept) == (kept, kept)
    # Another trainer takes the ticket as it is: pruned weights stay zero.
    moved, _ = levels.train(described, digits, ticket, es, key=jax.random.key(1))
    kernels = masks.kernel_positions(described)
    mask = ticket.flat(described, "mask")
    assert (moved.flat(described, "mean")[:, kernels][~mask] == 0).all()
    assert (moved.flat(described, "std")[:, kernels][mask] > 0).all()
    scoring = landscape.on_task(described, digits, samples=50, key=jax.random.key(2))
    rows = around.flatness(described, moved, scoring, draws=1, key=jax.random.key(3))
    assert np.isfinite([row["value"] for row in rows]).all()


def test_members_of_a_population_are_networks_of_their_own(kind, digits):
    """One vmapped call gives what each member computes alone; statistics of a batch are those of its own outputs."""
    described = functions.describe(kind, SHAPE, OUTPUTS)
    x = jnp.asarray(digits.test.x[0, :7])
    members = jnp.asarray(np.random.default_rng(0).normal(size=(3, described.parameter_count)), jnp.float32)
    plan = jax.tree.map(lambda leaf: leaf[0], population.plan(described, masks.everything(described)))
    together = jax.jit(population.logits)(plan, members, x)
    alone = [described.apply(layout.unflatten(described, member), x) for member in members]
    np.testing.assert_allclose(together, np.stack(alone), rtol=2e-4, atol=2e-4)


@DEEP
def test_masks_of_frozen_weights_are_found_by_gradients_and_by_search(kind):
    settings = {
        "task": "digits",
        "classes": OUTPUTS,
        "network": {"network": kind},
        "initial": "",
        "scale": 1,
        "noise": 0,
    }
    training = {"epochs": 1, "batch": 20, "learning_rate": 0.01}
    options = {"samples": 60, "training": training, "seed": 0, "count": 1}
    where, _ = strong.instance(settings, **options)
    popup = edge_popup.edge_popup(where, 40, epochs=1)
    assert popup.sum(1).tolist() == [40]
    found = seekers.seek("random_search", where, objective="accuracy", budget=20)
    assert 0 < found.candidates.mean() < 1
    grades = choice.grade(where.network, where.problem, where.parameters * masks.spread(where.network, popup))
    assert np.isfinite(list(grades.values())).all()


@DEEP
def test_a_hybrid_moves_masks_of_every_kind(kind, digits):
    task = {"task": "digits", "network": {"network": kind}}
    task["training"] = {
        "steps": 2, "batches": 2, "batch": 16, "learning_rate": 0.05, "momentum": 0.9, "evaluations": 1,
    }  # fmt: skip
    section = {
        "hybrid": {
            "tasks": {"digits": {"network": {"network": "residual"}}},
            "methods": {"hybrid": {"groups": 1}},
            "cells": [{"tasks": ["digits"], "methods": ["hybrid"], "densities": [0.5]}],
        }
    }
    method = study.resolve(section).hybrid.methods["hybrid"]
    found = hybrid.run(digits, task, method, 0.5, seed=0, count=1)
    assert found.masks.mean(1).round(1).tolist() == [0.5]
    assert np.isfinite(found.trajectory.scores["test/loss"]).all()


def test_leaves_come_back_in_the_order_of_the_network():
    described = functions.describe("residual", (4,), 3, {"units": 5, "blocks": 1})
    flat = jnp.arange(float(described.parameter_count))
    cut = leaves.cut_up(described, flat)
    assert [kernel.shape for kernel, _ in cut] == described.shapes
    np.testing.assert_array_equal(leaves.join(described, cut), flat)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(6, 4)), jnp.float32)
    expected = described.apply(layout.unflatten(described, flat), x)
    np.testing.assert_allclose(leaves.outputs(described, cut, x).T, expected, rtol=1e-6)


def test_pruned_leaves_are_zero_and_binary_ones_have_one_size():
    described = functions.describe("residual", (4,), 3, {"units": 5, "blocks": 1})
    rng = np.random.default_rng(0)
    parameters = rng.normal(size=(2, described.parameter_count)).astype(np.float32)
    genomes = rng.random((2, described.kernel_count)) < 0.5
    held = np.asarray(evaluator.masked(described, jnp.asarray(parameters[0]), jnp.asarray(genomes)))
    np.testing.assert_array_equal(held, parameters[:1] * masks.spread(described, genomes))
    binary = binarised(described, parameters, genomes)
    for part in layout.slices(described):
        assert len(np.unique(np.abs(binary[0, part.kernel]))) == 1
    x, y = rng.normal(size=(2, 40, 4)).astype(np.float32), rng.integers(0, 3, (2, 40))
    settings = {"epochs": 2, "batch": 10, "learning_rate": 0.01}
    trained = adam.train(described, 3, (x, y), parameters, genomes, settings, rngs=[rng, rng])
    assert (trained[:, masks.kernel_positions(described)][~genomes] == 0).all()
    assert not np.array_equal(trained, parameters * masks.spread(described, genomes))


def test_what_needs_layers_is_refused():
    entry = {"digits": {"network": {"network": "residual"}}}
    hybrid_study = {
        "hybrid": {
            "tasks": entry,
            "methods": {"small_dense": {}},
            "cells": [{"tasks": ["digits"], "methods": ["small_dense"], "densities": [0.5]}],
        }
    }
    with pytest.raises(
        StudyError, match=r"small_dense at density 0.5 narrows layers, and digits has a network of functions"
    ):
        study.resolve(hybrid_study)
    planted = {"strong": {"tasks": {"planted_circle": entry["digits"]}, "seekers": {"genetic": {}}, "cells": []}}
    planted["strong"]["cells"] = [{"tasks": ["planted_circle"], "seekers": ["genetic"]}]
    with pytest.raises(StudyError, match="has a network of functions, but mother networks are perceptrons"):
        study.resolve(planted)
    control = {
        "tickets": {
            "densities": [1, 0.5],
            "tasks": {"cartpole": {"network": {"network": "residual"}}},
            "trainers": {"snes": {}},
            "chains": [{"task": "cartpole", "trainers": ["snes"], "criteria": ["magnitude"]}],
            "landscape": {"chains": [{"task": "cartpole", "trainer": "snes", "criterion": "magnitude"}]},
        }
    }
    with pytest.raises(StudyError, match=r"set tickets.tasks.cartpole.normalise to false, or use 'hidden'"):
        study.resolve(control)
    control["tickets"]["tasks"]["cartpole"]["normalise"] = False
    assert study.resolve(control).tickets.landscape.chains


def test_tables_name_the_network_and_its_options():
    assert label({"hidden": [50, 50]}) == "50-50"
    assert label({"network": {"network": "residual", "units": 8, "blocks": 2}}) == "residual-blocks-2-units-8"
