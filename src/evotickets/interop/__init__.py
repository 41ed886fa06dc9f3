"""Tickets as PyTorch modules, and back."""

from evotickets import extras

extras.require("evotickets.interop", "torch")
