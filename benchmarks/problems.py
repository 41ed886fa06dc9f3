"""Our problem beside evosax's own problem class for images, in the same ask–tell loop of SNES, on the same networks.

evosax's `TorchVisionProblem` is given our arrays in place of those that torchvision would download; all else is its own: one
batch a generation, drawn without replacement, and a vmapped network of flax. What is pruned costs it what is kept costs,
since it knows no masks.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from timing import interleaved, row
from workload import MEMBERS, data, random_mask

import evotickets
from evotickets.networks import layout
from evotickets.networks.layout import Network

BATCH = 256
GENERATIONS = 4
UNITS, BLOCKS = 32, 2
DENSITIES = (1.0, 0.1)


class Residual(nn.Module):
    """What `evotickets.networks.library.residual` computes."""

    @nn.compact
    def __call__(self, x: jax.Array, key: jax.Array | None = None) -> jax.Array:
        del key
        x = nn.Dense(UNITS)(x.reshape(len(x), -1))
        for _ in range(BLOCKS):
            x = x + nn.relu(nn.Dense(UNITS)(nn.LayerNorm(epsilon=1e-5, use_bias=False)(x)))
        return nn.Dense(10)(nn.relu(x))


class Perceptron(nn.Module):
    """Multilayer perceptron 784-128-10."""

    @nn.compact
    def __call__(self, x: jax.Array, key: jax.Array | None = None) -> jax.Array:
        del key
        return nn.Dense(10)(nn.relu(nn.Dense(128)(x.reshape(len(x), -1))))


def loop(problem: Any, start: Any) -> Callable[[], Any]:
    """Return a run of generations: ask, evaluate, tell."""
    # It computes while it is imported, and whoever imports this module may not have configured JAX yet.
    from evosax.algorithms import SNES

    key = jax.random.key(0)
    strategy = SNES(population_size=MEMBERS, solution=start)
    params = strategy.default_params.replace(std_init=0.05)

    @jax.jit
    def run(carried: Any, keys: jax.Array) -> Any:
        def step(carried: Any, key: jax.Array) -> Any:
            state, held = carried
            ask, data, tell = jax.random.split(key, 3)
            members, state = strategy.ask(ask, state, params)
            losses, held, _ = problem.eval(data, members, held)
            return (strategy.tell(tell, members, losses, state, params)[0], held), losses.mean()

        return jax.lax.scan(step, carried, keys)

    begin = strategy.init(key, start, params), problem.init(key)
    keys = jax.random.split(key, GENERATIONS)
    return lambda: jax.block_until_ready(run(begin, keys))


def ours(network: Network, mask: np.ndarray, dense: evotickets.Ticket) -> tuple[Callable[[], Any], int]:
    """Return a run of our problem, and the dimensions of its solutions."""
    problem = evotickets.Problem(network, data(), dense.put(network, mask=mask), batch=BATCH)
    return loop(problem, problem.sample(jax.random.key(0))), problem.num_dims


def theirs(module: nn.Module) -> tuple[Callable[[], Any], int]:
    """Return a run of evosax's problem, and the dimensions of its solutions."""
    from evosax.problems import TorchVisionProblem

    class Arrays(TorchVisionProblem):
        def __init__(self) -> None:
            self.network, self.batch_size = module, BATCH
            self.image_train, self.target_train = map(jnp.asarray, data().train)

    problem = Arrays()
    return loop(problem, problem.sample(jax.random.key(0))), problem.num_dims


def rows(quick: bool) -> list[dict[str, Any]]:
    """Compare milliseconds a generation."""
    shape, found = data().input_shape, []
    networks: dict[str, tuple[Network, nn.Module]] = {
        "784-128-10": (layout.mlp(int(np.prod(shape)), (128,), 10), Perceptron()),
        f"residual, {BLOCKS} blocks of {UNITS}": (
            evotickets.build_network(data(), network="residual", units=UNITS, blocks=BLOCKS),
            Residual(),
        ),
    }
    for name, (network, module) in networks.items():
        dense = evotickets.draw_ticket(network)
        run, size = theirs(module)
        cases, sizes = {"evosax": run}, {"evosax": size}
        for density in DENSITIES:
            cases[f"{density:g}"], sizes[f"{density:g}"] = ours(network, random_mask(network, density), dense)
        if sizes["1"] != sizes["evosax"]:
            raise AssertionError(f"{name}: {sizes} dimensions are not those of one network")
        times = interleaved(cases, 7 if quick else 25, GENERATIONS)
        setting = f"snes, {name}, {data().name}, batch {BATCH}, problem in an ask–tell loop"
        found += [
            row("problems", setting, density, times[f"{density:g}"], "evosax problem", times["evosax"])
            for density in DENSITIES
        ]
    return found
