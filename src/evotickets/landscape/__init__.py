"""The landscape around trained tickets: connectivity, flatness and diversity.

Source: Lange & Sprekeler (2023), §5; their code for it was not released, so the definitions here are ours.
"""

from evotickets.landscape.connectivity import ALPHAS, PAIRS, STABLE, Pair, barrier, bump, interpolate, pairs
from evotickets.landscape.diversity import cosine, disagreement, distance, jaccard, predictions, snr_correlation
from evotickets.landscape.evaluation import classifier, cross_entropy, errors, fold, folded, loss_of, on_task, policy
from evotickets.landscape.flatness import EPSILONS, Curvature, curvature, noise_curves
from evotickets.landscape.reliability import random_walk, reliability, spread

__all__ = [
    "ALPHAS",
    "EPSILONS",
    "PAIRS",
    "STABLE",
    "Curvature",
    "Pair",
    "barrier",
    "bump",
    "classifier",
    "cosine",
    "cross_entropy",
    "curvature",
    "disagreement",
    "distance",
    "errors",
    "fold",
    "folded",
    "interpolate",
    "jaccard",
    "loss_of",
    "noise_curves",
    "on_task",
    "pairs",
    "policy",
    "predictions",
    "random_walk",
    "reliability",
    "snr_correlation",
    "spread",
]
