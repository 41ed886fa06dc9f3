"""What predictions are worth: losses, calibration, ensembles, temperatures, and paired tests between two networks."""

from typing import NamedTuple

import numpy as np
from scipy import optimize, special

BINS = 15
DRAWS = 1000


class Quality(NamedTuple):
    """Means over images: negative log-likelihood, accuracy, and expected calibration error."""

    nll: float
    accuracy: float
    ece: float


def losses(log_probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the negative log-likelihood [n] of labels under log probabilities [n, O]."""
    return -log_probabilities[np.arange(len(labels)), labels]


def normalised(logits: np.ndarray) -> np.ndarray:
    """Return log probabilities [..., O] of logits, in float64."""
    return special.log_softmax(np.asarray(logits, np.float64), axis=-1)


def quality(log_probabilities: np.ndarray, labels: np.ndarray) -> Quality:
    """Return the quality of predictions [n, O]."""
    right = log_probabilities.argmax(1) == labels
    loss = losses(log_probabilities, labels).mean()
    return Quality(float(loss), float(right.mean()), calibration_error(log_probabilities, labels))


def calibration_error(log_probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean distance of confidence and accuracy over bins of equal width in confidence, weighted by images.

    Source: Guo et al. (2017), "On calibration of modern neural networks", eq. 3, 15 bins.
    """
    confidence = np.exp(log_probabilities.max(1))
    right = log_probabilities.argmax(1) == labels
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, right - confidence, BINS)
    return float(np.abs(gaps).sum() / len(labels))


def disagreement(log_probabilities: np.ndarray, other: np.ndarray) -> float:
    """Return the share of images on which two networks [n, O] name different classes."""
    return float((log_probabilities.argmax(1) != other.argmax(1)).mean())


def ensemble(logits: np.ndarray) -> np.ndarray:
    """Return the log of the mean softmax [n, O] of children's logits [C, n, O].

    Source: Lakshminarayanan et al. (2017), "Simple and scalable predictive uncertainty estimation", §2.4.
    """
    # Child by child: the log probabilities of all would double the memory.
    total = normalised(logits[0])
    for child in logits[1:]:
        total = np.logaddexp(total, normalised(child))
    return total - np.log(len(logits))


def logit_ensemble(logits: np.ndarray) -> np.ndarray:
    """Return the log softmax [n, O] of the mean logits of children [C, n, O]."""
    return normalised(np.asarray(np.mean(logits, axis=0, dtype=np.float64)))


def temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature in [.05, 20] under which logits [n, O] have the smallest loss.

    Source: Guo et al. (2017), §4.2.
    """

    def loss(log_temperature: float) -> float:
        return float(losses(normalised(logits / np.exp(log_temperature)), labels).mean())

    bounds = (float(np.log(0.05)), float(np.log(20.0)))
    return float(np.exp(optimize.minimize_scalar(loss, bounds=bounds, method="bounded").x))


def scaled(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return log probabilities [n, O] under temperatures, each half of the images with that of the other half.

    So no image is judged by a temperature that has seen its label.
    """
    halves = np.arange(len(labels)) % 2 == 0
    log_probabilities = np.empty(logits.shape, np.float64)
    for half in (halves, ~halves):
        # One image has no other half.
        known = ~half if (~half).any() else half
        log_probabilities[half] = normalised(logits[half] / temperature(logits[known], labels[known]))
    return log_probabilities


def mcnemar(right: np.ndarray, other: np.ndarray) -> float:
    """Return the exact two-sided p-value that two networks, right or wrong on the same images [n], err equally often.

    Source: McNemar (1947); exact binomial form.
    """
    only, others = int((right & ~other).sum()), int((other & ~right).sum())
    return min(1.0, 2 * float(special.bdtr(min(only, others), only + others, 0.5)))


def bootstrap(differences: np.ndarray, rng: np.random.Generator, confidence: float = 0.95) -> tuple[float, float]:
    """Return the percentile interval of the mean of paired differences [n] under resampling of images.

    Source: Efron & Tibshirani (1993), "An introduction to the bootstrap", §13.3.
    """
    count = len(differences)
    means = [differences[rng.integers(count, size=count)].mean() for _ in range(DRAWS)]
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
