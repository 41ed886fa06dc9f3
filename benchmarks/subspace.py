"""What a child costs over a plain evaluation of its parent: ResNet-20 on 2,000 images of CIFAR's size.

A ratio of 1 is the limit. Weights and images are random, which changes no time. Beside it, the mutation alone over
density, against what is usual: a dense draw times a dense mask, added to a copy of the weights.
"""

import copy
from typing import Any

import numpy as np
import torch
from timing import interleaved, row

from evotickets.subspace import evaluation, resnet
from evotickets.subspace.mutation import Mutation
from evotickets.subspace.weights import Weights

IMAGES, BATCH, SIGMA = 2000, 250, 0.001
ALONE = 20


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

    def alone(mutation: Mutation) -> None:
        for index in range(ALONE):
            with weights.child(mutation, index):
                pass

    def usual(density: float) -> None:
        for _ in range(ALONE):
            mutant = copy.deepcopy(model)
            with torch.no_grad():
                for parameter in mutant.parameters():
                    parameter += SIGMA * torch.randn_like(parameter) * (torch.rand_like(parameter) < density)

    out = []
    for mutation in mutations:
        name = f"a child of ResNet-20, {IMAGES:,} images, {mutation.mode}"
        cases = {"ours": lambda m=mutation: child(m), "parent": lambda: evaluation.logits(model, samples, BATCH)}
        times = interleaved(cases, 3 if quick else 9)
        out.append(row("subspace", name, mutation.density, times["ours"], "its parent, evaluated", times["parent"]))
    for mutation in mutations:
        cases = {"ours": lambda m=mutation: alone(m), "usual": lambda m=mutation: usual(m.density)}
        times = interleaved(cases, 3 if quick else 9, ALONE)
        name = f"the mutation alone, made and undone, {mutation.mode}"
        out.append(row("subspace", name, mutation.density, times["ours"], "torch, masked copy", times["usual"]))
    return out
