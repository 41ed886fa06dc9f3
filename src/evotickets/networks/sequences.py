"""Gated recurrent units: one step, and a network that says at every step of a sequence what comes next.

JAX is imported where something is computed, because every start of the workflow counts weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from evotickets.networks.description import Architecture, Parameter

if TYPE_CHECKING:
    import jax

    from evotickets.networks.feedforward import Params


def gated(state: jax.Array, row: jax.Array, kernel: jax.Array) -> jax.Array:
    """Return the state [B, units] after a step, of what the step reads times its kernel, with the bias, [B, 3 units].

    Source: Cho et al. (2014), with the reset gate after the product, as in cuDNN.
    """
    import jax
    import jax.numpy as jnp

    update, reset, new = jnp.split(row, 3, -1)
    to_update, to_reset, to_new = jnp.split(state @ kernel, 3, -1)
    keep = jax.nn.sigmoid(update + to_update)
    candidate = jnp.tanh(new + jax.nn.sigmoid(reset + to_reset) * to_new)
    return keep * state + (1 - keep) * candidate


def teller(entries: int, codes: int, labels: int, units: int, outputs: int) -> Architecture:
    """Describe a gated recurrent unit that reads a sequence [B, T, entries] and gives outputs [B, labels, O] at its last steps.

    The last entry of a step names one of so many codes by its number, of which each has a row of the kernel. The state is zero
    at the beginning; steps without outputs warm it up.

    Source: Kalchbrenner et al. (2018), "Efficient neural audio synthesis", (2).
    Deviates: one softmax gives all bits of a sample, right from the state. No state is carried from one sequence to the next of
    which it is a part, since members of a population have masks of their own, and so states.
    """
    numbers = entries - 1
    parameters = (
        Parameter("input/kernel", (numbers + codes, 3 * units), entries, prunable=True),
        Parameter("recurrent/kernel", (units, 3 * units), units, prunable=True),
        Parameter("recurrent/bias", (3 * units,)),
        Parameter("dense1/kernel", (units, outputs), units, prunable=True),
        Parameter("dense1/bias", (outputs,)),
    )

    def forward(params: Params, x: jax.Array, statistics: object = None) -> tuple[jax.Array, dict]:
        import jax
        import jax.numpy as jnp

        del statistics
        rows = jnp.swapaxes(read(params, x), 0, 1)

        def step(state: jax.Array, row: jax.Array) -> tuple[jax.Array, jax.Array]:
            state = gated(state, row, params["recurrent/kernel"])
            return state, state

        state = jnp.zeros((x.shape[0], units), x.dtype)
        warm, _ = jax.lax.scan(lambda state, row: (step(state, row)[0], None), state, rows[:-labels])
        _, states = jax.lax.scan(step, warm, rows[-labels:])
        return jnp.swapaxes(tell(params, states), 0, 1), {}

    return Architecture(parameters, forward)


def read(params: Params, x: jax.Array) -> jax.Array:
    """Return what steps [..., entries] give to the gates [..., 3 units]."""
    import jax.numpy as jnp

    numbers = x.shape[-1] - 1
    kernel, named = jnp.split(params["input/kernel"], [numbers])
    rows = x[..., :-1] @ kernel + named[x[..., -1].astype(jnp.int32)]
    return rows + _under(params["recurrent/bias"], rows)


def tell(params: Params, states: jax.Array) -> jax.Array:
    """Return the outputs [..., O] of states [..., units]."""
    outputs = states @ params["dense1/kernel"]
    return outputs + _under(params["dense1/bias"], outputs)


def _under(bias: jax.Array, array: jax.Array) -> jax.Array:
    """Return a bias with as many axes as what it is added to."""
    return bias.reshape(*[1] * (array.ndim - 1), -1)


def generate(params: Params, x: jax.Array, key: jax.Array, level: Callable) -> jax.Array:
    """Draw sequences of codes int32 [B, T], each from the outputs after the one before; the state is carried all the way.

    Args:
        params: of a network as `teller` describes it.
        x: what every step reads [B, T, entries]; its first entry is left out but for the first step.
        key: decides the draws.
        level: (codes [B], as floats) -> the first entry of the step after them.
    """
    import jax
    import jax.numpy as jnp

    steps = jnp.swapaxes(x, 0, 1)
    state = jnp.zeros((x.shape[0], params["recurrent/kernel"].shape[0]), x.dtype)

    def step(carried: tuple[jax.Array, jax.Array], inputs: tuple[jax.Array, jax.Array]) -> Any:
        state, before = carried
        own, key = inputs
        row = read(params, own.at[:, 0].set(before))
        state = gated(state, row, params["recurrent/kernel"])
        code = jax.random.categorical(key, tell(params, state))
        return (state, level(code.astype(x.dtype))), code

    codes: jax.Array
    _, codes = jax.lax.scan(step, (state, steps[0, :, 0]), (steps, jax.random.split(key, len(steps))))
    return jnp.swapaxes(codes, 0, 1)
