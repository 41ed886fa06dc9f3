"""Recurrent networks that say at every step of a sequence what comes next, held against plain loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evotickets.networks import architectures, feedforward, sequences

UNITS, LABELS, CODES = 5, 3, 4
SETTINGS = {"recurrent": UNITS, "sequence": {"labels": LABELS, "codes": CODES}}


@pytest.fixture(scope="module")
def network():
    return architectures.build((7, 3), 6, SETTINGS)


@pytest.fixture(scope="module")
def params(network):
    return feedforward.initialise(network, np.random.default_rng(0))


@pytest.fixture(scope="module")
def x():
    rng = np.random.default_rng(1)
    return np.concatenate([rng.normal(size=(2, 7, 2)), rng.integers(CODES, size=(2, 7, 1))], -1).astype(np.float32)


def loop(params, x):
    """The outputs of one sequence at all of its steps, a unit of the field after the other."""
    kernel, recurrent, bias = (
        np.asarray(params[name], float) for name in ("input/kernel", "recurrent/kernel", "recurrent/bias")
    )
    state, outputs = np.zeros(UNITS), []

    def sigmoid(value):
        return 1 / (1 + np.exp(-value))

    for *numbers, code in x.astype(float):
        row = np.array(numbers) @ kernel[:2] + kernel[2 + int(code)] + bias
        own = state @ recurrent
        update = sigmoid(row[:UNITS] + own[:UNITS])
        reset = sigmoid(row[UNITS : 2 * UNITS] + own[UNITS : 2 * UNITS])
        new = np.tanh(row[2 * UNITS :] + reset * own[2 * UNITS :])
        state = update * state + (1 - update) * new
        outputs.append(state @ np.asarray(params["dense1/kernel"]) + np.asarray(params["dense1/bias"]))
    return np.array(outputs)


def test_outputs_are_those_of_a_plain_loop_at_the_last_steps(network, params, x):
    outputs, statistics = jax.jit(network.forward)(params, x)
    assert outputs.shape == (2, LABELS, 6)
    assert statistics == {}
    for own, sequence in zip(outputs, x, strict=True):
        np.testing.assert_allclose(own, loop(params, sequence)[-LABELS:], rtol=1e-4, atol=1e-5)


def test_steps_before_the_labels_warm_the_state_up(network, params, x):
    before, _ = network.forward(params, x)
    after, _ = network.forward(params, x.copy() + np.float32([[[9, 0, 0]] + [[0, 0, 0]] * 6]))
    assert np.abs(before - after).max() > 1e-4


def test_sizes(network):
    assert {p.name: p.shape for p in network.prunable} == {
        "input/kernel": (2 + CODES, 3 * UNITS),
        "recurrent/kernel": (UNITS, 3 * UNITS),
        "dense1/kernel": (UNITS, 6),
    }
    narrow, factor = architectures.small((7, 3), 6, SETTINGS, 0.5)
    assert narrow.kernel_count <= network.kernel_count / 2
    assert factor < 1


def level(codes):
    return codes / 6.0


def test_what_is_generated_depends_on_the_key_alone(params, x):
    first, again, other = (sequences.generate(params, x, jax.random.key(key), level) for key in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert first.shape == x.shape[:2]


def test_what_is_generated_is_drawn_from_what_the_network_tells_of_it(params, x):
    """Read again with the codes in it, the sequence has the outputs that every code was drawn from."""
    key = jax.random.key(3)
    codes = np.asarray(sequences.generate(params, x, key, level))
    read = x.copy()
    read[:, 1:, 0] = level(codes[:, :-1].astype(np.float32))
    keys = jax.random.split(key, x.shape[1])
    for step in range(x.shape[1]):
        outputs = jnp.array([loop(params, sequence)[step] for sequence in read], jnp.float32)
        np.testing.assert_array_equal(jax.random.categorical(keys[step], outputs), codes[:, step])
