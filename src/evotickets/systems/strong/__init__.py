"""Strong tickets: masks of untrained weights that perform already, found by genetic search and by what could be better."""

from evotickets.parts import Parts
from evotickets.tasks.registry import Tasks

seeker = Parts("seeker", "evotickets.systems.strong.seekers")
"""Who looks for strong tickets: `(instance, *, progress, options) -> Found`.

What counts against a budget is the evaluation of one mask on all training samples.
"""

FAMILIES = Tasks("points", "supervised")
"""Facts by name of the tasks on which strong tickets are sought, known without reading data."""

PLANTED_CIRCLE, TARGET = "planted_circle", "circle"
"""The task of planting's Circle, whose ticket is known, and the family of its target."""

SHARES = (0.6, 0.15, 0.25)
"""Shares of training, validation and test samples where a data set is split."""

DENSE, PLANTED = "dense", "planted"
"""Seekers that seek nothing: they train every weight, or know the ticket that was planted."""

FOUND, PRUNED, LEAKED = "found", "pruned", "leaked"
"""States of a ticket: chosen on validation samples; pruned on them too; or both chosen and pruned on test samples."""
