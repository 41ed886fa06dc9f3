"""Strategies of one's own, written as four functions, in the shape in which evosax's algorithms come.

Axes: `D` survivors, `P` members.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp

from evotickets.trainers.strategies import Strategy

Init = Callable[[jax.Array, jax.Array], Any]
Ask = Callable[[jax.Array, jax.Array, Any], jax.Array]
Tell = Callable[[jax.Array, jax.Array, jax.Array, jax.Array, Any], tuple[jax.Array, Any]]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class State:
    """The mean [D], which everybody knows, and what the functions of a strategy keep beside it."""

    mean: jax.Array
    kept: Any
    generation_counter: jax.Array

    def replace(self, **changes: Any) -> "State":
        """Return a state with some of its fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True, eq=False)
class AskTell:
    """Functions of one's own, called as the methods of evosax's algorithms are."""

    population_size: int
    begin: Init
    sample: Ask
    update: Tell
    fitness_shaping_fn: Any = None

    def init(self, key: jax.Array, mean: jax.Array, params: None) -> State:
        """Return the state at the start of a level."""
        del params
        return State(mean, self.begin(key, mean), jnp.zeros((), jnp.int32))

    def ask(self, key: jax.Array, state: State, params: None) -> tuple[jax.Array, State]:
        """Return members [P, D]."""
        del params
        members = self.sample(key, state.mean, state.kept)
        _fits("ask", "members", members, (self.population_size, *state.mean.shape))
        return members, state

    def tell(
        self, key: jax.Array, members: jax.Array, losses: jax.Array, state: State, params: None
    ) -> tuple[State, dict[str, Any]]:
        """Return the state after the losses [P] of members [P, D]."""
        del params
        mean, kept = self.update(key, members, losses, state.mean, state.kept)
        _fits("tell", "mean", mean, state.mean.shape)
        return State(mean, kept, state.generation_counter + 1), {}


def ask_tell(
    population: int,
    *,
    init: Init,
    ask: Ask,
    tell: Tell,
    std: Callable[[Any], jax.Array] | None = None,
) -> Strategy:
    """Return a strategy made of functions; losses are minimised, and NaN ranks worst.

    Args:
        population: members of a generation.
        init: (key, mean [D]) -> state, a pytree of arrays without the mean.
        ask: (key, mean [D], state) -> members [P, D].
        tell: (key, members [P, D], losses [P], mean [D], state) -> mean [D], state.
        std: (state) -> standard deviation [D], or one for all, of what `ask` draws next; None where there is none.
    """

    def deviation(state: State) -> jax.Array:
        assert std is not None
        return jnp.broadcast_to(std(state.kept), state.mean.shape)

    return Strategy(AskTell(population, init, ask, tell), None, asks=True, std=None if std is None else deviation)


def _fits(function: str, what: str, values: Any, shape: tuple[int, ...]) -> None:
    if jnp.shape(values) != shape:
        raise ValueError(
            f"{function} of a strategy returns {what} of the shape {jnp.shape(values)}; expected is {shape}"
        )
