"""The loops of other libraries, each the way its users would write it when they care for speed.

Axis letters: `P` members, `N` all parameters, `B` batch.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from workload import BATCH, MEMBERS

from evotickets import tasks
from evotickets.networks import feedforward, layout, masks
from evotickets.networks.layout import Network


def _loss(network: Network, flat: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    outputs = feedforward.apply(network, layout.unflatten(network, flat), x)
    return optax.softmax_cross_entropy_with_integer_labels(outputs, y).mean()


def evosax(
    network: Network, mask: np.ndarray, data: tasks.Data, trainer: str, generations: int, batch: int = BATCH
) -> Callable[[], Any]:
    """Return evosax's ask, vmapped evaluation of the masked network and tell, all in one `lax.scan`."""
    # It computes while it is imported, and whoever imports this module may not have configured JAX yet.
    from evosax import algorithms

    keep = np.zeros(network.parameter_count, np.float32)
    keep[masks.survivors(network, mask[0])] = 1
    strategy = {"pgpe": algorithms.PGPE, "snes": algorithms.SNES}[trainer](MEMBERS, jnp.zeros(network.parameter_count))
    params = strategy.default_params.replace(std_init=0.05)
    state = strategy.init(jax.random.key(0), jnp.zeros(network.parameter_count), params)

    @jax.jit
    def run(x, y, keep, state, keys):
        def step(state, key):
            ask_key, data_key, tell_key = jax.random.split(key, 3)
            members, state = strategy.ask(ask_key, state, params)
            index = jax.random.randint(data_key, (batch,), 0, len(y))
            losses = jax.vmap(lambda member: _loss(network, member * keep, x[index], y[index]))(members)
            return strategy.tell(tell_key, members, losses, state, params)[0], losses.mean()

        return jax.lax.scan(step, state, keys)

    arguments = (
        *map(jnp.asarray, data.train),
        jnp.asarray(keep),
        state,
        jax.random.split(jax.random.key(1), generations),
    )
    return lambda: jax.block_until_ready(run(*arguments))


def evotorch(network: Network, data: tasks.Data, generations: int) -> Callable[[], Any]:
    """Return EvoTorch's PGPE on a vectorised problem: batched products of all members, in torch.

    Raises:
        ImportError: if EvoTorch is not installed.
    """
    import torch
    from evotorch import Problem
    from evotorch.algorithms import PGPE
    from evotorch.decorators import vectorized

    torch.set_num_threads(jax.device_count())
    x = torch.tensor(data.train.x.reshape(len(data.train.x), -1))
    y = torch.tensor(data.train.y, dtype=torch.long)

    @vectorized
    def losses(members: torch.Tensor) -> torch.Tensor:
        index = torch.randint(len(y), (BATCH,))
        hidden, start = x[index].expand(len(members), -1, -1), 0
        for layer in network.layers:
            if layer is not network.layers[0]:
                hidden = torch.relu(hidden)
            kernel = members[:, start : start + layer.kernel_size].reshape(-1, layer.fan_in, layer.outputs)
            start += layer.kernel_size
            bias = members[:, None, start : start + layer.outputs]
            start += layer.outputs
            hidden = torch.baddbmm(bias, hidden, kernel)
        targets = y[index].expand(len(members), -1)
        return torch.nn.functional.cross_entropy(hidden.transpose(1, 2), targets, reduction="none").mean(1)

    problem = Problem(
        "min", losses, solution_length=network.parameter_count, initial_bounds=(0, 0), dtype=torch.float32
    )
    search = PGPE(
        problem,
        popsize=MEMBERS,
        center_learning_rate=0.01,
        stdev_learning_rate=0.1,
        stdev_init=0.05,
        ranking_method="centered",
    )
    return lambda: search.run(generations, reset_first_step_datetime=False)


def evojax(network: Network, data: tasks.Data, generations: int) -> Callable[[], Any]:
    """Return EvoJAX's PGPE with one jitted evaluation.

    Its own trainer copies the batch for every member, which costs several times more than all the rest.

    Raises:
        ImportError: if EvoJAX is not installed.
    """
    from evojax.algo import PGPE

    solver = PGPE(MEMBERS, network.parameter_count, init_stdev=0.05, center_learning_rate=0.01, optimizer="clipup")
    keys = jax.random.split(jax.random.key(1), generations)

    @jax.jit
    def fitness(members, x, y, key):
        index = jax.random.randint(key, (BATCH,), 0, len(y))
        return -jax.vmap(lambda member: _loss(network, member, x[index], y[index]))(members)

    split = tuple(map(jnp.asarray, data.train))

    def run() -> None:
        for key in keys:
            solver.tell(fitness(solver.ask(), *split, key))
        jax.block_until_ready(solver.best_params)

    return run
