"""Hybrid training: gradients move the weights while evolution moves the mask, beside pure evolution and gradient baselines.

Source: Lenc, Elsen, Schaul & Simonyan (2019), "Non-differentiable supervised learning with evolution strategies and hybrid
methods", arXiv 1906.03139, as far as it could be read: sizes of networks and the constants of the strategy are those of a
re-implementation that names it, and none of its numbers is repeated here.
"""

from evotickets.parts import Form, Parts

method = Parts("method", "evotickets.systems.hybrid.methods", form=Form("(setting, *, options) -> Method", takes=1))
"""How sparse networks are trained: `(setting, *, options) -> Method`."""

SMALL = "small_dense"
"""The method that trains a narrower network instead of a sparse one."""

STOP = 0.75
"""Share of the steps after which masks stay."""

UNIFORM, ERK = "uniform", "erk"
SHARE_OUTS = {UNIFORM: "with uniform densities", ERK: "with ERK densities"}
"""How the weights of all methods are shared out over layers, and in words: every layer the same density, or the Erdős–Rényi
kernel."""

SPEECH, SENTENCES = "speech", 3
"""The data set whose networks speak, and how many sentences each."""

WHOLE = "whole"
"""The share-out of what prunes nothing, or has a smaller network."""
