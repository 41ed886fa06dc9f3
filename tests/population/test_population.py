import sys
from functools import partial

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from scipy.special import log_softmax

from evotickets import population
from evotickets.networks import feedforward, masks
from evotickets.networks import layout as networks_layout
from evotickets.population import evaluation
from evotickets.population import layout as population_layout

SMALL = networks_layout.mlp(2, (2,), 1)
DEEP = networks_layout.mlp(20, (16, 12, 9), 5, "tanh")
LINEAR = networks_layout.mlp(20, (), 5)
SHALLOW = networks_layout.mlp(20, (24,), 5)
CNN = networks_layout.cnn((9, 8, 2), (3, 4), 5)


@pytest.fixture(autouse=True)
def small_networks_drop_too(monkeypatch):
    """Networks of test size must take the ways of large ones; `test_small_networks_share_programs` looks at the others."""
    monkeypatch.setattr(sys.modules["evotickets.population.plan"], "DROP_FROM", 0)


def random_mask(network, density, seeds=2, key=0):
    rng = np.random.default_rng(key)
    count = masks.kept_count(density, network.kernel_count)
    flat = [np.arange(network.kernel_count) < count for _ in range(seeds)]
    return np.stack([rng.permutation(row) for row in flat])


def first(tree):
    return jax.tree.map(lambda leaf: np.asarray(leaf)[0], tree)


# One program each: one by one, their operations are dozens of programs for every shape.
logits = jax.jit(population.logits)
logits_of_seeds = jax.jit(jax.vmap(population.logits, (0, 0, None)))


def masked_dense(network, mask, members, x):
    """The network that the engine must equal: survivors scattered into the dense one."""
    return np.asarray(_masked_dense(network, np.stack([masks.survivors(network, row) for row in mask]), members, x))


@partial(jax.jit, static_argnums=0)
def _masked_dense(network, positions, members, x):
    def one(where, members):
        flat = masks.scatter(members, where, network.parameter_count)
        return jax.vmap(lambda v: feedforward.apply(network, networks_layout.unflatten(network, v), x))(flat)

    return jax.vmap(one)(positions, members)


def problem(network, mask, population_size=5, batch=70, key=0):
    rng = np.random.default_rng(key)
    seeds = len(mask)
    count = mask[0].sum() + network.parameter_count - network.kernel_count
    members = np.asarray(rng.normal(size=(seeds, population_size, count)) / 2, np.float32)
    x = np.asarray(rng.normal(size=(batch, *network.input_shape)), np.float32)
    return members, x, np.asarray(rng.integers(0, network.outputs, batch), np.int32)


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5 * float(np.abs(expected).max()))


@pytest.mark.parametrize("path", ["dense", "sparse"])
def test_known_answer(path):
    # Kept: x₀ → h₁ and h₁ → y. Unit h₀ has no fan-in, h₁ is max(0, w x₀ + b₁); the bias b₀ of h₀ goes nowhere.
    mask = np.array([[False, False, True, False, False, True]])  # [h₀: x₀, x₁; h₁: x₀, x₁; y: h₀, h₁]
    plan = first(population.plan(SMALL, mask, path=path))
    members = jnp.array([[2.0, 100.0, 0.5, 3.0, -1.0], [2.0, 100.0, -9.0, 3.0, -1.0]])  # w, b₀, b₁, v, c
    x = jnp.array([[1.0, 50.0], [-2.0, 50.0], [4.0, 50.0]])
    np.testing.assert_allclose(np.asarray(logits(plan, members, x))[..., 0], [[6.5, -1, 24.5], [-1, -1, -1]], rtol=1e-6)
    np.testing.assert_allclose(
        population.losses(plan, members, x, jnp.zeros((3, 1)), loss=population.squared_error),
        [(6.5**2 + 1 + 24.5**2) / 3, 1],
        rtol=1e-6,
    )


@pytest.mark.parametrize("path", ["dense", "sparse"])
def test_units_without_fan_in_contribute_their_bias(path):
    mask = np.array([[False, False, False, False, True, True]])
    plan = first(population.plan(SMALL, mask, path=path))
    members = jnp.array([[2.0, -3.0, 5.0, 7.0, 1.0]])  # b₀, b₁, v₀, v₁, c
    np.testing.assert_allclose(logits(plan, members, jnp.ones((2, 2))), np.full((1, 2, 1), 11), rtol=1e-6)


@pytest.mark.parametrize("path", ["dense", "sparse"])
def test_collapsed_network_returns_its_last_bias(path):
    mask = np.array([[True, True, True, True, False, False]])
    plan = first(population.plan(SMALL, mask, path=path))
    members = jnp.arange(7.0)[None]
    np.testing.assert_allclose(logits(plan, members, jnp.ones((2, 2))), np.full((1, 2, 1), 6), rtol=1e-6)


CASES = [
    (SHALLOW, "dense", 1.0),
    (SHALLOW, "dense", 0.2),
    (SHALLOW, "sparse", 1.0),
    (SHALLOW, "sparse", 0.2),
    (SHALLOW, "sparse", 0.02),
    (DEEP, "dense", 0.1),
    (DEEP, "sparse", 0.3),
    (LINEAR, "dense", 0.1),
    (CNN, "dense", 1.0),
    (CNN, "dense", 0.3),
    (CNN, "dense", 0.02),
]


@pytest.mark.parametrize(("network", "path", "density"), CASES)
def test_equals_the_masked_dense_network(network, path, density):
    mask = random_mask(network, density)
    plan = population.plan(network, mask, path=path)
    members, x, y = problem(network, mask)
    mean, offsets = members[:, 0], members[:, 1:]

    @jax.jit
    def ours(plan, members, mean, offsets):
        outputs = jax.vmap(population.logits, (0, 0, None))(plan, members, x)
        losses = jax.vmap(population.losses, (0, 0, None, None))(plan, members, x, y)
        return outputs, losses, jax.lax.map(lambda a: population.pair_losses(*a, x, y), (plan, mean, offsets))

    outputs, plain, paired = ours(plan, members, mean, offsets)
    pairs = np.concatenate([mean[:, None] + offsets, mean[:, None] - offsets], axis=1)
    expected = masked_dense(network, mask, np.concatenate([members, pairs], axis=1), x)
    losses = -np.take_along_axis(log_softmax(expected, -1), y[None, None, :, None], -1)[..., 0].mean(-1)
    count = members.shape[1]
    close(outputs, expected[:, :count])
    close(plain, losses[:, :count])
    close(paired, losses[:, count:])


@pytest.mark.parametrize(("network", "density"), [(SHALLOW, 1.0), (SHALLOW, 0.1), (DEEP, 0.1), (LINEAR, 0.05)])
def test_policies_equal_the_masked_dense_network(network, density):
    mask = random_mask(network, density)
    plan = population.plan(network, mask)
    members, x, _ = problem(network, mask, batch=6)

    @jax.jit
    def act(plan, members, x):
        policies = jax.vmap(population.policy)(plan, members)
        return jax.vmap(jax.vmap(population.act, (None, 0, None)), (0, 0, None))(plan, policies, x)

    outputs = np.asarray(act(plan, members, x.reshape(2, 3, -1)))
    close(outputs.reshape(*members.shape[:2], 6, -1), masked_dense(network, mask, members, x))


def test_small_networks_share_programs(monkeypatch):
    monkeypatch.undo()
    shapes = set()
    for key in range(4):
        mask = random_mask(DEEP, 0.1, key=key)
        plan = population.plan(DEEP, mask)
        shapes.add(tuple(leaf.shape for leaf in jax.tree.leaves(plan)))
        members, x, _ = problem(DEEP, mask)
        outputs = logits_of_seeds(plan, members, x)
        close(outputs, masked_dense(DEEP, mask, members, x))
    assert len(shapes) == 1


def test_policies_leave_dead_units_out():
    network = networks_layout.mlp(64, (64,), 4)
    mask = random_mask(network, 0.02, seeds=1)
    alive = networks_layout.kernels(network, mask[0])[1].any(0).sum()
    (kernel, _), _ = population.policy(first(population.plan(network, mask)), jnp.zeros((3, 155)))
    assert alive <= kernel.shape[2] < alive + 2 * population_layout.STEP


@pytest.mark.parametrize(("network", "density"), [(SHALLOW, 1.0), (SHALLOW, 0.3), (CNN, 0.5)])
def test_bfloat16_rounds_factors_only(network, density):
    mask = random_mask(network, density, seeds=1)
    members, x, _ = problem(network, mask)
    paths = ("dense",) if network is CNN else ("dense", "sparse")
    for path in paths:
        exact, rounded = (
            np.asarray(logits(first(population.plan(network, mask, path=path, precision=precision)), members[0], x))
            for precision in ("float32", "bfloat16")
        )
        scale = float(np.abs(exact).max())
        # Eight bits of mantissa: a product is off by at most 2⁻⁷ of itself, and sums of them cancel.
        assert 0 < float(np.abs(exact - rounded).max()) < 2**-6 * scale
        assert float(np.abs(exact - rounded).mean()) < 2**-8 * scale


def test_seeds_may_differ_in_what_is_alive():
    mask = np.zeros((2, SHALLOW.kernel_count), bool)
    first_layer, second_layer = networks_layout.kernels(SHALLOW, mask)
    first_layer[0, 3, :] = second_layer[0, :, 3] = True
    first_layer[1, :, 2] = second_layer[1, 1, 7] = True
    members, x, _ = problem(SHALLOW, mask)
    for path in ("dense", "sparse"):
        plan = population.plan(SHALLOW, mask, path=path)
        close(logits_of_seeds(plan, members, x), masked_dense(SHALLOW, mask, members, x))


def test_auto_takes_the_faster_path():
    mnist, digits = networks_layout.mlp(784, (128,), 10), networks_layout.mlp(64, (64,), 10)
    assert population.plan(mnist, random_mask(mnist, 0.1, 1)).path == "sparse"
    assert population.plan(mnist, random_mask(mnist, 1.0, 1)).path == "dense"
    assert population.plan(digits, random_mask(digits, 0.1, 1)).path == "dense"
    assert population.plan(CNN, random_mask(CNN, 0.1, 1)).path == "dense"
    assert population.plan(digits, random_mask(digits, 0.1, 1), path="sparse").path == "sparse"


def test_plans_of_close_masks_share_a_program():
    plans = [population.plan(SHALLOW, random_mask(SHALLOW, 0.5, 1, key), path="dense") for key in (1, 2)]
    shapes = [jax.tree.map(jnp.shape, plan) for plan in plans]
    assert jax.tree.structure(plans[0]) == jax.tree.structure(plans[1])
    assert jax.tree.leaves(shapes[0]) == jax.tree.leaves(shapes[1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (partial(population.plan, SMALL, path="fast"), "path must be auto, dense or sparse, got 'fast'"),
        (partial(population.plan, SMALL, precision="half"), "precision must be float32 or bfloat16, got 'half'"),
    ],
)
def test_unknown_options(call, message):
    with pytest.raises(ValueError, match=message):
        call(random_mask(SMALL, 0.5))


def test_impossible_plans():
    with pytest.raises(ValueError, match="path sparse needs a dense first layer"):
        population.plan(CNN, random_mask(CNN, 0.5), path="sparse")
    uneven = np.concatenate([random_mask(SMALL, density, 1) for density in (0.5, 4 / 6)])
    with pytest.raises(ValueError, match=r"equally many entries, got \[3, 4\]"):
        population.plan(SMALL, uneven)
    images = first(population.plan(CNN, random_mask(CNN, 0.5)))
    with pytest.raises(ValueError, match="policies are multilayer perceptrons"):
        population.policy(images, jnp.zeros((1, masks.survivors(CNN, random_mask(CNN, 0.5)).shape[1])))


@given(st.lists(st.integers(1, 40), min_size=1, max_size=9), st.integers(1, 4))
def test_cuts_waste_least(fans, most):
    fans = np.sort(fans)[::-1]

    def padded(ends):
        return sum(fans[a] * (b - a) for a, b in zip([0, *ends[:-1]], ends, strict=True))

    def best(start, groups):
        whole = fans[start] * (len(fans) - start)
        if groups == 1:
            return whole
        cuts = (fans[start] * (end - start) + best(end, groups - 1) for end in range(start + 1, len(fans)))
        return min([whole, *cuts])

    ends = population_layout._cuts(fans, most)
    assert len(ends) <= most
    assert ends[-1] == len(fans)
    assert padded(ends) == best(0, most)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 1), st.integers(1, 3))
def test_groups_hold_every_weight_that_matters_once(key, density, seeds):
    mask = random_mask(DEEP, density, seeds, key)
    plan = jax.tree.map(np.asarray, population.plan(DEEP, mask, path="sparse"))
    for s in range(seeds):
        count = len(masks.survivors(DEEP, mask[s]))
        one, two, three, four = networks_layout.kernels(DEEP, mask[s])
        alive = four.any(0)
        for kernel in (three, two):
            alive = (kernel & alive[:, None]).any(0)
        fed = alive & one.any(1)
        positions, _ = population_layout.positions(DEEP, mask[s])[0]
        held = []
        for group in plan.groups:
            for start, bias, inputs in zip(group.starts[s], group.biases[s], group.inputs[s], strict=True):
                read = np.asarray(inputs)[np.asarray(inputs) < 20]
                (unit,) = np.flatnonzero(positions.min(1) == start) if start < count else (None,)
                assert (start < count) == (bias < count) == (len(read) > 0)
                assert inputs[-1] == 20
                if unit is not None:
                    held.append(unit)
                    np.testing.assert_array_equal(positions[unit, read], start + np.arange(len(read)))
                    np.testing.assert_array_equal(read, np.flatnonzero(one[unit]))
        np.testing.assert_array_equal(np.sort(held), np.flatnonzero(fed))


def test_losses_are_means_over_examples():
    outputs = jnp.array([[0.0, 2.0], [0.0, 1.0]])  # [O, B]
    np.testing.assert_allclose(
        evaluation.cross_entropy(outputs, jnp.array([1, 0])), [np.log(2), np.log1p(np.exp(-1))], rtol=1e-6
    )
    np.testing.assert_allclose(evaluation.squared_error(outputs, jnp.array([[0.0, 3.0], [1.0, 1.0]])), [4.5, 0.5])


@pytest.mark.parametrize(
    "network",
    [
        CNN,
        SHALLOW,
        networks_layout.cnn((7, 5, 1), (2,), 3, kernel=3, activation="tanh", hidden=(6,)),
        networks_layout.cnn((28, 28, 1), (8, 16), 10),
    ],
)
@pytest.mark.parametrize("count", [1, 3, 130])
def test_data_sets_are_scored_as_the_network_computes_them(network, count):
    rng = np.random.default_rng(count)
    flat = jnp.asarray(rng.normal(size=(2, network.parameter_count)).astype(np.float32))
    x = jnp.asarray(rng.normal(size=(count, *network.input_shape)).astype(np.float32))
    forward = population.forward_of(network)
    found = jax.jit(lambda seeds: jax.lax.map(lambda own: forward(own, x), seeds))(flat)
    wanted = [feedforward.apply(network, networks_layout.unflatten(network, own), x) for own in flat]
    # Sums of hundreds of products, in another order.
    np.testing.assert_allclose(found, np.stack(wanted), rtol=1e-5, atol=1e-5 * np.abs(np.stack(wanted)).max())
