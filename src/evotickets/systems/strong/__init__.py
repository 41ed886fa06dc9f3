"""Strong tickets: masks of untrained weights that perform already, found by genetic search and by what could be better."""

DENSE, PLANTED = "dense", "planted"
"""Seekers that seek nothing: they train every weight, or know the ticket that was planted."""

FOUND, PRUNED, LEAKED = "found", "pruned", "leaked"
"""States of a ticket: chosen on validation samples; pruned on them too; or both chosen and pruned on test samples."""
