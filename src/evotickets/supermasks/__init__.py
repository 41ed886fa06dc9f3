"""Perceptrons whose data differ from seed to seed: Adam on what a mask keeps, and masks of weights that never move."""

TRAINED_SCORES = ("edge_popup", "gem_miner", "biprop")
"""Algorithms that train a score for every frozen weight, by gradients through the mask."""
