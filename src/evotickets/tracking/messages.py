"""What people read of errors and names: in full, on one line, and without a character that a terminal obeys."""

import re

from evotickets.results import ResultError
from evotickets.terminal import printable

_STATEMENT = re.compile(r"\s*(\[SQL:|\(Background on this error at:).*", re.DOTALL)
"""What SQLAlchemy adds to an error: the statement with all its values, and a link."""
_LONGEST = 2000
"""A server may answer with a whole page."""


def reason(error: BaseException) -> str:
    """Return what an error says, in one line."""
    if isinstance(error, ResultError):
        return printable(str(error))
    name = type(error).__name__
    lines = [line.strip() for line in _STATEMENT.sub("", str(error)).splitlines()]
    text = printable(" ".join(line for line in lines if line)) or name
    if isinstance(error, KeyError):
        text = f"{name}: {text}"
    if len(text) > _LONGEST:
        start = text[:_LONGEST]
        text = f"{start.rpartition(' ')[0] or start} …"
    return text


def public(uri: str) -> str:
    """Return the address of a store without the name and password that it may hold."""
    return printable(re.sub(r"(?<=//)[^/@]*@", "", uri))
