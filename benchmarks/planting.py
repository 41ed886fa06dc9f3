"""The single-shot work on planted tickets, all seeds of a cell in one program, beside the same in plain PyTorch.

A run scores the weights of a mother network with SNIP, cuts them and trains what is left for ten epochs of 10,000 samples
in batches of 32. PyTorch runs one network after another and, as its users would when they care for speed, takes batches
by indexing instead of a data loader. One of its epochs is timed and counts ten times.
"""

import time
from typing import Any

import numpy as np
from timing import row

from evotickets.networks import layout
from evotickets.planted import ground as grounds
from evotickets.planted import samples
from evotickets.supermasks.instance import Instance
from evotickets.systems.planting import cells, seekers

SEEDS, SAMPLES, EPOCHS = 25, 10_000, 10
SPARSE, DENSER = 0.01, 0.1
PRUNERS, TARGETS = 5, 3
TRAINING = {"epochs": EPOCHS, "batch": 32, "learning_rate": 0.001}


def rows(quick: bool) -> list[dict[str, Any]]:
    """Compare a run at the paper's three depths (of neurons: 3, 5 and 10), and from these the paper's whole grid."""
    out, ours, theirs = [], 0.0, 0.0
    for depth in (2, 4, 9):
        target = {"target": "circle", "width": 100, "noise": 0.01}
        ground = grounds.ground(target, depth, seed=0, count=SEEDS)
        rngs = [np.random.default_rng(index) for index in range(SEEDS)]
        problem = samples.draw("circle", SAMPLES, 0.01, rngs)
        instance = Instance(cells.network_of(target, depth), problem, ground.parameters, TRAINING, 0, ("benchmark",))
        times = {density: _times(instance, density, 1 if quick else 3) for density in (SPARSE, DENSER)}
        for density, (own, other, once) in times.items():
            setting = f"{EPOCHS} epochs of circle, depth {depth}, width 100, {SEEDS} seeds"
            note = f"a run of one seed; compiling and loading take {once:.1f} s once"
            out.append(row("planting", setting, density, own, "torch", other, note))
        # Ticket density is about as sparse as .01, and .5 as dense as .1; density 1 is run once for all pruners.
        runs = SEEDS * TARGETS * PRUNERS
        ours = ours + runs * (2 * times[SPARSE][0] + (2 + 1 / PRUNERS) * times[DENSER][0])
        theirs = theirs + runs * (2 * times[SPARSE][1] + 3 * times[DENSER][1])
    setting = f"the paper's grid, {3 * 5 * SEEDS * TARGETS * PRUNERS:,} runs, from the runs above"
    return [
        *out,
        row("planting", setting, 1.0, np.asarray(ours), "torch", np.asarray(theirs), "starting jobs not counted"),
    ]


def _times(instance: Instance, density: float, repeats: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return our and PyTorch's milliseconds [repeats] of the run of a seed, and the seconds of our first call."""
    own, other = [], []
    for repeat in range(repeats + 1):
        begin = time.perf_counter()
        mask = seekers.seek("snip", instance, round(density * instance.network.kernel_count))
        instance.train(mask, EPOCHS, "last")
        own.append((time.perf_counter() - begin) * 1e3 / SEEDS)
        if repeat:
            other.append(_torch(instance, density, repeat) * 1e3)
    return np.array(own[1:]), np.array(other), max(0.0, own[0] - own[1]) * SEEDS / 1e3


def _torch(instance: Instance, density: float, seed: int) -> float:
    """Return the seconds that PyTorch needs for the run of one seed.

    Raises:
        ImportError: if torch is not installed.
    """
    import jax
    import torch
    from torch.nn import functional

    torch.set_num_threads(jax.device_count())
    x, y = torch.tensor(instance.problem.train.x[seed]), torch.tensor(instance.problem.train.y[seed], dtype=torch.long)
    layers = [
        (torch.tensor(kernel, requires_grad=True), torch.tensor(bias, requires_grad=True))
        for kernel, bias in layout.layers(instance.network, instance.parameters[seed])
    ]
    kept = [torch.ones_like(kernel) for kernel, _ in layers]

    def loss(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        for index, ((kernel, bias), mask) in enumerate(zip(layers, kept, strict=True)):
            x = functional.linear(x if index == 0 else torch.relu(x), kernel * mask, bias)
        return functional.cross_entropy(x, y)

    begin = time.perf_counter()
    gradients = torch.autograd.grad(loss(x, y), [kernel for kernel, _ in layers])
    scores = [(kernel * slope).abs().detach() for (kernel, _), slope in zip(layers, gradients, strict=True)]
    flat = torch.cat([score.ravel() for score in scores])
    threshold = flat.topk(round(density * len(flat))).values[-1]
    kept[:] = [(score >= threshold).float() for score in scores]
    once = time.perf_counter() - begin

    optimizer = torch.optim.Adam([part for layer in layers for part in layer], lr=TRAINING["learning_rate"])
    begin = time.perf_counter()
    for index in torch.randperm(len(x))[: len(x) // 32 * 32].reshape(-1, 32):
        optimizer.zero_grad()
        loss(x[index], y[index]).backward()
        optimizer.step()
    return once + EPOCHS * (time.perf_counter() - begin)
