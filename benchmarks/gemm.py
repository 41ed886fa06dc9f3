"""The machine's own peak: square products in XLA, numpy and torch."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from timing import interleaved, row

SIZE = 2048
FLOP = 2 * SIZE**3


def _xla(dtype: Any):
    a = jnp.asarray(np.random.default_rng(0).normal(size=(SIZE, SIZE)), dtype)
    multiply = jax.jit(lambda a: jnp.matmul(a, a, preferred_element_type=jnp.float32))
    return lambda: jax.block_until_ready(multiply(a))


def peak(repeats: int = 5) -> float:
    """Return the floating-point operations a second of XLA's best float32 product."""
    return FLOP / interleaved({"xla": _xla(jnp.float32)}, repeats)["xla"].min() * 1e3


def rows(quick: bool) -> list[dict[str, Any]]:
    """Compare products of 2048 × 2048; `ours` is XLA."""
    a = np.random.default_rng(0).normal(size=(SIZE, SIZE)).astype(np.float32)
    cases = {"float32": _xla(jnp.float32), "bfloat16": _xla(jnp.bfloat16), "numpy": lambda: a @ a}
    try:
        import torch

        torch.set_num_threads(jax.device_count())
        matrix = torch.tensor(a)
        half = matrix.bfloat16()
        cases |= {"torch": lambda: matrix @ matrix, "torch bfloat16": lambda: half @ half}
    except ImportError:
        print("torch is not installed: its product is left out")
    times = interleaved(cases, 3 if quick else 15)

    def speed(name: str) -> str:
        return f"{FLOP / np.median(times[name]) / 1e6:.0f} GFLOP/s"

    return [
        row("gemm", f"2048², {ours}", 1.0, times[ours], peer, times[peer], f"{speed(ours)}, {peer} {speed(peer)}")
        for ours, peers in (("float32", ("numpy", "torch")), ("bfloat16", ("float32", "torch bfloat16")))
        for peer in peers
        if peer in times
    ]
