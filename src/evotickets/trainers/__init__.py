"""What moves the weights: evolution strategies, Adam and proximal policy optimisation.

Every start of the workflow reads this file, which therefore imports no big library.
"""

from evotickets.parts import Parts

strategy = Parts("strategy", "evotickets.trainers.strategies")
"""Evolution strategies: `(dimensions, *, population, std_init, options) -> Strategy`."""

trainer = Parts("trainer", "evotickets.trainers")
"""What moves the weights: `(objective, initial, *, report, key, options) -> Trained`, and `network`, `task` if it asks.

All but the one of strategies are registered with the kinds of `tasks` that they train, and with the options of those tasks'
objectives that they leave `unused`.
"""

EVOLUTION = "evolution"
"""The trainer of all strategies; a configuration names the strategy in its place."""

EVOSAX = ("ARS", "DES", "HillClimbing", "Open_ES", "PGPE", "Sep_CMA_ES", "SNES", "SimpleES", "SimulatedAnnealing")
"""Classes of evosax whose samples are mean + std · normal, so that weights have a signal-to-noise ratio."""

MIRRORED = ("ARS", "Open_ES", "PGPE")
"""Those whose populations are pairs."""
