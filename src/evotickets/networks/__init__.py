"""Networks as plain descriptions, what they compute, and masks over their kernels."""

from evotickets.parts import Form, Parts

network = Parts(
    "network",
    "evotickets.networks.library",
    form=Form("(input_shape, outputs, *, options) -> init, apply", takes=2),
)
"""Networks of functions: `(input_shape, outputs, *, options) -> init, apply`, and the names of prunable leaves.

`init(key) -> parameters` is a pytree of floating arrays, `apply(parameters, x [B, *input_shape]) -> outputs [B, O]`.
"""
