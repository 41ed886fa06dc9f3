"""What a child costs over a plain evaluation of its parent: ResNet-20 on 2,000 images of CIFAR's size.

A ratio of 1 is the limit. Weights and images are random, which changes no time. Beside it, the mutation alone over
density, against what is usual: a dense draw times a dense mask, added to a copy of the weights.
"""

import copy
from typing import Any

import numpy as np
import torch
from timing import interleaved, row
from torch import nn

from evotickets.systems.subspace import evaluation, resnet
from evotickets.systems.subspace.mutation import Mutation
from evotickets.systems.subspace.weights import Weights

IMAGES, BATCH, SIGMA = 2000, 250, 0.001
ALONE = 4
"""Mutations of one measurement."""


def rows(quick: bool) -> list[dict[str, Any]]:
    """Compare a child with its parent, in one run, at every mode and density."""
    threads = torch.get_num_threads()
    evaluation.configure(threads)
    torch.manual_seed(0)
    model = resnet.ResNet().eval()
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (IMAGES, 32, 32, 3), np.uint8)
    samples = evaluation.Samples(images, np.zeros(IMAGES, np.int64), (0.5,) * 3, (0.25,) * 3)
    weights = Weights(model, 0)
    mutations = [
        Mutation("dense", 1.0, SIGMA),
        *(Mutation(mode, density, SIGMA) for mode in ("bernoulli", "partition") for density in (0.1, 0.01)),
    ]

    def child(mutation: Mutation) -> None:
        with weights.child(mutation, 1):
            evaluation.logits(model, samples, BATCH)

    out = []
    for mutation in mutations:
        name = f"a child of ResNet-20, {IMAGES:,} images, {mutation.mode}"
        cases = {"ours": lambda m=mutation: child(m), "parent": lambda: evaluation.logits(model, samples, BATCH)}
        times = interleaved(cases, 3 if quick else 9)
        out.append(row("subspace", name, mutation.density, times["ours"], "its parent, evaluated", times["parent"]))
    large = nn.Sequential(*(nn.Linear(2048, 2048, bias=False) for _ in range(6)))
    for name, own in (("ResNet-20", model), ("25 million weights", large)):
        sparser = [Mutation(mode, 0.001, SIGMA) for mode in ("bernoulli", "partition")]
        out += [_alone(name, own, mutation, 3 if quick else 9) for mutation in (*mutations, *sparser)]
    return out


def _alone(name: str, model: nn.Module, mutation: Mutation, repeats: int) -> dict[str, Any]:
    """Time a mutation that is made and undone, which ought to cost what it mutates."""
    weights = Weights(model, 0)

    def ours() -> None:
        for index in range(ALONE):
            with weights.child(mutation, index):
                pass

    def usual() -> None:
        for _ in range(ALONE):
            mutant = copy.deepcopy(model)
            with torch.no_grad():
                for parameter in mutant.parameters():
                    parameter += SIGMA * torch.randn_like(parameter) * (torch.rand_like(parameter) < mutation.density)

    times = interleaved({"ours": ours, "usual": usual}, repeats, ALONE)
    setting = f"a mutation of {name}, made and undone, {mutation.mode}"
    return row("subspace", setting, mutation.density, times["ours"], "torch, masked copy", times["usual"])
