"""Training a parent by gradients, where none is at hand; and the gradient that searches are held against."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from evotickets.systems.subspace import batch, parents
from evotickets.systems.subspace.evaluation import Samples, inputs, logits_of

BATCH, LEARNING_RATE = 64, 0.01


def train(path: str, arguments: dict, samples: Samples, epochs: int, seed: int) -> nn.Module:
    """Build a model by its import path, draw its weights, and train them with Adam along one cosine.

    Source: Kingma & Ba (2015); Loshchilov & Hutter (2017), "SGDR", eq. 5 without restarts.
    """
    # Weights, and what dropout leaves out, are drawn from the seed, and nothing else is.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = parents.build(path, arguments)
        order = torch.Generator().manual_seed(seed)
        labels = torch.from_numpy(samples.labels)
        (images,) = samples.batches(len(labels), torch.device("cpu"))
        images = images if isinstance(images, dict) else torch.cat([images])
        optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
        steps = epochs * max(1, len(labels) // BATCH)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        model.train()
        for _ in range(epochs):
            shuffled = torch.randperm(len(labels), generator=order)
            for places in shuffled[: max(1, len(labels) // BATCH) * BATCH].split(BATCH):
                optimizer.zero_grad()
                out = logits_of(batch.call(model, batch.take(images, places)))
                functional.cross_entropy(out, labels[places]).backward()
                optimizer.step()
                schedule.step()
        return model.eval()


def gradient(model: nn.Module, samples: Samples, size: int) -> np.ndarray:
    """Return the gradient of the mean cross-entropy by the parameters that mutate, as one vector in float64."""
    free = parents.mutable(model)
    device = free[0].device
    total = [torch.zeros_like(parameter, dtype=torch.float64) for parameter in free]
    labels = torch.from_numpy(samples.labels).to(device)
    for start, part in zip(range(0, len(labels), size), inputs(model, samples, size), strict=True):
        out = logits_of(batch.call(model, part))
        loss = functional.cross_entropy(out.float(), labels[start : start + size], reduction="sum")
        # A loss does not depend on what a model does not use.
        for summed, slope in zip(total, torch.autograd.grad(loss, free, allow_unused=True), strict=True):
            if slope is not None:
                summed += slope
    return np.concatenate([summed.cpu().numpy().ravel() for summed in total]) / len(labels)
