"""Masks of frozen weights that are evaluated in a second, beside a loop over PyTorch modules and a batched NumPy one.

What a generation of the genetic search brings forth, 53 masks of random bits, is evaluated for accuracy on all training
samples. PyTorch copies a module for every mask, multiplies its weights and runs it; NumPy multiplies all masks at once, as
many at a time as run fastest. All start from the same bits, each in a process of its own, and run in turn.

PyTorch runs twice: as it is, and after an array was freed that is larger than any it needs. From then on the C library's
allocator keeps what the loop gives back, and it no longer pays for fresh pages at every mask.
"""

import copy
import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import threadpoolctl
from timing import apart, interleaved, row

from evotickets import devices
from evotickets.networks import layout
from evotickets.networks.layout import Network
from evotickets.systems.strong import data, evaluator, weights

GENOMES = 53
"""Offspring of a generation on average: 30 children, 13 mutants and 10 migrants."""
GENERATIONS = 100
"""Ours evaluates so many of them in one program, as a search does."""
FREED = 4_000_000
"""Numbers in the array after which the allocator keeps memory."""
CASES = {"2-100-2 on 5,000 points of moons": ("moons", 2, 100), "64-75-10 on 1,078 digits": ("digits", 10, 75)}


def rows(quick: bool) -> list[dict[str, Any]]:
    """Compare milliseconds a mask."""
    out, threads = [], jax.device_count()
    for setting, (name, classes, hidden) in CASES.items():
        rng = np.random.default_rng(0)
        problem = data.draw(name, classes, 5000, 0.07, [rng])
        network = layout.mlp(problem.train.x.shape[-1], (hidden,), classes)
        parameters = weights.initialise(network, "uniform", 1.0, rng)
        genomes = rng.random((GENOMES, network.kernel_count)) < 0.5
        arguments = threads, network, parameters, problem.train.x[0], problem.train.y[0], genomes
        makers = {"ours": partial(_ours, *arguments), "numpy": partial(_numpy, *arguments)}
        if importlib.util.find_spec("torch"):
            makers["torch"] = partial(_torch, *arguments)
            makers["torch, memory kept"] = partial(_torch, *arguments, freed=FREED)
        else:
            print("torch is left out: it is not installed")
        times, losses = apart(makers, 5 if quick else 25, GENOMES)
        for peer, found in losses.items():
            # Products are summed in different orders, so that a sample on a boundary may fall to either side.
            if np.abs(found[-GENOMES:] - losses["ours"][-GENOMES:]).max() > 3 / len(problem.train.y[0]):
                raise AssertionError(f"{peer} does not compute what ours does")
        times["ours"] /= GENERATIONS
        note = f"{1e3 / np.median(times['ours']):,.0f} masks a second"
        out += [
            row("strong", setting, 0.5, times["ours"], peer, times[peer], note) for peer in makers if peer != "ours"
        ]
    return out


def _ours(
    threads: int, network: Network, parameters: np.ndarray, x: np.ndarray, y: np.ndarray, genomes: np.ndarray
) -> Callable[[], Any]:
    devices.configure(threads, cache=None)
    return of_genomes(network, parameters, x, y, genomes)


def of_genomes(
    network: Network, parameters: np.ndarray, x: np.ndarray, y: np.ndarray, genomes: np.ndarray
) -> Callable[[], Any]:
    """Return the evaluation of many generations of offspring in one program: errors of all."""

    @jax.jit
    def generations(parameters, x, y, genomes):
        score = evaluator.scorer(network, "accuracy", parameters, x, y)
        # The number of offspring is not known before, here as in a search.
        return jax.lax.map(lambda own: evaluator.of_some(score, *own), genomes).ravel()

    offspring = jnp.asarray(np.stack([genomes] * GENERATIONS)), jnp.full(GENERATIONS, GENOMES)
    arguments = (*map(jnp.asarray, (parameters, x, y)), offspring)
    return lambda: jax.block_until_ready(generations(*arguments))


def _numpy(
    threads: int, network: Network, parameters: np.ndarray, x: np.ndarray, y: np.ndarray, genomes: np.ndarray
) -> Callable[[], Any]:
    threadpoolctl.threadpool_limits(threads)
    layers = layout.layers(network, parameters)
    ends = np.cumsum([layer.kernel_size for layer in network.layers])[:-1]
    features = np.ascontiguousarray(x.T)

    def some(part: np.ndarray) -> np.ndarray:
        hidden: np.ndarray = features
        for index, ((kernel, bias), bits) in enumerate(zip(layers, np.split(part, ends, axis=1), strict=True)):
            masked = bits.reshape(len(part), *kernel.shape) * kernel
            hidden = np.matmul(masked, hidden if index == 0 else np.maximum(hidden, 0, out=hidden)) + bias[:, None]
        return np.mean(hidden.argmax(1) != y, axis=1)

    def every(size: int) -> np.ndarray:
        return np.concatenate([some(genomes[start : start + size]) for start in range(0, len(genomes), size)])

    # One mask at a time stays in the cache, all at once are fewest calls: what is best depends on the network.
    sizes = {f"{size}": (lambda size=size: every(size)) for size in (1, 4, 16, GENOMES)}
    best = min((np.median(times), name) for name, times in interleaved(sizes, 3).items())[1]
    return sizes[best]


def _torch(
    threads: int,
    network: Network,
    parameters: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    genomes: np.ndarray,
    freed: int = 0,
) -> Callable[[], Any]:
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    torch.empty(freed)
    parts: list[nn.Module] = []
    for kernel, bias in layout.layers(network, parameters):
        linear = nn.Linear(kernel.shape[1], kernel.shape[0])
        linear.weight.data, linear.bias.data = torch.tensor(kernel), torch.tensor(bias)
        parts += [linear, nn.ReLU()]
    mother = nn.Sequential(*parts[:-1])
    inputs, labels = torch.tensor(x), torch.tensor(y, dtype=torch.long)
    sizes = [layer.kernel_size for layer in network.layers]
    masks = [torch.split(bits, sizes) for bits in torch.tensor(genomes)]

    def every() -> list[float]:
        found = []
        with torch.no_grad():
            for mask in masks:
                module = copy.deepcopy(mother)
                linears = [part for part in module if isinstance(part, nn.Linear)]
                for linear, bits in zip(linears, mask, strict=True):
                    linear.weight.mul_(bits.reshape(linear.weight.shape))
                found.append((module(inputs).argmax(1) != labels).float().mean().item())
        return found

    return every
