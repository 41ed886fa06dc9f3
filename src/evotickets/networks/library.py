"""Networks of functions, registered: whatever maps parameters and inputs to outputs.

Axes: `B` samples of a batch, `O` outputs.
"""

from collections.abc import Sequence
from math import prod
from typing import Annotated, Any

from evotickets.configuration.options import Doc, Ge, Le, Units
from evotickets.networks import network


@network
def residual(
    input_shape: Sequence[int],
    outputs: int,
    *,
    units: Annotated[Units, Doc("Units of every hidden layer.")] = 32,
    blocks: Annotated[int, Ge(1), Le(100), Doc("Layers that are added to what they receive.")] = 2,
) -> Any:
    """Perceptron whose hidden layers, normalised, are added to what they receive.

    Source: He et al. (2016), "Identity mappings in deep residual networks" (normalisation first); Ba et al. (2016), layer
    normalisation.
    """
    # Names of networks are read by every start of the workflow, which does without JAX.
    import jax
    import jax.numpy as jnp

    inputs = prod(input_shape)
    shapes = {"first": (inputs, units), **{f"block{index + 1}": (units, units) for index in range(blocks)}}
    shapes["last"] = (units, outputs)

    def init(key: jax.Array) -> dict[str, dict[str, jax.Array]]:
        keys = jax.random.split(key, len(shapes))
        draw = jax.nn.initializers.lecun_normal()
        parameters = {
            name: {"kernel": draw(own, shape), "bias": jnp.zeros(shape[1])}
            for own, (name, shape) in zip(keys, shapes.items(), strict=True)
        }
        for index in range(blocks):
            parameters[f"block{index + 1}"]["scale"] = jnp.ones(units)
        return parameters

    def dense(layer: dict[str, jax.Array], x: jax.Array) -> jax.Array:
        return x @ layer["kernel"] + layer["bias"][None]

    def apply(parameters: dict[str, dict[str, jax.Array]], x: jax.Array) -> jax.Array:
        x = dense(parameters["first"], x.reshape(len(x), -1))
        for index in range(blocks):
            layer = parameters[f"block{index + 1}"]
            centred = x - x.mean(-1, keepdims=True)
            normed = centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
            x = x + jax.nn.relu(dense(layer, normed * layer["scale"][None]))
        return dense(parameters["last"], jax.nn.relu(x))

    return init, apply
