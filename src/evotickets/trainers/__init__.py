"""What moves the weights: evolution strategies, Adam and proximal policy optimisation.

Every start of the workflow reads this file, which therefore imports no big library.
"""

from evotickets.parts import Form, Parts

strategy = Parts(
    "strategy",
    "evotickets.trainers.strategies",
    form=Form("(dimensions, *, population, std_init, options) -> Strategy", takes=1, needs=("population", "std_init")),
)
"""Evolution strategies: `(dimensions, *, population, std_init, options) -> Strategy`.

One whose search distribution has no std per coordinate is registered with `std=False`.
"""

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

EVOSAX: dict[str, tuple[int, int]] = {
    "ARS": (2, 2),
    "ASEBO": (2, 2),
    "CMAAnchoredLES": (2, 1),
    "CMA_ES": (2, 1),
    "CR_FM_NES": (2, 2),
    "DiscoveredES": (2, 1),
    "ESMC": (4, 2),
    "GradientlessDescent": (2, 1),
    "HillClimbing": (2, 1),
    "iAMaLGaM_Full": (2, 1),
    "iAMaLGaM_Univariate": (2, 1),
    "LearnedES": (2, 1),
    "MA_ES": (2, 1),
    "Open_ES": (2, 2),
    "PGPE": (2, 2),
    "Rm_ES": (2, 1),
    "Sep_CMA_ES": (2, 1),
    "SimpleES": (2, 1),
    "SimulatedAnnealing": (2, 1),
    "SNES": (2, 1),
    "xNES": (2, 1),
}
"""Distribution-based classes of evosax by their own names: the smallest population of each, and what it is a multiple of."""

UNUSABLE = {
    "EvoTF_ES": "it keeps the last hundred populations whole, which is too much for the weights of a network",
    "GuidedES": "it needs gradients to guide it",
    "LM_MA_ES": "its samples become NaN within some generations",
    "NoiseReuseES": "it uses noise again over the steps of an unrolled inner problem, which a level is not",
    "PersistentES": "it adds up noise over the steps of an unrolled inner problem, which a level is not",
    "RandomSearch": "it has no search distribution that moves",
    "SV_CMA_ES": "it moves several distributions, and a ticket has one mean",
    "SV_Open_ES": "it moves several distributions, and a ticket has one mean",
}
"""Distribution-based classes of evosax that cannot train a ticket, and why."""
