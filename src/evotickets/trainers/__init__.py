"""What moves the weights: evolution strategies, Adam and proximal policy optimisation.

Every start of the workflow reads this file, which therefore imports no big library.
"""

from evotickets.parts import Parts

strategy = Parts("strategy", "evotickets.trainers.strategies")
"""Evolution strategies: `(dimensions, *, population, std_init, options) -> Strategy`."""

REINFORCEMENT = {"ppo"}
"""Gradient strategies for control, where the loss itself has no gradient."""

GRADIENT = {"adam"} | REINFORCEMENT
"""Strategies that follow a gradient; all others are evolution strategies."""

EVOSAX = ("ARS", "DES", "HillClimbing", "Open_ES", "PGPE", "Sep_CMA_ES", "SNES", "SimpleES", "SimulatedAnnealing")
"""Classes of evosax whose samples are mean + std · normal, so that weights have a signal-to-noise ratio."""
