"""Gradient baselines: exact counts at every step, and what defines each of them; pure evolution where the minimum is known."""

import inspect
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from evotickets import devices
from evotickets.networks import feedforward
from evotickets.systems import hybrid
from evotickets.systems.hybrid import blocks, cells, updates
from evotickets.systems.hybrid.methods import Batches, Setting, baselines, evolution

ARCHITECTURE = cells.architectures.build((4, 4, 1), 3, {"hidden": [10]})
NAMES = ["dense1/kernel", "dense2/kernel"]
SHAPES = [(16, 10), (10, 3)]
SIZES, COUNTS = np.array([160, 30]), np.array([32, 6])
STEPS, EVERY = 40, 5
RATE = 0.1


def samples(at, batches=2):
    rng = np.random.default_rng(at)
    x = rng.normal(size=(batches, 8, 4, 4, 1)).astype(np.float32)
    return Batches(jnp.asarray(x), jnp.asarray(rng.integers(0, 3, (batches, 8)), jnp.int32))


def setting(**more):
    return Setting(ARCHITECTURE, STEPS, 2, 8, RATE, 0.9, **more)


def params(seed=0):
    return feedforward.initialise(ARCHITECTURE, np.random.default_rng(seed))


def walk(method, steps=STEPS, counts=COUNTS):
    """Return the state before every step and after the last."""
    counts = jnp.asarray(counts)
    step = jax.jit(
        lambda state, own, at: method.step(state, counts, own, at, jax.random.fold_in(jax.random.key(1), at))[0]
    )
    states = [jax.jit(method.start)(params(), counts, jax.random.key(0))]
    for at in range(steps):
        states.append(step(states[-1], samples(at), jnp.int32(at)))
    return states


def masks_of(method, state, counts=COUNTS):
    return {name: np.asarray(mask) for name, mask in jax.jit(method.deployed)(state, jnp.asarray(counts))[1].items()}


SPARSE = {
    "static": {},
    "set": {"every": EVERY},
    "rigl": {"every": EVERY},
    "straight_through": {},
    "hybrid": {},
}


@cache
def whole_walk(name):
    """A sparse method as it is above, and its states; shared by the tests that look at them."""
    method = hybrid.method[name](setting(), **SPARSE[name])
    return method, walk(method)


@pytest.mark.parametrize("name", SPARSE)
def test_exactly_as_many_are_kept_at_every_step_and_the_rest_is_zero(name):
    method, states = whole_walk(name)
    for state in states:
        deployed, masks = jax.jit(method.deployed)(state, jnp.asarray(COUNTS))
        for layer, parameter in enumerate(NAMES):
            assert int(masks[parameter].sum()) == COUNTS[layer]
            assert not np.asarray(deployed[parameter])[~np.asarray(masks[parameter])].any()


@pytest.mark.parametrize("name", ["static", "set", "rigl", "gmp"])
def test_blocks_are_kept_whole_and_exactly_as_many_are(name):
    # Blocks of 2×2 cover 16×10 exactly; of 10×3 those of the second column stick out.
    grids, counts = [(8, 5), (5, 2)], np.array([12, 3])
    method = hybrid.method[name](setting(), block=(2, 2), **({} if name == "static" else {"every": EVERY}))
    states = walk(method, counts=counts)
    seen = []
    for state in states:
        masks = masks_of(method, state, counts)
        for layer, parameter in enumerate(NAMES):
            corners = masks[parameter].reshape(SHAPES[layer])[::2, ::2]
            assert corners.shape == grids[layer]
            spread = np.repeat(np.repeat(corners, 2, 0), 2, 1)[: SHAPES[layer][0], : SHAPES[layer][1]]
            np.testing.assert_array_equal(masks[parameter].reshape(SHAPES[layer]), spread)
            assert corners.sum() == counts[layer] or name == "gmp"
        seen.append(masks[NAMES[0]])
    assert masks_of(method, states[-1], counts)[NAMES[1]].reshape(SHAPES[1])[::2, ::2].sum() == counts[1]
    assert (seen[0] == seen[-1]).all() == (name == "static")


def test_a_block_is_worth_the_mean_of_the_entries_that_are_there():
    kernel = jnp.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(blocks.means(kernel, (2, 2)), [[2.0, 3.5]])
    np.testing.assert_allclose(blocks.sums(kernel, (2, 2)), [[8.0, 7.0]])


def test_a_static_mask_stays_and_its_survivors_move():
    method, states = whole_walk("static")
    first, last = (masks_of(method, state) for state in (states[0], states[-1]))
    for name in NAMES:
        np.testing.assert_array_equal(first[name], last[name])
        moved = np.asarray(states[-1].weights.params[name] != states[0].weights.params[name])
        assert not moved[~first[name]].any()
        # Those that lead to a unit which is never active stay.
        assert moved[first[name]].mean() > 0.5


def test_dense_training_is_plain_gradient_descent():
    method = hybrid.method["dense"](setting())
    last = walk(method, counts=SIZES)[-1]
    optimizer = optax.sgd(optax.cosine_decay_schedule(RATE, STEPS), 0.9)
    weights = params()
    state, gradient = optimizer.init(weights), jax.jit(jax.grad(setting().loss))
    for at in range(STEPS):
        x, y = samples(at).first(0)
        with devices.promoting():
            updates_, state = optimizer.update(gradient(weights, x, y), state)
        weights = optax.apply_updates(weights, updates_)
    for name, value in weights.items():
        np.testing.assert_allclose(last.weights.params[name], value, rtol=1e-4, atol=1e-6, err_msg=name)


def test_one_batch_of_several():
    assert hybrid.method["static"](setting()).passes == 3 * 16
    assert hybrid.method["static"](setting(), batches=1).passes == 3 * 8
    x, y = samples(0).first(1)
    np.testing.assert_array_equal(x, samples(0).x[0])
    assert len(y) == 8


@pytest.mark.parametrize("name", ["set", "rigl"])
def test_masks_change_every_so_many_steps_by_a_share_that_falls(name):
    method = hybrid.method[name](setting(), every=EVERY)
    states = walk(method)
    for at in range(STEPS):
        before, after = (masks_of(method, state) for state in states[at : at + 2])
        due = (at + 1) % EVERY == 0 and at + 1 <= 0.75 * STEPS
        share = 0.3 / 2 * (1 + np.cos(np.pi * (at + 1) / (0.75 * STEPS)))
        for layer, parameter in enumerate(NAMES):
            gone = int((before[parameter] & ~after[parameter]).sum())
            assert gone <= (np.floor(share * COUNTS[layer]) if due else 0)
        if at + 1 == EVERY:
            assert (before[NAMES[0]] & ~after[NAMES[0]]).sum() > 2


def test_the_smallest_are_pruned_and_what_grows_starts_at_zero_without_momentum():
    method, states = whole_walk("set")
    states = states[: EVERY + 1]
    before, after = (masks_of(method, state)[NAMES[0]] for state in states[-2:])
    # What the step itself did to the weights, without the change of the mask.
    still = hybrid.method["set"](setting(), every=10**6)
    last = states[-2], jnp.asarray(COUNTS), samples(EVERY - 1), jnp.int32(EVERY - 1), jax.random.key(0)
    moved = jax.jit(still.step)(*last)[0]
    magnitude = np.abs(np.asarray(moved.weights.params[NAMES[0]]))
    gone, grown = before & ~after, after & ~before
    count = int(np.floor(0.3 / 2 * (1 + np.cos(np.pi * EVERY / 30)) * 32))
    assert set(magnitude[gone]) <= set(np.sort(magnitude[before])[:count])
    assert grown.any()
    for tree in (states[-1].weights.params, optax.tree_utils.tree_get(states[-1].weights.optimizer, "trace")):
        assert not np.asarray(tree[NAMES[0]])[grown].any()
        assert not np.asarray(tree[NAMES[0]])[~after].any()


def test_rigl_grows_where_the_gradient_is_largest():
    method, states = whole_walk("rigl")
    states = states[: EVERY + 1]
    before, after = (masks_of(method, state)[NAMES[0]] for state in states[-2:])
    x, y = samples(EVERY - 1).first(0)
    gradient = np.abs(np.asarray(jax.jit(jax.grad(setting().loss))(states[-2].weights.params, x, y)[NAMES[0]]))
    grown, never = after & ~before, ~after & ~before
    assert grown.any()
    assert gradient[grown].min() >= gradient[never].max()


def test_gradual_pruning_follows_the_cubic_ramp_and_never_takes_back():
    method = hybrid.method["gmp"](setting(), every=EVERY)
    states = walk(method)
    kept = SIZES
    for at in range(STEPS + 1):
        masks = masks_of(method, states[at])
        if at and at % EVERY == 0 and at <= 30:
            left = (1 - at / 30) ** 3 if at < 30 else 0
            kept = np.round(COUNTS + (SIZES - COUNTS) * left)
        assert [int(masks[name].sum()) for name in NAMES] == kept.astype(int).tolist()
        if at:
            previous = masks_of(method, states[at - 1])
            assert not any((masks[name] & ~previous[name]).any() for name in NAMES)
    assert kept.tolist() == COUNTS.tolist()


def test_straight_through_scores_follow_gradient_times_weight_and_pruned_weights_stay_alive():
    method = hybrid.method["straight_through"](setting(), score_rate=2.0)
    states = walk(method, 1)
    masks = masks_of(method, states[0])
    weights = states[0].weights.params
    x, y = samples(0).first(0)
    pruned = weights | {name: jnp.where(masks[name], weights[name], 0.0) for name in NAMES}
    gradient = jax.jit(jax.grad(setting().loss))(pruned, x, y)
    for name in NAMES:
        moved = states[1].scores.params[name] - states[0].scores.params[name]
        np.testing.assert_allclose(moved, -RATE * 2 * gradient[name] * weights[name], atol=1e-6)
        stays = np.asarray(states[1].weights.params[name])[~masks[name]]
        np.testing.assert_array_equal(stays, np.asarray(weights[name])[~masks[name]])
        assert stays.all()


def test_every_method_says_where_it_comes_from_and_what_it_costs():
    for name in set(hybrid.method) - {"static", "dense", "small_dense"}:
        assert "Source:" in inspect.getdoc(hybrid.method[name]), name
    costs = {name: hybrid.method[name](setting()).passes for name in hybrid.method}
    assert costs == dict.fromkeys(hybrid.method, 48) | {"hybrid": 96, "evolution": 64 * 16}
    assert hybrid.method.options("set") == {"fraction": 0.3, "every": 100, "block": (1, 1), "batches": 0}


def bowl(dimensions=12):
    """Regression without noise: evolution must arrive at its weights."""
    kernel = cells.architectures.Parameter("dense1/kernel", (dimensions, 1), dimensions, prunable=True)
    architecture = cells.architectures.Architecture(
        (kernel,), lambda params, x, statistics: (x @ params["dense1/kernel"], {})
    )
    return Setting(architecture, 400, 1, 32, 0.1, 0.9, error=lambda out, y: jnp.sum((out - y) ** 2, -1))


def planted(truth):
    """Samples of every step; drawn by JAX in the loop they take three quarters of its compilation."""
    x = np.random.default_rng(0).normal(size=(400, 1, 32, 12)).astype(np.float32)
    return Batches(x, x @ np.asarray(truth))


@pytest.mark.parametrize(
    "options",
    [{}, {"groups": 4}, {"antithetic": False, "population": 64}, {"generations": 2}],
    ids=["full", "semi", "independent", "generations"],
)
def test_pure_evolution_arrives_at_the_minimum(options):
    method = hybrid.method["evolution"](bowl(), **({"population": 32, "std": 0.3} | options))
    truth = jax.random.normal(jax.random.key(0), (12, 1))

    @jax.jit
    def run(key, samples):
        def step(state, given):
            at, own = given
            return method.step(state, None, own, at, jax.random.fold_in(key, at))[0], None

        start = method.start({"dense1/kernel": jnp.zeros((12, 1))}, None, key)
        return jax.lax.scan(step, start, (jnp.arange(400), samples))[0]

    state = run(jax.random.key(1), planted(truth))
    np.testing.assert_allclose(state.mean, truth[:, 0], atol=0.01)
    assert float(state.std.max()) < 0.05


def test_an_update_by_hand():
    """Two pairs in two dimensions; utilities .5, −.5, .25, −.25."""
    noise, weights = jnp.array([[1.0, 2.0], [0.5, -1.0]]), jnp.array([0.5, 0.25, -0.5, -0.25])
    found = evolution.directions(noise, weights, jnp.float32(0))
    np.testing.assert_allclose(found.mean, [1.25, 1.5])
    np.testing.assert_allclose(found.std, [0, 0], atol=1e-7)
    alone = evolution.directions(jnp.concatenate([noise, -noise]), weights, jnp.float32(0), antithetic=False)
    np.testing.assert_allclose(alone.mean, found.mean)
    moved = evolution.update(
        evolution.Distribution(jnp.zeros(2), jnp.array([0.1, 0.2])),
        evolution.Directions(found.mean, jnp.ones(2), found.loss),
    )
    np.testing.assert_allclose(moved.mean, [0.125, 0.3], rtol=1e-6)
    rate = (3 + np.log(2)) / (5 * np.sqrt(2))
    np.testing.assert_allclose(moved.std, np.array([0.1, 0.2]) * np.exp(rate / 2), rtol=1e-6)


def test_semi_updates_point_where_full_ones_do_and_one_group_is_the_full_update():
    shared = setting()
    method = hybrid.method["evolution"](shared, population=256, groups=4)
    state = method.start(params(), None, jax.random.key(0))
    found = jax.jit(lambda: method.probe(state, None, samples(0), 0, jax.random.key(1)))()
    assert 0.9 < float(found["update/cosine"]) < 1
    assert hybrid.method["evolution"](shared, population=64).probe is None


def test_groups_are_averaged():
    mean = updates.over_groups(lambda group, factor: {"sum": group["a"] * factor})
    found = jax.jit(mean)({"a": jnp.array([[1.0, 2], [3, 4], [8, 0]])}, 2.0)
    np.testing.assert_allclose(found["sum"], [8, 4])


def test_a_share_of_the_survivors_changes():
    np.testing.assert_allclose(baselines._share(setting(), 0.3, jnp.array([0, 15, 30])), [0.3, 0.15, 0], atol=1e-6)
