import pytest

from evotickets.results import ResultError
from evotickets.terminal import printable
from evotickets.tracking.messages import public, reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain – ü 网", "plain – ü 网"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x9b2J\x00\x7f", "\\x9b2J\\x00\\x7f"),
        ("\u2028\u2029\u202etxt", "\\u2028\\u2029\\u202etxt"),
        ("caf\udce9", "caf\\udce9"),
    ],
)
def test_nothing_that_a_terminal_obeys_is_left(text, expected):
    assert printable(text) == expected


def test_what_is_kept():
    assert printable("a\n\tb\x1b", keep="\n\t") == "a\n\tb\\x1b"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(28, "No space left on device", "a\nb"), "[Errno 28] No space left on device: 'a\\nb'"),
        (ResultError("a\nb is damaged"), "a\\nb is damaged"),
        (ValueError("first line\n  second \x1b[2J line\n"), "first line second \\x1b[2J line"),
        (KeyError("job_key"), "KeyError: 'job_key'"),
        (ValueError(), "ValueError"),
        (RuntimeError("(sqlite3.Error) no such table: runs\n[SQL: SELECT\n 1]"), "(sqlite3.Error) no such table: runs"),
        (RuntimeError("why " * 498 + "whole"), "why " * 498 + "whole"),
        (RuntimeError("reason " * 400), "reason " * 284 + "reason …"),
        (RuntimeError("x" * 3000), "x" * 2000 + " …"),
    ],
)  # fmt: skip
def test_an_error_in_one_line_and_no_word_cut(error, expected):
    assert reason(error) == expected


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("postgresql://me:secret@host:5432/runs", "postgresql://host:5432/runs"),
        ("http://me@host/path@x", "http://host/path@x"),
        ("sqlite:////tmp/a@b\x1b.db", "sqlite:////tmp/a@b\\x1b.db"),
    ],
)
def test_no_password_is_shown(uri, expected):
    assert public(uri) == expected
