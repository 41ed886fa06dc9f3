"""Steps that fall from generation to generation: the std of a search, and the learning rate of its mean."""

from collections.abc import Callable
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import optax

from evotickets.configuration.options import Doc, Ge, Gt, Le, LearningRate

StdDecay = Annotated[float, Gt(0), Le(1), Doc("Factor on the std, each generation.")]
StdMin = Annotated[float, Ge(0), Le(100), Doc("Decay takes a std that begins at `std_init` no further than this.")]
Step = Annotated[LearningRate, Doc("Learning rate of the mean.")]
RateDecay = Annotated[float, Gt(0), Le(1), Doc("Factor on the learning rate, each generation.")]
RateMin = Annotated[float, Ge(0), Le(100), Doc("The learning rate never falls below this.")]


def falling(start: float, decay: float, floor: float) -> optax.Schedule:
    """Return what `start` has fallen to after a number of generations: start · decay^generations, no less than `floor`."""
    # Of a factor of 1, optax takes the end value for a ceiling.
    return optax.exponential_decay(start, 1, decay, end_value=floor) if decay < 1 else optax.constant_schedule(start)


def std_falls(std_init: float, decay: float, floor: float) -> Callable[[Any], Any]:
    """Return what happens to a state after each generation, for its std to fall as `falling` does.

    All coordinates have the same factor, whatever a search has made of them: a floor of each would make small ones equal, and
    nothing would be left of what the std tells of a weight.
    """
    if decay == 1:
        return lambda state: state

    def anneal(state: Any) -> Any:
        after = jnp.asarray(state.generation_counter, jnp.float32)
        scales = [jnp.maximum(decay**at, min(1.0, floor / std_init)) for at in (after, after - 1)]
        return state.replace(std=state.std * (scales[0] / scales[1]))

    return anneal


def mean_step(rate: float, decay: float, floor: float) -> Callable[[jax.Array], jax.Array] | None:
    """Return the share of its way that the mean goes in a generation, from 0; None where it goes all of it."""
    return None if (rate, decay) == (1, 1) else falling(rate, decay, floor)
