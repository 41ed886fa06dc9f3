"""What tuning lowers: a loss of a network's outputs and labels, of which no gradient is needed.

    @goal
    def cost_of_errors(outputs, labels):
        return float(COSTS[labels, outputs.argmax(1)].mean())

A goal is one decorated function, here or in a file of one's own. Every start of the workflow reads this file.
"""

import numpy as np

from evotickets.parts import Form, Parts

goal = Parts("goal", "evotickets.systems.subspace.goals", form=Form("(outputs [n, O], labels [n]) -> loss", takes=2))


@goal
def cross_entropy(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean negative log-likelihood of classes."""
    # Importing it takes a fifth of a second, at every start of the workflow.
    from scipy import special

    log_probabilities = special.log_softmax(np.asarray(outputs, np.float64), axis=1)
    return -float(log_probabilities[np.arange(len(labels)), labels].mean())


@goal
def error(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of samples whose class is not the largest output."""
    return float((outputs.argmax(1) != labels).mean())


@goal
def macro_f1(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Return 1 less the mean F1 of the classes that labels have, which weighs rare classes as much as others."""
    predicted = outputs.argmax(1)
    scores = []
    for label in np.unique(labels):
        both = int(((predicted == label) & (labels == label)).sum())
        scores.append(2 * both / int((predicted == label).sum() + (labels == label).sum()))
    return 1 - float(np.mean(scores))
