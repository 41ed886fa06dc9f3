"""What predictions are worth: losses, calibration, ensembles, temperatures, and paired tests between two networks."""

from typing import NamedTuple

import numpy as np
from scipy import optimize, special

BINS = 15
DRAWS = 1000
FOLDS = 5
PRIOR = 50
"""Images that a temperature of 1 is worth."""


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


def temperature(logits: np.ndarray, labels: np.ndarray, prior: float = PRIOR) -> float:
    """Return the temperature in [.05, 20] under which logits [n, O] have the smallest loss; without images it is 1.

    Beside the images it fits as many as `prior` says whose labels are what the network itself expects, so that only evidence
    moves it from 1: a few images without an error do not say that there are none.

    Source: Guo et al. (2017), §4.2; Huang et al. (2020), "Catalytic prior distributions with application to generalized linear
    models", for the prior.
    """
    if not len(labels):
        return 1.0
    expected = np.exp(normalised(logits))

    def loss(log_temperature: float) -> float:
        log_probabilities = normalised(logits / np.exp(log_temperature))
        own = -float((expected * log_probabilities).sum(1).mean())
        return float(losses(log_probabilities, labels).sum()) + prior * own

    bounds = (float(np.log(0.05)), float(np.log(20.0)))
    found = optimize.minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


def scaled(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return log probabilities [n, O] under temperatures, each fold of the images with that of all others.

    So no image is judged by a temperature that has seen its label.

    Source: Stone (1974), "Cross-validatory choice and assessment of statistical predictions".
    """
    fold = np.arange(len(labels)) % FOLDS
    log_probabilities = np.empty(logits.shape, np.float64)
    for number in np.unique(fold):
        own = fold == number
        log_probabilities[own] = normalised(logits[own] / temperature(logits[~own], labels[~own]))
    return log_probabilities


def overconfidence(log_probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return mean confidence less accuracy of predictions [n, O]; below zero a network is too timid."""
    right = log_probabilities.argmax(1) == labels
    return float(np.exp(log_probabilities.max(1)).mean() - right.mean())


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
