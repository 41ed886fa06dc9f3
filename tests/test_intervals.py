"""What the tracking store is told of values over seeds."""

import pytest

from evotickets import intervals


def test_a_mean_has_the_ends_of_its_interval_beside_it():
    mean, low, high = intervals.measured("test/loss", 3, [1.0, 2.0, 3.0])
    assert mean == ("test/loss", 3, 2.0)
    # Student's t of two degrees of freedom at .975 is 4.303; the standard error is 1 / √3.
    assert low == ("intervals/test/loss_low", 3, pytest.approx(2 - 4.303 / 3**0.5, abs=1e-3))
    assert high == ("intervals/test/loss_high", 3, pytest.approx(2 + 4.303 / 3**0.5, abs=1e-3))


def test_an_interval_ends_where_the_score_does():
    assert [value for *_, value in intervals.measured("test/weak_accuracy", 0, [1.0, 0.5])] == [0.75, 0.0, 1.0]


@pytest.mark.parametrize("values", [[0.5], [0.5, float("nan")], [0.5, float("inf")]])
def test_no_interval_is_made_up(values):
    assert len(intervals.measured("test/loss", 0, values)) == 1
