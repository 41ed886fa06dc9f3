"""What moves the weights: evolution strategies, Adam and proximal policy optimisation.

Every start of the workflow reads this file, which therefore imports no big library.
"""

from evotickets.parts import Form, Parts

strategy = Parts(
    "strategy",
    "evotickets.trainers.strategies",
    form=Form("(dimensions, *, population, std_init, options) -> Strategy", takes=1, needs=("population", "std_init")),
)
"""Evolution strategies: `(dimensions, *, population, std_init, options) -> Strategy`."""

trainer = Parts(
    "trainer",
    "evotickets.trainers",
    form=Form(
        "(objective, initial, *, steps, evaluations, options, report, key) -> Trained, and network, task if it asks",
        takes=2,
        given=("report", "key", "network", "task", "trainer"),
        needs=("evaluations",),
    ),
)
"""What moves the weights: `(objective, initial, *, report, key, options) -> Trained`, and `network`, `task` if it asks.

All but the one of strategies are registered with the kinds of `tasks` that they train, and with the options of those tasks'
objectives that they leave `unused`.
"""

EVOLUTION = "evolution"
"""The trainer of all strategies; a configuration names the strategy in its place."""

EVOSAX = ("ARS", "DES", "HillClimbing", "Open_ES", "PGPE", "Sep_CMA_ES", "SNES", "SimpleES", "SimulatedAnnealing")
"""Classes of evosax whose samples are mean + std · normal, so that weights have a signal-to-noise ratio."""
