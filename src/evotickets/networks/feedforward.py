"""What feed-forward networks compute, and their first weights."""

from collections.abc import Mapping
from math import prod, sqrt
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from evotickets.networks.description import Description
from evotickets.networks.functions import Functions
from evotickets.networks.layout import Layers, Network, check_tensors
from evotickets.refusals import check_shape

Params = dict[str, jax.Array]
"""Arrays by name, such as `dense1/kernel`."""

ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh}


PATCHES = 2**23
"""Entries of image patches that are held in memory at once."""


TRUNCATED_STD = 0.87962566103423978
"""Standard deviation of a standard normal truncated at two."""


def lecun_normal(shape: tuple[int, ...], fan_in: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a kernel of variance 1 / fan-in from normals truncated at two standard deviations.

    On the host: compiling a truncated normal takes longer than drawing it.
    """
    # Importing it takes a fifth of a second, and most jobs draw no weights.
    from scipy.special import ndtr, ndtri

    return ndtri(rng.uniform(ndtr(-2), ndtr(2), shape)) / TRUNCATED_STD / sqrt(fan_in)


def initialise(network: Description, rng: np.random.Generator, densities: Mapping[str, float] | None = None) -> Params:
    """Draw LeCun-normal kernels for the fan-in that is left at each layer's density; the rest is constant or uniform.

    Draws do not depend on densities (1 where none is given): all densities of a seed start from the same weights up to a
    factor a layer.

    Source: Lange & Sprekeler (2023), §3 (lecun_normal kernels, zero biases); LeCun et al. (1998). With densities, Evci et
    al. (2022), "Gradient flow in sparse neural networks and how lottery tickets win", in the mean: every unit of a layer
    counts with the layer's density.
    """
    if isinstance(network, Functions):
        return network.draw(rng)
    params = {}
    for parameter in network.parameters:
        if parameter.fan_in:
            fan_in = parameter.fan_in * (densities or {}).get(parameter.name, 1.0)
            params[parameter.name] = jnp.asarray(lecun_normal(parameter.shape, fan_in, rng), jnp.float32)
        elif parameter.spread:
            drawn = parameter.start + rng.uniform(-parameter.spread, parameter.spread, parameter.shape)
            params[parameter.name] = jnp.asarray(drawn, jnp.float32)
        else:
            params[parameter.name] = jnp.full(parameter.shape, parameter.start, jnp.float32)
    return params


def _convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Convolve images x [B, H, W, C] by a kernel [height, width, C, O] with zeros around, as many at once as memory holds.

    On a CPU as a product with patches: inside a loop, XLA's own convolution is twenty times slower there.
    """
    if jax.default_backend() != "cpu":
        return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    (height, width), (tall, wide) = x.shape[1:3], kernel.shape[:2]
    padded = jnp.pad(x, ((0, 0), ((tall - 1) // 2, tall // 2), ((wide - 1) // 2, wide // 2), (0, 0)))

    def product(images: jax.Array) -> jax.Array:
        parts = [images[..., i : i + height, j : j + width, :] for i in range(tall) for j in range(wide)]
        return jnp.concatenate(parts, -1) @ kernel.reshape(-1, kernel.shape[-1])

    room = max(1, PATCHES // (height * width * kernel[..., 0].size))
    return product(padded) if len(x) <= room else jax.lax.map(product, padded, batch_size=room)


def _pool(x: jax.Array) -> jax.Array:
    """Return the maxima of 2×2 pixels of images [B, H, W, C]; the gradient of a window reduction is three times slower."""
    count, height, width, channels = x.shape
    return jnp.max(
        x[:, : height // 2 * 2, : width // 2 * 2].reshape(count, height // 2, 2, width // 2, 2, channels), (2, 4)
    )


def check_inputs(network: Description, x: Any) -> None:
    """Refuse inputs [B, …] of another shape than a network reads, but for axes that it flattens anyway.

    Raises:
        ValueError: has both shapes.
    """
    shape = getattr(network, "input_shape", None)
    if shape is None:  # An `Architecture` knows its parameters alone.
        return
    own = tuple(getattr(x, "shape", ()))
    images = isinstance(network, Network) and network.layers[0].is_convolution
    if images or len(own) < 2 or prod(own[1:]) != prod(shape):
        check_shape("x", x, "B", *shape)


def apply(network: Description, params: Params, x: jax.Array) -> jax.Array:
    """Return the outputs [B, O] of one network on inputs [B, *input_shape]; perceptrons flatten theirs.

    Raises:
        ValueError: if parameters or inputs are not those of the network.
    """
    check_tensors(network, params, alone=True)
    check_inputs(network, x)
    if not isinstance(network, Network):
        return network.forward(params, x)[0]
    activation = ACTIVATIONS[network.activation]
    for index, layer in enumerate(network.layers):
        kernel, bias = params[f"{layer.name}/kernel"], params[f"{layer.name}/bias"]
        if layer.is_convolution:
            x = _pool(activation(_convolve(x, kernel) + bias[None, None, None]))
        else:
            x = x.reshape(x.shape[0], -1) @ kernel + bias[None]
            if index < len(network.layers) - 1:
                x = activation(x)
    return x


def outputs(layers: Layers, features: jax.Array) -> jax.Array:
    """Return the outputs [O, B] of a ReLU perceptron on inputs [I, B].

    With samples last, the fan-in of a unit is contiguous.
    """
    for kernel, bias in layers[:-1]:
        features = jax.nn.relu(kernel @ features + bias[:, None])
    kernel, bias = layers[-1]
    return kernel @ features + bias[:, None]
