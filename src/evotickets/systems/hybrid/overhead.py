"""What a step of the hybrid costs, part by part, on one device."""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from evotickets.systems.hybrid.cells import Prepared
from evotickets.systems.hybrid.methods import Batches, Method, Setting, Weights, coevolution, masked, move
from evotickets.systems.hybrid.methods.coevolution import Search
from evotickets.tasks import Supervised, replicated

MASK_PARTS = ("sampling", "selection", "reduction")
"""What the evolution of a mask adds to the gradients."""


def parts(prepared: Prepared, data: Supervised, *, repeats: int, key: jax.Array) -> dict[str, np.ndarray]:
    """Return the milliseconds [repeats] of the parts of a step, each timed in turn.

    `step` is the hybrid's. `plain` is N steps of gradient descent, a batch each. `gradients` is what N-way data-parallel
    gradient descent computes: N gradients of the same weights, their sum, one step. `sampling` draws the noise of all pairs,
    `selection` chooses and applies all masks, `reduction` forms the move of the scores' mean.
    """
    setting, method = prepared.setting, prepared.method
    counts = jnp.asarray(prepared.counts)
    params = jax.tree.map(lambda leaf: leaf[0], prepared.params)
    x, y = (jnp.asarray(part[0]) for part in replicated(data).train)
    index = jax.random.randint(key, (setting.batches, setting.batch), 0, len(y))
    samples = Batches(x[index], y[index])
    state = jax.jit(method.start)(params, counts, key)
    cases = _cases(setting, method, state, counts, samples, key)
    for case in cases.values():
        jax.block_until_ready(case())
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(repeats):
        for name, case in cases.items():
            begin = time.perf_counter()
            jax.block_until_ready(case())
            times[name].append((time.perf_counter() - begin) * 1e3)
    return {name: np.array(values) for name, values in times.items()}


def _cases(
    setting: Setting, method: Method, state: Search, counts: jax.Array, samples: Batches, key: jax.Array
) -> dict[str, Callable[[], Any]]:
    masks = coevolution.masking(setting, method.block)
    pairs, size = setting.batches, state.mean.size
    twice = Batches(*(jnp.concatenate([part, part]) for part in samples))

    def step(state: Search, samples: Batches) -> Any:
        return method.step(state, counts, samples, jnp.int32(1), key)

    def plain(weights: Weights, samples: Batches) -> Any:
        def one(carried: Weights, own: Batches) -> Any:
            loss, gradient = jax.value_and_grad(setting.loss)(carried.params, *own)
            return move(setting, carried, gradient), loss

        return jax.lax.scan(one, weights, samples)

    def gradients(weights: Weights, samples: Batches) -> Any:
        def one(total: Any, own: Batches) -> Any:
            loss, gradient = jax.value_and_grad(setting.loss)(weights.params, *own)
            return jax.tree.map(jnp.add, total, gradient), loss

        total, losses = jax.lax.scan(one, jax.tree.map(jnp.zeros_like, weights.params), samples)
        return move(setting, weights, total), losses

    def sampling(key: jax.Array) -> jax.Array:
        return coevolution.draw("normal", key, (pairs, size))

    def selection(state: Search, drawn: jax.Array) -> Any:
        def one(carried: Any, own: jax.Array) -> Any:
            def member(carried: Any, sign: jax.Array) -> Any:
                total, near = carried
                chosen, near = masks.choose(state.mean + sign * own, counts, state.salt, near)
                return (jax.tree.map(jnp.add, total, masked(state.weights.params, chosen)), near), None

            return jax.lax.scan(member, carried, jnp.array([1.0, -1.0]))[0], None

        return jax.lax.scan(one, (jax.tree.map(jnp.zeros_like, state.weights.params), state.near), drawn)[0]

    def reduction(drawn: jax.Array, weights: jax.Array) -> jax.Array:
        return coevolution.direction("normal", drawn, weights)

    # Thresholds of a step before, as they are in the middle of a training.
    state = state._replace(near=jax.jit(step)(state, samples)[0].near)
    drawn, weights = jax.jit(sampling)(key), jnp.linspace(-1, 1, 2 * pairs)
    compiled = {f.__name__: jax.jit(f) for f in (step, plain, gradients, sampling, selection, reduction)}
    return {
        "step": lambda: compiled["step"](state, samples),
        "plain": lambda: compiled["plain"](state.weights, twice),
        "gradients": lambda: compiled["gradients"](state.weights, twice),
        "sampling": lambda: compiled["sampling"](key),
        "selection": lambda: compiled["selection"](state, drawn),
        "reduction": lambda: compiled["reduction"](drawn, weights),
    }
