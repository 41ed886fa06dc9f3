import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.random import threefry_2x32
from scipy import stats

from evotickets.trainers import sampling


@pytest.fixture(scope="module")
def draws():
    """Four keys (generations) of 64 members in 40,001 coordinates: ten million normals."""
    keys = jax.random.split(jax.random.key(7), 4)
    return np.asarray(jax.vmap(lambda key: sampling.normal(key, (64, 40_001)))(keys))


def test_cipher_is_threefry():
    words = jnp.array([0x13198A2E, 0x03707344], jnp.uint32)
    # The known answer of Random123 for Threefry-2x32 with 20 rounds.
    x, y = sampling._threefry(words[0], words[1], jnp.uint32(0x243F6A88), jnp.uint32(0x85A308D3))
    assert (int(x), int(y)) == (0xC4923A9C, 0x483DF7A0)
    counters = jnp.arange(10, dtype=jnp.uint32)
    expected = threefry_2x32(words, counters)
    np.testing.assert_array_equal(
        jnp.concatenate(sampling._threefry(words[0], words[1], counters[:5], counters[5:])), expected
    )


@pytest.mark.parametrize(
    ("radius", "angle", "expected"),
    [
        (2**32 - 1, 2**30, 0.0),  # uniform 1: radius 0
        (0, 2**30, np.sqrt(2 * 33 * np.log(2)) * np.sin(np.pi / 4)),  # uniform 2⁻³³: the farthest radius; angle π/4
        (0, 3 * 2**30, -np.sqrt(2 * 33 * np.log(2)) * np.sin(np.pi / 4)),
        (2**31, 2**31 - 1, np.sqrt(2 * np.log(2))),  # uniform 1/2; angle π/2
        (2**31, 0, 0.0),
    ],
)
def test_box_muller_known_answers(radius, angle, expected):
    value = sampling._box_muller(jnp.array([radius], jnp.uint32), jnp.array([angle], jnp.uint32))
    np.testing.assert_allclose(value, [expected], rtol=1e-6, atol=1e-6)


def test_moments(draws):
    n = draws.size
    for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((draws.astype(np.float64) ** power).mean() - mean) < 4 * np.sqrt(variance / n)


def test_kolmogorov_smirnov(draws):
    assert stats.kstest(draws[:, ::16].ravel().astype(np.float64), "norm").pvalue > 0.01


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("sigma", [1, 2, 3, 4, 5])
def test_tails(draws, sigma, side):
    expected = draws.size * stats.norm.sf(sigma)
    counted = np.count_nonzero(side * draws > sigma)
    low, high = stats.poisson.interval(0.9999, expected)
    assert low <= counted <= high


def test_independence(draws):
    small = draws[:, :, :20_000].astype(np.float64)
    bound = 5 / np.sqrt(small.shape[-1])
    generations = np.corrcoef(small[:, 0])
    members = np.corrcoef(small[0])
    for matrix in (generations, members):
        assert np.abs(matrix - np.eye(len(matrix))).max() < bound
    flat = draws[0].ravel().astype(np.float64)
    for lag in (1, 2, 64, draws.shape[-1]):
        for power in (1, 2):
            assert abs(np.corrcoef(flat[:-lag] ** power, flat[lag:] ** power)[0, 1]) < 5 / np.sqrt(flat.size)


def test_same_key_same_draws_and_vmap_changes_nothing(draws):
    keys = jax.random.split(jax.random.key(7), 4)
    np.testing.assert_array_equal(jax.jit(sampling.normal, static_argnums=1)(keys[2], (64, 40_001)), draws[2])


@pytest.mark.parametrize("shape", [(5,), (1, 1), (3, 4, 5), (2, 0), (0, 3)])
def test_shapes(shape):
    value = sampling.normal(jax.random.key(0), shape)
    assert value.shape == shape
    assert value.dtype == jnp.float32


def test_rows_do_not_depend_on_how_many_follow():
    key = jax.random.key(1)
    np.testing.assert_array_equal(sampling.normal(key, (2, 9)), sampling.normal(key, (5, 9))[:2])


def test_accelerators_use_jax(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    key = jax.random.key(3)
    np.testing.assert_array_equal(sampling.normal(key, (4, 5)), jax.random.normal(key, (4, 5), jnp.float32))
