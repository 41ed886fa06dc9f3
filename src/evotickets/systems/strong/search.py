"""The common frame of black-box searches over genomes: all seeds in one compiled program, some steps at a time."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from evotickets import streams
from evotickets.networks.layout import Network
from evotickets.supermasks.instance import Problem
from evotickets.systems.strong.evaluator import Score, connector, scorer
from evotickets.trainers.history import Report, silent

Progress = Callable[[int, str], Report]
"""(steps at most, what a step is called) -> what is called with the steps done and the current loss."""

POINTS = 100
"""So often at most the state of a search is written down."""


def quiet(total: int, unit: str) -> Report:
    """Follow a search without a word."""
    del total, unit
    return silent


class Evaluator(NamedTuple):
    """What judges genomes.

    Attributes:
        score: genomes [P, K] -> losses [P], to be minimised.
        error: genomes [P, K] -> shares of errors [P], for what asks for accuracy whatever is minimised.
        connected: genomes [P, K] -> whether a path leads from an input to an output [P].
        bits: K.
    """

    score: Score
    error: Score
    connected: Callable[[jax.Array], jax.Array]
    bits: int


class State(NamedTuple):
    """Where a search stands. The best genome is the first; of equal losses the sparser is better.

    Attributes:
        genomes: [candidates, K].
        losses: [candidates].
        steps: taken so far.
        evaluations: of single genomes so far.
        unchanged: steps since the best changed, by its loss or also by its density.
        bound: accuracy that the first genomes had to reach.
        done: whether the search is over.
    """

    genomes: jax.Array
    losses: jax.Array
    steps: jax.Array
    evaluations: jax.Array
    unchanged: jax.Array
    bound: jax.Array
    done: jax.Array


class Method(Protocol):
    """A search with its settings, hashable: how it starts, what a step is, and how many steps it takes at most."""

    @property
    def longest(self) -> int:
        """Steps at most."""

    def start(self, evaluator: Evaluator, key: jax.Array) -> State:
        """Return the state before the first step."""

    def step(self, evaluator: Evaluator, state: State, key: jax.Array) -> State:
        """Return the state after a step."""


class Found(NamedTuple):
    """What a search ends with.

    Attributes:
        candidates: genomes [S, candidates, K], the best first.
        evaluations: of single genomes [S].
        steps: [S].
        bound: [S].
        history: rows of step (evaluations), seed, split, metric and value.
        parameters: frozen parameters [S, N], where a seeker has changed them.
    """

    candidates: np.ndarray
    evaluations: np.ndarray
    steps: np.ndarray
    bound: np.ndarray
    history: list[dict[str, Any]]
    parameters: np.ndarray | None = None


def fresh(genomes: jax.Array, losses: jax.Array, evaluations: Any, bound: Any = 0.0) -> State:
    """Return the state of a search that begins with these genomes [candidates, K], the best first."""
    zero = jnp.int32(0)
    return State(
        genomes,
        losses,
        zero,
        jnp.asarray(evaluations, jnp.int32),
        zero,
        jnp.asarray(bound, jnp.float32),
        jnp.array(False),
    )


def moved(state: State, genomes: jax.Array, losses: jax.Array, evaluations: Any, *, density: bool = False) -> State:
    """Return the state after a step that ends with these genomes [candidates, K], the best first, and took some evaluations.

    The best has changed where its loss has, or with `density` where its number of edges has.
    """
    same = losses[0] == state.losses[0]
    if density:
        same &= genomes[0].sum() == state.genomes[0].sum()
    return state._replace(
        genomes=genomes,
        losses=losses,
        steps=state.steps + 1,
        evaluations=state.evaluations + jnp.asarray(evaluations, jnp.int32),
        unchanged=jnp.where(same, state.unchanged + 1, 0),
    )


def truncate(genomes: jax.Array, losses: jax.Array, size: int) -> tuple[jax.Array, jax.Array]:
    """Keep the best genomes [size, K] with their losses: by loss, then by fewer edges, then by place."""
    order = jnp.lexsort((genomes.sum(1), losses))[:size]
    return genomes[order], losses[order]


def bernoulli(key: jax.Array, shape: tuple[int, int]) -> jax.Array:
    """Toss bernoulli [P, K], 32 to a random word."""
    (rows, bits), words = shape, -(-shape[1] // 32)
    drawn = jax.random.bits(key, (rows, words), jnp.uint32)
    tossed = drawn[..., None] >> jnp.arange(32, dtype=jnp.uint32)[None, None] & 1
    return tossed.reshape(rows, 32 * words)[:, :bits].astype(bool)


def immigrants(evaluator: Evaluator, count: int, key: jax.Array) -> jax.Array:
    """Draw random genomes [count, K], each anew until a path leads through it."""

    def cut_off(carried: tuple[jax.Array, jax.Array]) -> jax.Array:
        return jnp.any(~evaluator.connected(carried[0]))

    def redraw(carried: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        genomes, key = carried
        key, own = jax.random.split(key)
        return jnp.where(evaluator.connected(genomes)[:, None], genomes, bernoulli(own, (count, evaluator.bits))), key

    key, own = jax.random.split(key)
    return jax.lax.while_loop(cut_off, redraw, (bernoulli(own, (count, evaluator.bits)), key))[0]


def _evaluator(network: Network, objective: str, parameters: jax.Array, x: jax.Array, y: jax.Array) -> Evaluator:
    score, error = (scorer(network, kind, parameters, x, y) for kind in (objective, "accuracy"))
    return Evaluator(score, error, connector(network), network.kernel_count)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _start(method, network, objective, parameters, x, y, keys):
    def one(argument):
        parameters, x, y, key = argument
        return method.start(_evaluator(network, objective, parameters, x, y), jax.random.fold_in(key, 0))

    return streams.over_seeds(one, (parameters, x, y, keys))


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _advance(method, network, objective, steps, state, parameters, x, y, keys):
    def one(argument):
        state, parameters, x, y, key = argument
        evaluator, end = _evaluator(network, objective, parameters, x, y), state.steps + steps

        def unfinished(state: State) -> jax.Array:
            return ~state.done & (state.steps < end)

        def step(state: State) -> State:
            return method.step(evaluator, state, jax.random.fold_in(key, state.steps + 1))

        return jax.lax.while_loop(unfinished, step, state)

    return streams.over_seeds(one, (state, parameters, x, y, keys))


def search(
    method: Method,
    network: Network,
    problem: Problem,
    parameters: np.ndarray,
    objective: str,
    *,
    progress: Progress = quiet,
    key: jax.Array,
) -> Found:
    """Search masks of frozen parameters [S, N], every seed by itself until it is done, on its own training samples.

    Args:
        method: the search.
        network: whose kernels are masked.
        problem: its training samples alone are looked at.
        parameters: [S, N].
        objective: a name from `evaluation.OBJECTIVES`.
        progress: makes what is called now and then with the steps done and the mean loss of the best.
        key: decides everything.
    """
    keys, frozen = streams.split(key, len(parameters)), jnp.asarray(parameters, jnp.float32)
    data = (frozen, *map(jnp.asarray, problem.train), keys)
    report, stride = progress(method.longest, "step"), max(1, -(-method.longest // POINTS))
    state, history = _start(method, network, objective, *data), list[dict[str, Any]]()
    _note(history, state)
    while not np.all(state.done):
        running = ~np.asarray(state.done)
        state = _advance(method, network, objective, stride, state, *data)
        _note(history, state, running)
        report(int(np.max(state.steps)), float(np.mean(state.losses[:, 0])))
    report(method.longest, float(np.mean(state.losses[:, 0])))
    ends = jax.tree.map(np.asarray, state)
    return Found(ends.genomes, ends.evaluations, ends.steps, ends.bound, history)


def _note(history: list[dict[str, Any]], state: State, running: np.ndarray | None = None) -> None:
    """Write down what the best genome of every seed that has moved is worth."""
    best = {"loss": state.losses[:, 0], "density": jnp.mean(state.genomes[:, 0], -1)}
    for metric, values in best.items():
        for seed, (at, value) in enumerate(zip(np.asarray(state.evaluations), np.asarray(values), strict=True)):
            if running is None or running[seed]:
                row = {"step": int(at), "seed": seed, "split": "train", "metric": metric, "value": float(value)}
                history.append(row)
