"""Tickets as PyTorch modules, and back."""
