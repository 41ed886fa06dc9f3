"""A step of the hybrid beside as many plain steps of gradient descent as it has members, and what its mask costs.

The hybrid's target is 1.10 times the plain steps, and for its mask 5 % of N-way data-parallel gradient descent; on the
perceptron, where a weight is used once a sample, the mask weighs most. The last row spreads the groups of members over two
devices, where there are two, and plain data-parallel gradient descent as well.
"""

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec
from timing import row

from evotickets import devices
from evotickets.systems import hybrid
from evotickets.systems.hybrid import cells, overhead
from evotickets.systems.hybrid.methods import Batches, Setting, move
from evotickets.tasks import Data, Split

DENSITY = 0.1
NETWORKS = {
    "784-300-100-10": ({"hidden": [300, 100]}, {"batches": 8, "batch": 100}),
    "30K convolutions": ({"channels": [16, 32]}, {"batches": 4, "batch": 32}),
}
COMMON = {"steps": 1000, "learning_rate": 0.1, "momentum": 0.9, "evaluations": 1}


def noise() -> Data:
    """Return images like MNIST's of which nothing is to be learnt, so that nothing need be downloaded."""
    rng = np.random.default_rng(0)
    split = Split(rng.normal(size=(4096, 28, 28, 1)).astype(np.float32), rng.integers(0, 10, 4096).astype(np.int32))
    return Data("noise", 10, split, split, split, "")


def rows(quick: bool) -> list[dict[str, Any]]:
    """Time a step on a perceptron and on convolutions, the parts that belong to the mask, and two devices."""
    out, data, repeats = [], noise(), 5 if quick else 20
    for name, (network, sizes) in NETWORKS.items():
        task = {"task": "noise", **network, "training": COMMON | sizes}
        prepared = cells.prepare(data, task, {"method": "hybrid"}, DENSITY, seed=0, count=1)
        times = overhead.parts(prepared, data, repeats=repeats, key=jax.random.key(0))
        members = 2 * sizes["batches"]
        setting = f"hybrid step, {name}, {members} members, batch {sizes['batch']}"
        excess = np.median(times["step"] / times["plain"]) - 1
        out.append(
            row("hybrid", setting, DENSITY, times["step"], f"{members} plain steps", times["plain"], f"{excess:+.1%}")
        )
        mask = sum(times[part] for part in overhead.MASK_PARTS)
        shares = [f"{part} {np.median(times[part] / times['gradients']):.1%}" for part in overhead.MASK_PARTS]
        setting = f"mask of it, {name}, {members} members, batch {sizes['batch']}"
        out.append(row("hybrid", setting, DENSITY, mask, "data-parallel SGD", times["gradients"], ", ".join(shares)))
    if jax.device_count() > 1:
        out.append(_spread(data, repeats))
    return out


def _spread(data: Data, repeats: int) -> dict[str, Any]:
    """Time a step with semi-updates and a step of data-parallel gradient descent, both on all devices."""
    network, sizes = NETWORKS["784-300-100-10"]
    mesh = devices.mesh()
    count = mesh.size
    sizes = sizes | {"batches": count * sizes["batches"] // 2}
    task = {"task": "noise", **network, "training": COMMON | sizes}
    prepared = cells.prepare(data, task, {"method": "hybrid", "groups": count}, DENSITY, seed=0, count=1, mesh=mesh)
    method, counts, key = prepared.method, jnp.asarray(prepared.counts), jax.random.key(0)
    setting: Setting = prepared.setting
    params = jax.tree.map(lambda leaf: leaf[0], prepared.params)
    index = jax.random.randint(key, (sizes["batches"], sizes["batch"]), 0, len(data.train.y))
    samples = Batches(jnp.asarray(data.train.x)[index], jnp.asarray(data.train.y)[index])
    twice = Batches(*(jnp.concatenate([part, part]) for part in samples))
    weights = hybrid.method["dense"](setting).start(params, counts, key).weights
    (axis,) = mesh.axis_names

    @jax.jit
    def ours(state: Any, samples: Batches) -> Any:
        return method.step(state, counts, samples, jnp.int32(1), key)[0]

    @jax.jit
    def plain(weights: Any, samples: Batches) -> Any:
        def local(samples: Batches, params: Any) -> Any:
            def add(total: Any, own: Batches) -> Any:
                return jax.tree.map(jnp.add, total, jax.grad(setting.loss)(params, *own)), None

            total, _ = jax.lax.scan(add, jax.tree.map(jnp.zeros_like, params), samples)
            return jax.lax.psum(total, axis)

        spread = jax.shard_map(
            local,
            mesh=mesh,
            in_specs=(PartitionSpec(axis), PartitionSpec()),
            out_specs=PartitionSpec(),
            check_vma=False,
        )
        return move(setting, weights, spread(samples, weights.params))

    state = ours(jax.jit(method.start)(params, counts, key), samples)
    cases = {"ours": lambda: ours(state, samples), "plain": lambda: plain(weights, twice)}
    times: dict[str, list[float]] = {name: [] for name in cases}
    for repeat in range(repeats + 1):
        for name, case in cases.items():
            begin = time.perf_counter()
            jax.block_until_ready(case())
            if repeat:
                times[name].append((time.perf_counter() - begin) * 1e3)
    setting_words = f"hybrid step, 784-300-100-10, {2 * sizes['batches']} members, {count} devices"
    return row(
        "hybrid",
        setting_words,
        DENSITY,
        np.array(times["ours"]),
        "data-parallel SGD",
        np.array(times["plain"]),
        "one reduce",
    )
