"""The landscape around trained tickets: connectivity, flatness and diversity.

Source: Lange & Sprekeler (2023), §5; their code for it was not released, so the definitions here are ours.
"""

from evotickets.landscape.connectivity import ALPHAS, STABLE, barrier, bump, interpolate
from evotickets.landscape.diversity import cosine, disagreement, distance, jaccard, predictions, snr_correlation
from evotickets.landscape.evaluation import classifier, cross_entropy, fold, policy
from evotickets.landscape.flatness import EPSILONS, Curvature, curvature, noise_curves

__all__ = [
    "ALPHAS",
    "EPSILONS",
    "STABLE",
    "Curvature",
    "barrier",
    "bump",
    "classifier",
    "cosine",
    "cross_entropy",
    "curvature",
    "disagreement",
    "distance",
    "fold",
    "interpolate",
    "jaccard",
    "noise_curves",
    "policy",
    "predictions",
    "snr_correlation",
]
