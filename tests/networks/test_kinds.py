"""Networks that nobody here has layers for: every kind through strategies, gradients, pruning, transfer, landscape and masks."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evotickets import landscape, population, study, tasks
from evotickets.configuration.reader import StudyError
from evotickets.networks import functions, layout, masks, network
from evotickets.supermasks import adam, leaves
from evotickets.supermasks.biprop import binarised
from evotickets.systems.hybrid import cells as hybrid
from evotickets.systems.strong import cells as strong
from evotickets.systems.strong import evaluator
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


def normalised(axes, frozen=None):
    """A perceptron of the rows' means, normalised over some axes; with frozen statistics `apply` closes over them."""
    init = drawn({"first": (8, 6), "scale": (6,), "shift": (6,), "last": (6, OUTPUTS)})

    def apply(parameters, x):
        hidden = x.mean(2)[..., 0] @ parameters["first"]
        hidden = standardise(hidden, axes) if frozen is None else (hidden - frozen[0]) / frozen[1]
        hidden = hidden * (1 + parameters["scale"])[None] + parameters["shift"][None]
        return jax.nn.relu(hidden) @ parameters["last"]

    return init, apply


def layer_norm():
    return normalised(-1)


def batch_norm():
    """Statistics are those of the batch: re-estimated at every call."""
    return normalised(0)


def frozen_norm():
    return normalised(0, frozen=(0.5, 2.0))


def residual():
    return network["residual"](SHAPE, OUTPUTS, units=6, blocks=1)


def recurrent():
    init = drawn({"in": (8, 6), "again": (6, 6), "last": (6, OUTPUTS)})

    def apply(parameters, x):
        rows = x[..., 0].swapaxes(0, 1) @ parameters["in"]
        step = lambda state, row: (jnp.tanh(row + state @ parameters["again"]), None)  # noqa: E731
        return jax.lax.scan(step, jnp.zeros((len(x), 6)), rows)[0] @ parameters["last"]

    return init, apply


def attention():
    init = drawn({"key": (8, 4), "query": (8, 4), "value": (8, 4), "last": (4, OUTPUTS)})

    def apply(parameters, x):
        key, query, value = (x[..., 0] @ parameters[name] for name in ("key", "query", "value"))
        weights = jax.nn.softmax(query @ key.swapaxes(1, 2) / 2, -1)
        return (weights @ value).mean(1) @ parameters["last"]

    return init, apply


KINDS = (residual, layer_norm, batch_norm, frozen_norm, recurrent, attention)


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
    return tasks.replicates("digits", seed=0, count=2)


@pytest.mark.timeout(300)
def test_tickets_of_every_kind_are_trained_cut_moved_and_looked_around(kind, digits):
    described = functions.describe(kind, SHAPE, OUTPUTS)
    start = levels.initialise(described, 2, seed=0, name="digits")
    es = {"trainer": "snes", "batch": 32, "evaluations": 1, "population": 8, "generations": 5}
    descent = {"trainer": "adam", "batch": 32, "evaluations": 1, "steps": 30, "learning_rate": 0.01}
    trained, run = levels.train(described, digits, start, descent, key=jax.random.key(0))
    untrained, _ = levels.train(described, digits, start, descent | {"steps": 1}, key=jax.random.key(0))
    assert run.trajectory.scores["train/loss"][-1].max() < 2.25, "below the loss of guessing, 2.3"
    kept = masks.kept_count(0.5, described.kernel_count)
    ticket = levels.cut(described, trained, "magnitude", 0.5, rng=np.random.default_rng(0))
    once = levels.cut_initial(described, digits, untrained, "snip", 0.5, rng=np.random.default_rng(0))
    for cut in (ticket, once):
        assert cut.mask.sum(1).tolist() == [kept, kept]
    # Another trainer takes the ticket as it is: pruned weights stay zero.
    moved, _ = levels.train(described, digits, ticket, es, key=jax.random.key(1))
    kernels = masks.kernel_positions(described)
    assert (moved.mean[:, kernels][~ticket.mask] == 0).all()
    assert (moved.std[:, kernels][ticket.mask] > 0).all()
    scoring = landscape.on_task(described, digits, samples=200, key=jax.random.key(2))
    rows = around.flatness(described, moved, scoring, range(2), draws=1, key=jax.random.key(3))
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


def test_masks_of_frozen_weights_are_found_by_gradients_and_by_genetic_search(kind):
    settings = {
        "task": "digits",
        "classes": 3,
        "network": {"network": kind},
        "initial": "uniform",
        "scale": 1,
        "noise": 0,
    }
    training = {"epochs": 1, "batch": 20, "learning_rate": 0.01}
    options = {"samples": 60, "training": training, "seed": 0, "count": 2}
    # Outputs of these networks are ten; three classes are what is asked of them.
    where = partial(strong.seek, settings, **options)
    tickets = {
        "edge_popup": {"density": 0.5, "epochs": 2, "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.0},
        "random_search": {"objective": "accuracy", "budget": 40},
    }
    for seeker, own in tickets.items():
        found = where({"seeker": seeker, **own})
        assert found.masks["found"].shape[0] == 2
        assert 0 < found.masks["found"].mean() < 1
        assert np.isfinite([row["value"] for row in found.rows]).all()


def test_a_hybrid_moves_masks_of_every_kind(kind, digits):
    task = {"task": "digits", "network": {"network": kind}}
    task["training"] = {
        "steps": 4, "batches": 2, "batch": 16, "learning_rate": 0.05, "momentum": 0.9, "evaluations": 1,
    }  # fmt: skip
    section = {
        "hybrid": {
            "tasks": {"digits": {"network": {"network": "residual"}}},
            "methods": {"hybrid": {"groups": 1}},
            "cells": [{"tasks": ["digits"], "methods": ["hybrid"], "densities": [0.5]}],
        }
    }
    method = study.resolve(section).hybrid.methods["hybrid"]
    found = hybrid.run(digits, task, method, 0.5, seed=0, count=2)
    assert found.masks.mean(1).round(1).tolist() == [0.5, 0.5]
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
        StudyError, match="small_dense at density 0.5 narrows layers, and digits has a network of functions"
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
