"""Subspace evolution: fine-tune and ensemble pretrained networks by sparse mutations. The only room that knows torch.

This file and `mutation` are read by every start of the workflow, so they do not import it.
"""

from evotickets.tasks import Tasks

POOLS = Tasks("supervised", "pool")
"""Facts of the tasks whose images a parent may have been trained on, by name."""

DENSE = "dense"
"""The mode in which every parameter mutates; density 1, which all modes share."""

MODES = ("bernoulli", "static", "partition", "antithetic")
"""Fresh masks, one mask for all, disjoint masks that split a dense mutation, and fresh masks used with both signs."""

RULES = ("absolute", "relative", "norm")
"""What σ multiplies: 1, the std of each tensor, or 1/√density, so that mutations of all densities have one norm."""

PARENT = "parent"

ENTRIES = ("state_dict", "model_state_dict", "model", "net", "ema", "model_ema")
"""Where a checkpoint may hold the state dict, the first that is there."""

RECOMBINED = ("best", "top_mean", "weighted_mean", "es_step", "weight_average")
"""Networks made of children: the best, the mean of the best quarter, the mean weighted by fitness, a step along ranks,
and the mean of all, which is a control."""

ENSEMBLES = ("ensemble", "ensemble_top", "ensemble_logits", "ensemble_scaled")
"""Mean softmax of all children or of the best quarter, softmax of the mean logits, and the first with a temperature."""

LOW_RANK = "low_rank"
"""The mode in which a matrix mutates by a product of two thin ones, followed by the rank: low_rank_1."""

GRADIENT = "gradient"
"""The mode of tuning in which the parent follows the gradient, a control, followed by the learning rate: gradient_0.01."""

ONLY = "only"
"""The mode in which some layers alone mutate, followed by the name of these: only_head."""

SHAPINGS = ("z_score", "ranks")
"""What becomes of losses before they weigh mutations: their distance from the mean in stds, or their ranks."""

UPDATES = ("step", "momentum", "adam")
"""How a parent follows the mean of its children's mutations: as it is, with momentum, or as Adam does."""

TUNED = ("best", "last")
"""Networks that tuning keeps: of the generation that validation images say is the best, and of the last."""

SHIFTS = ("rotation", "noise")
"""What a shifted task does to images: turn them by 90 degrees, or add Gaussian noise."""
