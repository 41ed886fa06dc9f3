"""One generation of our trainers beside the loops of evosax, EvoTorch and EvoJAX: the same work, the same data.

Population 128, batch 1024 (256 for the CNN), drawn anew each generation. Pruned weights cost the peers what kept ones
cost, since a mask is all they offer.
"""

from collections.abc import Callable
from typing import Any

import gemm
import jax
import jax.numpy as jnp
import numpy as np
import peers
from jax.sharding import Mesh
from timing import interleaved, row
from workload import BATCH, CNN, CNN_BATCH, MEMBERS, MLP, data, magnitude_masks, random_mask

from evotickets import devices, population
from evotickets.networks.layout import Network
from evotickets.trainers import evolution, objectives, strategies

DENSITIES = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
QUICK = (1.0, 0.1, 0.01)
GENERATIONS = 2


def ours(
    network: Network, mask: np.ndarray, trainer: str, mesh: Mesh | None = None, batch: int = BATCH, **engine: str
) -> Callable:
    """Return a run of our own generations, the update of evosax included."""
    objective = objectives.supervised(network, mask, data(), batch=batch, mesh=mesh, **engine)
    dimensions = objective.context["positions"].shape[1]
    context = jax.tree.map(lambda leaf: leaf[0], objective.context)
    strategy = strategies.recipe(trainer)(dimensions, population=MEMBERS)
    state = strategy.algorithm.init(jax.random.key(0), jnp.zeros(dimensions), strategy.params)

    @jax.jit
    def run(shared, context, state, keys):
        def step(state, key):
            state, _, losses = evolution.generation(strategy, objective, shared, context, state, (), key, 0.0)
            return state, losses.mean()

        return jax.lax.scan(step, state, keys)

    keys = jax.random.split(jax.random.key(1), GENERATIONS)
    return lambda: jax.block_until_ready(run(objective.shared, context, state, keys))


def evaluation(network: Network, mask: np.ndarray, **engine: str) -> Callable[[], Any]:
    """Return the evaluation of one population of pairs, without sampling and update."""
    objective = objectives.supervised(network, mask, data(), batch=BATCH, **engine)
    plan = jax.tree.map(lambda leaf: leaf[0], objective.context["plan"])
    dimensions = objective.context["positions"].shape[1]
    offsets = 0.05 * jax.random.normal(jax.random.key(0), (MEMBERS // 2, dimensions))
    x, y = jnp.asarray(data().train.x[:BATCH]), jnp.asarray(data().train.y[:BATCH])
    losses = jax.jit(population.pair_losses)
    return lambda: jax.block_until_ready(losses(plan, offsets[0], offsets, x, y))


def update(dimensions: int) -> Callable[[], Any]:
    """Return evosax's PGPE update alone."""
    strategy = strategies.pgpe(dimensions, population=MEMBERS)
    key = jax.random.key(0)
    state = strategy.algorithm.init(key, jnp.zeros(dimensions), strategy.params)
    offsets = jax.random.normal(key, (MEMBERS // 2, dimensions))
    losses = jnp.arange(float(MEMBERS))

    @jax.jit
    def tell(offsets, state):
        members = jnp.concatenate([state.mean + offsets, state.mean - offsets])
        return strategy.algorithm.tell(key, members, losses, state, strategy.params)[0]

    return lambda: jax.block_until_ready(tell(offsets, state))


def flop(network: Network) -> float:
    """Return the operations that the pairs of a dense perceptron need: the first layer once for both."""
    first, *rest = network.layers
    per_input = (MEMBERS // 2 + 1) * first.kernel_size + MEMBERS * sum(layer.kernel_size for layer in rest)
    return 2 * BATCH * per_input


def _grid(benchmark: str, network: Network, quick: bool, trainers: tuple[str, ...], repeats: int) -> list[dict]:
    densities, mesh, found = QUICK if quick else DENSITIES, devices.mesh(), []
    batch = CNN_BATCH if network is CNN else BATCH
    pruned = magnitude_masks(network, DENSITIES)
    for trainer in trainers:
        for density in densities:
            choices = {"random": random_mask(network, density), "magnitude": pruned[density]}
            if density == 1:
                choices = {"dense": choices["random"]}
            theirs = peers.evosax(network, random_mask(network, density), data(), trainer, GENERATIONS, batch)
            cases = {f"{kind} mask": ours(network, mask, trainer, batch=batch) for kind, mask in choices.items()}
            if mesh is not None:
                spread = {f"{kind} mask, {mesh.size} devices": mask for kind, mask in choices.items()}
                cases |= {kind: ours(network, mask, trainer, mesh, batch) for kind, mask in spread.items()}
            times = interleaved({**cases, "evosax": theirs}, repeats, GENERATIONS)
            for kind in cases:
                setting = f"{trainer}, {kind}, {data().name}"
                found.append(row(benchmark, setting, density, times[kind], "evosax", times["evosax"]))
                print(f"  {benchmark} {setting} {density}: {found[-1]['ratio']:.1f}×", flush=True)
    return found


def mlp(quick: bool) -> list[dict[str, Any]]:
    """Compare the perceptron 784-128-10 over densities."""
    return _grid("mlp", MLP, quick, ("pgpe",) if quick else ("pgpe", "snes"), 3 if quick else 9)


def cnn(quick: bool) -> list[dict[str, Any]]:
    """Compare the network conv 8 - pool - conv 16 - pool - dense 10 over densities."""
    return _grid("cnn", CNN, quick, ("pgpe",), 1 if quick else 3)


def dense(quick: bool) -> list[dict[str, Any]]:
    """Compare the dense perceptron with each peer's own loop, and with the machine's peak."""
    repeats = 3 if quick else 9
    mask = random_mask(MLP, 1.0)
    cases = {"ours": ours(MLP, mask, "pgpe")}
    for name, build in {"evosax": peers.evosax, "evotorch": peers.evotorch, "evojax": peers.evojax}.items():
        try:
            arguments = (MLP, mask, data(), "pgpe", GENERATIONS) if name == "evosax" else (MLP, data(), GENERATIONS)
            cases[name] = build(*arguments)
        except ImportError as error:
            print(f"{name} is left out: {error}")
    times = interleaved(cases, repeats, GENERATIONS)
    peak = gemm.peak()

    def share(milliseconds: np.ndarray) -> str:
        return f"at best {flop(MLP) / milliseconds.min() * 1e3 / peak:.0%} of {peak / 1e9:.0f} GFLOP/s"

    found = [row("dense", "pgpe", 1.0, times["ours"], name, times[name], share(times["ours"])) for name in times]
    parts = interleaved({"evaluation": evaluation(MLP, mask), "update": update(MLP.parameter_count)}, repeats)
    found = [entry for entry in found if entry["peer"] != "ours"]
    whole = times["ours"]
    found.append(row("dense", "evaluation alone", 1.0, parts["evaluation"], "whole", whole, share(parts["evaluation"])))
    found.append(row("dense", "evosax's update alone", 1.0, parts["update"], "whole", whole))
    return found


def bfloat16(quick: bool) -> list[dict[str, Any]]:
    """Compare bfloat16 with float32: milliseconds, and what a training run ends with."""
    found = []
    generations = 20 if quick else 400
    for density in (1.0, 0.1):
        mask = magnitude_masks(MLP, DENSITIES)[density]
        cases = {name: ours(MLP, mask, "pgpe", precision=name) for name in ("bfloat16", "float32")}
        times = interleaved(cases, 3 if quick else 9, GENERATIONS)
        ends = {}
        for name in cases:
            objective = objectives.supervised(MLP, mask, data(), batch=BATCH, precision=name)
            settings = {"trainer": "pgpe", "population": MEMBERS, "generations": generations}
            settings |= {"evaluations": 1, "mean_decay": 0.0, "learning_rate": 0.05}
            initial = jnp.zeros((1, objective.context["positions"].shape[1]))
            trained = evolution.train(objective, initial, **settings, key=jax.random.key(0))
            ends[name] = trained.trajectory.last("test/accuracy")
        note = f"test accuracy after {generations} generations {ends['bfloat16']:.4f}, float32 {ends['float32']:.4f}"
        found.append(row("bfloat16", "pgpe", density, times["bfloat16"], "float32", times["float32"], note))
    return found
