"""Synthetic tables of subspace evolution, for tests of claims and figures."""

import numpy as np
import pandas as pd

from evotickets.systems.subspace import ENSEMBLES, RECOMBINED

SEEDS = 6
CANDIDATES = ("parent", "parent_scaled", "child", *RECOMBINED, *ENSEMBLES)
MUTATIONS = [("dense", 1.0), *((mode, d) for mode in ("bernoulli", "static", "partition") for d in (0.1, 0.01))]


def table(change=None, parents=("digits",)):
    """All studies in which nothing matters, but for a change.

    `change(row)` returns what a row's value (0.5, or 0.1 for a spread) gains. All rows of a seed share some jitter.
    """
    rng, rows = np.random.default_rng(0), []
    for parent in parents:
        for mode, density in MUTATIONS:
            where = {"system": "subspace", "parent": parent, "mode": mode, "density": density}
            rows += [where | own for own in _mutations()]
            rows += [where | own for own in _gradients()]
            rows += [where | own for own in _generations()]
    frame = pd.DataFrame([row | {"seed": seed} for row in rows for seed in range(SEEDS)])
    noise = rng.normal(0, 0.01, (len(parents), SEEDS))
    place = frame["parent"].map({parent: index for index, parent in enumerate(parents)})
    frame["value"] += noise[place, frame["seed"]] + rng.normal(0, 1e-4, len(frame))
    if change:
        frame["value"] += [change(row) for row in frame.itertuples(index=False)]
    return frame


def _mutations():
    for rule in ("absolute", "norm"):
        for sigma in (0.01, 0.03):
            at = {"study": "mutations", "rule": rule, "sigma": sigma, "shift": "none", "decay": 0.0, "step": 0}
            for candidate in CANDIDATES:
                for split in ("fitness", "validation", "test"):
                    for metric in ("nll", "accuracy"):
                        yield at | {"candidate": candidate, "split": split, "metric": metric, "value": 0.5}
            yield at | {"candidate": "child", "split": "test", "metric": "nll_std", "value": 0.2}


def _gradients():
    for step in (16, 64):
        for candidate in ("estimate", "theory"):
            yield {
                "study": "gradients", "rule": "norm", "sigma": 0.01, "shift": "none", "decay": 0.0, "step": step,
                "candidate": candidate, "split": "fitness", "metric": "cosine", "value": 0.1,
            }  # fmt: skip


def _generations():
    for decay in (0.0, 0.1):
        for step in (0, 5, 10):
            at = {"study": "generations", "rule": "norm", "sigma": 0.01, "shift": "noise", "decay": decay, "step": step}
            for split in ("fitness", "test", "original"):
                yield at | {"candidate": "parent", "split": split, "metric": "nll", "value": 0.5}


def tuned():
    """Tuning by two mutations and two updates, of which the loss falls evenly."""
    at = {"system": "subspace", "parent": "digits", "study": "tuning", "density": 1.0, "rule": "norm", "sigma": 0.01}
    rows = [
        at | {"shift": "none", "decay": 0.0, "metric": "goal", "mode": mode, "candidate": update, "split": split, "step": step}
        | {"seed": seed, "value": 1.0 - step / 10 + 0.1 * seed}
        for mode in ("dense", "low_rank_1") for update in ("step", "adam") for split in ("fitness", "validation", "test")
        for step in (0, 5, 10) for seed in range(3)
    ]  # fmt: skip
    return pd.DataFrame(rows)
