"""What a step of the hybrid costs, part by part: here only that the parts are what they say; times are a benchmark's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evotickets import tasks
from evotickets.systems.hybrid import cells, overhead
from evotickets.systems.hybrid.methods import Batches, begin, move

TRAINING = {"steps": 10, "batches": 2, "batch": 8, "learning_rate": 0.1, "momentum": 0.9, "evaluations": 1}
TASK = {"task": "digits", "hidden": [4], "training": TRAINING}


def prepared():
    digits = tasks.supervised("digits")
    return digits, cells.prepare(digits, TASK, {"method": "hybrid"}, 0.25, seed=0, count=1)


def test_every_part_is_timed_as_often():
    digits, ready = prepared()
    times = overhead.parts(ready, digits, repeats=3, key=jax.random.key(0))
    assert set(times) == {"step", "plain", "gradients", *overhead.MASK_PARTS}
    for values in times.values():
        assert values.shape == (3,)
        assert (values > 0).all()


def test_the_parts_do_what_they_say():
    digits, ready = prepared()
    setting, counts = ready.setting, jnp.asarray(ready.counts)
    params = jax.tree.map(lambda leaf: leaf[0], ready.params)
    state = jax.jit(ready.method.start)(params, counts, jax.random.key(0))
    samples = Batches(
        jnp.asarray(digits.train.x[:16]).reshape(2, 8, 8, 8, 1), jnp.asarray(digits.train.y[:16]).reshape(2, 8)
    )
    cases = overhead._cases(setting, ready.method, state, counts, samples, jax.random.key(0))
    size = 64 * 4 + 4 * 10
    noise = cases["sampling"]()
    assert noise.shape == (2, size)
    np.testing.assert_allclose(cases["reduction"](), jnp.array([-4 / 3, -4 / 3]) @ noise, rtol=1e-6, atol=5e-7)
    # The sum of four masked kernels, each with a quarter of its 256 entries.
    total, _ = cases["selection"]()
    times_kept = np.asarray(total["dense1/kernel"] / params["dense1/kernel"])
    np.testing.assert_allclose(times_kept, np.round(times_kept), atol=1e-4)
    assert np.round(times_kept).sum() == 4 * 64
    # Four gradients of the same weights, each batch twice, and one step along their sum.
    weights, losses = cases["gradients"]()
    slope = jax.jit(jax.grad(setting.loss))
    gradient = sum(slope(params, samples.x[j], samples.y[j])["dense1/kernel"] for j in (0, 1, 0, 1))
    np.testing.assert_allclose(weights.params["dense1/kernel"], params["dense1/kernel"] - 0.1 * gradient, atol=1e-5)
    assert losses.shape == (4,)
    # As many steps of gradient descent on all weights, pruned ones too, and nothing but them.
    moved, losses = cases["plain"]()
    weights = begin(setting, params)
    for batch, own in zip((0, 1, 0, 1), losses, strict=True):
        x, y = samples.x[batch], samples.y[batch]
        assert float(own) == pytest.approx(float(setting.loss(weights.params, x, y)), rel=1e-4)
        weights = move(setting, weights, slope(weights.params, x, y))
    np.testing.assert_allclose(moved.params["dense1/kernel"], weights.params["dense1/kernel"], atol=1e-5)
