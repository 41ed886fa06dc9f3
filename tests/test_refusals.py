"""Sentences for wrong calls: what they name, and what they let pass."""

import numpy as np
import pytest

from evotickets.refusals import LISTED, UnknownError, check_names, check_shape, hint


def test_the_closest_name_is_suggested_and_else_as_many_as_a_sentence_holds():
    assert hint("snrr", ["magnitude", "snr"]) == "did you mean 'snr'?"
    assert hint("x", ["magnitude", "snr"]) == "known are magnitude, snr"
    many = hint("x", [f"name{number:03d}" for number in range(100)])
    assert many.endswith(", …")
    assert len(many) < LISTED + 20


def test_an_unknown_name_shows_its_sentence_without_quotes_around_it():
    assert str(UnknownError("there is no 'a'; known are b")) == "there is no 'a'; known are b"
    with pytest.raises(KeyError):
        raise UnknownError("there is none")


@pytest.mark.parametrize(
    ("given", "more", "sentence"),
    [
        (["a", "b"], False, None),
        (["b", "a"], False, None),
        (["a", "b", "c"], True, None),
        (["a", "b", "c"], False, "names: there is no 'c'; known are a, b"),
        (["a"], True, "names: 'b' is missing; there are a"),
        ([], False, "names: 'a' is missing; there are none"),
        (["a", "bb"], True, "names: 'b' is missing; there are a, bb"),
        (["a", "bb"], False, "names: there is no 'bb'; did you mean 'b'?"),
    ],
)
def test_names_are_those_that_are_wanted(given, more, sentence):
    if sentence is None:
        check_names("names", given, ["a", "b"], more=more)
        return
    with pytest.raises(ValueError, match="names: ") as caught:
        check_names("names", given, ["a", "b"], more=more)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("shape", "wanted", "sentence"),
    [
        ((2, 3), (2, 3), None),
        ((2, 3), ("S", 3), None),
        ((5, 2, 3), (..., 2, 3), None),
        ((2, 3), (..., 2, 3), None),
        ((), (), None),
        ((2, 3), ("S", 4), "x has the shape (2, 3); expected is (S, 4)"),
        ((2,), ("S", 4), "x has the shape (2,); expected is (S, 4)"),
        ((2, 3, 4), (2, 3), "x has the shape (2, 3, 4); expected is (2, 3)"),
        ((3,), (..., 2, 3), "x has the shape (3,); expected is (…, 2, 3)"),
        ((3,), (4,), "x has the shape (3,); expected is (4,)"),
    ],
)
def test_shapes_are_those_that_are_wanted(shape, wanted, sentence):
    if sentence is None:
        check_shape("x", np.zeros(shape), *wanted)
        return
    with pytest.raises(ValueError, match="x has the shape") as caught:
        check_shape("x", np.zeros(shape), *wanted)
    assert str(caught.value) == sentence


def test_what_has_no_shape_is_refused():
    with pytest.raises(ValueError, match=r"^x is list; expected is an array of the shape \(2,\)$"):
        check_shape("x", [1, 2], 2)
