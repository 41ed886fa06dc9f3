import jax
import numpy as np

from evotickets import streams


def draws(key):
    return np.asarray(jax.random.normal(key, (1000,)))


def test_streams_are_reproducible_and_independent():
    one, same, other = (draws(streams.stream(0, *names)) for names in (("a", "b"), ("a", "b"), ("b", "a")))
    np.testing.assert_array_equal(one, same)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.12
    assert (
        streams.generator(0, "a").random() == streams.generator(0, "a").random() != streams.generator(1, "a").random()
    )


def test_more_seeds_leave_the_first_ones_alone():
    few, many = (jax.random.key_data(streams.split(streams.stream(3), count)) for count in (2, 5))
    np.testing.assert_array_equal(few, many[:2])


def test_over_seeds_is_a_loop_over_the_first_axis():
    values = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(streams.over_seeds(lambda row: row[::-1] * 2, values), values[:, ::-1] * 2)
