"""Perceptrons whose data differ from seed to seed: Adam on what a mask keeps, and masks of weights that never move."""
