"""The hybrid, where the best mask is known: a planted linear regression and exact effects of single weights."""

import subprocess
import sys
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evotickets.networks import feedforward
from evotickets.networks.architectures import Architecture
from evotickets.networks.description import Parameter
from evotickets.systems import hybrid
from evotickets.systems.hybrid import blocks, cells, effects, updates
from evotickets.systems.hybrid.methods import Batches, Setting, coevolution, masked

INPUTS, OUTPUTS = 16, 2


def linear(inputs=INPUTS, outputs=OUTPUTS):
    kernel = Parameter("dense1/kernel", (inputs, outputs), inputs, prunable=True)
    return Architecture((kernel,), lambda params, x, statistics: (x @ params["dense1/kernel"], {}))


def squares(outputs, y):
    return jnp.sum((outputs - y) ** 2, -1)


def setting(architecture=None, steps=300, batches=16, batch=16, rate=0.05, **more):
    return Setting(architecture or linear(), steps, batches, batch, rate, 0.9, error=squares, **more)


def planted(block=(1, 1), seed=0):
    """Weights of a regression that only some blocks carry: 8 of 32 entries, of size 1 to 2."""
    rng = np.random.default_rng(seed)
    rows, columns = blocks.grid((INPUTS, OUTPUTS), block)
    chosen = np.zeros(rows * columns, bool)
    chosen[rng.permutation(rows * columns)[: rows * columns // 4]] = True
    mask = np.asarray(blocks.expand(jnp.asarray(chosen.reshape(rows, columns)), (INPUTS, OUTPUTS), block))
    signs = rng.choice([-1, 1], mask.shape)
    return jnp.asarray(np.where(mask, signs * rng.uniform(1, 2, mask.shape), 0), jnp.float32), mask


def fit(method, truth, shared, count, seed=0):
    """Train on fresh samples of a regression; returns the deployed kernel and mask, and the counts of all steps."""
    counts = jnp.array([count])
    params = {"dense1/kernel": 0.1 * jax.random.normal(jax.random.key(seed), truth.shape)}

    @jax.jit
    def run(key, samples):
        def step(state, given):
            at, own = given
            state, _ = method.step(state, counts, own, at, jax.random.fold_in(jax.random.fold_in(key, at), 1))
            return state, sum(jnp.sum(mask) for mask in method.deployed(state, counts)[1].values())

        start = method.start(params, counts, key)
        state, kept = jax.lax.scan(step, start, (jnp.arange(shared.steps), samples))
        return *method.deployed(state, counts), kept

    # Not drawn by JAX in the loop, where they would be compiled with every method.
    x = np.random.default_rng(seed).normal(size=(shared.steps, shared.batches, shared.batch, truth.shape[0]))
    x = x.astype(np.float32)
    deployed, masks, kept = run(jax.random.key(seed + 100), Batches(x, x @ np.asarray(truth)))
    return np.asarray(deployed["dense1/kernel"]), np.asarray(masks.get("dense1/kernel")), np.asarray(kept)


VARIANTS = {
    "plain": {},
    "zero start, ranks of losses": {"pairwise": False},
    "magnitude": {"start_at": "magnitude"},
    "gumbel": {"noise": "gumbel"},
    "semi-updates": {"groups": 4},
    "blocks": {"block": (4, 1)},
}


@pytest.mark.parametrize("options", VARIANTS.values(), ids=list(VARIANTS))
def test_a_planted_regression_is_recovered_exactly(options):
    block = options.get("block", (1, 1))
    truth, mask = planted(block)
    shared = setting()
    blocks = int(mask.sum()) // (block[0] * block[1])
    kernel, found, kept = fit(hybrid.method["hybrid"](shared, mask_rate=0.5, **options), truth, shared, blocks)
    np.testing.assert_array_equal(found, mask)
    np.testing.assert_allclose(kernel, truth, atol=1e-3)
    assert (kept == mask.sum()).all()


@pytest.mark.parametrize("options", [{"mask_rate": 0.0}, {"shuffled": True}], ids=["no evolution", "shuffled"])
def test_without_the_signal_of_evolution_nothing_is_recovered(options):
    truth, mask = planted()
    shared = setting()
    _, found, kept = fit(hybrid.method["hybrid"](shared, **({"mask_rate": 0.5} | options)), truth, shared, 8)
    assert (found & mask).sum() <= 5, "chance is two of eight"
    assert (kept == 8).all()


def drawn_state(architecture, counts, seed=0):
    shared = Setting(architecture, 100, 2, 32, 0.1, 0.9)
    method = hybrid.method["hybrid"](shared, start_at="magnitude")
    rng = np.random.default_rng(seed)
    params = feedforward.initialise(architecture, rng)
    return shared, method, jax.jit(method.start)(params, counts, jax.random.key(seed))


SMALL = {"hidden": [6]}


def small():
    architecture = cells.architectures.build((2, 4, 1), 3, SMALL)
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(2, 32, 2, 4, 1)), jnp.float32)
    y = jnp.asarray(rng.integers(0, 3, (2, 32)), jnp.int32)
    return architecture, jnp.array([24, 9]), Batches(x, y)


def test_gradients_of_members_are_averaged_each_on_its_own_survivors():
    architecture, counts, samples = small()
    shared, _, state = drawn_state(architecture, counts)
    masks = coevolution.masking(shared)
    key = jax.random.key(5)
    tried = jax.jit(
        lambda: coevolution.try_masks(shared, masks, state, counts, jnp.float32(0.3), tuple(samples), key)
    )()
    noise = coevolution.draw("normal", jax.random.split(key)[0], (2, 66))
    losses, gradients = np.zeros((2, 2)), []
    value_and_gradient = jax.jit(jax.value_and_grad(shared.loss))
    for pair in range(2):
        for side, sign in enumerate((1, -1)):
            scores = np.asarray(state.mean + sign * 0.3 * noise[pair])
            own = {
                "dense1/kernel": (scores[:48] >= np.sort(scores[:48])[-24]).reshape(8, 6),
                "dense2/kernel": (scores[48:] >= np.sort(scores[48:])[-9]).reshape(6, 3),
            }
            loss, gradient = value_and_gradient(masked(state.weights.params, own), samples.x[pair], samples.y[pair])
            losses[side, pair] = loss
            gradients.append(masked(gradient, own))
    mean = jax.tree.map(lambda *leaves: sum(leaves) / 4, *gradients)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), tried.gradient, mean)
    assert float(tried.loss) == pytest.approx(losses.mean(), rel=1e-6)
    weights = updates.utilities(jnp.asarray(losses.ravel(), jnp.float32), pairwise=True)
    np.testing.assert_allclose(tried.move, (weights[:2] - weights[2:]) @ noise, atol=1e-5)


def test_without_noise_the_hybrid_is_gradient_descent_on_one_mask():
    architecture, counts, samples = small()
    shared, method, state = drawn_state(architecture, counts)
    still = hybrid.method["hybrid"](shared, std=0.0, start_at="magnitude")
    moved, _ = jax.jit(lambda: still.step(state, counts, samples, jnp.int32(3), jax.random.key(0)))()
    own = jax.jit(method.deployed)(state, counts)[1]
    both = samples.x.reshape(64, 2, 4, 1), samples.y.ravel()
    gradient = masked(jax.jit(jax.grad(shared.loss))(masked(state.weights.params, own), *both), own)
    for name, value in gradient.items():
        np.testing.assert_allclose(
            moved.weights.params[name], state.weights.params[name] - 0.1 * value, atol=1e-6, err_msg=name
        )
    np.testing.assert_array_equal(moved.mean, state.mean)


def test_exact_effects_are_those_of_leaving_out_and_putting_in():
    architecture, counts, samples = small()
    shared, method, state = drawn_state(architecture, counts)
    own = jax.jit(method.deployed)(state, counts)[1]
    x, y = samples.first(0)

    @jax.jit
    def loss(params):
        return shared.loss(params, x, y)

    found = np.asarray(jax.jit(lambda: effects.exact(loss, architecture, state.weights.params, own))())
    kernel = np.asarray(own["dense2/kernel"])
    for place in ((0, 0), (2, 1), (5, 2)):
        one = kernel.copy()
        one[place] = True
        other = one.copy()
        other[place] = False
        with_it, without = (
            loss(masked(state.weights.params, own | {"dense2/kernel": jnp.asarray(m)})) for m in (one, other)
        )
        assert found[48 + place[0] * 3 + place[1]] == pytest.approx(float(without - with_it), abs=1e-6)


def test_the_update_of_many_members_follows_the_exact_effects():
    architecture, counts, samples = small()
    shared, _, state = drawn_state(architecture, counts)
    x, y = samples.first(0)

    def loss(params):
        return shared.loss(params, x, y)

    # Weights that could be in or out: all scores equal.
    state = state._replace(mean=jnp.zeros_like(state.mean))
    masks = coevolution.masking(shared)

    @jax.jit
    def expected(key):
        return effects.expected(loss, architecture, masks, state, counts, 1.0, 200, key)

    exactly = np.asarray(expected(jax.random.key(9)))

    def agreed(members):
        found = jax.jit(lambda key: effects.move(loss, masks, state, counts, 1.0, members, key))
        return np.mean([effects.correlation(np.asarray(found(jax.random.key(seed))), exactly) for seed in range(3)])

    few, many = agreed(16), agreed(8192)
    assert many > 0.9
    assert few < many - 0.2


def test_utilities_by_hand():
    """r P + 1 = 3: log 3 and log 3 − log 2 are above zero."""
    raw = np.array([np.log(3), np.log(1.5), 0, 0])
    table = raw / raw.sum() - 0.25
    np.testing.assert_allclose(updates.log_rank(4), table, rtol=1e-6)
    np.testing.assert_allclose(updates.utilities(jnp.array([4.0, 1.0, 3.0, 2.0])), table[[3, 0, 2, 1]], rtol=1e-5)
    shared = updates.utilities(jnp.array([1.0, 1.0, jnp.nan, 2.0]))
    np.testing.assert_allclose(shared, [table[:2].mean()] * 2 + [table[3], table[2]], rtol=1e-5)
    # The second pair has hard samples; its first member is better than its second by .2, the other's by .1 worse.
    paired = updates.utilities(jnp.array([1.1, 5.0, 1.0, 5.2]), pairwise=True)
    np.testing.assert_allclose(paired, table[[2, 0, 1, 3]], rtol=1e-5)


def test_blocks_pool_their_weights():
    shared = Setting(linear(6, 3), 1, 1, 1, 0.1, 0.9)
    masks = coevolution.masking(shared, (4, 2))
    kernel = jnp.arange(18.0).reshape(6, 3)
    pooled = masks.pool({"dense1/kernel": kernel})
    np.testing.assert_allclose(pooled, [sum((0, 1, 3, 4, 6, 7, 9, 10)), 2 + 5 + 8 + 11, 12 + 13 + 15 + 16, 14 + 17])


def test_the_score_of_gumbel_noise_is_unbiased():
    """E[noise · score] is one, as it is for normal noise, and E[score] is zero."""
    drawn = coevolution.draw("gumbel", jax.random.key(0), (1, 200_000))
    for sign, weights in ((1.0, jnp.array([1.0, 0.0])), (-1.0, jnp.array([0.0, 1.0]))):
        score = coevolution.direction("gumbel", drawn, weights)
        noise = coevolution.offset("gumbel", drawn[0], jnp.float32(sign))
        assert float(jnp.mean(score)) == pytest.approx(0, abs=0.01)
        assert float(jnp.mean(score * noise)) == pytest.approx(1, abs=0.02)


def test_two_devices_do_what_one_does_with_two_groups():
    program = """
        from evotickets import devices
        devices.configure(2, cache=None)
        import jax, jax.numpy as jnp, numpy as np
        from evotickets.networks import feedforward
        from evotickets.systems import hybrid
        from evotickets.systems.hybrid import cells
        from evotickets.systems.hybrid.methods import Batches, Setting
        architecture = cells.architectures.build((4, 4, 1), 3, {"hidden": [8]})
        counts = jnp.array([40, 12])
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(4, 16, 4, 4, 1)).astype(np.float32), rng.integers(0, 3, (4, 16))
        samples = Batches(jnp.asarray(x), jnp.asarray(y))
        params = feedforward.initialise(architecture, rng)

        def train(name, mesh, **options):
            method = hybrid.method[name](Setting(architecture, 20, 4, 16, .1, .9, mesh), groups=2, **options)

            @jax.jit
            def run(params):
                def step(state, at):
                    return method.step(state, counts, samples, at, jax.random.fold_in(jax.random.key(1), at))
                return jax.lax.scan(step, method.start(params, counts, jax.random.key(0)), jnp.arange(5))[0]
            return run(params)

        for name, options in (("hybrid", {}), ("evolution", {"population": 16})):
            alone, spread = train(name, None, **options), train(name, devices.mesh(), **options)
            assert devices.mesh().size == 2
            assert float(jnp.abs(alone.mean).max()) > .01
            np.testing.assert_allclose(spread.mean, alone.mean, rtol=1e-4, atol=1e-6)
            if name == "hybrid":
                close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
                jax.tree.map(close, spread.weights.params, alone.weights.params)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
