"""Networks as plain descriptions, what they compute, and masks over their kernels."""
