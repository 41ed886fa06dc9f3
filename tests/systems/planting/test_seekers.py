"""Scores, training and seekers on mother networks: known answers first, then what must hold of every seeker."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evotickets.networks import feedforward, layout, masks
from evotickets.planted import ground as grounds
from evotickets.planted import samples, targets
from evotickets.supermasks import TRAINED_SCORES, adam, biprop, edge_popup, gem_miner, trained_scores
from evotickets.supermasks.instance import Instance, counts, cut
from evotickets.systems.planting import cells, saliency, seeker, seekers
from evotickets.systems.planting.seekers import by_score

TRAINING = {"epochs": 2, "batch": 32, "learning_rate": 0.001}
CIRCLE = {"target": "circle", "width": 24, "noise": 0.01}
QUICK = {
    "synflow": {"rounds": 10},
    "magnitude": {"shots": 2, "epochs": 1},
    "edge_popup": {"epochs": 2, "annealed": True},
    "gem_miner": {"epochs": 3},
    "evolution_strategy": {"shots": 1, "population": 8, "generations": 3, "batch": 32},
}


def instance(target=CIRCLE, depth=3, seeds=2, count=320):
    ground = grounds.ground(target, depth, seed=0, count=seeds)
    rngs = [np.random.default_rng(index) for index in range(seeds)]
    problem = samples.draw(target["target"], count, target["noise"], rngs)
    network, biases = cells.network_of(target, depth), grounds.prunes_biases(target)
    return Instance(network, problem, ground.parameters, TRAINING, 0, ("test",), biases), ground


def test_scores_are_those_of_the_flat_network():
    """Two inputs, two hidden units, one output: kernels [[1, -2], [3, 0.5]] and [[2, -1]]."""
    network = layout.mlp(2, (2,), 1)
    flat = jnp.array([1.0, -2, 3, 0.5, 0, 0, 2, -1, 0])
    # Hidden 1 − .5 = .5 and 3 + .125 = 3.125, output 1 − 3.125 = −2.125, which is half of ∂L/∂output for target 0.
    problem = samples.Problem(0, (np.array([[[1.0, 0.25]]], np.float32), np.zeros((1, 1, 1), np.float32)), ())
    everything = np.ones((1, 6), bool)

    def score(name):
        return saliency.score(network, problem, name, flat[None], everything)[0]

    first, second = [2 * 4.25, 2 * 2 * 0.25 * 4.25, 3 * 4.25, 0.5 * 0.25 * 4.25], [2 * 0.5 * 4.25, 3.125 * 4.25]
    np.testing.assert_allclose(score("snip"), [*first, *second], rtol=1e-6)
    np.testing.assert_allclose(score("magnitude"), [1, 2, 3, 0.5, 2, 1])
    # Flow: the products of |weights| along the paths through a weight.
    np.testing.assert_allclose(score("synflow"), [2, 4, 3, 0.5, 6, 3.5])


JOINT = CIRCLE | {"biases": "pruned"}


def test_biases_are_scored_with_weights_where_they_are_prunable():
    """One unit a layer: weights 2 and −4, biases 3 and 5; an input of ones flows through 4 · (2 + 3) + 5."""
    network, flat = layout.mlp(1, (1,), 1), np.array([[2.0, 3, -4, 5]])
    problem = samples.Problem(0, (np.ones((1, 1, 1), np.float32), np.zeros((1, 1, 1), np.float32)), ())
    everything = np.ones((1, 4), bool)

    def score(name, mask=everything):
        return saliency.score(network, problem, name, flat, mask)[0]

    np.testing.assert_allclose(score("synflow"), [8, 12, 20, 5])
    np.testing.assert_allclose(score("magnitude"), [2, 3, 4, 5])
    # The output is −4 · 5 + 5 = −15, the slope of its square −30.
    np.testing.assert_allclose(score("snip"), [30 * 8, 30 * 12, 30 * 20, 30 * 5])
    np.testing.assert_allclose(score("synflow", np.array([[True, False, True, True]])), [8, 0, 8, 5])
    np.testing.assert_allclose(score("synflow", np.ones((1, 2), bool)), [8, 20])


def test_a_planted_ticket_has_its_biases_where_they_are_prunable():
    """Circle of depth 3: its first layers have none, ten knots a component have, and so have its outputs but one."""
    found, ground = instance(JOINT)
    _, alone = instance(CIRCLE)
    built = targets.build("circle", 3)
    biases = [int(np.count_nonzero(bias)) for bias in built.biases]
    layers = layout.layers(found.network, ground.mask)
    assert [int(bias[0].sum()) for _, bias in layers] == biases
    np.testing.assert_array_equal(masks.edges(found.network, ground.mask), alone.mask)
    np.testing.assert_array_equal(ground.parameters, alone.parameters)


CUTTING = [name for name in seeker if seeker.facts[name].get("cuts_biases")]


@pytest.mark.parametrize("name", CUTTING)
def test_seekers_cut_weights_and_biases_jointly(name):
    found, ground = instance(JOINT)
    count = int(ground.mask[0].sum())
    mask = seekers.seek(name, found, count, **QUICK.get(name, {}))
    assert mask.shape == found.parameters.shape
    assert (mask.sum(1) == count).all()
    trained = found.train(mask, 1, "joint")
    assert not trained[~mask].any()


def test_a_seeker_that_keeps_all_biases_is_refused_where_they_are_prunable():
    assert set(seeker) - set(CUTTING) == {"edge_popup", "gem_miner", "evolution_strategy"}
    found, _ = instance(JOINT)
    with pytest.raises(ValueError, match=r"edge_popup returned masks .* start from instance\.everything"):
        seekers.seek("edge_popup", found, 40, epochs=1)


def test_a_cell_counts_the_biases_that_are_left():
    training = TRAINING | {"epochs": 1}
    rows = {}
    for target in (CIRCLE, JOINT):
        ground = grounds.ground(target, 3, seed=0, count=2)
        cell = cells.seek(target, 3, ground, {"seeker": "magnitude"}, "ticket", count=64, training=training, seed=0)
        rows[target.get("biases")] = {
            (row["metric"], row["seed"]): row["value"] for row in cell.rows if row["layer"] == 0
        }
        assert cell.mask.sum() == ground.mask.sum()
    assert rows[None]["kept_biases", 1] == 24 + 24 + 4
    assert rows["pruned"]["kept_biases", 1] + rows["pruned"]["kept", 1] == ground.mask[1].sum()
    assert rows["pruned"]["kept_biases", 1] < 52


def test_synaptic_flow_is_conserved_without_biases():
    """Tanaka et al. (2020), theorem 2: every layer's scores have the same sum."""
    found, _ = instance(depth=5)
    flat = found.parameters[:1].astype(np.float32)
    for _, bias in layout.layers(found.network, flat[0]):
        bias[:] = 0
    values = saliency.score(found.network, found.problem, "synflow", flat, found.everything[:1])[0]
    ends = np.cumsum([layer.kernel_size for layer in found.network.layers])
    sums = [part.sum() for part in np.split(values, ends[:-1])]
    np.testing.assert_allclose(sums, sums[0], rtol=1e-5)


def test_scores_of_a_masked_network_are_those_of_the_smaller_one():
    found, ground = instance()
    mask = np.random.default_rng(0).random(ground.mask.shape) < 0.5
    for name in saliency.criteria():
        values = saliency.score(found.network, found.problem, name, found.parameters, mask)
        changed = found.parameters.copy()
        changed[~masks.spread(found.network, mask)] = 7.0
        again = saliency.score(found.network, found.problem, name, changed, mask)
        np.testing.assert_array_equal(values, again)
        assert np.all(values[~mask] == 0)


def test_densities_of_several_cuts_fall_geometrically_and_end_exactly():
    assert counts(1000, 10, 1) == [10]
    assert counts(1000, 10, 2) == [100, 10]
    assert counts(10_000, 1, 4) == [1000, 100, 10, 1]


def test_training_moves_survivors_only_and_each_seed_by_itself():
    found, ground = instance(seeds=3)
    rngs = [np.random.default_rng(index) for index in range(3)]
    trained = adam.train(
        found.network, found.problem.classes, found.problem.train, found.parameters, ground.mask, TRAINING, rngs=rngs
    )
    keep = masks.spread(found.network, ground.mask)
    assert np.all(trained[~keep] == 0)
    assert np.mean(trained[keep] != found.parameters[keep]) > 0.5
    splits = {
        name: samples.Samples(*(part[1:2] for part in getattr(found.problem, name))) for name in ("train", "test")
    }
    problem = found.problem._replace(**splits)
    alone = adam.train(
        found.network,
        problem.classes,
        problem.train,
        found.parameters[1:2],
        ground.mask[1:2],
        TRAINING,
        rngs=[np.random.default_rng(1)],
    )
    np.testing.assert_allclose(alone[0], trained[1], atol=1e-6)


def test_a_step_of_training_is_adams():
    found, ground = instance(seeds=1, count=32)
    one = TRAINING | {"epochs": 1}
    trained = adam.train(
        found.network,
        found.problem.classes,
        found.problem.train,
        found.parameters,
        ground.mask,
        one,
        rngs=[np.random.default_rng(0)],
    )
    keep = masks.spread(found.network, ground.mask)[0]
    start = found.parameters[0] * keep

    def loss(flat):
        params = layout.unflatten(found.network, flat)
        out = feedforward.apply(found.network, params, jnp.asarray(found.problem.train.x[0]))
        return -jnp.mean(jax.nn.log_softmax(out)[jnp.arange(32), found.problem.train.y[0]])

    slope = np.asarray(jax.jit(jax.grad(loss))(jnp.asarray(start))) * keep
    # The first step of Adam is the sign of the gradient times the learning rate.
    steep = np.abs(slope) > 1e-5
    np.testing.assert_allclose((trained[0] - start)[steep], -0.001 * np.sign(slope[steep]), rtol=2e-3)


@pytest.mark.parametrize("density", [0.01, 0.02])
def test_leaving_out_units_without_a_way_to_an_output_changes_nothing(density, monkeypatch):
    found, _ = instance(CIRCLE | {"width": 60}, depth=5, seeds=3)
    mask = seekers.seek("random", found, round(density * found.network.kernel_count))
    smaller, places = adam.compact(found.network, mask)
    assert smaller.kernel_count < 0.8 * found.network.kernel_count
    inside = [row[row < found.network.parameter_count] for row in places]
    assert all(len(set(row)) == len(row) for row in inside)
    trained = found.train(mask, 2, "small")
    monkeypatch.setattr(adam, "DROP_FROM", 10**9)
    np.testing.assert_allclose(trained, found.train(mask, 2, "small"), atol=1e-5)


def test_a_rate_may_fall_along_half_a_cosine():
    """Two halves of training on the same samples: the first step has the whole rate, the second half of it."""
    found, _ = instance(seeds=1, count=32)

    def trained(epochs, **more):
        whole = {"epochs": epochs, "batch": 32, "learning_rate": 0.001} | more
        rngs = [np.random.default_rng(0)]
        return adam.train(
            found.network,
            found.problem.classes,
            found.problem.train,
            found.parameters,
            found.everything,
            whole,
            rngs=rngs,
        )

    np.testing.assert_array_equal(trained(1, cosine=True), trained(1))
    first, second, halved = trained(1), trained(2), trained(2, cosine=True)
    np.testing.assert_allclose(halved - first, (second - first) / 2, atol=2e-7)
    assert np.abs(second - first).max() > 5e-4


def test_training_a_dense_network_learns_the_circle():
    found, _ = instance(CIRCLE | {"width": 50}, depth=3, seeds=1, count=10_000)
    trained = found.train(found.everything, 3, "learn")
    out = feedforward.outputs(layout.layers(found.network, jnp.asarray(trained[0])), found.problem.test.x[0].T)
    assert np.mean(np.argmax(out, 0) == found.problem.test.y[0]) > 0.8


@pytest.mark.parametrize("target", [CIRCLE, {"target": "helix", "width": 30, "noise": 0.01}], ids=["circle", "helix"])
@pytest.mark.parametrize("name", seeker)
def test_every_seeker_finds_exactly_as_many_edges_and_one_seed_decides_which(name, target):
    found, ground = instance(target)
    before, parameters = found.parameters.copy(), found.parameters
    for count in (int(ground.mask[0].sum()), 5):
        mask = seekers.seek(name, found, count, **QUICK.get(name, {}))
        assert mask.shape == ground.mask.shape
        assert mask.dtype == bool
        assert (mask.sum(1) == count).all()
        again = seekers.seek(name, found, count, **QUICK.get(name, {}))
        np.testing.assert_array_equal(mask, again)
    np.testing.assert_array_equal(parameters, before)
    assert (mask[0] != mask[1]).any()


RELEVANT = (1, 4, 9)


def relevant(value):
    """Two instances of twelve inputs and one output, all weights `value`; the target is the sum of three inputs."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 640, 12)).astype(np.float32)
    split = samples.Samples(x, x[..., RELEVANT].sum(-1, keepdims=True))
    network = layout.mlp(12, (), 1)
    parameters = np.full((2, 13), value, np.float32)
    parameters[:, -1] = 0
    return Instance(
        network, samples.Problem(0, split, split), parameters, TRAINING | {"learning_rate": 0.01}, 0, ("test",)
    )


@pytest.mark.parametrize(
    ("name", "options"),
    [
        # Training moves these weights away from where they all are alike.
        ("magnitude", {"shots": 3, "epochs": 10}),
        ("movement", {"shots": 3, "epochs": 10}),
        ("evolution_strategy", {"shots": 2, "generations": 200, "criterion": "magnitude"}),
        ("evolution_strategy", {"shots": 2, "generations": 200, "criterion": "snr"}),
    ],
    ids=["imp", "movement", "evolved magnitude", "evolved snr"],
)
def test_seekers_that_train_find_the_inputs_that_matter(name, options):
    mask = seekers.seek(name, relevant(0.3), 3, **options)
    np.testing.assert_array_equal([np.flatnonzero(row) for row in mask], [RELEVANT] * 2)


def test_movement_leaves_a_large_weight_that_shrinks_where_magnitude_keeps_it():
    found = relevant(0.1)
    found.parameters[:, 0] = 3
    for name, expected in (("movement", RELEVANT), ("magnitude", (0, *RELEVANT))):
        mask = seekers.seek(name, found, len(expected), shots=1, epochs=2)
        np.testing.assert_array_equal([np.flatnonzero(row) for row in mask], [expected] * 2)


def test_movement_knows_the_weights_before_any_training_at_every_shot(monkeypatch):
    found, asked, score = relevant(0.3), [], saliency.score

    def recorded(network, problem, name, parameters, mask, *, initial):
        asked.append((parameters, mask, initial))
        return score(network, problem, name, parameters, mask, initial=initial)

    monkeypatch.setattr(saliency, "score", recorded)
    seekers.seek("movement", found, 3, shots=2, epochs=1)
    assert len(asked) == 2
    for parameters, mask, initial in asked:
        np.testing.assert_array_equal(initial, np.where(np.arange(13) < 12, np.float32(0.3), 0)[None].repeat(2, 0))
        assert (parameters[:, :12][mask] != initial[:, :12][mask]).all()
        values = score(found.network, found.problem, "movement", parameters, mask, initial=initial)
        wanted = parameters * (parameters - initial)
        np.testing.assert_allclose(values[mask], wanted[:, :12][mask], rtol=1e-6)
        assert not values[~mask].any()


@pytest.mark.parametrize("name", ["edge_popup", "gem_miner"])
def test_seekers_that_never_train_find_the_inputs_that_matter(name):
    # Weights of one are the solution where they are kept.
    mask = seekers.seek(name, relevant(1.0), 3, epochs=20, learning_rate=0.01)
    np.testing.assert_array_equal([np.flatnonzero(row) for row in mask], [RELEVANT] * 2)


RULES = {"edge_popup": edge_popup.RULE, "gem_miner": gem_miner.RULE, "biprop": biprop.RULE}


def test_every_algorithm_that_trains_scores_has_a_rule():
    assert tuple(RULES) == TRAINED_SCORES


@pytest.mark.parametrize("kind", RULES)
def test_a_step_of_scores_passes_the_gradient_straight_through_the_mask(kind):
    network = layout.mlp(3, (5,), 2)
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(1, network.parameter_count)).astype(np.float32)
    scores = RULES[kind].draw(network, np.random.default_rng(1))[None].astype(np.float32)
    x, y = rng.normal(size=(1, 8, 3)).astype(np.float32), rng.integers(0, 2, (1, 8))
    counts = np.array([7, 4])
    rate, decay = np.float32(0.1), 0.01
    found, _ = trained_scores.epoch(
        network, 2, RULES[kind], (0.9, decay), counts, np.array([rate]), weights, np.ones_like(weights), scores,
        np.zeros_like(scores), x, y, np.arange(8)[None, None],
    )  # fmt: skip

    def loss(flat):
        layers = []
        for (score, _), (kernel, bias), count in zip(
            layout.layers(network, flat), layout.layers(network, jnp.asarray(weights[0])), counts, strict=True
        ):
            soft = score if kind == "gem_miner" else jnp.abs(score)
            cut = 0.5 if kind == "gem_miner" else jnp.sort(jnp.abs(score).ravel())[-count]
            keep = jax.lax.stop_gradient((soft >= cut).astype(jnp.float32))
            used = biprop.binary(kernel, keep) if kind == "biprop" else kernel
            # What the network computes, and the frozen kernel times what the score passes for: biprop's code multiplies by
            # sign(W) and, on the way back, by |W|.
            layers.append((used * keep + kernel * (soft - jax.lax.stop_gradient(soft)), bias))
        return adam.loss(2, tuple(layers), jnp.asarray(x[0]), jnp.asarray(y[0]))

    wanted = scores[0] - rate * (np.asarray(jax.jit(jax.grad(loss))(jnp.asarray(scores[0]))) + decay * scores[0])
    wanted = np.clip(wanted, 0, 1) if kind == "gem_miner" else wanted
    kernels = masks.kernel_positions(network)
    np.testing.assert_allclose(np.asarray(found)[:, kernels], wanted[None, kernels], atol=1e-6)


def test_a_step_of_biprop_by_hand(monkeypatch):
    """One layer, weights (.5, −2), inputs (1, 1), target 0; the score of the first is larger, so α = .5.

    The output is .5, its slope 2 · .5 = 1. Scores move against slope · input · W · sign(score) = (.5, −2): not α · sign(W).
    """
    network = layout.mlp(2, (), 1)
    scores = np.array([[0.3, 0.1, 0]], np.float32)
    found, _ = trained_scores.epoch(
        network, 0, biprop.RULE, (0.0, 0.0), np.array([1]), np.array([0.1], np.float32),
        np.array([[0.5, -2, 0]], np.float32), np.ones((1, 3), np.float32), scores, np.zeros_like(scores),
        np.ones((1, 1, 2), np.float32), np.zeros((1, 1, 1), np.float32), np.zeros((1, 1, 1), int),
    )  # fmt: skip
    np.testing.assert_allclose(found[0, :2], [0.3 - 0.1 * 0.5, 0.1 + 0.1 * 2], rtol=1e-6)


def test_gem_miners_penalty_is_the_square_of_the_norm(monkeypatch):
    """Weights of zero have no gradient: a step leaves p − η · 2λp, and momentum carries on what it took."""
    scores = []
    monkeypatch.setattr(gem_miner, "cut", lambda values, *others: scores.append(values) or cut(values, *others))
    found = relevant(0.0)
    options = {"epochs": 2, "learning_rate": 1.0, "momentum": 0.5, "weight_decay": 0.01}
    found = found._replace(training=found.training | {"batch": 640})
    gem_miner.gem_miner(found, 3, **options)
    start = np.stack([gem_miner.RULE.draw(found.network, rng) for rng in found.rngs("scores")])[:, :12]
    # The rate falls along half a cosine: 1, then 1/2.
    speed = 2 * 0.01 * start
    once = start - speed
    np.testing.assert_allclose(scores[0], once, rtol=1e-5)
    np.testing.assert_allclose(scores[1], once - 0.5 * (0.5 * speed + 2 * 0.01 * once), rtol=1e-5)


@pytest.mark.parametrize("name", ["random", *saliency.criteria()])
def test_what_a_cut_has_pruned_stays_pruned(name, monkeypatch):
    found, _ = instance(count=64)
    cuts = []

    def recorded(*arguments):
        cuts.append(cut(*arguments))
        return cuts[-1]

    monkeypatch.setattr(by_score, "cut", recorded)
    seekers.seek(name, found, 20, **({} if name == "random" else {"rounds": 3, "shots": 2, "epochs": 1}))
    assert [int(mask[0].sum()) for mask in cuts] == counts(found.network.kernel_count, 20, 1 if name == "random" else 6)
    assert all((after <= before).all() for before, after in itertools.pairwise(cuts))


def test_seekers_take_no_look_at_the_test_samples():
    found, _ = instance()
    blind = found._replace(problem=found.problem._replace(test=samples.Samples(np.empty(0), np.empty(0))))
    for name in seeker:
        chosen = QUICK.get(name, {})
        np.testing.assert_array_equal(seekers.seek(name, found, 40, **chosen), seekers.seek(name, blind, 40, **chosen))


def test_a_hundred_rounds_of_synflow_keep_all_layers_where_one_round_does_not():
    found, _ = instance(CIRCLE | {"width": 100}, depth=6, seeds=4)
    count = round(0.01 * found.network.kernel_count)
    collapsed = {
        rounds: [
            min(int(m.sum()) for m in np.split(row, np.cumsum([layer.kernel_size for layer in found.network.layers])[:-1]))
            == 0
            for row in seekers.seek("synflow", found, count, rounds=rounds)
        ]
        for rounds in (1, 100)
    }  # fmt: skip
    assert collapsed == {1: [True] * 4, 100: [False] * 4}


def test_edge_popup_finds_a_strong_ticket_in_half_the_weights():
    target = CIRCLE | {"width": 100}
    ground = grounds.ground(target, 4, seed=0, count=2)
    found = cells.seek(
        target, 4, ground, {"seeker": "edge_popup", "epochs": 3}, 0.5, count=10_000, training=TRAINING, seed=0
    )
    assert cells.summary(found.rows)["test/strong_accuracy"] > 0.8


def test_an_unknown_seeker_is_refused():
    found, _ = instance(seeds=1)
    with pytest.raises(ValueError, match=r"unknown seeker 'snap'; did you mean 'snip'\?"):
        seekers.seek("snap", found, 10)
