"""Text for terminals: what others wrote is shown, and never obeyed."""

import unicodedata

_OBEYED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Categories of Unicode: control codes, changes of direction and the like, lone surrogates, line and paragraph ends."""


def printable(text: str, keep: str = "") -> str:
    r"""Escape line ends, control codes and whatever else a terminal obeys, such as `\n` and `\x1b`, but not `keep`."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character in keep or unicodedata.category(character) not in _OBEYED
        else character.encode("unicode_escape").decode()
        for character in text
    )
