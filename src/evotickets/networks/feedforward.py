"""What feed-forward networks compute, and their first weights.

Axis letters: `B` batch, `H` and `W` height and width, `C` channels, `O` outputs.
"""

from math import sqrt

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import ndtr, ndtri

from evotickets.networks.layout import Network, Params

ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh}


PATCHES = 2**23
"""Entries of image patches that are held in memory at once."""


TRUNCATED_STD = 0.87962566103423978
"""Standard deviation of a standard normal truncated at two."""


def lecun_normal(shape: tuple[int, ...], fan_in: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a kernel of variance 1 / fan-in from normals truncated at two standard deviations.

    On the host: compiling a truncated normal takes longer than drawing it.
    """
    return ndtri(rng.uniform(ndtr(-2), ndtr(2), shape)) / TRUNCATED_STD / sqrt(fan_in)


def initialise(network: Network, rng: np.random.Generator) -> Params:
    """Draw LeCun-normal kernels and zero biases.

    Source: Lange & Sprekeler (2023), §3 (lecun_normal kernels); LeCun et al. (1998).
    """
    params = {}
    for layer in network.layers:
        kernel = lecun_normal(layer.kernel_shape, layer.fan_in, rng)
        params[layer.name] = {"kernel": jnp.asarray(kernel, jnp.float32), "bias": jnp.zeros(layer.outputs)}
    return params


def _convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Convolve images x [B, H, W, C] by a kernel [h, w, C, O] with zeros around, as many at once as memory has room for.

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


def apply(network: Network, params: Params, x: jax.Array) -> jax.Array:
    """Return the outputs [B, O] of one network on inputs [B, *input_shape]."""
    activation = ACTIVATIONS[network.activation]
    for index, layer in enumerate(network.layers):
        kernel, bias = params[layer.name]["kernel"], params[layer.name]["bias"]
        if layer.is_convolution:
            x = _pool(activation(_convolve(x, kernel) + bias[None, None, None]))
        else:
            x = x.reshape(x.shape[0], -1) @ kernel + bias[None]
            if index < len(network.layers) - 1:
                x = activation(x)
    return x
