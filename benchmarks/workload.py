"""Data, networks and masks that the benchmarks share."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from evotickets import tasks
from evotickets.networks import feedforward, layout, masks
from evotickets.networks.layout import Network
from evotickets.pruning import controls, top_k
from evotickets.trainers import adam, objectives

MEMBERS, BATCH = 128, 1024
# With a batch of 1024 evosax would need 22 GB for the images of all members.
CNN_BATCH = 256
MLP = layout.mlp(784, (128,), 10)
CNN = layout.cnn((28, 28, 1), (8, 16), 10)


@cache
def data() -> tasks.Data:
    """Load MNIST or, where it cannot be had, draw blurred prototypes that fill the middle of the image as digits do."""
    try:
        return tasks.supervised("mnist")
    except FileNotFoundError as error:
        print(f"{error}\nsynthetic images take its place")
    rng = np.random.default_rng(0)
    grid = np.arange(28) - 13.5
    window = np.exp(-(grid[:, None] ** 2 + grid**2) / 60)
    prototypes = np.stack([np.kron(rng.normal(size=(7, 7)), np.ones((4, 4))) for _ in range(10)]) * window

    def split(size: int) -> tasks.Split:
        y = rng.integers(0, 10, size).astype(np.int32)
        x = prototypes[y] + 0.5 * window * rng.normal(size=(size, 28, 28))
        return tasks.Split(x[..., None].astype(np.float32), y)

    return tasks.Data("synthetic", 10, split(50_000), split(10_000), split(10_000), "")


def random_mask(network: Network, density: float) -> np.ndarray:
    """Keep a uniform choice of all kernel entries: [1, K]."""
    count = masks.kept_count(density, network.kernel_count)
    return controls.random_mask((1, network.kernel_count), count, np.random.default_rng(0))


@cache
def magnitude_masks(network: Network, densities: tuple[float, ...]) -> dict[float, np.ndarray]:
    """Return the masks [1, K] of iterative magnitude pruning: Adam, cut, rewind, over and over."""
    rng = np.random.default_rng(0)
    initial = np.asarray(layout.flatten(network, feedforward.initialise(network, rng)))[None]
    kernels = masks.kernel_positions(network)
    mask = np.ones((1, network.kernel_count), bool)
    found = {}
    for level, density in enumerate(densities):
        if density < 1:
            objective = objectives.supervised(network, mask, data(), batch=128)
            where = masks.survivors(network, mask)
            settings = {"steps": 500, "learning_rate": 1e-3, "evaluations": 1}
            start = jnp.asarray(np.take_along_axis(initial, where, 1))
            trained = adam.train(objective, start, **settings, key=jax.random.key(level))
            weights = np.zeros_like(initial)
            np.put_along_axis(weights, where, trained.mean, 1)
            count = masks.kept_count(density, network.kernel_count)
            mask = top_k.keep_largest(np.abs(weights[:, kernels]), mask, count, rng)
        found[density] = mask
    return found
