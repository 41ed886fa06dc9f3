"""What no study can have, at its limits."""

import re

import pytest

from evotickets.configuration import limits
from evotickets.configuration.reader import StudyError


def test_ten_digits_tell_densities_apart():
    assert limits.label(0.1, "x") == "0.1"
    assert limits.label(1.0, "x") == "1"
    assert limits.label(1 / 3, "x") == "0.3333333333"
    assert limits.label(0.9999999999, "x") == "0.9999999999"
    with pytest.raises(StudyError, match=re.escape("x has 0.99999999999, which paths and tables write as 1: round it")):
        limits.label(0.99999999999, "x")


def test_two_values_written_alike_are_refused():
    limits.check_distinct([1.0, 0.1, "ticket", 0.1000000001], "x")
    with pytest.raises(
        StudyError, match=re.escape("x has 0.1 and 0.10000000001, which paths and tables both write as 0.1: keep one")
    ):
        limits.check_distinct([1.0, 0.1, 0.10000000001], "x")


def test_arrays_that_no_memory_holds_are_refused():
    limits.check_memory("x", members=2**16, weights=2**20)
    with pytest.raises(
        StudyError, match=re.escape("x asks for 65536 members × 1048577 weights, 6.9e+10 numbers at once")
    ):
        limits.check_memory("x", members=2**16, weights=2**20 + 1)


def test_networks_of_more_weights_than_positions_are_refused():
    limits.check_weights(2**31 - 1, "x")
    with pytest.raises(StudyError, match=re.escape("x is a network of 2.15e+09 weights")):
        limits.check_weights(2**31, "x")
