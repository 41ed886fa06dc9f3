"""Rounding to half precision by chance, under which small changes survive on average.

To the nearest number of bfloat16, most changes of a std of 1e-4 to weights of a std of .05 are none at all.
"""

import torch


def stochastically(values: torch.Tensor, dtype: torch.dtype, chances: torch.Tensor) -> torch.Tensor:
    """Round float32 values to one of the two numbers of half precision around each, so that the mean is the value.

    Source: Gupta et al. (2015), "Deep learning with limited numerical precision", §3 (stochastic rounding).

    Args:
        values: finite, float32.
        dtype: bfloat16 or float16.
        chances: uniform in [0, 1), of the same shape: below the share of the way to the farther number that is taken.
    """
    near = values.to(dtype)
    error = values - near.float()
    # Numbers of one sign lie in the order of their bits; from 0 the next one is the smallest of the error's sign.
    bits = near.view(torch.int16)
    outward = (error > 0) == (near > 0)
    smallest = torch.where(error > 0, 1, -0x7FFF).to(torch.int16)
    far = torch.where(near == 0, smallest, bits + torch.where(outward, 1, -1).to(torch.int16)).view(dtype)
    share = error.abs() / (far.float() - near.float()).abs()
    return torch.where(chances < share, far, near)
